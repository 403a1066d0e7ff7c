#pragma once
// The list of suites, as the tool sees it. This header includes no world.
#include "verify/search/session.hpp"

#include <string>
#include <vector>

namespace verify {

// One way to choose a suite's executions, and its share of the budget: the seconds that it gets by default, and beyond
// them what it still needs to make so many executions.
struct mode {
  enum kind_t { none, random, bound, full } kind = none;
  unsigned switches = 0;
  double seconds = 0;
  std::uint64_t executions = 0;
};
constexpr mode random_mix(double seconds = 8, std::uint64_t executions = 0) {
  return {mode::random, 0, seconds, executions};
}
constexpr mode bounded(unsigned switches, double seconds = 20) { return {mode::bound, switches, seconds}; }
constexpr mode full_search(double seconds = 20) { return {mode::full, unbounded, seconds}; }

enum class expect { pass, red };

// What C++20 (or the interface in question) says about the outcome that a suite of litmus/ asks for.
enum class ruling { none, forbidden, allowed };

struct suite_info {
  const char *name = "";        // component.what
  const char *component = "";   // the header that it checks; for a suite of litmus/, its shape
  const char *invariants = "";  // ids of docs/invariants.md
  const char *what = "";        // one line
  mode modes[4] = {random_mix()};
  expect expected = expect::pass;
  ruling cxx20 = ruling::none;
  unsigned steps_max = 4000;  // scheduling points after which an execution counts as a livelock
};

struct result {
  bool failed = false;
  const char *verdict = "";  // Relacy's word for the failure
};

// Explores until the session's limits or the first failure. With `history`, that failure is told event by event.
using run_function = result (*)(const suite_info &info, session &s, std::string *history);

struct suite_entry {
  suite_info info;
  run_function run;
};

// All suites of this program, by name.
const std::vector<suite_entry> &suites();
struct registration {
  registration(const suite_info &info, run_function run);
};

}  // namespace verify
