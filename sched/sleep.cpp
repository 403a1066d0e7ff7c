// How a goroutine sleeps, and how a thread does. Source: timeSleep of Go's time.go.
#include "sched/park.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

bool fall_asleep(g *gp, void *) noexcept {
  resettimer(*gp->home, &gp->timer, gp->timer.when.get());  // not before gp waits: gp may be woken before this returns
  return true;
}

void wake_sleeper(runtime_timer *t, bool due) {
  if (!due) return;
  g *gp = static_cast<sleeper *>(t)->gp.get();
  prefetch(gp->sched.sp);  // it is not in the cache and is needed soon: it comes while other goroutines are readied
  goready(gp, false);
}

}  // namespace

void timesleep(std::int64_t until) noexcept {
  m *mp = getm();
  // In these cases this code may block the thread. (gopark waits in a call as well, but for another M that sees to the
  // timer; here the thread needs no other.)
  if (mp == nullptr || mp->incall != 0) {
    not_in_user_code();
    note n;
    for (std::int64_t left = until - nanotime(); left > 0; left = until - nanotime()) n.notetsleep(left);
    return;
  }
  g *gp = mp->curg.load(relaxed);  // relaxed: own M
  gp->timer.f.set(wake_sleeper);
  gp->timer.when.set(until);
  gp->timer.gp.set(gp);
  gopark(fall_asleep, nullptr, waitreason::sleep, mp);
}

HEDDLE_DETAIL_END
