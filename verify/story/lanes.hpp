#pragma once
// The drawing of a story: a lane for each thread, time running down, arrows from stores to the loads that read them.
#include "verify/story/explain.hpp"

namespace verify {

std::string lanes(const story &s);  // an <svg> element

}  // namespace verify
