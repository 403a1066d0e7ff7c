#pragma once
// The wait for a step that another thread is about to make.
#include "heddle/detail/world.hpp"

HEDDLE_DETAIL_BEGIN

// The time between two looks at what another thread is about to do. At first it pauses, each time for longer; then it
// gives its CPU away; and then it sleeps, each time for longer. For giving way is not enough: a thread of a real-time
// class gives way to threads of its priority alone, and if the other thread has less, and was on this CPU, that thread
// goes on only when this one sleeps [BACKOFF-1].
// The other thread does not wake it. It would have to look for sleepers after it has let go of what is waited for, whose
// memory may have gone by then; and each unlock would pay for that.
// Caller: one thread. Blocks: the M. Cost: it waits for at most twice as long as it must, or for a millisecond longer.
// Source: as textbooks have it; the sleep is ours.
class backoff {
 public:
  void wait() noexcept {
    if (pauses_ <= spin_geometry::backoff_max) {
      for (std::uint32_t i = 0; i < pauses_; ++i) cpu_relax();
      pauses_ *= 2;
    } else if (yields_ < spin_geometry::backoff_yields) {
      ++yields_;
      thread_yield();
    } else {
      thread_nap(nap_);
      nap_ = nap_ < spin_geometry::nap_max / 2 ? 2 * nap_ : spin_geometry::nap_max;
    }
  }

 private:
  // Long from the start: each look takes the cache line from the other thread. One thread's.
  std::uint32_t pauses_ = spin_geometry::backoff_min, yields_ = 0;
  std::int64_t nap_ = spin_geometry::nap_min;  // one thread's
};

HEDDLE_DETAIL_END
