// How a goroutine gives way. Source: Gosched, goyield of Go's proc.go; acquirem, releasem of Go's runtime1.go.
#include "sched/yield.hpp"

#include <limits>

#include "sched/fatal.hpp"
#include "sched/newproc.hpp"
#include "sched/schedule.hpp"
#include "sched/status.hpp"
#include "sched/switch/switch.hpp"
#include "sched/wake.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

g *gosched_m(m *mp, g *gp) noexcept {
  dropg(mp, gp);
  casgstatus<gstatus::running, gstatus::runnable>(gp);
  mp->sched->runq.globrunqput(gp);
  wakep(*mp->sched);  // a spinning M may have looked at the global queue just before (B2)
  return nullptr;
}

g *goyield_m(m *mp, g *gp) noexcept {
  struct p *pp = mp->p.get();
  if (pp == nullptr) return gosched_m(mp, gp);  // a hog
  dropg(mp, gp);
  casgstatus<gstatus::running, gstatus::runnable>(gp);
  // No wakep: the ring has one more g and this M is about to take one, so no more is left over than before.
  put_local(*mp->sched, pp, gp, false);
  return nullptr;
}

}  // namespace

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

// Source: acquirem, releasem of Go's runtime1.go; Go uses the M's locks counter as well.
void acquirem(m *mp) noexcept {
  if (mp->locks == std::numeric_limits<std::int32_t>::max()) misuse("no_preempt: too many at a time");
  ++mp->locks;
}

void releasem(m *mp) noexcept {
  --mp->locks;
  safepoint(mp);  // a request made meanwhile still stands (I60)
}

HEDDLE_DETAIL_END
