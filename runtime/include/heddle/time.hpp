#pragma once
// Sleep, timers, tickers. Times are those of nanotime(), which is std::chrono::steady_clock's. Source: Go's package time.
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

// Waits so long; not at all if d is not positive. Caller: any thread. Blocks: the goroutine; inside blocking(f) and on a thread
// that runs no goroutine, the thread. Others run meanwhile. It may take longer: the time is over when the goroutine can run
// again, and then it waits for its turn. Where timers come by tens of thousands a second, a P calls them together, each half
// millisecond.
template <class Rep, class Period>
void sleep_for(std::chrono::duration<Rep, Period> d) {
  const std::int64_t ns = detail::nanoseconds_of(d);
  if (ns > 0) detail::timesleep(detail::time_in(ns));
}

// As sleep_for. A clock that can be set is looked at again when its time should have come.
template <class Clock, class Duration>
void sleep_until(const std::chrono::time_point<Clock, Duration> &t) {
  for (std::int64_t ns = detail::time_left(t); ns > 0; ns = detail::time_left(t))
    detail::timesleep(detail::time_in(ns));
}

using time_point = std::chrono::steady_clock::time_point;

namespace detail {

// What timers, tickers and after_func have in common: runtime/timer.hpp.
class alarm;

// The channel of a timer, armed for ns from now, and for each period after that unless it is 0. Caller: a goroutine; misuse in
// the name of `who` elsewhere.
HEDDLE_API receiver<time_point> make_timer(std::int64_t ns, std::int64_t period, const char *who);
// The first tick comes a period from now. Errors: a period that is not positive is misuse.
HEDDLE_API receiver<time_point> make_ticker(std::int64_t period, const char *who);
// Pre: c's channel was made by one of the two. Errors: a handle that has been moved from is misuse.
HEDDLE_API bool stop_timer(const receiver<time_point> &c) noexcept;
HEDDLE_API bool reset_timer(const receiver<time_point> &c, std::int64_t ns, const char *who) noexcept;
HEDDLE_API void reset_ticker(const receiver<time_point> &c, std::int64_t period, const char *who) noexcept;

// A function that is kept for after_func, in one piece of memory with its alarm.
struct alarm_call {
  alarm *of = nullptr;
  void *closure = nullptr;
};
// Room for a closure; call(closure) calls it, destroy(closure) destroys it. Errors: throws std::bad_alloc.
HEDDLE_API alarm_call make_alarm_call(std::size_t size, std::size_t align, void (*call)(void *),
                                      void (*destroy)(void *) noexcept, source_location where);
// The closure could not be constructed.
HEDDLE_API void unmake_alarm_call(alarm *of) noexcept;
HEDDLE_API void keep_alarm(alarm *of) noexcept;
HEDDLE_API void drop_alarm(alarm *of) noexcept;
HEDDLE_API bool stop_alarm(alarm *of) noexcept;  // null is misuse
HEDDLE_API bool reset_alarm(alarm *of, std::int64_t ns, const char *who) noexcept;

}  // namespace detail

// Sends the time once, when it has come, into a channel: it is the receiver, so recv, recv_for, range-for and select's on_recv
// take it. A handle as a channel is; the copies are one timer. When the last one goes, receivers made from it among them, it is
// disarmed and freed. Source: Go's time.Timer (1.23).
class timer : public receiver<time_point> {
 public:
  // Arms it; a time that is not positive has come at once. Caller: a goroutine. Blocks: nothing. Errors: throws
  // std::bad_alloc. Cost: two small allocations; no goroutine and no thread waits for it.
  template <class Rep, class Period>
  explicit timer(std::chrono::duration<Rep, Period> d)
      : receiver<time_point>(detail::make_timer(detail::nanoseconds_of(d), 0, "heddle::timer")) {}

  // Disarms it. True: nobody has received its time, and nobody will, not even if it had come already. False: it has been
  // received, or the timer was not armed. Caller: any thread, while the runtime exists. Blocks: nothing. Cost: constant.
  bool stop() const noexcept { return detail::stop_timer(*this); }
  // Arms it anew, armed or not; what was not received is taken back. Returns as stop. Caller: a goroutine. Blocks: nothing.
  // Cost: constant.
  template <class Rep, class Period>
  bool reset(std::chrono::duration<Rep, Period> d) const noexcept {
    return detail::reset_timer(*this, detail::nanoseconds_of(d), "timer::reset");
  }
};

// As timer, again and again. A time that comes while the last one has not been received is left out. Source: Go's
// time.Ticker.
class ticker : public receiver<time_point> {
 public:
  // Caller, blocks, cost: as timer. Errors: a period that is not positive is misuse; throws std::bad_alloc.
  template <class Rep, class Period>
  explicit ticker(std::chrono::duration<Rep, Period> period)
      : receiver<time_point>(detail::make_ticker(detail::nanoseconds_of(period), "heddle::ticker")) {}

  // No more ticks, also none that had come already; the channel is not closed. Caller, blocks, cost: as timer::stop.
  void stop() const noexcept { detail::stop_timer(*this); }
  // The next tick comes after the new period; what was not received is taken back. Caller, blocks, cost: as timer::reset.
  template <class Rep, class Period>
  void reset(std::chrono::duration<Rep, Period> period) const noexcept {
    detail::reset_ticker(*this, detail::nanoseconds_of(period), "ticker::reset");
  }
};

// The channel of a timer that nobody can stop; it goes when nobody is left to receive from it. Caller, errors, cost: as
// timer. Source: time.After.
template <class Rep, class Period>
receiver<time_point> after(std::chrono::duration<Rep, Period> d) {
  return detail::make_timer(detail::nanoseconds_of(d), 0, "heddle::after");
}
// The channel of a ticker, likewise. Source: time.Tick.
template <class Rep, class Period>
receiver<time_point> tick(std::chrono::duration<Rep, Period> period) {
  return detail::make_ticker(detail::nanoseconds_of(period), "heddle::tick");
}

class func_timer;
template <class Rep, class Period, class F>
func_timer after_func(std::chrono::duration<Rep, Period> d, F &&f, source_location where = source_location::current());

// A call that has been asked for: after_func. A handle; the call does not depend on it.
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

  // True: the call is prevented. False: its goroutine has been started, or it was not armed. It does not wait for the call.
  // Caller: any thread, while the runtime exists. Blocks: nothing. Cost: constant.
  bool stop() const noexcept { return detail::stop_alarm(of_); }
  // Asks for the call anew, in d from now; the function may come to run beside itself. Returns as stop. Caller: a goroutine.
  template <class Rep, class Period>
  bool reset(std::chrono::duration<Rep, Period> d) const noexcept {
    return detail::reset_alarm(of_, detail::nanoseconds_of(d), "func_timer::reset");
  }

 private:
  template <class Rep, class Period, class F>
  friend func_timer after_func(std::chrono::duration<Rep, Period> d, F &&f, source_location where);
  explicit func_timer(detail::alarm *of) noexcept : of_(of) {}

  detail::alarm *of_;
};

// Calls f() in d, in a goroutine of its own that is started then. Caller: a goroutine. Blocks: nothing. Owns: a copy of f, for
// as long as it may be called or a handle is left. Ordering: what the caller did before is visible to f. Errors: throws
// std::bad_alloc; no memory for the goroutine when the time has come ends the process; what leaves f: as heddle::go.
// Cost: one allocation. Source: time.AfterFunc.
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
