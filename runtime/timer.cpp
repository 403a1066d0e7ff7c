// Timers, tickers and after_func. Source: Go's time/sleep.go and time/tick.go, and the channel timers of Go 1.23's
// runtime/time.go.
//
// Three parties meet at a timer: the call of the runtime's timer, which an M has taken out of its wheel and makes while
// it holds no lock; a stop or reset; a receiver. The alarm's lock, which is that of the channel, brings them into one
// order. Whether the timer is armed is recorded under that lock, in armed_; where the runtime's timer is does not say
// it: a timer that has been taken out of the wheel and not been called yet is armed.
//
// order of the two, under the lock   what the second finds and does (I48; Go's bug golang/go#69312, seeded mistake b31)
// stop, then the call                armed_ is false: the call does nothing; the stop has prevented it
// reset, then the call of before     armed_ is true, but `when` is later than now: the call does nothing
// call, then a stop or reset         the value is in the channel: takes it back, and has prevented it; or the value has
//                                    been received: returns false, unless the timer was armed again
#include "runtime/timer.hpp"

#include <algorithm>
#include <new>

#include "runtime/spawn.hpp"

HEDDLE_DETAIL_BEGIN

void alarm::called(runtime_timer *t, bool due) {
  alarm &a = *static_cast<alarm *>(t);
  newborn room{};
  if (due && !a.prepare(room)) return a.come_again();
  g *ready = nullptr;
  a.lock_.lock();
  const std::int64_t now = nanotime();
  const bool ours = due && a.armed_.get() && a.when.get() <= now;
  if (!due) a.armed_.set(false);
  if (ours) {
    const std::int64_t period = a.period_.get(), when = a.when.get();
    a.armed_.set(period != 0);
    a.ring(now, ready);
    if (period != 0) a.arm(*getm()->sched, when + (1 + (now - when) / period) * period);
  }
  a.lock_.unlock();
  if (ready != nullptr) goready(ready, false);
  // What was armed kept the alarm, and has it dropped now.
  if (ours)
    a.rung(room);
  else
    a.drop(room);
}

// There is no memory for the call now. It has not been made, and can be stopped until it is.
void alarm::come_again() noexcept {
  lock_.lock();
  const std::int64_t now = nanotime();
  if (armed_.get() && when.get() <= now) arm(*getm()->sched, now + geometry::retry_delay_max);
  lock_.unlock();
  drop();  // as above
}

// What is armed keeps the alarm. If it was armed already, its keep is passed on.
void alarm::arm(schedt &sched, std::int64_t at) noexcept {
  if (!resettimer(sched, this, at)) keep();
}

bool alarm::stop() noexcept {
  not_in_child("timer::stop");
  lock_.lock();
  const bool armed = armed_.get();
  armed_.set(false);
  if (stoptimer(this)) drop();  // not the last keep: the caller has a handle, or is abandon
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
  period_.set(period);
  arm(sched, time_in(ns));
  lock_.unlock();
  return prevented;
}

timer_channel &timer_channel::of(const receiver<time_point> &c) noexcept {
  hchan *of = channel_access::of(c);
  if (of == nullptr) misuse("timer used after it was moved from");
  return *static_cast<timer_channel *>(of);
}

// The last handle has gone, so there will be no receiver.
void timer_channel::abandon() noexcept {
  stop();
  drop();
}

void timer_channel::ring(std::int64_t now, g *&ready) noexcept {
  time_point at{std::chrono::nanoseconds(now)};
  give(&at, ready);  // does nothing if the last tick is there still
}

bool timer_channel::discard() noexcept {
  if (qcount.get() == 0) return false;
  pop();
  qcount.set(0);
  return true;
}

void alarm_function::ringing::operator()() const noexcept {
  call_guarded([this] { of->call_(of->closure_); });
  of->drop();
}

bool alarm_function::prepare(newborn &room) noexcept {
  room = newspawn(*getm()->sched, sizeof(ringing), alignof(ringing));
  if (room.gp == nullptr) return false;
  room.gp->started.set(where_);
  return true;
}

void alarm_function::rung(newborn room) noexcept {
  newproc(*room.gp->home, build(room, ringing{this}), &invoke<ringing>);
}

void alarm_function::ending::operator()() const noexcept { of->destroy({}); }

void alarm_function::destroy(newborn room) noexcept {
  if (room.gp != nullptr) return newproc(*room.gp->home, build(room, ending{this}), &invoke<ending>);
  end_(closure_);
  free();
}

void alarm_function::free() noexcept {
  const std::size_t align = align_;
  this->~alarm_function();
  if (align > __STDCPP_DEFAULT_NEW_ALIGNMENT__)
    ::operator delete (this, std::align_val_t{align});
  else
    ::operator delete(this);
}

// --- what the header calls ---

namespace {

std::int64_t checked(std::int64_t period) noexcept {
  if (period <= 0) misuse("non-positive interval for a ticker");
  return period;
}

alarm &checked(alarm *of) noexcept {
  if (of == nullptr) misuse("func_timer used after it was moved from");
  return *of;
}

}  // namespace

receiver<time_point> make_timer(std::int64_t ns, std::int64_t period, const char *who) {
  return timer_channel::make(ns, period, who);
}
receiver<time_point> make_ticker(std::int64_t period, const char *who) {
  return make_timer(checked(period), period, who);
}
bool stop_timer(const receiver<time_point> &c) noexcept { return timer_channel::of(c).stop(); }
bool reset_timer(const receiver<time_point> &c, std::int64_t ns, const char *who) noexcept {
  return timer_channel::of(c).reset(ns, 0, who);
}
void reset_ticker(const receiver<time_point> &c, std::int64_t period, const char *who) noexcept {
  timer_channel::of(c).reset(checked(period), period, who);
}

alarm_call make_alarm_call(std::size_t size, std::size_t align, void (*call)(void *), void (*destroy)(void *) noexcept,
                           source_location where) {
  const std::size_t whole = std::max(align, alignof(alarm_function));
  const std::size_t at = (sizeof(alarm_function) + align - 1) / align * align;
  void *const memory = whole > __STDCPP_DEFAULT_NEW_ALIGNMENT__ ? ::operator new (at + size, std::align_val_t{whole})
                                                                : ::operator new(at + size);
  void *const closure = static_cast<char *>(memory) + at;
  return {::new (memory) alarm_function(closure, call, destroy, whole, where), closure};
}
void unmake_alarm_call(alarm *of) noexcept { static_cast<alarm_function *>(of)->free(); }
void keep_alarm(alarm *of) noexcept { of->keep(); }
void drop_alarm(alarm *of) noexcept { of->drop(); }
bool stop_alarm(alarm *of) noexcept { return checked(of).stop(); }
bool reset_alarm(alarm *of, std::int64_t ns, const char *who) noexcept { return checked(of).reset(ns, 0, who); }

HEDDLE_DETAIL_END
