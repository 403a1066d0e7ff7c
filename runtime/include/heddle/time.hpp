#pragma once
// Sleep, timers, tickers. Times are nanoseconds of nanotime(), which reads std::chrono::steady_clock. Source: Go's
// package time.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

#include "heddle/detail/deadline.hpp"
#include "heddle/ends.hpp"
#include "heddle/source_location.hpp"

HEDDLE_BEGIN

// Waits for the time d; returns at once if d is not positive. Other goroutines run meanwhile. It may take longer: when
// the time is over the goroutine becomes runnable, and then waits for its turn. Where tens of thousands of timers fire
// in a second, a P fires them together every half millisecond. Caller: any thread. Blocks: the goroutine; inside
// blocking(f) and on a thread that runs no goroutine, the thread.
template <class Rep, class Period>
void sleep_for(std::chrono::duration<Rep, Period> d) {
  const std::int64_t ns = detail::nanoseconds_of(d);
  if (ns > 0) detail::timesleep(detail::time_in(ns));
}

// As sleep_for, until the given moment. A clock that can be set is read again when its time should have come.
template <class Clock, class Duration>
void sleep_until(const std::chrono::time_point<Clock, Duration> &t) {
  for (std::int64_t ns = detail::time_left(t); ns > 0; ns = detail::time_left(t))
    detail::timesleep(detail::time_in(ns));
}

// A moment, as timers and tickers send it.
using time_point = std::chrono::steady_clock::time_point;

namespace detail {

// What timers, tickers and after_func have in common; see runtime/timer.hpp.
class alarm;

// Makes the channel of a timer that fires in ns from now, and then every `period` unless that is 0. Caller: a
// goroutine; elsewhere it is misuse in the name of `who`.
HEDDLE_API receiver<time_point> make_timer(std::int64_t ns, std::int64_t period, const char *who);
// Makes the channel of a ticker; the first tick comes a period from now. Errors: a period that is not positive is
// misuse.
HEDDLE_API receiver<time_point> make_ticker(std::int64_t period, const char *who);
// Disarms the timer of c, or arms it anew. Pre: make_timer or make_ticker made c's channel. Errors: a handle that has
// been moved from is misuse.
HEDDLE_API bool stop_timer(const receiver<time_point> &c) noexcept;
HEDDLE_API bool reset_timer(const receiver<time_point> &c, std::int64_t ns, const char *who) noexcept;
HEDDLE_API void reset_ticker(const receiver<time_point> &c, std::int64_t period, const char *who) noexcept;

// A function that is kept for after_func, in one piece of memory with its alarm. raw: a value, the caller's.
struct alarm_call {
  alarm *of = nullptr;
  void *closure = nullptr;
};
// Makes room for a closure. call(closure) calls it, destroy(closure) destroys it. Errors: throws std::bad_alloc.
HEDDLE_API alarm_call make_alarm_call(std::size_t size, std::size_t align, void (*call)(void *),
                                      void (*destroy)(void *) noexcept, source_location where);
// Frees the room again, because the closure could not be constructed.
HEDDLE_API void unmake_alarm_call(alarm *of) noexcept;
HEDDLE_API void keep_alarm(alarm *of) noexcept;
HEDDLE_API void drop_alarm(alarm *of) noexcept;
HEDDLE_API bool stop_alarm(alarm *of) noexcept;  // null is misuse
HEDDLE_API bool reset_alarm(alarm *of, std::int64_t ns, const char *who) noexcept;

}  // namespace detail

// A channel on which the time is sent once, when it has come. A timer is the receiver: recv, recv_for, range-for and
// select's on_recv take it. It is a handle, as a channel is; its copies are the same timer. When the last handle goes
// (a receiver made from the timer is one too), the timer is disarmed and freed. Source: Go's time.Timer (1.23).
class timer : public receiver<time_point> {
 public:
  // Arms a timer that fires in d; a d that is not positive fires at once. Caller: a goroutine. Blocks: nothing. Errors:
  // throws std::bad_alloc. Cost: two small allocations; no goroutine and no thread waits for it.
  template <class Rep, class Period>
  [[nodiscard]] explicit timer(std::chrono::duration<Rep, Period> d)
      : receiver<time_point>(detail::make_timer(detail::nanoseconds_of(d), 0, "heddle::timer")) {}

  // Disarms the timer. Returns true if its time has not been received and will not be, not even if it had come already;
  // false if it has been received, or if the timer was not armed. Caller: any thread, while the runtime exists. Blocks:
  // nothing. Cost: constant.
  bool stop() const noexcept { return detail::stop_timer(*this); }
  // Arms the timer anew, whether it is armed or not; a time that was not received is taken back. Returns as stop.
  // Caller: a goroutine. Blocks: nothing. Cost: constant.
  template <class Rep, class Period>
  bool reset(std::chrono::duration<Rep, Period> d) const noexcept {
    return detail::reset_timer(*this, detail::nanoseconds_of(d), "timer::reset");
  }
};

