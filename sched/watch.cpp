// The watch: which thread wakes when the first timer is due. Source: timeSleepUntil of Go's time.go, and the limit of
// findRunnable's sleep in the network poller (proc.go).
//
// Which thread sees to it that a timer is not late (TIME-1):
//   all Ps run                       each P's M, at its next turn of the schedule loop; any of them, at its next
//                                    fairness tick, for the Ps that a resize has taken away
//   an M spins                       that M: it looks at the timers of all Ps
//   a P is idle and no M spins       the M that has the watch: the one that went to sleep last. It sleeps only until
//                                    the first timer is due, and midleuntil says when that is
//   no M has the watch, or an        sysmon
//   earlier timer was armed since
// The watch passes from one thread to another without a lock. Each party changes a word (T1), passes a full fence (T2),
// and looks at what the others change (T3):
//   Party                              T1                       T2           T3
//   a thread that arms a timer         wake_time                full fence   watch_timers
//   an M that puts a P on pidle        pidle, then its count    full fence   watch_timers
//   an M whose watch is over           midleuntil := never      full fence   watch_timers
//   sysmon, before it sleeps           sysmonuntil              full fence   sysmon_until
// watch_timers wakes sysmon if a P is idle, no M spins, and the first timer is due before midleuntil and before
// sysmonuntil. sysmon_until returns the time of the first timer if that is before midleuntil: sysmon sleeps no longer.
// Of any two parties one sees the other. No thread looks after a P for which there is no M (put_back): the next M that
// goes to sleep takes the watch. Taking the watch needs no fence: no party relies on there being no watch. When the
// first timer is due, it is as if a submitter had just published work: the M that has slept until then calls wakep, and
// timer_due is one of the sources at which the last look of the dance looks (has_work, sched/wake.cpp). The M stays on
// midle meanwhile, and may be the one that wakep finds there.
#include "sched/watch.hpp"

#include <algorithm>

#include "sched/sysmon.hpp"
#include "sched/wake.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

// True: there is an idle P, and no M spins, so that no running M looks after that P and its timers.
bool unwatched(const schedt &sched) noexcept {
  return !sched.pidle.empty() && sched.nmspinning.load(relaxed) == 0;  // relaxed: ordered by the callers' fences
}

// The time of the first timer, if no M on midle wakes for it; else never.
std::int64_t next_unattended(const schedt &sched) noexcept {
  const std::int64_t first = next_timer(sched);
  return first < sched.midleuntil.load(relaxed) ? first : timers::never;  // relaxed: ordered by the callers' fences
}

// Ends the calling M's watch. midleuntil may have become another M's, which has taken the watch over: that M wakes all
// the same, and if a thread is needed earlier, the caller's watch_timers sees to it.
void end_watch(schedt &sched) noexcept {
  sched.midleuntil.store(timers::never, relaxed);  // relaxed: ordered by the fence
  // midleuntil against sysmonuntil, wake_time and pidle; partners: sysmon_sleep, resettimer, stopm. [TIME-1]
  fence(seq_cst);
}

}  // namespace

void watch_timers(schedt &sched) noexcept {
  const std::int64_t until = sched.sysmonuntil.load(relaxed);  // relaxed: ordered by the callers' fences
  if (until != 0 && unwatched(sched) && next_unattended(sched) < until) wake_sysmon(sched);
}

std::int64_t sysmon_until(const schedt &sched, std::int64_t latest) noexcept {
  return unwatched(sched) ? std::min(latest, next_unattended(sched)) : latest;
}

bool wake_for_timers(schedt &sched, std::int64_t now) noexcept {
  bool due = false;
  each_p(sched, [&due, now](struct p &pp) { due |= pp.timers.wake_time() <= now && pp.timers.due(now); });
  if (due) wakep(sched);
  return due;
}

std::int64_t take_watch(schedt &sched) noexcept {
  if (!unwatched(sched)) return timers::never;
  const std::int64_t first = next_unattended(sched);
  // relaxed: a promise that is kept; a party that reads it too late does more than it must.
  if (first != timers::never) sched.midleuntil.store(first, relaxed);
  return first;
}

bool sleep_on_watch(m *mp, std::int64_t until) noexcept {
  schedt &sched = *mp->sched;
  bool woken = false;
  while (!woken && until != timers::never) {
    woken = mp->park.notetsleep(until - nanotime());
    end_watch(sched);
    until = timers::never;
    if (!woken && !stopping(sched)) {
      wake_for_timers(sched, nanotime());
      until = take_watch(sched);
    }
    watch_timers(sched);
  }
  return woken;
}

HEDDLE_DETAIL_END
