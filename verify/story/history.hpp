#pragma once
// Turns what the model checker prints about one execution into text that is the same in every run: addresses are
// numbered in the order in which they appear, paths begin at the top of the source tree, and the end says what the
// numbers mean.
#include "verify/story/names.hpp"

#include <string>

namespace verify {

std::string readable_history(const std::string &raw, const names &known, const void *suite, std::size_t suite_size);

}  // namespace verify