// A timer that fires again and again. A tick is left out if the last one has not been received when it comes. Source:
// Go's time.Ticker.
class ticker : public receiver<time_point> {
 public:
  // Starts a ticker whose first tick comes a period from now. Caller, blocks, cost: as timer. Errors: a period that is
  // not positive is misuse; throws std::bad_alloc.
  template <class Rep, class Period>
  [[nodiscard]] explicit ticker(std::chrono::duration<Rep, Period> period)
      : receiver<time_point>(detail::make_ticker(detail::nanoseconds_of(period), "heddle::ticker")) {}

  // Stops the ticker: no more ticks are received, not even one that had come already. The channel is not closed.
  // Caller, blocks, cost: as timer::stop.
  void stop() const noexcept { detail::stop_timer(*this); }
  // Changes the period; the next tick comes after the new period. A tick that was not received is taken back. Caller,
  // blocks, cost: as timer::reset.
  template <class Rep, class Period>
  void reset(std::chrono::duration<Rep, Period> period) const noexcept {
    detail::reset_ticker(*this, detail::nanoseconds_of(period), "ticker::reset");
  }
};

// Returns the channel of a timer that cannot be stopped; the timer goes when its last handle does. Caller, errors,
// cost: as timer. Source: Go's time.After.
template <class Rep, class Period>
[[nodiscard]] receiver<time_point> after(std::chrono::duration<Rep, Period> d) {
  return detail::make_timer(detail::nanoseconds_of(d), 0, "heddle::after");
}
// Returns the channel of a ticker that cannot be stopped; the ticker goes when its last handle does. Caller, cost: as
// timer. Errors: as ticker. Source: Go's time.Tick.
template <class Rep, class Period>
[[nodiscard]] receiver<time_point> tick(std::chrono::duration<Rep, Period> period) {
  return detail::make_ticker(detail::nanoseconds_of(period), "heddle::tick");
}

class func_timer;
template <class Rep, class Period, class F>
func_timer after_func(std::chrono::duration<Rep, Period> d, F &&f, source_location where = source_location::current());

// A handle of a call that after_func has promised; the call does not depend on the handle.
class func_timer {
 public:
  func_timer(const func_timer &other) noexcept : of_(other.of_) {
    if (of_ != nullptr) detail::keep_alarm(of_);
  }
  func_timer(func_timer &&other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
  func_timer &operator=(func_timer other) noexcept {
    std::swap(of_, other.of_);
    return *this;
  }
  ~func_timer() {
    if (of_ != nullptr) detail::drop_alarm(of_);
  }

  // Prevents the call. Returns true if it has; false if the call's goroutine has been started, or the call was not
  // armed. It does not wait for the call. Caller: any thread, while the runtime exists. Blocks: nothing. Cost:
  // constant.
  bool stop() const noexcept { return detail::stop_alarm(of_); }
  // Arms the call anew, for d from now; the function may then run twice at the same time. Returns as stop. Caller: a
  // goroutine. Blocks: nothing. Cost: constant.
  template <class Rep, class Period>
  bool reset(std::chrono::duration<Rep, Period> d) const noexcept {
    return detail::reset_alarm(of_, detail::nanoseconds_of(d), "func_timer::reset");
  }

 private:
  template <class Rep, class Period, class F>
  friend func_timer after_func(std::chrono::duration<Rep, Period> d, F &&f, source_location where);
  explicit func_timer(detail::alarm *of) noexcept : of_(of) {}

  detail::alarm *of_;  // raw: a handle is its owner's; what it leads to is watched
};

// Calls f() after the time d, in a goroutine of its own that is started then. Caller: a goroutine. Blocks: nothing.
// Owns: a copy of f, as long as f may be called or a handle is left. Ordering: what the caller did before is visible to
// f. Errors: throws std::bad_alloc; the process ends if there is no memory for the goroutine when the time has come; an
// exception that leaves f: as heddle::go. Cost: one allocation. Source: Go's time.AfterFunc.
template <class Rep, class Period, class F>
func_timer after_func(std::chrono::duration<Rep, Period> d, F &&f, source_location where) {
  using closure = std::decay_t<F>;
  const detail::alarm_call made = detail::make_alarm_call(
      sizeof(closure), alignof(closure), [](void *self) { (*static_cast<closure *>(self))(); },
      [](void *self) noexcept { static_cast<closure *>(self)->~closure(); }, where);
  try {
    ::new (made.closure) closure(std::forward<F>(f));
  } catch (...) {
    detail::unmake_alarm_call(made.of);
    throw;
  }
  const func_timer t(made.of);
  detail::reset_alarm(made.of, detail::nanoseconds_of(d), "heddle::after_func");
  return t;
}

HEDDLE_END
