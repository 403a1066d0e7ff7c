#pragma once
// Makes one execution, once.
#include "verify/registry.hpp"

#include <string>

namespace verify {

struct attempt {
  result r;
  std::string history;  // only of a failure
};
struct attempt_options {
  bool sequential = false;  // every memory order as if it were seq_cst
  bool tell = true;
  unsigned steps_max = 0;  // 0: the suite's
  alteration mutant = {};
};
attempt run_once(const suite_entry &suite, strategy &how, live_view &view, recording &record, attempt_options o = {});

// The condition as the failing check names it, "I20: q.empty()"; empty where the verdict says all.
std::string broken_condition(const attempt &a);

// Translates the model checker's name of a failure into ours.
std::string verdict_in_words(const std::string &verdict);

// What two executions with the same fault have in common: the verdict, and the condition or the place.
std::string signature(const attempt &a);

}  // namespace verify
