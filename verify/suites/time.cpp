// Timers: which thread waits for them, runs them, takes them back. Sleeps of sysmon for want of anything to do last
// until another thread wakes it (they are longer than sleeps_last); those until a timer is due end by themselves.
#include "heddle/time.hpp"
#include "heddle/blocking.hpp"
#include "verify/suites/watched.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

constexpr std::int64_t us = 1000, long_time = 1'000'000;

template <class Derived, int Ms, int Procs, int Foreign = 0>
struct timed : watched<Derived, Ms, Procs, Foreign> {
  void options() { harness::sleeps_last = long_time; }
  void sleep(std::int64_t ns) {
    const std::int64_t until = nanotime() + ns;
    timesleep(until);
    VERIFY_INV("I47", nanotime() >= until);
  }
};

// There is no other goroutine: all is idle, and it is no deadlock.
struct alone : timed<alone, 1, 1> {
  void body() {
    sleep(50 * us);
    sleep(2 * us);
  }
};

// It sleeps for so long that all is idle before the time has come.
struct alone_long : timed<alone_long, 1, 1> {
  void body() {
    sleep(500 * us);
    sleep(300 * us);
  }
};

// Two goroutines sleep, perhaps on two Ps, and each runs again.
struct two : timed<two, 2, 2> {
  countdown ended{2};
  trail trails[2];
  void body() {
    for (int i : {0, 1})
      go([this, i] {
        trails[i].step();
        this->sleep((i + 1) * 30 * us);
        trails[i].step();
        ended.arrive();
      });
    ended.wait();
    for (const trail &t : trails) VERIFY_INV("I20", t.steps.get() == 2);
  }
};

// Timers come one after the other, until the next ones are held back to be called together.
struct crowd : timed<crowd, 2, 1> {
  countdown ended{4};
  void body() {
    for (int i : {0, 1, 2, 3})
      go([this, i] {
        this->sleep((20 + 3 * i) * us);
        ended.arrive();
      });
    ended.wait();
  }
};

// The P where the timer was armed has a goroutine that computes until the sleeper has run: an idle P must do it (B29).
template <int Procs>
struct hogged : timed<hogged<Procs>, 2, Procs> {
  atomic<std::uint32_t> woken;
  void body() {
    go([this] {
      this->sleep(20 * us);
      woken.store(1, release);
    });
    goyield();
    while (woken.load(acquire) == 0) cpu_relax();
  }
};

// Inside blocking(f), and on a thread that is none of the runtime's, the thread sleeps.
struct threads_sleep : timed<threads_sleep, 2, 1, 1> {
  void foreign() { this->sleep(10 * us); }
  void body() {
    blocking([this] { this->sleep(10 * us); });
  }
};

// A P goes while a timer is armed there.
struct resized : timed<resized, 2, 2> {
  atomic<std::uint32_t> armed;
  trail slept;
  countdown ended{1};
  void body() {
    go([this] {
      slept.step();
      this->sleep(40 * us);
      slept.step();
      ended.arrive();
    });
    goyield();
    VERIFY_CHECK(set_procs(this->sched, 1));
    ended.wait();
    VERIFY_INV("I20", slept.steps.get() == 2);
  }
};

