// Timers, sleep. Source: Go's time.go: addtimer, stopTimer, resetTimer, timers.check, timeSleepUntil.
//
// Which thread sees to it that a timer is not late (TIME-1):
//   all Ps run                       each P's M, at its next turn of the schedule loop
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
//
// Where one timer follows the other within the time that an M spins for work, the M would never sleep, for the sake of
// a few calls. So where timer_crowd timers were called within timer_window, the next ones wait until timer_hold is
// over, and are called together. It is over at the same moment for all Ps: one wake-up for all of them. All of the
// above goes by wake_time, which includes this wait.
#include <algorithm>

#include "sched/park.hpp"
#include "sched/status.hpp"
#include "sched/sysmon.hpp"
#include "sched/wake.hpp"

HEDDLE_DETAIL_BEGIN

// Updates wake_time. True: it is earlier now.
bool timers::publish() noexcept {
  const std::int64_t next = std::max(wheel_.next(), hold_),
                     before = next_.load(relaxed);  // relaxed: under the lock it changes
  if (next == before) return false;
  // release: pairs with wake_time: the M that takes the last timer has been woken, and checkdead must see that wake-up.
  // In other uses the fence of the party that arms orders it, or it is a hint. [DEAD-2]
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
    t->in.store(this, relaxed);  // relaxed: a thread that stops t knows of it from this thread, or by the lock
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
    t->in.store(nullptr, relaxed);  // relaxed: a thread that arms t next knows of it from the caller
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
    // release: pairs with resettimer, which does not take this lock: this thread no longer touches t's links. [TIME-2]
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
  if (!any) {  // else the M that calls the timers advances the wheel, which so stays in one cache
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
    t->in.store(nullptr, relaxed);  // relaxed: no other thread is left
    t->f(t, false);
  });
}

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

bool resettimer(schedt &sched, runtime_timer *t, std::int64_t when) noexcept {
  struct p *pp = own_p(sched, getm());
  timers &ts = (pp != nullptr ? pp : sched.allp[0].get())->timers;
  // acquire: pairs with timers::run, which has taken t out of another wheel. [TIME-2]
  timers *const in = t->in.load(acquire);
  const bool elsewhere = in != nullptr && in != &ts && in->remove(t);
  bool first = false;
  const bool here = ts.set(t, when, first);
  if (first) {  // else the party that armed an earlier timer sees to that one, and to t with it
    // wake_time against midleuntil, sysmonuntil, pidle and nmspinning; partners: end_watch, sysmon_sleep, stopm.
    // [TIME-1]
    fence(seq_cst);
    watch_timers(sched);
  }
  return elsewhere || here;
}

bool stoptimer(runtime_timer *t) noexcept {
  timers *ts = t->in.load(relaxed);  // relaxed: the caller knows from the thread that armed or stopped t; remove looks
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
  ++mp->locks;  // a timer's function is no goroutine: it must not give way
  ts.run(now);
  --mp->locks;
}

void checkalltimers(m *mp) noexcept {
  each_p(*mp->sched, [mp](struct p &pp) { checktimers(mp, pp.timers); });
}

namespace {

bool fall_asleep(g *gp, void *) noexcept {
  resettimer(*gp->home, &gp->timer, gp->timer.when.get());  // not before gp waits: gp may be woken before this returns
  return true;
}

void wake_sleeper(runtime_timer *t, bool due) {
  if (!due) return;
  g *gp = static_cast<sleeper *>(t)->gp;
  prefetch(gp->sched.sp);  // it is not in the cache and is needed soon: it comes while other goroutines are readied
  goready(gp, false);
}

}  // namespace

void timesleep(std::int64_t until) noexcept {
  m *mp = getm();
  if (mp == nullptr || mp->incall != 0) {  // this code may block the thread
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
