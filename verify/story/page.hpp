#pragma once
// A story as a page: one file of HTML with a drawing in it, which needs nothing else and prints.
#include "verify/story/explain.hpp"

namespace verify {

std::string page(const story &s);

// Into `folder`, which is made; named by the suite and its execution. Says on standard output where it is. True for no
// folder.
bool write_page(const std::string &folder, const story &s);

}  // namespace verify
