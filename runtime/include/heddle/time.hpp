#pragma once
// Sleep, timers, tickers. Times are those of nanotime(), which is std::chrono::steady_clock's. Source: Go's package time.
#include <chrono>
#include <utility>

#include "heddle/deadline.hpp"
#include "heddle/ends.hpp"
#include "heddle/runtime.hpp"

HEDDLE_BEGIN

// Waits so long; not at all if d is not positive. Caller: any thread. Blocks: the goroutine; inside blocking(f) and on a thread
// that runs no goroutine, the thread. Others run meanwhile. It may take longer: the time is over when the goroutine can run
// again, and then it waits for its turn. Where timers come by tens of thousands a second, a P calls them together, each half
// millisecond.
template <class Rep, class Period>
void sleep_for(std::chrono::duration<Rep, Period> d) {
  const std::int64_t ns = detail::nanoseconds_of(d);
  if (ns > 0) timesleep(detail::time_in(ns));
}

// As sleep_for. A clock that can be set is looked at again when its time should have come.
template <class Clock, class Duration>
void sleep_until(const std::chrono::time_point<Clock, Duration> &t) {
  for (std::int64_t ns = detail::time_left(t); ns > 0; ns = detail::time_left(t)) timesleep(detail::time_in(ns));
}

using time_point = std::chrono::steady_clock::time_point;

namespace detail {

// What timers, tickers and after_func have in common. Its lock decides between a call of the runtime's timer, a stop and a
// reset: a call that comes too late finds nothing armed, or armed for later, and does nothing (I48, B31).
class alarm : public runtime_timer {
 public:
  alarm(const alarm &) = delete;
  alarm &operator=(const alarm &) = delete;

  // True: what it was armed for has not been seen by anybody, and will not be.
  bool stop() noexcept;
  // Arms it anew in ns, and again after each period unless that is 0. True: as stop. Caller: a goroutine.
  bool reset(std::int64_t ns, std::int64_t period, const char *who) noexcept;

  // It lives as long as somebody keeps it: the handles, what is armed, a call under way.
  void keep() noexcept { keeps_.fetch_add(1, relaxed); }  // relaxed: the caller is somebody who does
  void drop() noexcept {
    // acq_rel: pairs with itself in the others: the last one sees all that they did. [TIMER-1]
    if (keeps_.fetch_sub(1, acq_rel) == 1) destroy();
  }

 protected:
  explicit alarm(spinlock &lock) noexcept : lock_(lock) { f = called; }
  ~alarm() = default;

 private:
  static void called(runtime_timer *t, bool due);
  void arm(schedt &sched, std::int64_t at) noexcept;

  // Under the lock. Its time has come; ready: whom to ready afterwards, or null.
  virtual void ring(std::int64_t now, g *&ready) noexcept = 0;
  // The same, under no lock.
  virtual void rung() noexcept = 0;
  // Under the lock. Takes back what nobody has received; true: there was something.
  virtual bool discard() noexcept = 0;
  virtual void destroy() noexcept = 0;

  spinlock &lock_;
  plain<bool> armed_;        // under lock_
  std::int64_t period_ = 0;  // under lock_
  atomic<std::uint32_t> keeps_{1};
};

// The channel of a timer: a buffer of one, so that who calls it never waits. Without a handle it is not armed.
class timer_channel final : public chan<time_point>::core, public alarm {
 public:
  // Armed, as reset arms it.
  static chan<time_point> make(std::int64_t ns, std::int64_t period, const char *who) {
    auto *made = new timer_channel();
    chan<time_point> c(chan<time_point>::adopt{}, made);
    made->reset(ns, period, who);
    return c;
  }
  // With the first tick a period from now.
  static chan<time_point> make_ticker(std::int64_t period, const char *who) {
    return make(ticks_of(period), period, who);
  }
  // Errors: a period that is not positive is misuse.
  static std::int64_t ticks_of(std::int64_t period) noexcept {
    if (period <= 0) misuse("non-positive interval for a ticker");
    return period;
  }
  // Pre: c's channel was made so. Errors: a handle that has been moved from is misuse.
  static timer_channel &of(const receiver<time_point> &c) noexcept;

 private:
  timer_channel() : chan<time_point>::core(1), alarm(hchan::lock) {}
  void abandon() noexcept override;
  void ring(std::int64_t now, g *&ready) noexcept override;
  void rung() noexcept override {}
  bool discard() noexcept override;
  void destroy() noexcept override { delete this; }
};

// What after_func calls, as often as its time comes. Each handle keeps it.
class alarm_call : public alarm {
 protected:
  explicit alarm_call(source_location where) noexcept : alarm(own_), where_(where) {}
  ~alarm_call() = default;

 private:
  void ring(std::int64_t, g *&) noexcept override {}
  void rung() noexcept override;
  bool discard() noexcept override { return false; }
  virtual void call() = 0;

  spinlock own_;
  const source_location where_;  // of after_func
};

template <class F>
class alarm_call_of final : public alarm_call {
 public:
  template <class G>
  alarm_call_of(G &&g, source_location where) : alarm_call(where), f_(std::forward<G>(g)) {}

