// The statements of docs/invariants.md.
#include "verify/story/explain.hpp"
#include "verify/story/receiver.hpp"

namespace verify {
namespace {

std::string trimmed(const std::string &text) {
  const std::size_t from = text.find_first_not_of(' ');
  return from == std::string::npos ? std::string() : text.substr(from, text.find_last_not_of(' ') - from + 1);
}

}  // namespace

// | I51, I52 | statement | enforced |
std::string invariant_in_words(const std::string &id) {
  for (const std::string &line : source_lines("docs/invariants.md")) {
    if (!line.starts_with("| ")) continue;
    const std::size_t second = line.find('|', 1);
    const std::string ids = " " + line.substr(1, second - 1) + ",";
    if (ids.find(" " + id + ",") == std::string::npos && ids.find(" " + id + " ,") == std::string::npos) continue;
    return trimmed(line.substr(second + 1, line.find('|', second + 1) - second - 1));
  }
  return {};
}

}  // namespace verify
