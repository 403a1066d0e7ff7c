// The statements of the invariants, from the file that docs/invariants.md is made of.
#include "verify/story/explain.hpp"
#include "verify/story/receiver.hpp"

namespace verify {

std::string invariant_in_words(const std::string &id) {
  for (const std::string &line : source_lines("verify/mutation/invariants.txt"))
    if (line.starts_with(id + ": ")) return line.substr(id.size() + 2);
  return {};
}

}  // namespace verify
