// Boot in Go's order (args, osinit, hashinit, schedinit), and the way back. Source: schedinit of Go's proc.go.
#include <new>

#include "sched/boot.hpp"
#include "sched/m.hpp"
#include "sched/newproc.hpp"
#include "sched/procresize.hpp"
#include "sched/status.hpp"
#include "sched/wake.hpp"

HEDDLE_DETAIL_BEGIN

bool schedinit(schedt &sched) noexcept {
  osinit();
  sched.seed = random_seed();
  sched.starttime = nanotime();
  if (!allp_reserve(sched, sched.options.procs)) return false;
  procresize(sched, sched.options.procs);
  // From high to low, so that low ids are taken first.
  for (std::int32_t i = sched.options.procs - 1; i >= 0; --i) {
    setpstatus<pstatus::gcstop, pstatus::idle>(sched.allp[i].get());
    sched.pidle.put(sched.allp[i].get());
  }
  return true;
}

m *attach_m0(schedt &sched) noexcept {
  m *mp = allocm(sched, true);
  if (mp == nullptr) return nullptr;
  sched.mcount.fetch_add(1, relaxed);     // relaxed: as in newm
  sched.nmrunning.fetch_add(1, relaxed);  // relaxed: as in newm [DEAD-1]
  sched.m0 = mp;
  set_current_m(mp, &mp->asked);
  fiber_attach_thread(mp->g0.fiber);
  if (struct p *pp = pidleget(sched)) acquirep(mp, pp);
  return mp;
}

std::uint64_t schedfree(schedt &sched) noexcept {
  const std::uint64_t abandoned = gcount(sched);
  for (m *mp = sched.allm.get(); mp != nullptr;) {
    m *next = mp->alllink.get();
    delete mp;
    mp = next;
  }
  each_p(sched, [](struct p &pp) { pp.timers.end(); });  // while what the timers belong to is still there
  // relaxed: no other thread is left
  for (g *gp = sched.allgs.load(relaxed); gp != nullptr;) {
    g *next = gp->alllink.load(relaxed);  // relaxed: as above
    if (readgstatus(gp) != gstatus::dead && gp->sched.sp != nullptr) fiber_destroy(gp->fiber, gp->stack.get());
    if (gp->stack.get()) sched.stacks.stackfree(gp->stack.get());
    gp->~g();
    gp = next;
  }
  for (std::int32_t i = 0; i < sched.allplen.load(relaxed); ++i) delete sched.allp[i].get();  // relaxed: as above
  sched.allplen.store(0, relaxed);                                                            // relaxed: as above
  sched.allm.set(nullptr);
  sched.allgs.store(nullptr, relaxed);  // relaxed: as above
  sched.gomaxprocs.store(0, relaxed);   // relaxed: as above
  return abandoned;
}

HEDDLE_DETAIL_END