 private:
  void call() override { f_(); }
  void destroy() noexcept override { delete this; }
  F f_;
};

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
      : receiver<time_point>(detail::timer_channel::make(detail::nanoseconds_of(d), 0, "heddle::timer")) {}

  // Disarms it. True: nobody has received its time, and nobody will, not even if it had come already. False: it has been
  // received, or the timer was not armed. Caller: any thread, while the runtime exists. Blocks: nothing. Cost: constant.
  bool stop() const noexcept { return detail::timer_channel::of(*this).stop(); }
  // Arms it anew, armed or not; what was not received is taken back. Returns as stop. Caller: a goroutine. Blocks: nothing.
  // Cost: constant.
  template <class Rep, class Period>
  bool reset(std::chrono::duration<Rep, Period> d) const noexcept {
    return detail::timer_channel::of(*this).reset(detail::nanoseconds_of(d), 0, "timer::reset");
  }
};

// As timer, again and again. A time that comes while the last one has not been received is left out. Source: Go's
// time.Ticker.
class ticker : public receiver<time_point> {
 public:
  // Caller, blocks, cost: as timer. Errors: a period that is not positive is misuse; throws std::bad_alloc.
  template <class Rep, class Period>
  explicit ticker(std::chrono::duration<Rep, Period> period)
      : receiver<time_point>(detail::timer_channel::make_ticker(detail::nanoseconds_of(period), "heddle::ticker")) {}

  // No more ticks, also none that had come already; the channel is not closed. Caller, blocks, cost: as timer::stop.
  void stop() const noexcept { detail::timer_channel::of(*this).stop(); }
  // The next tick comes after the new period; what was not received is taken back. Caller, blocks, cost: as timer::reset.
  template <class Rep, class Period>
  void reset(std::chrono::duration<Rep, Period> period) const noexcept {
    const std::int64_t ns = detail::timer_channel::ticks_of(detail::nanoseconds_of(period));
    detail::timer_channel::of(*this).reset(ns, ns, "ticker::reset");
  }
};

// The channel of a timer that nobody can stop; it goes when nobody is left to receive from it. Caller, errors, cost: as
// timer. Source: time.After.
template <class Rep, class Period>
receiver<time_point> after(std::chrono::duration<Rep, Period> d) {
  return detail::timer_channel::make(detail::nanoseconds_of(d), 0, "heddle::after");
}
// The channel of a ticker, likewise. Source: time.Tick.
template <class Rep, class Period>
receiver<time_point> tick(std::chrono::duration<Rep, Period> period) {
  return detail::timer_channel::make_ticker(detail::nanoseconds_of(period), "heddle::tick");
}

class func_timer;
template <class Rep, class Period, class F>
func_timer after_func(std::chrono::duration<Rep, Period> d, F &&f, source_location where = source_location::current());

// A call that has been asked for: after_func. A handle; the call does not depend on it.
class func_timer {
 public:
  func_timer(const func_timer &other) noexcept : of_(other.of_) {
    if (of_ != nullptr) of_->keep();
  }
  func_timer(func_timer &&other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
  func_timer &operator=(func_timer other) noexcept {
    std::swap(of_, other.of_);
    return *this;
  }
  ~func_timer() {
    if (of_ != nullptr) of_->drop();
  }

  // True: the call is prevented. False: its goroutine has been started, or it was not armed. It does not wait for the call.
  // Caller: any thread, while the runtime exists. Blocks: nothing. Cost: constant.
  bool stop() const noexcept { return checked().stop(); }
  // Asks for the call anew, in d from now; the function may come to run beside itself. Returns as stop. Caller: a goroutine.
  template <class Rep, class Period>
  bool reset(std::chrono::duration<Rep, Period> d) const noexcept {
    return checked().reset(detail::nanoseconds_of(d), 0, "func_timer::reset");
  }

 private:
  template <class Rep, class Period, class F>
  friend func_timer after_func(std::chrono::duration<Rep, Period> d, F &&f, source_location where);
  explicit func_timer(detail::alarm *of) noexcept : of_(of) {}
  detail::alarm &checked() const noexcept {
    if (of_ == nullptr) detail::misuse("func_timer used after it was moved from");
    return *of_;
  }

  detail::alarm *of_;
};

// Calls f() in d, in a goroutine of its own that is started then. Caller: a goroutine. Blocks: nothing. Owns: a copy of f, for
// as long as it may be called or a handle is left. Ordering: what the caller did before is visible to f. Errors: throws
// std::bad_alloc; no memory for the goroutine when the time has come ends the process; what leaves f: as heddle::go.
// Cost: one allocation. Source: time.AfterFunc.
template <class Rep, class Period, class F>
func_timer after_func(std::chrono::duration<Rep, Period> d, F &&f, source_location where) {
  func_timer t(new detail::alarm_call_of<std::decay_t<F>>(std::forward<F>(f), where));
  t.of_->reset(detail::nanoseconds_of(d), 0, "heddle::after_func");
  return t;
}

HEDDLE_END
