// Boot in Go's order - args, osinit, hashinit, schedinit - and the way back. Source: schedinit of Go's proc.go.
#include <new>
#include <numeric>

#include "sched/proc.hpp"
#include "sched/status.hpp"

HEDDLE_BEGIN

namespace {

// Increments co-prime to n: with any start, each visits all of 0..n-1 (source: randomOrder.reset).
bool steal_order_reset(schedt &sched) noexcept {
  const auto n = static_cast<std::uint32_t>(sched.gomaxprocs);
  sched.coprimes = new (std::nothrow) std::uint32_t[n];
  if (sched.coprimes == nullptr) return false;
  for (std::uint32_t i = 1; i <= n; ++i)
    if (std::gcd(i, n) == 1) sched.coprimes[sched.ncoprimes++] = i;
  return true;
}

}  // namespace

bool schedinit(schedt &sched) noexcept {
  sched.os = osinit();
  sched.seed = random_seed();
  sched.gomaxprocs = sched.options.procs;
  sched.allp = new (std::nothrow) struct p[static_cast<std::size_t>(sched.gomaxprocs)];
  if (sched.allp == nullptr || !steal_order_reset(sched)) return false;
  // From high to low, so that low ids come out first.
  for (std::int32_t i = sched.gomaxprocs - 1; i >= 0; --i) {
    sched.allp[i].id = i;
    sched.pidle.put(&sched.allp[i]);
  }
  return true;
}

m *attach_m0(schedt &sched) noexcept {
  m *mp = allocm(sched);
  if (mp == nullptr) return nullptr;
  allmadd(sched, mp);
  sched.mcount.fetch_add(1, relaxed);  // relaxed: as in newm
  sched.m0 = mp;
  set_current_m(mp);
  fiber_attach_thread(mp->g0.fiber);
  if (struct p *pp = sched.pidle.get()) acquirep(mp, pp);
  return mp;
}

std::uint64_t schedfree(schedt &sched) noexcept {
  const std::uint64_t abandoned = gcount(sched);
  for (m *mp = sched.allm.get(); mp != nullptr;) {
    m *next = mp->alllink;
    delete mp;
    mp = next;
  }
  for (g *gp = sched.allgs.get(); gp != nullptr;) {
    g *next = gp->alllink;
    if (readgstatus(gp) != gstatus::dead) fiber_destroy(gp->fiber, gp->stack);
    if (gp->stack) sched.stacks.stackfree(gp->stack);
    delete gp;
    gp = next;
  }
  sched.allm.set(nullptr);
  sched.allgs.set(nullptr);
  delete[] sched.allp;
  delete[] sched.coprimes;
  sched.allp = nullptr;
  sched.coprimes = nullptr;
  return abandoned;
}

HEDDLE_END
