#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "heddle/detail/deadline.hpp"
#include "heddle/detail/spinlock.hpp"
#include "heddle/detail/waitq.hpp"
#include "heddle/go.hpp"

HEDDLE_BEGIN

// Waits for a number of goroutines to end. Source: Go's sync.WaitGroup.
class HEDDLE_API wait_group {
 public:
  // Makes a wait_group whose count begins as n. Errors: a negative n is misuse.
  explicit wait_group(std::int64_t n = 0) noexcept;
  wait_group(const wait_group &) = delete;
  wait_group &operator=(const wait_group &) = delete;

  // Adds n to the count, and ends all waits if it is zero then. Caller: any thread. Blocks: nothing. Errors: a count
  // below zero, or of more than an std::int64_t holds, is misuse.
  void add(std::int64_t n) noexcept;
  // Lowers the count by one. Caller, blocks, errors: as add. Ordering: what the caller did before is visible after the
  // wait that this ends.
  void done() noexcept { add(-1); }
  // Returns when the count is zero. The wait_group may be destroyed then. Caller: a goroutine; also any other thread.
  // Blocks: the goroutine, or the thread. Ordering: what was done before each done is visible.
  void wait() noexcept { wait_to(detail::never); }
  // As wait, but waits at most for the given time, or until the given moment; if the time is over already it looks
  // once. Returns false if the count is not zero. The wait_group may not be destroyed before this returns. Caller: a
  // goroutine; also any other thread. Blocks: the goroutine, or the thread. Ordering: true: as wait; false: none. Cost:
  // one short lock; a timer if it waits.
  template <class Rep, class Period>
  [[nodiscard]] bool wait_for(std::chrono::duration<Rep, Period> d) noexcept {
    return wait_to(detail::time_in(d));
  }
  // As wait_for. A clock that can be set is read again when its time should have come.
  template <class Clock, class Duration>
  [[nodiscard]] bool wait_until(const std::chrono::time_point<Clock, Duration> &t) noexcept {
    return detail::until(t, [this](std::int64_t when) { return wait_to(when); });
  }

  // Starts a goroutine that runs f and is counted: calls add(1) now, and done() when f has ended and all that it
  // captured has gone. Caller, errors: as heddle::go.
  template <class F>
  void go(F &&f, source_location where = source_location::current()) {
    add(1);
    try {
      heddle::go(
          [this, f = std::optional<std::decay_t<F>>(std::forward<F>(f))]() mutable {
            detail::call_guarded(*f);
            f.reset();  // before done(): what f has captured has gone when wait returns
            done();
          },
          0, where);
    } catch (...) {
      done();
      throw;
    }
  }

 private:
  friend struct detail::onlooker;
  bool wait_to(std::int64_t when) noexcept;

  detail::spinlock lock_;
  detail::plain<std::int64_t> count_;  // under lock_
  detail::waitq waiters_;              // under lock_; empty while the count is zero
};

HEDDLE_END
