#pragma once
// One execution, once.
#include "verify/registry.hpp"

#include <string>

namespace verify {

struct attempt {
  result r;
  std::string history;  // of a failure only
};
struct attempt_options {
  bool sequential = false;  // every memory order as if it were seq_cst
  bool tell = true;
  unsigned steps_max = 0;  // 0: the suite's
  alteration mutant = {};
};
attempt run_once(const suite_entry &suite, strategy &how, live_view &view, recording &record, attempt_options o = {});

// "I20: q.empty()", as the failing check names it; empty where the verdict says all.
std::string broken_condition(const attempt &a);

// The model checker's word for a failure, in ours.
std::string verdict_in_words(const std::string &verdict);

// What must stay the same for it to be the same fault: the verdict, and the condition or the place.
std::string signature(const attempt &a);

}  // namespace verify
