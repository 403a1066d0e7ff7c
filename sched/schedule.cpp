// The loop of an M. Source: schedule, execute of Go's proc.go; here it is a loop on g0, where Go chains calls that
// never return.
#include "sched/schedule.hpp"
#include "sched/hog.hpp"
#include "sched/locked.hpp"
#include "sched/newproc.hpp"
#include "sched/status.hpp"
#include "sched/switch/switch.hpp"
#include "sched/wake.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

void execute(m *mp, g *gp, bool inherit) noexcept {
  // release: pairs with block_exitsyscall: gp as it was made. [SYSCALL-2]
  // Survives as relaxed (other architecture): its status has been stored more often by now than the checker looks back.
  mp->curg.store(gp, release);
  gp->m.set(mp);
  casgstatus<gstatus::runnable, gstatus::running>(gp);
  struct p *pp = mp->p.get();
  (inherit ? pp->inherits : pp->schedtick).add();
  gogo(mp, gp);
}

// Clears the request to give way: it has reached the place that it was meant for. A stop of the runtime asks each
// goroutine, also one that gets pp when mp has left it.
void take_preempt(const schedt &sched, struct p *pp) noexcept {
  if (pp->preempt.load(relaxed) == 0) return;  // relaxed: seen at the next safepoint, if not now
  pp->preempt.exchange(0, acquire);  // acquire: pairs with preemptone: attention, if it came with one. [ATTN-2]
  if (stopping(sched)) pp->preempt.store(1, relaxed);  // relaxed: the P is handed over with it
}

// Returns the g that mp is locked to, when it may run. Null: that g has ended, or the runtime stops.
g *next_locked(m *mp) noexcept {
  if (!mp->exiting.get()) return stoplockedm(mp);
  mp->lockedg.set(nullptr);
  return nullptr;
}

// Returns the next g that mp may run. Null: mp leaves the loop.
g *next_g(m *mp, bool &inherit) noexcept {
  if (mp->p.get() == nullptr && is_hog(mp)) end_hog(mp);  // it has parked
  if (mp->lockedg.get() != nullptr) return next_locked(mp);
  if (mp->p.get() == nullptr) stopm(mp);  // mp's g came back from a call and found no P, or was a hog
  for (;;) {
    struct p *pp = mp->p.get();
    if (pp == nullptr) return nullptr;  // stopm has the reasons
    take_preempt(*mp->sched, pp);
    g *gp = find_runnable(mp, inherit);
    if (gp == nullptr) return nullptr;
    if (mp->spinning.get()) resetspinning(mp);
    if (gp->lockedm.get() == nullptr) return gp;
    startlockedm(mp, gp);
  }
}

}  // namespace

void schedule(m *mp) noexcept {
  g *gp = nullptr;
  for (;;) {
    bool inherit = true;
    if (gp == nullptr) {
      inherit = false;
      gp = next_g(mp, inherit);
      if (gp == nullptr) return;
    }
    if (gp->sched.sp == nullptr && !firstrun(mp, gp)) {
      gp = nullptr;
      continue;
    }
    execute(mp, gp, inherit);
    gp = mp->mcallfn(mp, gp);
  }
}

HEDDLE_DETAIL_END
