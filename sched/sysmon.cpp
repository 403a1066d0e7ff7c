// sysmon: the thread that watches the Ps. It is no M and has no P. Source: sysmon, retake, templateThread of Go's
// proc.go.
//
// It retakes the Ps of long calls, asks goroutines that have run for long to give way, makes Ms exit that have been
// idle for long, joins Ms that have ended, starts threads for Ms that may not clone their own, and asks again for what
// the system has refused (sched/refused.cpp). (In Go a template thread starts those threads. Here sysmon is the template
// thread, so none can be missing when the first goroutine locks its thread, B13.)
//
// How sysmon sleeps. sysmonwait says what it does:
//   awake    it works
//   dozing   a timed sleep; a P on newmhandoff, a refusal, stop and watch_timers end it early
//   deep     all is idle; those four, a P that leaves pidle and an M on freem end the sleep
// The party that ends the sleep moves sysmonwait to awake, and only that party wakes the thread. Two pairs see to it
// that none is missed:
//               sysmon                                     the other party
//   SYSMON-1    sysmonwait := deep                         take a P off pidle, or put an M on freem
//               heavy fence                                light fence
//               read pidle and freem                       read sysmonwait
//   SYSMON-2    sysmonwait := dozing or deep               put a P on newmhandoff, or set attention, retry or company
//               full fence                                 full fence
//               read all of these                          read sysmonwait
#include <algorithm>
#include <utility>

#include "sched/deadlock.hpp"
#include "sched/hog.hpp"
#include "sched/m.hpp"
#include "sched/refused.hpp"
#include "sched/schedule.hpp"
#include "sched/status.hpp"
#include "sched/stopworld.hpp"
#include "sched/syscall.hpp"
#include "sched/sysmon.hpp"
#include "sched/trace.hpp"
#include "sched/upkeep.hpp"
#include "sched/wake.hpp"
#include "sched/watch.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

constexpr std::int64_t slice_ns = 10'000'000;
// A goroutine that has been asked to give way for so long, and has come to no safepoint, computes.
constexpr std::int64_t heed_ns = 1'000'000;

// True: the P of a call may be taken now. It is so if goroutines wait in its queue, or if no M spins and no P is idle;
// else after a slice, so that all Ps can go idle and sysmon can sleep (B37). Not at the first look at a call, unless
// the slice of its P is over.
bool worth_retaking(schedt &sched, struct p *pp, std::int64_t now, bool slice_over) noexcept {
  struct sysmontick &seen = pp->sysmontick;
  if (!slice_over && seen.syscalltick != pp->syscalltick.get()) {  // another call than at the last look
    seen.syscalltick = pp->syscalltick.get();
    seen.syscallwhen = now;
    return false;
  }
  // relaxed: hints
  const bool somebody = sched.nmspinning.load(relaxed) != 0 || !sched.pidle.empty();
  return !pp->runq.runqempty() || !somebody || seen.syscallwhen + slice_ns <= now;
}

// Takes pp from its call, if it is still in one, and has another M run it. sysmon is counted as a running M meanwhile:
// between the two steps no M has the P, and the M that had it may find no P and go to sleep as the last one (B11).
bool retake_one(schedt &sched, struct p *pp) noexcept {
  sched.nmrunning.fetch_add(1, relaxed);  // relaxed: as in newm [DEAD-1]
  g *gp = block_exitsyscall(pp);
  if (gp != nullptr) {
    takep(pp, gp->m.get());
    resume_exitsyscall(gp);
    handoffp(sched, pp);
  }
  leave_running(sched);  // also when all slept before: the last to go may have seen this count
  return gp != nullptr;
}

// True: something waits that could run if pp were taken from its goroutine, and no M would come to it otherwise.
bool worth_taking(schedt &sched) noexcept {
  // relaxed: hints
  return sched.nmspinning.load(relaxed) == 0 && sched.pidle.empty() && has_work(sched);
}

// pp's goroutine has been running for a slice: asks it to give way. If it has been asked before and has not heeded it,
// takes pp. True: pp was taken.
bool ask_or_take(schedt &sched, struct p *pp, std::int64_t now) noexcept {
  struct sysmontick &seen = pp->sysmontick;
  // relaxed: a hint. The flag is clear again if the goroutine has given way and is back.
  const bool heeded = seen.askedwhen == 0 || pp->preempt.load(relaxed) == 0;
  preemptone(pp);
  if (heeded) seen.askedwhen = now;
  if (sched.options.hogs_max <= 0 || !worth_taking(sched)) return false;
  sched.hogsuspected |= now - seen.askedwhen < heed_ns;
  return now - seen.askedwhen >= heed_ns && retake_hog(sched, pp);
}

