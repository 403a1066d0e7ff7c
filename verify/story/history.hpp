#pragma once
// The model checker's telling of one execution as text that is the same in every run: addresses are numbered in the
// order of appearance, paths count from the top of the source tree, and what the numbers mean stands at the end.
#include "verify/story/names.hpp"

#include <string>

namespace verify {

std::string readable_history(const std::string &raw, const names &known, const void *suite, std::size_t suite_size);

}  // namespace verify
