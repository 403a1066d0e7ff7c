#pragma once
// What stands behind timers, tickers and after_func.
#include <cstddef>

#include "heddle/detail/spinlock.hpp"
#include "heddle/time.hpp"
#include "sched/timers.hpp"

HEDDLE_DETAIL_BEGIN

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

// What after_func calls, as often as its time comes. Each handle keeps it. The closure lies behind it, in the same piece of memory.
class alarm_function final : public alarm {
 public:
  alarm_function(void *closure, void (*call)(void *), void (*end)(void *) noexcept, std::size_t align,
                 source_location where) noexcept
      : alarm(own_), closure_(closure), call_(call), end_(end), align_(align), where_(where) {}
  // Gives the memory back; the closure has never been, or is gone.
  void free() noexcept;

 private:
  void ring(std::int64_t, g *&) noexcept override {}
  void rung() noexcept override;
  bool discard() noexcept override { return false; }
  void destroy() noexcept override;

  spinlock own_;
  void *const closure_;
  void (*const call_)(void *);
  void (*const end_)(void *) noexcept;
  const std::size_t align_;      // of the piece of memory
  const source_location where_;  // of after_func
};

HEDDLE_DETAIL_END
