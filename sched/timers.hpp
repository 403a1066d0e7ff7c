#pragma once
// Timers. Source: Go's time.go; there a heap that its P's owner tidies up later, here a wheel under a short lock, so there is
// nothing to tidy up: no state between armed and not.
#include "heddle/detail/sched.hpp"
#include "heddle/detail/spinlock.hpp"
#include "queues/timing_wheel.hpp"

HEDDLE_DETAIL_BEGIN

struct schedt;
struct m;
struct p;
class timers;

// What is to be done at a time. Owner: whoever made it; while it is armed it may not go away.
struct runtime_timer {
  // Called on g0 of an M with a P, not under any lock, when t is due; due false: the runtime ends, and t is not armed any
  // more. It may ready and start goroutines, and arm t again; not wait. Once it has readied who owns t, t may be gone.
  void (*f)(runtime_timer *t, bool due) = nullptr;
  plain<std::int64_t> when;                     // nanotime(); under the lock of the timers that it is in
  plain<runtime_timer *> wheelnext, wheelprev;  // timing_wheel
  plain<std::uint16_t> wheelslot;               // timing_wheel
  atomic<timers *> in;                          // whose it is while it is armed, else null
};

// Those of one P: of who runs there when they are armed. Any thread may look and take what is due: who owns the P does at
// each turn, the others before they go idle; while a P is idle somebody sleeps no longer than until the first is due.
class timers {
 public:
  static constexpr std::int64_t never = timing_wheel<runtime_timer>::never;

  // Arms t for `when`; true: it was armed here. first: wake_time is earlier now, and the caller tells sysmon (resettimer). Pre:
  // t is armed here or nowhere. Any thread.
  bool set(runtime_timer *t, std::int64_t when, bool &first) noexcept;
  // False: it is not in here any more.
  bool remove(runtime_timer *t) noexcept;
  // No timer in here is called before it: something between the last advance and the first timer, or the end of a hold.
  // acquire: pairs with publish, for checkdead; for others a hint, or ordered by a fence. [DEAD-2]
  std::int64_t wake_time() const noexcept { return next_.load(acquire); }
  // Calls what is due at `now`. Caller: an M with a P, on g0.
  void run(std::int64_t now) noexcept;
  // Is anything to be called at `now`? Brings the wheel there, so that wake_time is later if not. Any thread.
  bool due(std::int64_t now) noexcept;
  void end() noexcept;

 private:
  bool publish() noexcept;

  atomic<std::int64_t> next_{never};  // written under lock_
  spinlock lock_;
  timing_wheel<runtime_timer> wheel_;  // under lock_, with all that is in it
  // Under lock_: no timer is called before hold_; so many have been called since crowdsince_.
  std::int64_t hold_ = 0, crowdsince_ = 0;
  std::uint32_t crowd_ = 0;
};

// Arms t for the time `when`, armed or not. True: it was armed, and is not called for its old time. Any thread that may call
// sched; who stops t or arms it at the same time is kept out by the caller. Blocks: nothing. Cost: a lock that only thieves and
// stoptimer take as well; a full fence if t becomes the first.
bool resettimer(schedt &sched, runtime_timer *t, std::int64_t when) noexcept;
// True: t was armed, is not any more, and is not called. False: it is not armed; if it was, it has been or is being called.
// Any thread. Blocks: nothing.
bool stoptimer(runtime_timer *t) noexcept;

// When the first timer of all Ps may be due. Any thread.
std::int64_t next_timer(const schedt &sched) noexcept;
// Is one due now? Any thread.
bool timer_due(const schedt &sched) noexcept;
// Calls what is due there; on every P, also the dead ones. Caller: mp with a P, on g0.
void checktimers(m *mp, timers &ts) noexcept;
void checkalltimers(m *mp) noexcept;
// Sees to it that sysmon is awake when the first timer is due, if nobody else is. Pre: a full fence since the change.
void watch_timers(schedt &sched) noexcept;
// Has somebody run the timers that are due. Looks at the wheels only then: they may say a time that is too early. False: there
// are none as far as we have seen. Caller: sysmon, or an M on midle.
bool wake_for_timers(schedt &sched, std::int64_t now) noexcept;
// An M on midle is about to sleep: until when, to look at timers? never: others do. Pre: a full fence since it is there.
std::int64_t take_watch(schedt &sched) noexcept;
// Sleeps as long as mp has the watch. True: mp's note is signalled. False: others look at timers now. Blocks: the M.
bool sleep_on_watch(m *mp, std::int64_t until) noexcept;
// When sysmon is to wake: at `latest`, or for a timer. Pre: as above, since sysmonuntil was set.
std::int64_t sysmon_until(const schedt &sched, std::int64_t latest) noexcept;

HEDDLE_DETAIL_END