bool in_call(const struct p *pp) noexcept {
  // Hints; block_exitsyscall checks them.
  const m *mp = pp->m.load(acquire);                               // acquire: as there. [SYSCALL-2]
  const g *gp = mp != nullptr ? mp->curg.load(acquire) : nullptr;  // acquire: as there. [SYSCALL-2]
  // relaxed: a hint
  return gp != nullptr && gp->atomicstatus.load(relaxed) == gstatus::syscall;
}

// Makes Ms exit that have not been needed for threads_idle_ns: as many as were idle at every moment of that time, less
// those that may stay (threads_idle_max). Joins the Ms that have ended.
void reap(schedt &sched, std::int64_t now) noexcept {
  while (m *mp = sched.freem.pop()) {
    if (!joinm(sched, mp)) {  // the thread that started it has not recorded that yet
      sched.freem.push(mp);
      break;
    }
    sched.mfree.push(mp);
  }
  const std::int32_t idle = sched.midle.peek_count();
  if (idle < sched.sysmonlow) sched.sysmonlow = idle;
  if (now - sched.sysmonlowsince < sched.options.threads_idle_ns) return;
  for (std::int32_t n = sched.sysmonlow - sched.options.threads_idle_max; n > 0; --n)
    if (!retire_m(sched)) break;
  sched.sysmonlow = sched.midle.peek_count();
  sched.sysmonlowsince = now;
}

bool all_idle(const schedt &sched) noexcept {
  // relaxed: gomaxprocs changes only while a P runs
  return sched.pidle.count() == sched.gomaxprocs.load(relaxed) &&
         sched.midle.peek_count() <= sched.options.threads_idle_max && sched.freem.empty() &&
         sched.options.schedtrace_ns == 0;
}

// Sleeps for at most ns from `now`, when sysmon last looked at everything. told: sysmon has just had an M run timers.
void sysmon_sleep(schedt &sched, std::int64_t now, std::int64_t ns, bool told) noexcept {
  const bool deep = ns == geometry::sysmon_delay_max && all_idle(sched) && retry_time(sched) == timers::never;
  const auto until = [&sched, now, ns, deep, told] {
    const std::int64_t t = sysmon_until(sched, deep ? next_upkeep(sched) : now + ns);
    return t <= now && told ? now + ns : t;  // the M that was told sees to all that are due; there may be no M
  };
  const std::int64_t promised = until();
  sched.sysmonuntil.store(promised, relaxed);  // relaxed: ordered by the fence
  // release: pairs with wake_sysmon: the note is clear. [SYSMON-2]
  // Survives as relaxed (other architecture): where stores change places the note is cleared after it was signalled.
  sched.sysmonwait.store(deep ? sysmon_deep : sysmon_dozing, release);
  // sysmonwait against pidle and freem, newmhandoff, attention and retry, sysmonuntil against wake_time, pidle and
  // midleuntil; partners: leave_idle, newm, ask_again, stop, watch_timers, end_watch. [SYSMON-1, SYSMON-2, TIME-1]
  if (deep)
    fence_heavy();
  else
    fence(seq_cst);
  // relaxed: ordered by the fence
  const std::int64_t retry = retry_time(sched);
  const bool due = !sched.newmhandoff.empty() || stopping(sched) || (deep && !all_idle(sched));
  // A party that has read `promised` relies on it, whatever this thread sees now.
  const std::int64_t wake = std::min({promised, until(), retry});
  bool woken = false;
  if (!due && wake == timers::never) {
    sched.sysmonnote.notesleep();
    woken = true;
  } else if (!due && wake != timers::never) {
    woken = sched.sysmonnote.notetsleep(wake - nanotime());
  }
  // relaxed: the party that was faster speaks through the note
  if (!woken && sched.sysmonwait.exchange(sysmon_awake, relaxed) == sysmon_awake) {
    sched.sysmonnote.notesleep();  // another party is about to wake sysmon
    woken = true;
  }
  if (woken) sched.sysmonnote.noteclear();
  sched.sysmonuntil.store(0, relaxed);  // relaxed: a party that reads the old value wakes sysmon in vain, if at all
}

