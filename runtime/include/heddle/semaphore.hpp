#pragma once
#include <chrono>
#include <cstddef>
#include <limits>

#include "heddle/detail/deadline.hpp"
#include "heddle/detail/spinlock.hpp"
#include "heddle/detail/waitq.hpp"

HEDDLE_BEGIN

// Counts units that can be had. First come, first served: while somebody waits a released unit is his, so nobody who
// comes later can take it (Go's semrelease with handoff; without its yield: the releaser goes on, and who got the unit
// is the next to run there). Source: Go's sema.go, std::counting_semaphore.
class HEDDLE_API semaphore {
 public:
  // The largest number of units.
  static constexpr std::ptrdiff_t max() noexcept { return std::numeric_limits<std::ptrdiff_t>::max(); }

  // Errors: fewer than none is misuse.
  explicit semaphore(std::ptrdiff_t units) noexcept;
  semaphore(const semaphore &) = delete;
  semaphore &operator=(const semaphore &) = delete;

  // Takes a unit. Caller: a goroutine; also any other thread. Blocks: the goroutine, or thread, until a unit is his.
  // Ordering: what was done before the release that gave it is visible. May destroy the semaphore when no other call of
  // acquire is under way and nobody will release. Cost: one short lock.
  void acquire() noexcept { acquire_until(detail::never); }
  // Takes a unit if there is one now. Caller: as acquire. Blocks: nothing. Ordering: as acquire.
  bool try_acquire() noexcept;
  // As acquire, for so long at most, or until then; not at all, but for one try, if the time is over. False: no unit was
  // given to the caller. Caller, blocks: as acquire. The semaphore may not be destroyed before this returns. Ordering:
  // true: as acquire; false: none. Cost: one short lock; a timer, where it waits.
  template <class Rep, class Period>
  bool try_acquire_for(std::chrono::duration<Rep, Period> d) noexcept {
    return acquire_until(detail::time_in(d));
  }
  // A clock that can be set is looked at again when its time should have come.
  template <class Clock, class Duration>
  bool try_acquire_until(const std::chrono::time_point<Clock, Duration> &t) noexcept {
    return detail::until(t, [this](std::int64_t when) { return acquire_until(when); });
  }
  // Gives n units back, or new ones: to those who wait, oldest first, each one unit. Caller: any thread, also one that
  // took none. Blocks: nothing. Errors: a negative n is misuse, and more units in all than a ptrdiff_t counts. Cost:
  // one short lock, and a goready for each that is served.
  void release(std::ptrdiff_t n = 1) noexcept;

 private:
  friend struct detail::onlooker;
  bool take() noexcept;
  bool acquire_until(std::int64_t when) noexcept;

  detail::spinlock lock_;
  detail::plain<std::ptrdiff_t> units_;  // under lock_; zero while somebody waits whose time is not over
  detail::waitq waiters_;                // under lock_
};

HEDDLE_END
