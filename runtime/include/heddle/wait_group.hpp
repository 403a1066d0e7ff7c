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

// Waits for a number of goroutines. Source: Go's sync.WaitGroup.
class HEDDLE_API wait_group {
 public:
  // n: the count to begin with. Errors: one below zero is misuse.
  explicit wait_group(std::int64_t n = 0) noexcept;
  wait_group(const wait_group &) = delete;
  wait_group &operator=(const wait_group &) = delete;

  // Changes the count by n. Caller: any thread. Blocks: nothing. Errors: a count below zero is misuse.
  void add(std::int64_t n) noexcept;
  // Ordering: what the caller did before is visible after the wait that this ends.
  void done() noexcept { add(-1); }
  // Returns when the count is zero. Caller: a goroutine; also any other thread. Blocks: the goroutine, or thread. The
  // wait_group may be destroyed then.
  void wait() noexcept { wait_to(detail::never); }
  // As wait, for so long at most, or until then; not at all, but for one look, if the time is over. False: the count is
  // not zero. Caller: a goroutine; also any other thread. Blocks: the goroutine, or thread. The wait_group may not be
  // destroyed before this returns. Ordering: true: as wait; false: none. Cost: one short lock; a timer, where it waits.
  template <class Rep, class Period>
  bool wait_for(std::chrono::duration<Rep, Period> d) noexcept {
    return wait_to(detail::time_in(d));
  }
  // A clock that can be set is looked at again when its time should have come.
  template <class Clock, class Duration>
  bool wait_until(const std::chrono::time_point<Clock, Duration> &t) noexcept {
    return detail::until(t, [this](std::int64_t when) { return wait_to(when); });
  }

  // go(f), counted: add(1) now, done() when f has ended, and all that it has captured is gone. Caller, errors: as
  // heddle::go.
  template <class F>
  void go(F &&f, source_location where = source_location::current()) {
    add(1);
    try {
      heddle::go(
          [this, f = std::optional<std::decay_t<F>>(std::forward<F>(f))]() mutable {
            detail::call_guarded(*f);
            f.reset();  // before done: what f has captured is gone when wait returns
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
  detail::plain<std::int64_t> count_;  // under lock
  detail::waitq waiters_;              // under lock; nobody waits there while the count is zero
};

HEDDLE_END
