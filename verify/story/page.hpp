#pragma once
// A story as a page: one file of HTML with a drawing in it, which needs no other file and can be printed.
#include "verify/story/explain.hpp"

namespace verify {

std::string page(const story &s);

// Writes the page into `folder`, which is made if it is not there, under the name of the suite and its execution. Says
// on standard output where it is. Returns true if `folder` is empty.
bool write_page(const std::string &folder, const story &s);

}  // namespace verify
