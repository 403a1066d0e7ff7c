#pragma once
// HEDDLE_DEBUG=sigquit=1: SIGQUIT prints what all goroutines do, and the process goes on.
#include <atomic>

#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// While it lives, a SIGQUIT prints a dump of the runtime's goroutines to standard error, from a thread of its own. The
// handler that was there before comes back with the end of the last one. Caller: the thread that makes
// the runtime, before that runs anything.
class sigquit_watch {
 public:
  explicit sigquit_watch(schedt &sched) noexcept;
  ~sigquit_watch();
  sigquit_watch(const sigquit_watch &) = delete;
  sigquit_watch &operator=(const sigquit_watch &) = delete;

 private:
  static void watch(void *self);

  schedt &sched_;
  std::uint32_t seen_;  // of those who asked
  std::atomic<bool> over_{false};
  thread thread_;
  bool started_ = false;
};

HEDDLE_DETAIL_END
