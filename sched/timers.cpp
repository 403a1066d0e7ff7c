// Timers: armed, called, stopped. Source: Go's time.go: addtimer, stopTimer, resetTimer, timers.check.
//
// Where one timer follows the other within the time that an M spins for work, the M would never sleep, for the sake of
// a few calls. So where timer_crowd timers were called within timer_window, the next ones wait until timer_hold is
// over, and are called together. It is over at the same moment for all Ps: one wake-up for all of them. The
// watch (sched/watch.cpp) goes by wake_time, which includes this wait.
#include <algorithm>

#include "sched/hog.hpp"
#include "sched/runtime2.hpp"
#include "sched/watch.hpp"

HEDDLE_DETAIL_BEGIN

// Updates wake_time. True: it is earlier now.
bool timers::publish() noexcept {
  const std::int64_t next = std::max(wheel_.next(), hold_.get()),
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
  if (now - crowdsince_.get() >= geometry::timer_window) {
    crowdsince_.set(now);
    crowd_.set(0);
  }
  while (runtime_timer *t = wheel_.pop()) {
    crowd_.set(crowd_.get() + 1);
    // release: pairs with resettimer, which does not take this lock: this thread no longer touches t's links. [TIME-2]
    t->in.store(nullptr, release);
    publish();
    lock_.unlock();
    t->f.get()(t, true);
    lock_.lock();
  }
  if (crowd_.get() >= geometry::timer_crowd) hold_.set(now - now % geometry::timer_hold + geometry::timer_hold);
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
  any = any && now >= hold_.get();
  lock_.unlock();
  return any;
}

void timers::end() noexcept {
  wheel_.drain([](runtime_timer *t) {
    t->in.store(nullptr, relaxed);  // relaxed: no other thread is left
    t->f.get()(t, false);
  });
}

bool resettimer(schedt &sched, runtime_timer *t, std::int64_t when) noexcept {
  m *mp = getm();
  const in_scheduler here(mp);
  struct p *pp = own_p(sched, mp);
  timers &ts = (pp != nullptr ? pp : sched.allp[0].get())->timers;
  // acquire: pairs with timers::run, which has taken t out of another wheel. [TIME-2]
  timers *const in = t->in.load(acquire);
  const bool elsewhere = in != nullptr && in != &ts && in->remove(t);
  bool first = false;
  const bool set = ts.set(t, when, first);
  if (first) {  // else the party that armed an earlier timer sees to that one, and to t with it
    // wake_time against midleuntil, sysmonuntil, pidle and nmspinning; partners: end_watch, sysmon_sleep, stopm.
    // [TIME-1]
    fence(seq_cst);
    watch_timers(sched);
  }
  return elsewhere || set;
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

void checkgonetimers(m *mp) noexcept {
  const schedt &sched = *mp->sched;
  // relaxed: an M with a P has acquired both, and they stay meanwhile
  const std::int32_t n = sched.gomaxprocs.load(relaxed), made = sched.allplen.load(relaxed);
  for (std::int32_t i = n; i < made; ++i) checktimers(mp, sched.allp[i].get()->timers);
}

void checkalltimers(m *mp) noexcept {
  each_p(*mp->sched, [mp](struct p &pp) { checktimers(mp, pp.timers); });
}

HEDDLE_DETAIL_END
