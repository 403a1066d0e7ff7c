// Timers, sleep. Source: time.go of Go's runtime: addtimer, stopTimer, resetTimer, timers.check, timeSleepUntil.
//
// Who sees to it that a timer is not late (TIME-1): while all Ps run, each P's M at its next turn; while an M spins, he, who
// looks at all of them. Else, as long as a P is idle and nobody spins, the M that went to sleep last and has the watch: he
// sleeps until the first one only, and midleuntil says when that is. If none has it, or an earlier one was armed since, sysmon.
//   Who arms one:                T1 wake_time            T2 full fence   T3 watch_timers: P idle, nobody spins, the first one is
//   Who puts a P on pidle:       T1 pidle, his count     T2 full fence   T3 watch_timers    before midleuntil and sysmonuntil:
//   An M whose watch is over:    T1 midleuntil := never  T2 full fence   T3 watch_timers    wake sysmon
//   sysmon, before it sleeps:    T1 sysmonuntil          T2 full fence   T3 is the first one before that and before midleuntil?
// Of any two one sees the other. A P for which there is no M (put_back) is looked at by nobody: the next M to sleep takes the
// watch. To take it needs no fence: nobody counts on it that there is none. When the first one is due it is as if a submitter had
// just published work: he who has slept until then calls wakep, and timer_due is one of the sources where the last look of the
// dance is (has_work, sched/wake.cpp). An M stays on midle for that, and may be the one that wakep finds there.
//
// Where one timer follows the other within the time that an M spins for work, it would never sleep, for a few calls. So where
// timer_crowd of them were called within timer_window, the next ones wait until timer_hold is over, and are called together.
// It is over at the same moment for all Ps: one wake-up for all of them. All of the above is about wake_time, which says so.
#include <algorithm>

#include "sched/park.hpp"
#include "sched/status.hpp"
#include "sched/sysmon.hpp"
#include "sched/wake.hpp"

HEDDLE_DETAIL_BEGIN

// True: it is earlier now.
bool timers::publish() noexcept {
  const std::int64_t next = std::max(wheel_.next(), hold_),
                     before = next_.load(relaxed);  // relaxed: under the lock it changes
  if (next == before) return false;
  // release: pairs with wake_time: who takes the last one has been woken. Else ordered by the fence of who arms, or a hint.
  // [DEAD-2]
  next_.store(next, release);
  return next < before;
}

bool timers::set(runtime_timer *t, std::int64_t when, bool &first) noexcept {
  lock_.lock();
  timers *const in = t->in.load(relaxed);  // relaxed: under the lock it changes
  HEDDLE_INV("I44", in == nullptr || in == this);
  if (in == this) {
    wheel_.reset(t, when);
  } else {
    t->in.store(this, relaxed);  // relaxed: who stops it has been told of it by us, or by the lock
    t->when.set(when);
    wheel_.insert(t);
  }
  first = publish();
  lock_.unlock();
  return in == this;
}

bool timers::remove(runtime_timer *t) noexcept {
  lock_.lock();
  const bool armed = t->in.load(relaxed) == this;  // relaxed: under the lock it changes
  if (armed) {
    wheel_.erase(t);
    t->in.store(nullptr, relaxed);  // relaxed: whom the caller lets arm it next he tells of us
    publish();
  }
  lock_.unlock();
  return armed;
}

void timers::run(std::int64_t now) noexcept {
  lock_.lock();
  wheel_.advance(now);
  if (now - crowdsince_ >= geometry::timer_window) {
    crowdsince_ = now;
    crowd_ = 0;
  }
  while (runtime_timer *t = wheel_.pop()) {
    ++crowd_;
    // release: pairs with resettimer, which does not come to our lock: we have left the links. [TIME-2]
    t->in.store(nullptr, release);
    publish();
    lock_.unlock();
    t->f(t, true);
    lock_.lock();
  }
  if (crowd_ >= geometry::timer_crowd) hold_ = now - now % geometry::timer_hold + geometry::timer_hold;
  publish();
  lock_.unlock();
}

