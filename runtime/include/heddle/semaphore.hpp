#pragma once
#include <chrono>
#include <cstddef>
#include <limits>

#include "heddle/detail/deadline.hpp"
#include "heddle/detail/spinlock.hpp"
#include "heddle/detail/waitq.hpp"

HEDDLE_BEGIN

// Counts units that goroutines take and give back. First come, first served: a unit that is released while there are
// waiters goes to the oldest waiter, so no newcomer can take it. (This is Go's semrelease with handoff, but without its
// yield: the releaser goes on, and the waiter that got the unit runs next on that P.) Source: Go's sema.go,
// std::counting_semaphore.
class HEDDLE_API semaphore {
 public:
  // The largest number of units.
  [[nodiscard]] static constexpr std::ptrdiff_t max() noexcept { return std::numeric_limits<std::ptrdiff_t>::max(); }

  // Makes a semaphore with this number of units. Errors: a negative number is misuse.
  explicit semaphore(std::ptrdiff_t units) noexcept;
  semaphore(const semaphore &) = delete;
  semaphore &operator=(const semaphore &) = delete;

  // Takes a unit; waits until there is one for the caller. When this returns, the caller may destroy the semaphore if
  // no other call of acquire is under way and no release will follow. Caller: a goroutine; also any other thread.
  // Blocks: the goroutine, or the thread, until it has a unit. Ordering: what was done before the release that gave
  // the unit is visible. Cost: one short lock.
  void acquire() noexcept { acquire_until(detail::never); }
  // Takes a unit if there is one now, and returns whether it did. Caller: as acquire. Blocks: nothing. Ordering: true:
  // as acquire; false: none.
  [[nodiscard]] bool try_acquire() noexcept;
  // As acquire, but waits at most for the given time, or until the given moment; if the time is over already it tries
  // once. Returns false if the caller was given no unit. The semaphore may not be destroyed before this returns.
  // Caller, blocks: as acquire. Ordering: true: as acquire; false: none. Cost: one short lock; a timer if it waits.
  template <class Rep, class Period>
  [[nodiscard]] bool try_acquire_for(std::chrono::duration<Rep, Period> d) noexcept {
    return acquire_until(detail::time_in(d));
  }
  // As try_acquire_for. A clock that can be set is read again when its time should have come.
  template <class Clock, class Duration>
  [[nodiscard]] bool try_acquire_until(const std::chrono::time_point<Clock, Duration> &t) noexcept {
    return detail::until(t, [this](std::int64_t when) { return acquire_until(when); });
  }
  // Adds n units: gives one to each waiter, oldest first, and keeps the rest. Caller: any thread, also one that took no
  // unit. Blocks: nothing. Ordering: what the caller did before is visible to the takers of these units. Errors: a
  // negative n is misuse, and so are more units in all than a ptrdiff_t can count. Cost: one short lock, and making
  // each waiter that gets a unit runnable.
  void release(std::ptrdiff_t n = 1) noexcept;

 private:
  friend struct detail::onlooker;
  bool take() noexcept;
  bool acquire_until(std::int64_t when) noexcept;

  detail::spinlock lock_;
  detail::plain<std::ptrdiff_t> units_;  // under lock_; zero while there is a waiter whose time is not over
  detail::waitq waiters_;                // under lock_
};

HEDDLE_END