// Thread 0 arms a timer and computes until it has been called; sysmon is about to sleep. Another P is idle, or its M
// goes to sleep just now: then that M may have looked before the timer was there. Second: an earlier timer was armed
// before it, and is taken back. Taken: the other P is idle at first, and another thread holds it for a moment while
// sysmon makes up its mind.
template <bool Drops, int Due, bool Second = false, bool Taken = false>
struct armed : suite<Drops ? 2 : 1, 2> {
  struct called : runtime_timer {
    atomic<std::uint32_t> yes;
  };
  schedt sched{sched_options{.procs = 2, .threads_max = 3, .detect_deadlock = false, .sysmon = true}};
  m *ms[2];
  called t, earlier;
  void before() {
    harness::sleeps_last = long_time;
    VERIFY_CHECK(schedinit(sched));
    for (int i = 0; i < (Drops ? 2 : 1); ++i) {
      ms[i] = allocm(sched);
      sched.mcount.fetch_add(1, relaxed);
      sched.nmrunning.fetch_add(1, relaxed);
      if (i == 0 || !Taken) acquirep(ms[i], sched.pidle.get());
    }
    for (called *c : {&t, &earlier})
      c->f.set([](runtime_timer *self, bool due) { static_cast<called *>(self)->yes.store(due, release); });
  }
  void thread(unsigned i) {
    set_current_m(ms[i]);
    if (i == 0) {
      VERIFY_CHECK(start_sysmon(sched) == 0);
      if (Second) resettimer(sched, &earlier, nanotime() + Due * us / 2);
      resettimer(sched, &t, nanotime() + Due * us);
      if (Second && !stoptimer(&earlier))
        while (earlier.yes.load(acquire) == 0) cpu_relax();
      while (t.yes.load(acquire) == 0) cpu_relax();
      stop(sched);
    } else {
      struct p *idle = Taken ? pidleget(sched) : nullptr;  // null: sysmon has had an M take it
      if (idle != nullptr) acquirep(ms[i], idle);
      if (!Taken) become_spinning(ms[i]);
      if (ms[i]->p.get() == nullptr || !drop_p(ms[i])) stopm(ms[i]);
      if (ms[i]->p.get() != nullptr) schedule(ms[i]);
    }
    leave_p(ms[i]);
    set_current_m(nullptr);
    if (i == 0) joinms(sched);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() { schedfree(sched); }
};

// The M of thread 1 arms a timer and goes to sleep; perhaps it has the watch. Then thread 0 has it run a P, with which
// it does nothing but compute until the timer has been called: its watch is over, and the other P is idle. Later: the
// timer for which it went to sleep is due so late that no execution reaches it, and thread 0, which has a P and
// computes, arms an earlier one.
template <bool Later>
struct on_watch : suite<2, 2> {
  struct called : runtime_timer {
    atomic<std::uint32_t> yes;
  };
  schedt sched{sched_options{.procs = 2, .threads_max = 3, .detect_deadlock = false, .sysmon = true}};
  m *ms[2];
  called t, late;
  void before() {
    harness::sleeps_last = long_time;
    VERIFY_CHECK(schedinit(sched));
    for (m *&mp : ms) {
      mp = allocm(sched);
      sched.mcount.fetch_add(1, relaxed);
      sched.nmrunning.fetch_add(1, relaxed);
      acquirep(mp, sched.pidle.get());
    }
    for (called *c : {&t, &late})
      c->f.set([](runtime_timer *self, bool due) { static_cast<called *>(self)->yes.store(due, release); });
  }
  void await_call() {
    while (t.yes.load(acquire) == 0) cpu_relax();
  }
  void thread(unsigned i) {
    m *const mp = ms[i];
    set_current_m(mp);
    if (i == 0) {
      VERIFY_CHECK(start_sysmon(sched) == 0);
      if (Later)
        resettimer(sched, &t, nanotime() + 20 * us);
      else
        startm(sched, releasep(mp), false);
      await_call();
      stop(sched);
    } else {
      resettimer(sched, Later ? &late : &t, nanotime() + (Later ? 10 * long_time : 150 * us));
      become_spinning(mp);
      if (!drop_p(mp)) stopm(mp);
      if (mp->p.get() != nullptr && !mp->spinning.get()) await_call();
      if (mp->p.get() != nullptr) schedule(mp);
    }
    leave_p(mp);
    set_current_m(nullptr);
    if (i == 0) joinms(sched);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() { schedfree(sched); }
};

// Thread 0 arms a timer and computes until it has been called. The M of thread 1 hands its P on as it leaves for long,
// and need start no M for it: there is another idle P, which thread 2 takes about then, as a goroutine does that comes
// back from a call.
struct handed : suite<3, 2> {
  struct called : runtime_timer {
    atomic<std::uint32_t> yes;
  };
  schedt sched{sched_options{.procs = 3, .threads_max = 4, .detect_deadlock = false, .sysmon = true}};
  m *ms[3];
  called t;
  void before() {
    harness::sleeps_last = long_time;
    VERIFY_CHECK(schedinit(sched));
    for (int i = 0; i < 3; ++i) {
      ms[i] = allocm(sched);
      sched.mcount.fetch_add(1, relaxed);
      sched.nmrunning.fetch_add(1, relaxed);
      if (i != 2) acquirep(ms[i], sched.pidle.get());
    }
    t.f.set([](runtime_timer *self, bool due) { static_cast<called *>(self)->yes.store(due, release); });
  }
  void await_call() {
    while (t.yes.load(acquire) == 0) cpu_relax();
  }
  void thread(unsigned i) {
    m *const mp = ms[i];
    set_current_m(mp);
    if (i == 0) {
      VERIFY_CHECK(start_sysmon(sched) == 0);
      resettimer(sched, &t, nanotime() + 100 * us);
      await_call();
      stop(sched);
    } else if (i == 1) {
      handoffp(sched, releasep(mp));
    } else if (struct p *idle = pidleget(sched)) {
      acquirep(mp, idle);
      await_call();
    }
    leave_p(mp);
    set_current_m(nullptr);
    if (i == 0) joinms(sched);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() { schedfree(sched); }
};

// A timer is taken back as it becomes due: it is called, or it has been taken back, and never both.
struct stopped : suite<3> {
  struct counted : runtime_timer {
    plain<int> called;
  };
  timers ts;
  counted t[2];
  plain<int> stops[2];
  void before() {
    for (counted &c : t) {
      c.f.set([](runtime_timer *self, bool due) {
        auto *me = static_cast<counted *>(self);
        me->called.set(me->called.get() + due);
      });
      bool first = false;
      ts.set(&c, 1, first);
    }
  }
  void thread(unsigned i) {
    if (i == 2) return ts.run(long_time);
    if (i == 1) ts.due(0);
    stops[i].set(stoptimer(&t[i]));
  }
  void after() {
    for (int i : {0, 1}) {
      VERIFY_INV("I48", stops[i].get() + t[i].called.get() == 1);
      VERIFY_INV("I44", t[i].in.peek() == nullptr);
    }
    VERIFY_INV("I45", ts.wake_time() == timers::never);
    const int called = t[0].called.get();
    bool first = false;
    ts.set(&t[0], 1, first);
    ts.end();
    VERIFY_INV("I44", t[0].in.peek() == nullptr && t[0].called.get() == called);
  }
};

}  // namespace

HEDDLE_WORLDS(
    timed, "sched/time", "I36 I37 I47 TIME-1",
    {world<alone>({.name = "time.alone", .what = "the only goroutine sleeps", .modes = {random_mix(2)}}),
     world<alone_long>(
         {.name = "time.alone_long", .what = "the only goroutine sleeps, and so does its M", .modes = {random_mix(2)}}),
     world<two>({.name = "time.two", .what = "two goroutines sleep", .modes = {random_mix(3)}}),
     world<crowd>({.name = "time.crowd", .what = "timers so close that they are held back", .modes = {random_mix(1)}}),
     world<hogged<2>>({.name = "time.hogged",
                       .what = "the P of a timer has a goroutine that computes (B29)",
                       .modes = {random_mix(3)}}),
     world<threads_sleep>({.name = "time.threads",
                           .what = "a goroutine in a call and a thread outside sleep",
                           .modes = {random_mix(1)}}),
     world<resized>({.name = "time.resized", .what = "the P where a timer is armed goes", .modes = {random_mix(2)}})})
HEDDLE_WORLDS(
    armed, "sched/time", "I45 TIME-1",
    {world<armed<false, 20>>({.name = "time.armed",
                              .what = "a timer is armed as sysmon goes to sleep",
                              .modes = {random_mix(2), bounded(2, 2)}}),
     world<armed<true, 20>>({.name = "time.armed_drop",
                             .what = "a timer is armed as the other P is dropped and sysmon goes to sleep",
                             .modes = {random_mix(3)}}),
     world<armed<true, 100>>({.name = "time.armed_later",
                              .what = "as time.armed_drop, and the timer is not due when the P has gone",
                              .modes = {random_mix(2)}}),
     world<armed<true, 100, true>>({.name = "time.armed_second",
                                    .what = "as time.armed_later, after an earlier timer that is taken back",
                                    .modes = {random_mix(2)}}),
     world<armed<true, 100, false, true>>({.name = "time.armed_taken",
                                           .what = "the other P is not idle for a moment as sysmon goes to sleep",
                                           .modes = {random_mix(2), bounded(3, 2)}})})
HEDDLE_WORLDS(
    on_watch, "sched/time", "I45 TIME-1",
    {world<on_watch<false>>({.name = "time.watch_over",
                             .what = "an M that sleeps until a timer is due gets a P before, and looks at no timers",
                             .modes = {random_mix(3), bounded(2, 2)}}),
     world<on_watch<true>>({.name = "time.watch_later",
                            .what = "a timer is armed as an M goes to sleep until a later one is due",
                            .modes = {random_mix(3)}})})
HEDDLE_SUITE(handed, {.name = "time.armed_handed",
                      .component = "sched/time",
                      .invariants = "I45 TIME-1",
                      .what = "a timer is armed as one P is handed on and the idle one is taken",
                      .modes = {random_mix(3), bounded(2, 2)}})
HEDDLE_SUITE(stopped, {.name = "time.stopped",
                       .component = "sched/time",
                       .invariants = "I44 I45 I48",
                       .what = "two timers are taken back as they become due",
                       .modes = {random_mix(1), full_search(2)}})
