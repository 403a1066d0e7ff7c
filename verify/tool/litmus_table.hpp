#pragma once
// The suites of litmus/ as one table: what the model checker shows, beside what C++20 says.
#include "verify/tool/report.hpp"

namespace verify {

// False when a search did not come to its end: that an outcome did not appear is no finding then. Suites without a
// ruling are left out.
bool print_litmus_table(std::FILE *out, const std::vector<row> &rows);

}  // namespace verify
