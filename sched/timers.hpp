#pragma once
// Timers. Source: Go's time.go. Go has a heap that its P's owner tidies up later; here it is a wheel under a short
// lock, so there is nothing to tidy up: a timer is armed or it is not, and there is no state in between.
#include "heddle/detail/sched.hpp"
#include "heddle/detail/spinlock.hpp"
#include "queues/timing_wheel.hpp"

HEDDLE_DETAIL_BEGIN

struct schedt;
struct m;
struct p;
class timers;

// A function to be called at a time. Ownership: the party that made it; it must outlive the time for which it is armed.
struct runtime_timer {
  // Called on g0 of an M with a P, under no lock, when t is due; due false: the runtime ends, and t is no longer armed.
  // It may ready and start goroutines, and arm t again; it must not wait. Once it has readied the owner of t, t may be
  // gone.
  plain<void (*)(runtime_timer *t, bool due)> f;
  plain<std::int64_t> when;                     // nanotime(); under the lock of the timers that it is in
  plain<runtime_timer *> wheelnext, wheelprev;  // timing_wheel
  plain<std::uint16_t> wheelslot;               // timing_wheel
  atomic<timers *> in;                          // the P's timers that it is armed in, else null
};

// The timers of one P: those that code on that P has armed. Any thread may look and take what is due: the M that has
// the P does so at each turn of its loop, other Ms do before they go idle; while a P is idle, some thread sleeps no
// longer than until the first timer is due.
class timers {
 public:
  static constexpr std::int64_t never = timing_wheel<runtime_timer>::never;

  // Arms t for `when`. True: it was armed here. first: wake_time is earlier now, and the caller must tell sysmon
  // (resettimer). Pre: t is armed here or nowhere. Caller: any thread.
  bool set(runtime_timer *t, std::int64_t when, bool &first) noexcept;
  // Disarms t. False: it is not in here any more.
  bool remove(runtime_timer *t) noexcept;
  // No timer in here is called before this time: a time between the last advance and the first timer, or the end of a
  // hold.
  // acquire: pairs with publish, for checkdead; for others a hint, or ordered by a fence. [DEAD-2]
  std::int64_t wake_time() const noexcept { return next_.load(acquire); }
  // Calls what is due at `now`. Caller: an M with a P, on g0.
  void run(std::int64_t now) noexcept;
  // True: a timer is to be called at `now`. Brings the wheel to `now`, so that wake_time is later if none is. Caller:
  // any thread.
  bool due(std::int64_t now) noexcept;
  void end() noexcept;
  // Calls f(t) for each timer in here. Caller: only while no other thread uses them.
  template <class F>
  void for_each(F &&f) const {
    wheel_.for_each(f);
  }

 private:
  bool publish() noexcept;

  atomic<std::int64_t> next_{never};  // written under lock_
  spinlock lock_;
  timing_wheel<runtime_timer> wheel_;  // under lock_, with all that is in it
  // Under lock_: no timer is called before hold_; crowd_ timers have been called since crowdsince_.
  plain<std::int64_t> hold_, crowdsince_;
  plain<std::uint32_t> crowd_;
};

static_assert(timers::never == never, "one time that does not come");

// Arms t for the time `when`, whether it is armed or not. True: it was armed, and is not called for its old time.
// Caller: any thread that may call sched; the caller keeps out threads that would stop or arm t at the same time.
// Blocks: nothing. Cost: a lock that only thieves and stoptimer take as well; a full fence if t becomes the first.
bool resettimer(schedt &sched, runtime_timer *t, std::int64_t when) noexcept;
// True: t was armed, is no longer armed, and is not called. False: t is not armed; if it was, it has been or is being
// called. Caller: any thread. Blocks: nothing.
bool stoptimer(runtime_timer *t) noexcept;

// When the first timer of all Ps may be due. Caller: any thread.
std::int64_t next_timer(const schedt &sched) noexcept;
// True: a timer is due now. Caller: any thread.
bool timer_due(const schedt &sched) noexcept;
// Call what is due in ts; on the dead Ps; on every P, also the dead ones. Caller: mp, which has a P, on g0.
void checktimers(m *mp, timers &ts) noexcept;
void checkgonetimers(m *mp) noexcept;
void checkalltimers(m *mp) noexcept;

HEDDLE_DETAIL_END
