// How many Ps there are. Source: procresize, p.init, p.destroy of Go's proc.go.
#include <new>
#include <numeric>

#include "sched/m.hpp"
#include "sched/procresize.hpp"
#include "sched/status.hpp"
#include "sched/stopworld.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

// Increments co-prime to n: with any start, each visits all of 0..n-1. Source: randomOrder.reset.
void steal_order_reset(schedt &sched, std::int32_t n) noexcept {
  std::uint32_t count = 0;
  for (std::int32_t i = 1; i <= n; ++i)
    if (std::gcd(i, n) == 1) sched.coprimes[count++].set(static_cast<std::uint32_t>(i));
  sched.ncoprimes.set(count);
}

// Ends a P. Its goroutines go before all others of the global queue, in their order: they have waited longest (B34).
void destroy(schedt &sched, struct p *pp) noexcept {
  gqueue<g> rest = pp->runq.runqdrain();
  sched.runq.globrunqputheadbatch(rest);
  pp->gFree.gfpurge(sched.gFree);
  setpstatus<pstatus::gcstop, pstatus::dead>(pp);
}

}  // namespace

// Makes room for n Ps. False: there is no memory, and nothing has changed. Caller: a thread that boots or has the world
// stopped.
bool allp_reserve(schedt &sched, std::int32_t n) noexcept {
  for (std::int32_t i = sched.allplen.load(relaxed); i < n; ++i) {  // relaxed: worldsema
    auto *pp = new (std::nothrow) struct p();
    if (pp == nullptr) return false;
    pp->id = i;
    pp->status.store(pstatus::dead, relaxed);  // relaxed: no other thread knows of it
    sched.allp[i].set(pp);
    sched.allplen.store(i + 1, release);  // release: pairs with each_p. [PROCS-1]
  }
  return true;
}

// Makes the number of Ps n. All are in state gcstop but the caller's own, which is among the first n afterwards. Ps
// that are gone keep their memory: thieves and sysmon may still name them. Pre: n <= allplen. Caller: a thread that
// boots or has the world stopped.
void procresize(schedt &sched, std::int32_t n) noexcept {
  const std::int32_t old = sched.gomaxprocs.load(relaxed);  // relaxed: the world is stopped
  for (std::int32_t i = old; i < n; ++i) setpstatus<pstatus::dead, pstatus::gcstop>(sched.allp[i].get());
  m *mp = getm();
  struct p *own = own_p(sched, mp);
  if (own != nullptr && own->id >= n) {
    own->m.store(nullptr, relaxed);  // relaxed: as in releasep
    wirep(mp, sched.allp[0].get());
  }
  // From the last P down, each before what is there already: so the lowest P's oldest goroutine is the first in the
  // end.
  for (std::int32_t i = old - 1; i >= n; --i) destroy(sched, sched.allp[i].get());
  sched.psgone.set(n < sched.allplen.load(relaxed));  // relaxed: worldsema
  steal_order_reset(sched, n);
  // release: pairs with every load of gomaxprocs before a walk through allp: the new Ps, and their places in it.
  // [PROCS-1]
  sched.gomaxprocs.store(n, release);
}

// Stops the world and makes the number of Ps n. False: there is no memory, and nothing has changed. Caller: a
// goroutine, or a thread from outside as an extra M. Blocks: as stop_the_world.
bool set_procs(schedt &sched, std::int32_t n) noexcept {
  stop_the_world(sched);
  const bool ok = allp_reserve(sched, n);
  if (ok) procresize(sched, n);
  start_the_world(sched);
  return ok;
}

HEDDLE_DETAIL_END
