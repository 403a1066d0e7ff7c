// The loop of an M. Source: schedule, execute of Go's proc.go; a loop on g0 here, where Go chains calls that never
// return.
#include "sched/proc.hpp"
#include "sched/status.hpp"
#include "sched/switch.hpp"

HEDDLE_BEGIN

namespace {

void execute(m *mp, g *gp, bool inherit) noexcept {
  mp->curg = gp;
  gp->m.set(mp);
  casgstatus<gstatus::runnable, gstatus::running>(gp);
  mp->p->executes.add();
  if (!inherit) mp->p->schedtick.add();
  gogo(mp, gp);
}

}  // namespace

void schedule(m *mp) noexcept {
  g *gp = nullptr;
  for (;;) {
    bool inherit = true;
    if (gp == nullptr) {
      gp = find_runnable(mp, inherit);
      if (gp == nullptr) return;
      if (mp->spinning) resetspinning(mp);
    }
    execute(mp, gp, inherit);
    gp = mp->mcallfn(mp, mp->curg);
  }
}

HEDDLE_END
