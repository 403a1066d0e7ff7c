// Timers as users have them. Source: time/sleep.go, time/tick.go, and the channel timers of Go 1.23's runtime/time.go.
//
// There are three to a call: the runtime's timer, which an M has taken out of its wheel and calls under no lock; a stop or
// reset; a receiver. The alarm's lock, the channel's own, brings them into one order. Whether the timer is armed is said under
// that lock, and not by where the runtime's timer is: one that was taken out and not called yet is armed, and who stops it then
// has prevented it. A call that comes after a reset tells by the time that it is not the one (I48, B31).
#include "heddle/time.hpp"

HEDDLE_BEGIN

namespace detail {

void alarm::called(runtime_timer *t, bool due) {
  alarm &a = *static_cast<alarm *>(t);
  g *ready = nullptr;
  a.lock_.lock();
  const std::int64_t now = nanotime();
  const bool ours = due && a.armed_.get() && a.when.get() <= now;
  if (!due) a.armed_.set(false);
  if (ours) {
    a.armed_.set(a.period_ != 0);
    a.ring(now, ready);
    const std::int64_t when = a.when.get();
    if (a.period_ != 0) a.arm(*getm()->sched, when + (1 + (now - when) / a.period_) * a.period_);
  }
  a.lock_.unlock();
  if (ready != nullptr) goready(ready, false);
  if (ours) a.rung();
  a.drop();  // what was armed
}

// What is armed keeps it; what was, and is stopped in time, hands that on.
void alarm::arm(schedt &sched, std::int64_t at) noexcept {
  if (!resettimer(sched, this, at)) keep();
}

bool alarm::stop() noexcept {
  not_in_child("timer::stop");
  lock_.lock();
  const bool armed = armed_.get();
  armed_.set(false);
  if (stoptimer(this)) drop();  // not the last one: the caller has a handle, or is abandon
  const bool prevented = discard() || armed;
  lock_.unlock();
  return prevented;
}

bool alarm::reset(std::int64_t ns, std::int64_t period, const char *who) noexcept {
  not_in_child(who);
  schedt &sched = current_sched(who);
  lock_.lock();
  const bool prevented = discard() || armed_.get();
  armed_.set(true);
  period_ = period;
  arm(sched, time_in(ns));
  lock_.unlock();
  return prevented;
}

timer_channel &timer_channel::of(const receiver<time_point> &c) noexcept {
  hchan *of = channel_access::of(c);
  if (of == nullptr) misuse("timer used after it was moved from");
  return *static_cast<timer_channel *>(of);
}

// The last handle is gone: nobody can receive.
void timer_channel::abandon() noexcept {
  stop();
  drop();
}

void timer_channel::ring(std::int64_t now, g *&ready) noexcept {
  time_point at{std::chrono::nanoseconds(now)};
  give(&at, ready);  // or the last one is there still
}

bool timer_channel::discard() noexcept {
  if (qcount.get() == 0) return false;
  pop();
  qcount.set(0);
  return true;
}

void alarm_call::rung() noexcept {
  keep();
  try {
    go_on(
        *getm()->sched,
        [this] {
          call_guarded([this] { call(); });
          drop();
        },
        0, where_);
  } catch (...) {
    misuse("no memory for the goroutine of after_func");
  }
}

}  // namespace detail

HEDDLE_END
