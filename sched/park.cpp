// Parking and readying. Source: gopark, park_m, goready, Gosched, goyield of Go's proc.go.
#include <algorithm>

#include "sched/deadlock.hpp"
#include "sched/fatal.hpp"
#include "sched/hog.hpp"
#include "sched/newproc.hpp"
#include "sched/park.hpp"
#include "sched/schedule.hpp"
#include "sched/status.hpp"
#include "sched/switch/switch.hpp"
#include "sched/syscall.hpp"
#include "sched/wake.hpp"
#include "sched/yield.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

// Returns when mp's P was wired to its M, or when sysmon last looked, whichever is later: a clock that costs two loads.
std::int64_t nearly_now(const m *mp) noexcept {
  const auto seen = static_cast<std::int64_t>(mp->sched->clock.get());
  const struct p *pp = mp->p.get();
  return pp != nullptr ? std::max(seen, pp->since.get()) : seen;
}

// A hog parks without a P: it may hold the lock that unlockf is to free, and must not wait for a P with it.
g *park_m(m *mp, g *gp) noexcept {
  struct p *pp = mp->p.get();
  if (pp != nullptr) pp->parks.add();
  gp->waitsince.set(nearly_now(mp));
  dropg(mp, gp);
  casgstatus<gstatus::running, gstatus::waiting>(gp);
  auto *unlockf = mp->waitunlockf;
  void *lock = mp->waitlock;
  mp->waitunlockf = nullptr;
  mp->waitlock = nullptr;
  // From here on a waker may have gp running elsewhere, unless unlockf says that gp is not visible to wakers.
  if (unlockf == nullptr || unlockf(gp, lock)) return nullptr;
  casgstatus<gstatus::waiting, gstatus::runnable>(gp);
  if (pp != nullptr) return gp;
  mp->sched->runq.globrunqput(gp);
  wakep(*mp->sched);
  return nullptr;
}

// Waits until the waker no longer touches this extra M.
void await_release(m *mp) noexcept {
  // acquire: pairs with ready_thread. [THREAD-1]
  // Survives as relaxed (equivalent): the note has ordered all but the kernel's look at its address.
  for (backoff turn; mp->released.load(acquire) == 0;) turn.wait();
  mp->released.store(0, relaxed);  // relaxed: only this thread uses it now
}

// Parks a g inside blocking(f), or that of an extra M. It keeps its thread: the thread sleeps with it. The status stays
// what it is and tells the waker what to do. For checkdead the M is asleep like any other, so it must have no P then,
// which could hold work for which no M is counted. An extra M belongs to no runtime and lives in the frame of its
// thread: the thread must not leave that frame while the waker may still touch the M.
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
  // relaxed: gp has parked, so its status stays what it is, except for the scan bit.
  const gstatus status = gp->atomicstatus.load(relaxed);
  HEDDLE_INV("I25", status == gstatus::syscall || status == gstatus::scansyscall);
  m *mp = gp->m.get();
  if (!mp->extra) {
    const foreign_call here(*mp->sched);  // its g may go on, main end, and the M be freed before the wake is over
    return wakem(*mp->sched, mp);
  }
  mp->park.notewakeup();
  // release: pairs with park_thread: the last touch. [THREAD-1]
  // Survives as relaxed (equivalent): as there.
  mp->released.store(1, release);
}

// --- with a limit of time ---
//
// The wakers and the timer race for gp's selectdone, and the party that sets it readies gp (TIMED-1). So the timer
// needs no lock of the waiting goroutine's, and knows no queue. The frame that waits owns the timer: it stops the
// timer, or waits until the timer's function no longer touches it.

// Wins the race for gp because its time is over. False: a waker was faster.
bool claim(g *gp) noexcept {
  // relaxed: what the winner writes is handed over by goready, or is the goroutine's own.
  if (gp->selectdone.exchange(1, relaxed) != 0) return false;
  gp->param.set(nullptr);  // no waker's sudog
  return true;
}

// Lives in the frame that waits.
struct time_limit : runtime_timer {
  plain<g *> gp;
  plain<bool (*)(g *, void *)> unlockf;
  plain<void *> lock;
  atomic<std::uint32_t> called;  // 1: f was too late, and no longer touches this
};

void time_over(runtime_timer *t, bool due) {
  auto *limit = static_cast<time_limit *>(t);
  if (!due) return;  // the goroutine is abandoned
  g *gp = limit->gp.get();
  if (claim(gp)) return goready(gp, false);
  // release: pairs with gopark_until: the last touch. [TIMED-1]
  limit->called.store(1, release);
}

// Arms the timer when gp already waits: it may be called before this function returns. Then gp comes no further than to
// the lock.
bool arm_and_unlock(g *gp, void *arg) noexcept {
  auto *limit = static_cast<time_limit *>(arg);
  bool (*const unlockf)(g *, void *) = limit->unlockf.get();
  void *const lock = limit->lock.get();
  resettimer(*gp->home, limit, limit->when.get());
  return unlockf(gp, lock);
}

// For a thread that keeps its g: its own sleep ends in time, so it needs no timer, nor a runtime. For checkdead it is
// awake all the while: it will go on without help.
bool park_thread_until(m *mp, g *gp, bool (*unlockf)(g *, void *), void *lock, std::int64_t when) noexcept {
  unlockf(gp, lock);
  if (!mp->extra) hand_own_p_on(mp);
  bool told = false;
  for (std::int64_t left = when - nanotime(); left > 0 && !told; left = when - nanotime())
    told = mp->park.notetsleep(left);
  if (!told) {
    if (claim(gp)) return false;
    mp->park.notesleep();  // the waker is about to signal the note
  }
  mp->park.noteclear();
  if (mp->extra)
    await_release(mp);
  else
    leave_running(*mp->sched);  // the waker has counted this M once more
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
  limit.f.set(time_over);
  limit.when.set(when);
  limit.gp.set(gp);
  limit.unlockf.set(unlockf);
  limit.lock.set(lock);
  gopark(arm_and_unlock, &limit, reason, mp);
  const bool found = gp->param.get() != nullptr;
  if (found && !stoptimer(&limit))
    for (backoff turn; limit.called.load(acquire) == 0;) turn.wait();  // acquire: pairs with time_over. [TIMED-1]
  limit.gp.set(nullptr);                                               // no function reads it any more
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
  m *mp = getm();
  if (mp == nullptr || mp->locks != 0) not_in_user_code();
  if (gp->atomicstatus.load(relaxed) != gstatus::waiting) return ready_thread(gp);  // relaxed: gp has parked
  schedt &sched = *gp->home;
  const in_scheduler here(mp);
  if (struct p *pp = own_p(sched, mp)) {
    casgstatus<gstatus::waiting, gstatus::runnable>(gp);
    put_local(sched, pp, gp, next);
    return wakep(sched);
  }
  const foreign_call counted(sched);  // before the status: the end of the runtime waits for one, then for the other
  casgstatus<gstatus::waiting, gstatus::runnable>(gp);
  sched.inbox.push(gp);
  if (counted.open()) wakep(sched);
}

HEDDLE_DETAIL_END
