#pragma once
// Finds the object whose operation is on a line of the source: "head_" for `h = head_.load(acquire)`.
#include "verify/story/events.hpp"

namespace verify {

// The receivers of all operations of this kind on that line, or on a line close to it if the statement is long; empty
// if the source tree is not there.
std::vector<std::string> receivers(const event &e);

// The last part of `victim.slot(t)`, without its argument.
std::string member_of(const std::string &receiver);

// One line of a file of the source tree; empty if there is none.
std::string source_line(const std::string &file, unsigned line);
// A whole file of the source tree.
const std::vector<std::string> &source_lines(const std::string &file);

}  // namespace verify
