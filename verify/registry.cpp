#include "verify/registry.hpp"

#include <algorithm>
#include <string_view>

namespace verify {
namespace {

std::vector<suite_entry> &list() {
  static std::vector<suite_entry> all;
  return all;
}

}  // namespace

const std::vector<suite_entry> &suites() {
  std::sort(list().begin(), list().end(),
            [](const suite_entry &a, const suite_entry &b) { return std::string_view(a.info.name) < b.info.name; });
  return list();
}

registration::registration(const suite_info &info, run_function run) { list().push_back({info, run}); }

}  // namespace verify
