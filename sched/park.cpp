// Parking and readying. Source: gopark, park_m, goready, Gosched, goyield of Go's proc.go.
#include <algorithm>

#include "sched/deadlock.hpp"
#include "sched/fatal.hpp"
#include "sched/newproc.hpp"
#include "sched/park.hpp"
#include "sched/status.hpp"
#include "sched/switch/switch.hpp"
#include "sched/syscall.hpp"
#include "sched/wake.hpp"
#include "sched/yield.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

void put_local(schedt &sched, struct p *pp, g *gp, bool next) noexcept {
  pp->runq.runqput(gp, next, [&sched](gqueue<g> &batch) { sched.runq.globrunqputbatch(batch); });
}

// When mp's P began to run, or when sysmon last looked: a clock that costs two loads.
std::int64_t nearly_now(const m *mp) noexcept {
  const auto seen = static_cast<std::int64_t>(mp->sched->clock.get());
  return std::max(seen, mp->p.get()->since);
}

void may_wait(const m *mp) noexcept {
  if (mp->locks != 0) [[unlikely]]
    may_not_wait();
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

// Until the waker of an extra M has let go of it.
void await_release(m *mp) noexcept {
  // acquire: pairs with ready_thread. [THREAD-1]
  // Survives as relaxed (equivalent): the note has ordered all but the kernel's look at its address.
  while (mp->released.load(acquire) == 0) thread_yield();
  mp->released.store(0, relaxed);  // relaxed: ours again
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
  await_release(mp);
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

// --- with a limit of time ---
//
// The wakers and the timer race for gp's selectdone, and who sets it readies gp (TIMED-1). So the timer needs no lock of the
// waiter's, and knows no queue. The frame that waits owns the timer: it stops it, or waits until its function has let go.

// Takes gp for the end of its time. False: a waker was faster.
bool claim(g *gp) noexcept {
  // relaxed: what the winner writes is handed over by goready, or is the goroutine's own.
  if (gp->selectdone.exchange(1, relaxed) != 0) return false;
  gp->param.set(nullptr);  // no waker's sudog
  return true;
}

// In the frame of who waits.
struct time_limit : runtime_timer {
  plain<g *> gp;
  bool (*unlockf)(g *, void *);
  void *lock;
  atomic<std::uint32_t> called;  // 1: f was too late, and has let go
};

void time_over(runtime_timer *t, bool due) {
  auto *limit = static_cast<time_limit *>(t);
  if (!due) return;  // it is abandoned
  g *gp = limit->gp.get();
  if (claim(gp)) return goready(gp, false);
  // release: pairs with gopark_until: the last touch. [TIMED-1]
  limit->called.store(1, release);
}

// Armed when gp waits: it may be called before we are back. gp comes no further than to the lock then.
bool arm_and_unlock(g *gp, void *arg) noexcept {
  auto *limit = static_cast<time_limit *>(arg);
  bool (*const unlockf)(g *, void *) = limit->unlockf;
  void *const lock = limit->lock;
  resettimer(*gp->home, limit, limit->when.get());
  return unlockf(gp, lock);
}

// For a thread that keeps its g: its own sleep ends in time, so no timer is needed, nor a runtime. For checkdead it is awake
// all the while: it will go on without anybody's help.
bool park_thread_until(m *mp, g *gp, bool (*unlockf)(g *, void *), void *lock, std::int64_t when) noexcept {
  unlockf(gp, lock);
  if (!mp->extra) hand_own_p_on(mp);
  bool told = false;
  for (std::int64_t left = when - nanotime(); left > 0 && !told; left = when - nanotime())
    told = mp->park.notetsleep(left);
  if (!told) {
    if (claim(gp)) return false;
    mp->park.notesleep();  // the waker is about to tell us
  }
  mp->park.noteclear();
  if (mp->extra)
    await_release(mp);
  else
    leave_running(*mp->sched);  // the waker has counted us once more
  return true;
}

}  // namespace

bool gopark_until(bool (*unlockf)(g *, void *), void *lock, waitreason reason, m *mp, std::int64_t when) noexcept {
  g *gp = mp->curg.load(relaxed);  // relaxed: own M
  if (mp->incall != 0) {
    may_wait(mp);
    gp->waitreason.set(reason);
    gp->waitsince.set(nanotime());
    const bool told = park_thread_until(mp, gp, unlockf, lock, when);
    gp->waitingon.set(nullptr);
    return told;
  }
  time_limit limit;
  limit.f = time_over;
  limit.when.set(when);
  limit.gp.set(gp);
  limit.unlockf = unlockf;
  limit.lock = lock;
  gopark(arm_and_unlock, &limit, reason, mp);
  const bool found = gp->param.get() != nullptr;
  if (found && !stoptimer(&limit))
    while (limit.called.load(acquire) == 0) thread_yield();  // acquire: pairs with time_over. [TIMED-1]
  limit.gp.set(nullptr);                                     // nobody reads it any more
  return found;
}

void gopark(bool (*unlockf)(g *, void *), void *lock, waitreason reason, m *mp) noexcept {
  may_wait(mp);
  g *gp = mp->curg.load(relaxed);  // relaxed: own M
  gp->waitreason.set(reason);
  if (mp->incall != 0) {
    gp->waitsince.set(nanotime());
    park_thread(mp, gp, unlockf, lock);
  } else {
    gp->waitsince.set(nearly_now(mp));
    mp->waitunlockf = unlockf;
    mp->waitlock = lock;
    mcall(mp, park_m);
  }
  gp->waitingon.set(nullptr);
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
  may_wait(mp);
  if (mp->incall != 0) return thread_yield();
  mcall(mp, goyield_m);
}

void gosched(m *mp) noexcept {
  if (mp == nullptr) no_goroutine("heddle::gosched");
  may_wait(mp);
  if (mp->incall != 0) return thread_yield();
  mcall(mp, gosched_m);
}

// Source: acquirem, releasem of Go's runtime1.go; there with the M's locks counter as well.
void acquirem(m *mp) noexcept { ++mp->locks; }

void releasem(m *mp) noexcept {
  --mp->locks;
  safepoint(mp);  // what was asked for meanwhile is still asked for (I60, B39)
}

HEDDLE_DETAIL_END
