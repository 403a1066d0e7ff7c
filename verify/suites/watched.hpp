#pragma once
// A whole scheduler with its sysmon. sleeps_last: timed sleeps end by a wake alone, so that a lost one is seen.
#include "verify/suites/scheduled.hpp"

namespace verify {

// As scheduled, and sysmon runs; `Spare` threads more may be started for those that exit.
template <class Derived, int Ms, int Procs, int Foreign = 0, int Spare = 0>
struct watched : scheduled<Derived, Ms + 1 + Spare, Procs, Foreign> {
  using base = scheduled<Derived, Ms + 1 + Spare, Procs, Foreign>;
  void before() {
    heddle::detail::harness::sleeps_last = 0;
    this->sched.options.sysmon = true;
    this->sched.options.threads_max = Ms;
    static_cast<Derived *>(this)->options();
    base::before();
  }
  void options() {}
  void thread(unsigned i) {
    if (i == 0) VERIFY_CHECK(heddle::detail::start_sysmon(this->sched) == 0);
    base::thread(i);
  }
};

}  // namespace verify
