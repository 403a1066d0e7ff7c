// Parking and readying. Source: gopark, park_m, goready, Gosched, goyield of Go's proc.go.
#include "sched/proc.hpp"
#include "sched/status.hpp"
#include "sched/switch.hpp"

HEDDLE_BEGIN

namespace {

void put_local(schedt &sched, struct p *pp, g *gp, bool next) noexcept {
  pp->runq.runqput(gp, next, [&sched](gqueue<g> &batch) { sched.runq.globrunqputbatch(batch); });
}

g *park_m(m *mp, g *gp) noexcept {
  mp->p.get()->parks.add();
  dropg(mp, gp);
  casgstatus<gstatus::running, gstatus::waiting>(gp);
  auto *unlockf = mp->waitunlockf;
  void *lock = mp->waitlock;
  mp->waitunlockf = nullptr;
  mp->waitlock = nullptr;
  // From here on a waker may have gp running elsewhere, unless unlockf says that it has not let go of it.
  if (unlockf == nullptr || unlockf(gp, lock)) return nullptr;
  casgstatus<gstatus::waiting, gstatus::runnable>(gp);
  return gp;
}

g *goyield_m(m *mp, g *gp) noexcept {
  dropg(mp, gp);
  casgstatus<gstatus::running, gstatus::runnable>(gp);
  // No wakep: the ring has one more g and this M is about to take one, so nothing is left that was not there before.
  put_local(*mp->sched, mp->p.get(), gp, false);
  return nullptr;
}

g *gosched_m(m *mp, g *gp) noexcept {
  dropg(mp, gp);
  casgstatus<gstatus::running, gstatus::runnable>(gp);
  mp->sched->runq.globrunqput(gp);
  wakep(*mp->sched);  // a spinner may have looked at the global queue just before (B2)
  return nullptr;
}

// A g inside blocking(f), or that of an extra M, keeps its thread: the thread sleeps with it. The status stays what it is and
// tells the waker what to do. For checkdead the M is asleep like any other, so it has no P then, with work for which nobody
// is counted. An extra M belongs to no runtime and lives in the frame of its thread: that must not return before the waker
// has let go.
void park_thread(m *mp, g *gp, bool (*unlockf)(g *, void *), void *lock) noexcept {
  if (unlockf != nullptr && !unlockf(gp, lock)) return;
  if (!mp->extra) {
    hand_own_p_on(mp);
    return sleepm(mp);
  }
  mp->park.notesleep();
  mp->park.noteclear();
  // acquire: pairs with ready_thread. [THREAD-1]
  // Survives as relaxed (equivalent): the note has ordered all but the kernel's look at its address.
  while (mp->released.load(acquire) == 0) thread_yield();
  mp->released.store(0, relaxed);  // relaxed: ours again
}

void ready_thread(g *gp) noexcept {
  // relaxed: gp has parked, so it stays what it is but for the scan bit.
  const gstatus status = gp->atomicstatus.load(relaxed);
  HEDDLE_INV("I25", status == gstatus::syscall || status == gstatus::scansyscall);
  m *mp = gp->m.get();
  if (!mp->extra) {
    const foreign_call here(*mp->sched);  // its g goes on, main may end, and the M be freed, before the wake is over
    return wakem(*mp->sched, mp);
  }
  mp->park.notewakeup();
  // release: pairs with park_thread: the last touch. [THREAD-1]
  // Survives as relaxed (equivalent): as there.
  mp->released.store(1, release);
}

}  // namespace

void gopark(bool (*unlockf)(g *, void *), void *lock, waitreason reason, m *mp) noexcept {
  g *gp = mp->curg.load(relaxed);  // relaxed: own M
  gp->waitreason.set(reason);
  if (mp->incall != 0) return park_thread(mp, gp, unlockf, lock);
  mp->waitunlockf = unlockf;
  mp->waitlock = lock;
  mcall(mp, park_m);
}

bool parkunlock(g *, void *lock) noexcept {
  static_cast<spinlock *>(lock)->unlock();
  return true;
}

void goready(g *gp, bool next) noexcept {
  if (gp->atomicstatus.load(relaxed) != gstatus::waiting) return ready_thread(gp);  // relaxed: gp has parked
  schedt &sched = *gp->home;
  casgstatus<gstatus::waiting, gstatus::runnable>(gp);
  if (struct p *pp = own_p(sched, getm())) {
    put_local(sched, pp, gp, next);
    return wakep(sched);
  }
  const foreign_call here(sched);
  sched.inbox.push(gp);
  if (here.open()) wakep(sched);
}

void goyield(m *mp) noexcept {
  if (mp->incall != 0) return thread_yield();
  mcall(mp, goyield_m);
}

void gosched(m *mp) noexcept {
  if (mp == nullptr) detail::no_goroutine("heddle::gosched");
  if (mp->incall != 0) return thread_yield();
  mcall(mp, gosched_m);
}

// Source: acquirem, releasem of Go's runtime1.go; there with the M's locks counter as well.
void acquirem(m *mp) noexcept { ++mp->locks; }

void releasem(m *mp) noexcept {
  --mp->locks;
  safepoint(mp);  // what was asked for meanwhile is still asked for (I60, B39)
}

HEDDLE_END
