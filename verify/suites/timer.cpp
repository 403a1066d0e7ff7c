// Timers, tickers and after_func: one thread stops, resets or drops one while another is about to call it.
#include "heddle/select.hpp"
#include "heddle/time.hpp"
#include "verify/suites/watched.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

constexpr std::int64_t long_time = 1'000'000;

std::chrono::nanoseconds us(int n) { return std::chrono::microseconds(n); }

template <class Derived, int Ms, int Procs>
struct ringing : watched<Derived, Ms, Procs> {
  void options() { harness::sleeps_last = long_time; }
};

// A receiver waits, another goroutine stops the timer about then: it has been received or it was stopped, and never
// both.
struct stops : ringing<stops, 2, 2> {
  plain<int> got;
  countdown all{1};
  void body() {
    const timer t(us(60));
    go([this, r = receiver<time_point>(t)] {
      got.set(r.recv_for(us(150)).has_value());
      all.arrive();
    });
    sleep_for(us(60));
    const bool stopped = t.stop();
    VERIFY_INV("I48", !t.stop());
    all.wait();
    VERIFY_INV("I48", got.get() != stopped);
  }
};

// It is set anew as it becomes due: what was to come is received once, or not at all, and what comes now is not early.
struct resets : ringing<resets, 2, 2> {
  void body() {
    const timer t(us(40));
    sleep_for(us(40));
    const std::int64_t at = nanotime();
    const bool stopped = t.reset(us(50));
    VERIFY_INV("I48", stopped);  // no goroutine has received
    const time_point now = *t.recv();
    VERIFY_INV("I47", now.time_since_epoch() >= std::chrono::nanoseconds(at + 50'000));
    VERIFY_INV("I48", !t.try_recv().arrived() && !t.stop());
  }
};

// All handles of a timer are dropped as it becomes due.
struct dropped : ringing<dropped, 2, 2> {
  void body() {
    {
      const timer t(us(40));
      const ticker k(us(30));
      sleep_for(us(30));
    }
    (void)heddle::after(us(20));
    VERIFY_INV("I47", heddle::after(us(20)).recv().has_value());
  }
};

// A ticker whose receiver is slow, then gone.
struct ticks : ringing<ticks, 2, 1> {
  void body() {
    const ticker t(us(30));
    time_point last = *t.recv();
    sleep_for(us(100));
    for (int i = 0; i < 2; ++i) {
      const time_point now = *t.recv();
      VERIFY_INV("I47", now > last);
      last = now;
    }
    t.stop();
    VERIFY_INV("I48", !t.recv_for(us(70)).arrived());
  }
};

// A call is prevented, or it comes.
struct calls : ringing<calls, 2, 2> {
  plain<int> called;
  countdown all{1};
  void body() {
    const func_timer f = after_func(us(40), [this] {
      called.set(1);
      all.arrive();
    });
    sleep_for(us(40));
    if (!f.stop()) {
      all.wait();
      VERIFY_INV("I48", called.get() == 1);
    } else {
      sleep_for(us(30));
      VERIFY_INV("I48", called.get() == 0);
    }
  }
};

// A select takes the first of two timers, and leaves the other's queue.
struct selects : ringing<selects, 2, 2> {
  void body() {
    const timer first(us(60)), second(us(65));
    const std::size_t at = select(on_recv(first), on_recv(second));
    VERIFY_INV("I53", (at == 0 ? second : first).recv().has_value());
    VERIFY_INV("I53", getm()->curg.peek()->selectdone.peek() == 0);
  }
};

// One thread calls what is due, one stops the timer or resets it, one looks for its time or drops what it has of it.
// The thread that resets it may have a P of its own, whose wheel the timer is in then.
template <bool Resets, int Procs = 1>
struct three : suite<3> {
  schedt sched{sched_options{.procs = Procs, .threads_max = 3, .detect_deadlock = false}};
  m *ms[2];
  std::optional<timer> t;
  std::optional<receiver<time_point>> theirs;
  plain<int> prevented, got;
  plain<std::int64_t> got_at, not_before;
  void before() {
    VERIFY_CHECK(schedinit(sched));
    for (m *&mp : ms) mp = allocm(sched);
    if (Procs == 2) {
      struct p *pp = sched.pidle.get();
      acquirep(ms[1],
               pp != sched.allp[0].get() ? pp : sched.pidle.get());  // ms[0] has none: it arms it in the first wheel
    }
    set_current_m(ms[0]);
    t.emplace(us(0));
    theirs.emplace(*t);
    set_current_m(nullptr);
  }
  // Calls what is due, some times.
  void run(int times) {
    for (; times != 0; --times)
      for (int i = 0; i < Procs; ++i) sched.allp[i].get()->timers.run(nanotime());
  }
  void thread(unsigned i) {
    if (i == 2) {
      if (const auto at = theirs->try_recv()) {
        got.set(1);
        got_at.set(at->time_since_epoch().count());
      }
      return theirs.reset();
    }
    set_current_m(ms[i]);
    if (i == 0) run(3);
    if (i == 1) {
      not_before.set(Resets ? nanotime() + 3000 : 0);
      prevented.set(Resets ? t->reset(us(3)) : t->stop());
    }
    set_current_m(nullptr);
  }
  void after() {
    set_current_m(ms[0]);
    while (next_timer(sched) != timers::never) run(1);
    const auto more = t->try_recv();
    VERIFY_INV("I48", got.get() + more.has_value() + prevented.get() == 1 + Resets && (Resets || !more));
    if (more) got_at.set(more->time_since_epoch().count());
    if (Resets) VERIFY_INV("I47", got_at.get() >= not_before.get());
    VERIFY_INV("I48", !t->try_recv().has_value() && !t->stop());
    set_current_m(nullptr);
    t.reset();
    schedfree(sched);
  }
};

// The last handle goes as the timer is called.
struct last_handle : suite<2> {
  schedt sched{sched_options{.procs = 1, .threads_max = 3, .detect_deadlock = false}};
  m *mp;
  std::optional<timer> t;
  void before() {
    VERIFY_CHECK(schedinit(sched));
    mp = allocm(sched);
    set_current_m(mp);
    t.emplace(us(0));
    set_current_m(nullptr);
  }
  void thread(unsigned i) {
    if (i == 1) return t.reset();
    set_current_m(mp);
    sched.allp[0].get()->timers.run(nanotime() + long_time);
    set_current_m(nullptr);
  }
  void after() {
    VERIFY_INV("I44", next_timer(sched) == timers::never);
    schedfree(sched);
  }
};

// The runtime ends with timers armed, and a thread outside drops the handle of one.
struct ended : suite<2> {
  schedt sched{sched_options{.procs = 1, .threads_max = 3, .detect_deadlock = false}};
  std::optional<timer> t;
  std::optional<receiver<time_point>> theirs;
  std::optional<func_timer> f;
  void before() {
    VERIFY_CHECK(schedinit(sched));
    set_current_m(allocm(sched));
    t.emplace(us(50));
    theirs.emplace(*t);
    (void)heddle::after(us(50));
    f.emplace(after_func(us(50), [] {}));
    set_current_m(nullptr);
  }
  void thread(unsigned i) {
    if (i == 1) return theirs.reset();
    schedfree(sched);
    VERIFY_INV("I48", !t->stop() && !f->stop() && !t->try_recv().arrived());
  }
  void after() {
    t.reset();
    f.reset();
  }
};

}  // namespace

HEDDLE_WORLDS(
    ringing, "time", "I44 I47 I48 TIMER-1",
    {world<stops>({.name = "timer.stop", .what = "a timer is stopped as it becomes due", .modes = {random_mix(2)}}),
     world<resets>({.name = "timer.reset", .what = "a timer is reset as it becomes due", .modes = {random_mix(2)}}),
     world<dropped>({.name = "timer.dropped", .what = "timers without a handle", .modes = {random_mix(2)}}),
     world<ticks>({.name = "timer.ticks", .what = "a slow receiver of a ticker", .modes = {random_mix(1)}}),
     world<calls>(
         {.name = "timer.calls", .what = "an after_func is stopped as it becomes due", .modes = {random_mix(2)}}),
     world<selects>({.name = "timer.select", .what = "a select over two timers", .modes = {random_mix(1)}})})
HEDDLE_WORLDS(three, "time", "I44 I48 TIMER-1 TIME-2",
              {world<three<false>>({.name = "timer.three_stop",
                                    .what = "a timer is called, stopped and received from",
                                    .modes = {random_mix(1), bounded(3, 1)}}),
               world<three<true>>({.name = "timer.three_reset",
                                   .what = "a timer is called, reset and received from",
                                   .modes = {random_mix(1), bounded(3, 1)}}),
               world<three<true, 2>>({.name = "timer.three_moved",
                                      .what = "a timer is called, reset on another P and received from",
                                      .modes = {random_mix(2), bounded(3, 1)}})})
HEDDLE_SUITE(last_handle, {.name = "timer.last_handle",
                           .component = "time",
                           .invariants = "I44 TIMER-1",
                           .what = "the last handle of a timer goes as it is called",
                           .modes = {random_mix(1), full_search(1)}})
HEDDLE_SUITE(ended, {.name = "timer.ended",
                     .component = "time",
                     .invariants = "I44 I48",
                     .what = "the runtime ends while timers are armed",
                     .modes = {random_mix(1)}})
