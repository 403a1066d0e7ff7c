#pragma once
// Every task in a process of its own: the model checker has one global context, and a crash must cost one row only.
#include "verify/tool/explore.hpp"

#include <functional>
#include <vector>

namespace verify {

struct job_options {
  unsigned jobs = 1;
  extent common;
  double budget = 0;      // seconds for all tasks together, shared out by what they ask for; 0: each gets that
  bool progress = false;  // a live line on standard error
};

// Called in the order of completion.
using on_finished = std::function<void(const task &, const outcome &)>;

// In the order of the tasks.
std::vector<outcome> run_jobs(const std::vector<task> &tasks, const job_options &options, const on_finished &finished);
outcome replay_job(const execution_name &name, bool shorten);

}  // namespace verify
