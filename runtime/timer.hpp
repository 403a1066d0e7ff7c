#pragma once
// The objects behind timers, tickers and after_func.
#include <cstddef>

#include "heddle/detail/spawn.hpp"
#include "heddle/detail/spinlock.hpp"
#include "heddle/time.hpp"
#include "sched/timers.hpp"

HEDDLE_DETAIL_BEGIN

// What timers, tickers and after_func have in common. Its lock decides between a call of the runtime's timer, a stop
// and a reset: a call that comes too late finds the alarm not armed, or armed for later, and does nothing (I48,
// the argument in timer.cpp).
class alarm : public runtime_timer {
 public:
  alarm(const alarm &) = delete;
  alarm &operator=(const alarm &) = delete;

  // Disarms it. True: what it was armed for has not been received or started, and will not be.
  bool stop() noexcept;
  // Arms it anew for ns from now, and then for each period after that unless the period is 0. Returns as stop. Caller:
  // a goroutine.
  bool reset(std::int64_t ns, std::int64_t period, const char *who) noexcept;

  // It lives as long as it is kept: by each handle, by being armed, and by a call under way.
  void keep() noexcept { keeps_.fetch_add(1, relaxed); }  // relaxed: the caller keeps it
  // room: for the goroutine in which what is the embedder's shall go, if this is the last; empty: it goes here.
  void drop(newborn room = {}) noexcept {
    // acq_rel: pairs with itself in the other keepers; the last one sees all that they did. [TIMER-1]
    if (keeps_.fetch_sub(1, acq_rel) == 1) return destroy(room);
    if (room.gp != nullptr) undo_go(room);
  }

 protected:
  explicit alarm(spinlock &lock) noexcept : lock_(lock) { f.set(called); }
  ~alarm() = default;

 private:
  static void called(runtime_timer *t, bool due);
  void come_again() noexcept;
  void arm(schedt &sched, std::int64_t at) noexcept;

  // Called under the lock, when the time has come. Sets ready to the goroutine to ready afterwards, or to null.
  virtual void ring(std::int64_t now, g *&ready) noexcept = 0;
  // Called under no lock, when the time may have come: takes what rung will need, so that a call for which there is no
  // memory can be made later. False: there is none.
  virtual bool prepare(newborn &) noexcept { return true; }
  // Called under no lock, on g0, after ring; it drops what was armed.
  virtual void rung(newborn room) noexcept { drop(room); }
  // Called under the lock. Takes back what has not been received; true: there was something.
  virtual bool discard() noexcept = 0;
  virtual void destroy(newborn room) noexcept = 0;  // as drop says

  spinlock &lock_;
  plain<bool> armed_;               // under lock_
  plain<std::int64_t> period_;      // under lock_
  atomic<std::uint64_t> keeps_{1};  // as in hchan, it cannot come round
};

// The channel of a timer. It has a buffer of one, so that the call never waits. Without a handle it is not armed.
class timer_channel final : public chan<time_point>::core, public alarm {
 public:
  // Makes an armed one; the arguments are those of reset.
  static chan<time_point> make(std::int64_t ns, std::int64_t period, const char *who) {
    auto *made = new timer_channel();
    chan<time_point> c(chan<time_point>::adopt{}, made);
    made->reset(ns, period, who);
    return c;
  }
  // Returns the timer_channel behind c. Pre: make has made c's channel. Errors: a handle that has been moved from is
  // misuse.
  static timer_channel &of(const receiver<time_point> &c) noexcept;

 private:
  timer_channel() : chan<time_point>::core(1), alarm(hchan::lock) {}
  void abandon() noexcept override;
  void ring(std::int64_t now, g *&ready) noexcept override;
  bool discard() noexcept override;
  void destroy(newborn) noexcept override { delete this; }
};

// The function of an after_func, which is called whenever its time comes. Each handle keeps it. The closure lies behind
// it, in the same piece of memory.
class alarm_function final : public alarm {
 public:
  alarm_function(void *closure, void (*call)(void *), void (*end)(void *) noexcept, std::size_t align,
                 source_location where) noexcept
      : alarm(own_), closure_(closure), call_(call), end_(end), align_(align), where_(where) {}
  // Gives the memory back. Pre: the closure has not been constructed, or has been destroyed.
  void free() noexcept;

 private:
  struct ringing {       // the function of the goroutine
    alarm_function *of;  // set once
    void operator()() const noexcept;
  };
  struct ending {        // likewise, where the function must go and may not be destroyed on g0
    alarm_function *of;  // set once
    void operator()() const noexcept;
  };
  bool prepare(newborn &room) noexcept override;
  void ring(std::int64_t, g *&) noexcept override {}
  void rung(newborn room) noexcept override;
  bool discard() noexcept override { return false; }
  void destroy(newborn room) noexcept override;

  spinlock own_;
  void *const closure_;
  void (*const call_)(void *);
  void (*const end_)(void *) noexcept;
  const std::size_t align_;      // of the piece of memory
  const source_location where_;  // where after_func was called
};

HEDDLE_DETAIL_END
