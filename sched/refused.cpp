// What the system refuses now and may give later: a thread for a P that has work, the guard of a stack for a goroutine
// that is to begin. Ours; Go ends the process ("failed to create new OS thread").
//
// What was to have it is put where every party finds it: the P on pidle, with a promise (case 5 in sched/wake.cpp), the
// goroutine on stackless. The Ms that would keep the promise when they go to sleep may all be in calls that wait for
// just that work. So sysmon asks again, after a pause that doubles from retry_delay_min to retry_delay_max as long as
// the system goes on refusing:
//   the party that was refused             sysmon
//   R1 put the P, promise; or put the g    Q1 retry := 0
//   R2 retry := 1                          Q2 stackless to the global queue; keep the promise, as an M does that goes
//   R3 full fence                             to sleep (after_idling)
//   R4 wake sysmon if it sleeps
// R2 is a release and Q1 an acquire: Q2 finds what R1 has put. Both are RMWs: Q1 overwrites no 1 that it has not read,
// and what it has read comes from all parties that were refused before. If Q2 is refused in its turn, it is a party like
// any other, and retry is 1 again. sysmon sees R2 before it sleeps, or R4 sees that it sleeps (SYSMON-2). (REFUSE-1)
//
// While retry is 1, or while sysmon asks, no deadlock is reported: something can still run. sysmon is counted in
// nmrunning while it asks, and clears retry after that: a thread that comes late to checkdead, and reads that nothing is
// refused, sees that count. (DEAD-2)
#include "sched/refused.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "sched/deadlock.hpp"
#include "sched/stopworld.hpp"
#include "sched/sysmon.hpp"
#include "sched/wake.hpp"

HEDDLE_DETAIL_BEGIN

void count_refusal(schedt &sched, const char *what, std::int32_t error) noexcept {
  // relaxed: a number; of all threads one finds it 0.
  // Survives as split (statistic): it is for reports.
  if (sched.refusals.fetch_add(1, relaxed) != 0 || !sched.options.log) return;
  char text[200];
  std::snprintf(text, sizeof text, "heddle: the system gives no %s (%s); goroutines wait, and it is asked again\n",
                what, std::strerror(error));
  print_error(text);
}

void ask_again(schedt &sched) noexcept {
  if (!sched.options.sysmon) return;  // then the next M that goes to sleep asks
  // release: pairs with retry_refused: the P and the promise, or the g. An RMW, so that one exchange there acquires the
  // work of every party that was refused. [REFUSE-1]
  sched.retry.exchange(1, release);
  // retry against sysmonwait; partner: sysmon_sleep. [SYSMON-2]
  fence(seq_cst);
  if (sched.sysmonwait.load(relaxed) != sysmon_awake) wake_sysmon(sched);  // relaxed: ordered by the fence
}

std::int64_t retry_time(const schedt &sched) noexcept {
  if (sched.retry.load(relaxed) == 0) return timers::never;  // relaxed: ordered by sysmon_sleep's fence, or a hint
  return sched.retrywhen;
}

bool retry_refused(schedt &sched, std::int64_t now) noexcept {
  if (sched.retry.load(relaxed) == 0) {  // relaxed: sysmon looks again before it sleeps
    sched.retrydelay = 0;                // what was asked for last has been given
    sched.retrywhen = 0;
    return false;
  }
  if (sched.retrywhen == 0) {
    sched.retrydelay = std::clamp(2 * sched.retrydelay, geometry::retry_delay_min, geometry::retry_delay_max);
    sched.retrywhen = now + sched.retrydelay;
  }
  if (now < sched.retrywhen) return false;
  sched.retrywhen = 0;
  sched.nmrunning.fetch_add(1, relaxed);  // relaxed: as in retake_one [DEAD-1]
  // acq_rel: pairs with ask_again; and with checkdead, which reads nmrunning again. [REFUSE-1, DEAD-2]
  sched.retry.exchange(0, acq_rel);
  gqueue<g> again = sched.stackless.drain();
  const bool any = !again.empty();
  if (any) sched.runq.globrunqputbatch(again);
  after_idling(sched);
  if (any && !stopping(sched)) wakep(sched);
  leave_running(sched);
  return true;
}

HEDDLE_DETAIL_END
