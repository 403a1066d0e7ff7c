#pragma once
// Runs every task in a process of its own: the model checker has one global context, and a crash must cost only one
// row.
#include "verify/tool/explore.hpp"

#include <functional>
#include <vector>

namespace verify {

struct job_options {
  unsigned jobs = 1;
  extent common;
  double budget = 0;      // seconds for all tasks together, divided by what they ask for; 0: each gets what it asks for
  bool progress = false;  // a live line on standard error
};

// Called for each task, in the order in which they end.
using on_finished = std::function<void(const task &, const outcome &)>;

// Returns the outcomes in the order of the tasks.
std::vector<outcome> run_jobs(const std::vector<task> &tasks, const job_options &options, const on_finished &finished);
outcome replay_job(const execution_name &name, bool shorten);

}  // namespace verify
