// Goroutines that must stay on one thread. Source: LockOSThread, stoplockedm, startlockedm of Go's proc.go.
//
// m.lockedg = g and g.lockedm = m hold while lockedExt > 0 (I39). An M with a locked g runs nothing else: when its g
// does not run, it hands its P on and waits (stoplockedm); an M that finds the g in a queue gives its own P to the
// waiting M (startlockedm). How the wait ends is one word, m.lockedwait, so that a stop and a startlockedm do not both
// end it:
//   from      to        by
//   running   waiting   stoplockedm
//   running   P         startlockedm: the g was found before its M slept
//   waiting   P         startlockedm, which then wakes the M
//   waiting   stopped   stop, which then wakes the M; this state is final
//   P         running   the M, when it has taken the P
//
//   the g's own M                          the M that finds the g
//   hands its P on
//   lockedwait: running -> waiting         takes the g from a queue
//   sleeps                                 lockedwait: waiting -> its own P; wakes the g's M
//   takes the P, runs the g                sleeps without a P (stopm)
#include "sched/locked.hpp"

#include <limits>

#include "sched/m.hpp"
#include "sched/status.hpp"
#include "sched/wake.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

constexpr std::uintptr_t lockedwait_running = 0, lockedwait_waiting = 1, lockedwait_stopped = 2;  // else a P

// Sleeps until startlockedm or stop. True: mp has been given a P.
bool waitlockedm(m *mp) noexcept {
  schedt &sched = *mp->sched;
  std::uintptr_t now = lockedwait_running;
  // release: pairs with startlockedm and stop_lockedm: the note is clear. [LOCKED-1]
  // acquire on failure: pairs with startlockedm: the P. [LOCKED-1]
  // Survives as relaxed (other architecture): where stores change places the note is cleared after it was signalled.
  if (mp->lockedwait.compare_exchange_strong(now, lockedwait_waiting, release, acquire)) {
    fence(seq_cst);  // lockedwait against attention; partner: stop. [ATTN-1]
    if (stopping(sched)) stop_lockedm(mp);
    sleepm(mp);
    now = mp->lockedwait.load(relaxed);  // relaxed: the note's wake-up came after the store
  }
  if (now == lockedwait_stopped) return false;
  acquirep(mp, reinterpret_cast<struct p *>(now));
  mp->lockedwait.store(lockedwait_running, relaxed);  // relaxed: published with the g, which now only this M can queue
  return true;
}

}  // namespace

// Locks the calling goroutine and its thread to each other until as many unlocks. Caller: a g. Blocks: nothing. A
// goroutine that ends while it is locked ends its thread.
void lock_os_thread(m *mp) noexcept {
  if (mp->lockedExt == std::numeric_limits<std::int32_t>::max()) misuse("lock_os_thread: too many calls not undone");
  ++mp->lockedExt;
  g *gp = mp->curg.load(relaxed);  // relaxed: own M
  mp->lockedg.set(gp);
  mp->tainted.set(true);
  gp->lockedm.set(mp);
}

// Undoes one lock_os_thread; without one it does nothing, as in Go.
void unlock_os_thread(m *mp) noexcept {
  if (mp->lockedExt == 0 || --mp->lockedExt != 0) return;
  mp->curg.load(relaxed)->lockedm.set(nullptr);  // relaxed: own M
  mp->lockedg.set(nullptr);
  mp->tainted.set(false);
}

// Waits until another M finds mp's locked g. Post: mp has a P. Null: the runtime stops.
g *stoplockedm(m *mp) noexcept {
  if (mp->p.get() != nullptr) handoffp(*mp->sched, releasep(mp));
  return waitlockedm(mp) ? mp->lockedg.get() : nullptr;
}

// mp has found gp, which runs only on its own M: that M gets mp's P, and mp sleeps. While the runtime stops nothing
// happens.
void startlockedm(m *mp, g *gp) noexcept {
  m *lm = gp->lockedm.get();
  HEDDLE_INV("I39", lm != mp);
  std::uintptr_t before = lm->lockedwait.load(relaxed);  // relaxed: validated by the CAS
  if (before == lockedwait_stopped) return;
  struct p *pp = releasep(mp);
  // acq_rel: pairs with waitlockedm: the P; and lm's note is clear. [LOCKED-1]
  // relaxed on failure: looks again.
  // Survives as release (other architecture): as in waitlockedm.
  while (!lm->lockedwait.compare_exchange_weak(before, reinterpret_cast<std::uintptr_t>(pp), acq_rel, relaxed))
    if (before == lockedwait_stopped) return acquirep(mp, pp);
  if (before == lockedwait_waiting) wakem(*mp->sched, lm);
  stopm(mp);
}

// The runtime stops: ends the wait of mp, which may be any M, if mp waits for its locked g. Caller: any thread.
void stop_lockedm(m *mp) noexcept {
  std::uintptr_t waiting = lockedwait_waiting;
  // acquire: pairs with waitlockedm: mp's note is clear. [LOCKED-1]
  // relaxed on failure: mp does not wait, or is being woken.
  // Survives as relaxed (other architecture): as in waitlockedm.
  if (mp->lockedwait.compare_exchange_strong(waiting, lockedwait_stopped, acquire, relaxed)) wakem(*mp->sched, mp);
}

// The runtime must not end m0's thread: when the goroutine locked to it has ended, it waits here until the runtime
// stops.
void wedge(m *mp) noexcept {
  abandon_p(mp);
  waitlockedm(mp);  // no g is locked to it, so no P comes
}

HEDDLE_DETAIL_END
