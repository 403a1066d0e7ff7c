#pragma once
// One suite in one mode, in this process: explores it, and after a failure finds out all that the report says.
#include "verify/registry.hpp"

#include <optional>
#include <string>

namespace verify {

struct task {
  const suite_entry *suite = nullptr;
  mode how;
  double seconds = 0;
  shard part;
  bool shorten = true;  // make a failing execution shorter before it is told
};

// What all tasks of a run have in common.
struct extent {
  std::uint64_t seed = 1;
  std::uint64_t window = 0;
  std::uint64_t executions_max = ~std::uint64_t{0};  // of each task
};

struct outcome {
  enum class end { passed, failed, crashed } how = end::passed;
  std::string verdict;     // in words; empty if it passed
  std::string broken;      // the invariant or condition, as the failing check names it
  std::string cause;       // "memory order ..." or "interleaving ..."
  std::string token;       // for --replay
  std::string original;    // the token of the execution that was found, if a shorter one is told
  std::string shortening;  // "shortened from ..."
  std::string history;     // see history.hpp; explain.hpp turns it into a story
  std::uint64_t executions = 0;
  double steps = 0;     // of one execution, on average
  double choices = 0;   // likewise
  unsigned points = 0;  // as strategy::points()
  std::uint64_t fingerprint = 0;
  std::uint64_t distinct = 0;
  bool distinct_full = false;    // there were more than the table holds, and unseen is an upper bound
  std::optional<double> unseen;  // only for sampling: nothing is known about what a search has not reached yet
  bool saturated = false;
  bool exhausted = false;
  double seconds = 0;
};

std::string mode_name(const mode &m);
bool as_expected(const suite_info &s, const outcome &o);

// The token that --replay takes: <suite>:<strategy text>.
struct execution_name {
  const suite_entry *suite = nullptr;
  std::string strategy_text;
};
std::string make_token(const suite_info &s, const std::string &strategy_text);
bool parse_token(const std::string &token, execution_name &name);

outcome explore(const task &t, const extent &e, live_view &view, recording &record);
outcome replay(const execution_name &name, bool shorten, live_view &view, recording &record);

}  // namespace verify
