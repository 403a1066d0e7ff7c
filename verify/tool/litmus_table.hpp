#pragma once
// The suites of litmus/ as one table: what the model checker shows beside what C++20 says.
#include "verify/tool/report.hpp"

namespace verify {

// Returns false if a search did not come to its end: then the absence of an outcome means nothing. Suites without a
// ruling are left out.
bool print_litmus_table(std::FILE *out, const std::vector<row> &rows);

}  // namespace verify
