// Parking and readying. Source: gopark, park_m, goready, Gosched, goyield of Go's proc.go.
#include "sched/proc.hpp"
#include "sched/status.hpp"
#include "sched/switch.hpp"

HEDDLE_BEGIN

namespace {

void dropg(m *mp, g *gp) noexcept {
  gp->m.set(nullptr);
  mp->curg = nullptr;
}

void put_local(m *mp, g *gp, bool next) noexcept {
  mp->p->runq.runqput(gp, next, [mp](gqueue<g> &batch) { mp->sched->runq.globrunqputbatch(batch); });
}

g *park_m(m *mp, g *gp) noexcept {
  mp->p->parks.add();
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
  put_local(mp, gp, false);
  return nullptr;
}

g *gosched_m(m *mp, g *gp) noexcept {
  dropg(mp, gp);
  casgstatus<gstatus::running, gstatus::runnable>(gp);
  mp->sched->runq.globrunqput(gp);
  wakep(*mp->sched);  // a spinner may have looked at the global queue just before (B2)
  return nullptr;
}

}  // namespace

void gopark(bool (*unlockf)(g *, void *), void *lock, waitreason reason) noexcept {
  m *mp = getm();
  mp->curg->waitreason.set(reason);
  mp->waitunlockf = unlockf;
  mp->waitlock = lock;
  mcall(mp, park_m);
}

bool parkunlock(g *, void *lock) noexcept {
  static_cast<spinlock *>(lock)->unlock();
  return true;
}

void goready(g *gp, bool next) noexcept {
  schedt &sched = *gp->home;
  m *mp = getm();
  casgstatus<gstatus::waiting, gstatus::runnable>(gp);
  if (mp != nullptr && mp->sched == &sched) {
    put_local(mp, gp, next);
    return wakep(sched);
  }
  const foreign_call here(sched);
  sched.inbox.push(gp);
  if (here.open()) wakep(sched);
}

void goyield(m *mp) noexcept { mcall(mp, goyield_m); }

void gosched(m *mp) noexcept { mcall(mp, gosched_m); }

HEDDLE_END
