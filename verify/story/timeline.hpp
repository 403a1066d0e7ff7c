#pragma once
// A story as text: one row for each step, one column for each thread.
#include "verify/story/explain.hpp"

namespace verify {

// How many columns the terminal has: $COLUMNS, or 120.
unsigned terminal_width();

std::string timeline(const story &s, unsigned width);

}  // namespace verify