void sysmon(void *arg) {
  schedt &sched = *static_cast<schedt *>(arg);
  std::uint32_t idle = 0;
  std::int64_t delay = geometry::sysmon_delay_min;
  // relaxed: sysmon_sleep does not sleep while the runtime stops
  while (!stopping(sched)) {
    bool useful = start_handed_off(sched);
    const std::int64_t now = nanotime();
    sched.clock.set(static_cast<std::uint64_t>(now));
    useful |= retake(sched, now) != 0;
    useful |= retry_refused(sched, now);
    const bool told = wake_for_timers(sched, now);
    reap(sched, now);
    keep_up(sched, now);
    if (sched.options.schedtrace_ns != 0 && now - sched.sysmontraced >= sched.options.schedtrace_ns) {
      sched.sysmontraced = now;
      schedtrace(sched, sched.options.scheddetail);
    }
    idle = useful ? 0 : idle + 1;
    if (idle == 0) delay = geometry::sysmon_delay_min;
    if (idle > geometry::sysmon_rounds) delay = std::min(2 * delay, geometry::sysmon_delay_max);
    sysmon_sleep(sched, now, sched.hogsuspected ? std::min(delay, heed_ns) : delay, told);
  }
  fence(seq_cst);  // attention against newmhandoff; partner: newm. [SYSMON-2]
  abandon_handed_off(sched);
  // m0, which ends the runtime, may be in a call itself.
  if (sched.options.tell_waiting != nullptr && !sched.endnote.notetsleep(wait_untold)) tell_waiting(sched);
}

}  // namespace

// Looks at every P once. Returns how many Ps were taken from goroutines that compute or are in calls. Caller: one
// thread at a time. Source: retake of Go's proc.go.
std::uint32_t retake(schedt &sched, std::int64_t now) noexcept {
  std::uint32_t taken = 0;
  sched.hogsuspected = false;
  const std::int32_t n = sched.gomaxprocs.load(acquire);  // acquire: pairs with procresize [PROCS-1]
  for (std::int32_t i = 0; i < n; ++i) {
    struct p *pp = sched.allp[i].get();
    if (pp->m.load(relaxed) == nullptr) continue;  // relaxed: a hint
    struct sysmontick &seen = pp->sysmontick;
    // One slice for all that has run since the tick: many short calls are no new slice (B36).
    const bool slice_over = seen.schedtick == pp->schedtick.get() && seen.schedwhen + slice_ns <= now;
    if (seen.schedtick != pp->schedtick.get()) {
      seen.schedtick = pp->schedtick.get();
      seen.schedwhen = now;
      seen.askedwhen = 0;
    }
    const bool calls = in_call(pp);
    if (slice_over && sched.options.preempt) {
      if (calls)
        preemptone(pp);
      else
        taken += ask_or_take(sched, pp, now);
    }
    if (calls && worth_retaking(sched, pp, now, slice_over)) taken += retake_one(sched, pp);
  }
  return taken;
}

// Starts an M for each P on newmhandoff. Caller: a clean thread (one that no goroutine has changed). True: there was
// one.
bool start_handed_off(schedt &sched) noexcept {
  bool any = false;
  while (struct p *pp = sched.newmhandoff.pop()) {
    any = true;
    sched.nmrunning.fetch_add(1, relaxed);  // relaxed: as in retake_one [DEAD-1]
    start_clean_m(sched, pp);
    leave_running(sched);
  }
  return any;
}

// The runtime stops, and sysmon with it: puts the Ps that are left on pidle, where the party that stops the world finds
// them.
void abandon_handed_off(schedt &sched) noexcept {
  while (struct p *pp = sched.newmhandoff.pop()) {
    unnewm(sched);
    put_back(sched, pp, pp->startspinning.get(), birth::refused);
  }
}

// Makes one idle M exit. False: there is none. Caller: any thread. Blocks: nothing.
bool retire_m(schedt &sched) noexcept {
  m *mp = sched.midle.get();
  m *const kept = mp != nullptr && mp->borrowed ? mp : nullptr;  // m0's thread is not the runtime's to end
  if (kept != nullptr) mp = sched.midle.get();
  if (kept != nullptr) {
    sched.midle.put(kept);
    fence(seq_cst);  // midle against needspinning and attention, as in stopm. [DANCE-5, ATTN-1]
    after_idling(sched);
  }
  if (mp == nullptr) return false;
  mp->exiting.set(true);
  wakem(sched, mp);
  return true;
}

void wake_sysmon(schedt &sched) noexcept {
  // acquire: pairs with sysmon_sleep: the note is clear. [SYSMON-2]
  // Survives as relaxed (other architecture): as in sysmon_sleep.
  if (sched.sysmonwait.exchange(sysmon_awake, acquire) != sysmon_awake) sched.sysmonnote.notewakeup();
}

std::int32_t start_sysmon(schedt &sched) noexcept {
  return sched.options.sysmon ? thread_start(sched.sysmonthread, sysmon, &sched) : 0;
}

void stop_sysmon(schedt &sched) noexcept {
  if (!sched.options.sysmon || std::exchange(sched.sysmonjoined, true)) return;
  if (sched.options.tell_waiting != nullptr) sched.endnote.notewakeup();
  thread_join(sched.sysmonthread);
}

HEDDLE_DETAIL_END
