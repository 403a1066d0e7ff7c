#pragma once
#include <string>

namespace verify {

// Text for XML and HTML; characters that XML forbids are left out.
std::string escaped(const std::string &text);

// An arrow is a line and its head, both in the style of its kind. `direction` is 1 when it points to the right.
std::string arrow_line(const std::string &path, const std::string &kind);
std::string arrow_head(double x, double y, int direction, const std::string &kind);

}  // namespace verify