bool timers::due(std::int64_t now) noexcept {
  lock_.lock();
  bool any = wheel_.surely_due(now);
  if (!any) {  // else who calls them moves them: they stay in one cache
    wheel_.advance(now);
    any = wheel_.due();
  }
  publish();
  any = any && now >= hold_;
  lock_.unlock();
  return any;
}

void timers::end() noexcept {
  wheel_.drain([](runtime_timer *t) {
    t->in.store(nullptr, relaxed);  // relaxed: nobody else is left
    t->f(t, false);
  });
}

namespace {

// Is there a P that nobody looks after, nor at its timers?
bool unwatched(const schedt &sched) noexcept {
  return !sched.pidle.empty() && sched.nmspinning.load(relaxed) == 0;  // relaxed: ordered by the callers' fences
}

// The first one, if no M on midle wakes for it.
std::int64_t next_unattended(const schedt &sched) noexcept {
  const std::int64_t first = next_timer(sched);
  return first < sched.midleuntil.load(relaxed) ? first : timers::never;  // relaxed: ordered by the callers' fences
}

// It may be another's, who has taken ours over: he wakes all the same, and if he is needed before, we see to it.
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
  // relaxed: a promise, which is kept; whoever reads it too late does more than he must.
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

bool resettimer(schedt &sched, runtime_timer *t, std::int64_t when) noexcept {
  struct p *pp = own_p(sched, getm());
  timers &ts = (pp != nullptr ? pp : sched.allp[0].get())->timers;
  // acquire: pairs with timers::run, which has taken it out of another wheel. [TIME-2]
  timers *const in = t->in.load(acquire);
  const bool elsewhere = in != nullptr && in != &ts && in->remove(t);
  bool first = false;
  const bool here = ts.set(t, when, first);
  if (first) {  // else who armed an earlier one sees to it, and to ours with it
    // wake_time against midleuntil, sysmonuntil, pidle and nmspinning; partners: end_watch, sysmon_sleep, stopm. [TIME-1]
    fence(seq_cst);
    watch_timers(sched);
  }
  return elsewhere || here;
}

bool stoptimer(runtime_timer *t) noexcept {
  timers *ts = t->in.load(relaxed);  // relaxed: what whoever armed or stopped it has told us; remove looks again
  return ts != nullptr && ts->remove(t);
}

std::int64_t next_timer(const schedt &sched) noexcept {
  std::int64_t first = timers::never;
  each_p(sched, [&first](const struct p &pp) { first = std::min(first, pp.timers.wake_time()); });
  return first;
}

bool timer_due(const schedt &sched) noexcept {
  const std::int64_t first = next_timer(sched);
  return first != timers::never && first <= nanotime();
}

void checktimers(m *mp, timers &ts) noexcept {
  if (ts.wake_time() == timers::never) return;
  const std::int64_t now = nanotime();
  if (ts.wake_time() > now) return;
  ++mp->locks;  // a timer's function is no goroutine and gives way to none
  ts.run(now);
  --mp->locks;
}

void checkalltimers(m *mp) noexcept {
  each_p(*mp->sched, [mp](struct p &pp) { checktimers(mp, pp.timers); });
}

namespace {

bool fall_asleep(g *gp, void *) noexcept {
  resettimer(*gp->home, &gp->timer, gp->timer.when.get());  // not before gp waits: it may be woken before we are back
  return true;
}

void wake_sleeper(runtime_timer *t, bool due) {
  if (!due) return;
  g *gp = static_cast<sleeper *>(t)->gp;
  prefetch(gp->sched.sp);  // cold, and wanted soon: it comes while others are woken
  goready(gp, false);
}

}  // namespace

void timesleep(std::int64_t until) noexcept {
  m *mp = getm();
  if (mp == nullptr || mp->incall != 0) {  // the thread is ours
    note n;
    for (std::int64_t left = until - nanotime(); left > 0; left = until - nanotime()) n.notetsleep(left);
    return;
  }
  g *gp = mp->curg.load(relaxed);  // relaxed: own M
  gp->timer.f = wake_sleeper;
  gp->timer.when.set(until);
  gp->timer.gp = gp;
  gopark(fall_asleep, nullptr, waitreason::sleep, mp);
}

HEDDLE_DETAIL_END
