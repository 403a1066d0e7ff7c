// Goroutines that compute and never come to a safepoint, and what becomes of their Ps: sched/hog.cpp.
#include "verify/suites/calls.hpp"
#include "verify/suites/stopped.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// A whole scheduler whose second static thread takes Ps from goroutines that compute, as sysmon does.
template <class Derived, int Ms, int Procs, int Hogs = 2>
struct pressed : policed<Derived, Ms, Procs> {
  void before() {
    this->sched.options.hogs_max = Hogs;
    policed<Derived, Ms, Procs>::before();
  }
  // In the scheduler the P is the calling thread's alone, if it has one.
  void touch() {
    m *mp = getm();
    const in_scheduler here(mp);
    if (struct p *pp = own_p(this->sched, mp)) {
      plain<int> &c = this->carried[pp->id];
      c.set(c.get() + 1);
    }
  }
};

// A goroutine computes until another one has run, which waits on its P.
template <int Ms, int Procs, int Times>
struct taken : pressed<taken<Ms, Procs, Times>, Ms, Procs> {
  signal ran[Times];
  countdown all{Times};
  void body() {
    for (signal &s : ran) {
      this->touch();
      go([this, &s] {
        this->touch();
        s.set();
        all.arrive();
      });
      while (!s.is_set()) cpu_relax();
      this->touch();
    }
    all.wait();
    VERIFY_INV("HOG-4", this->sched.hogstaken.get() != 0 || Procs > 1);
  }
};
using taken_1p = taken<2, 1, 1>;
using taken_twice = taken<2, 1, 2>;
using taken_2p = taken<3, 2, 1>;

// It is in and out of the scheduler while its P is wanted, and does all that gives no way: it starts goroutines and
// readies them, with a P and without.
struct enters : pressed<enters, 2, 1> {
  countdown all{3};
  atomic<std::uint32_t> left{3};
  void body() {
    for (int i = 0; i < 3; ++i) {
      touch();
      go([this] {
        touch();
        left.fetch_sub(1, acq_rel);
        all.arrive();
      });
    }
    while (left.load(acquire) != 0) cpu_relax();
    all.wait();
  }
};

// Comes back at a safepoint, while another goroutine does as well.
struct comes_back : pressed<comes_back, 3, 1> {
  signal ran;
  trail of_main, of_other;
  countdown all{2};
  void body() {
    go([this] {
      go([this] {
        ran.set();
        all.arrive();
      });
      while (!ran.is_set()) cpu_relax();
      touch();
      safepoint(getm());
      of_other.step();
      touch();
      all.arrive();
    });
    while (!ran.is_set()) cpu_relax();
    safepoint(getm());
    of_main.step();
    touch();
    all.wait();
  }
};

// Yields just when its P is wanted: on g0 an M has its P.
struct yields : pressed<yields, 3, 1> {
  countdown all{1};
  void body() {
    touch();
    go([this] {
      touch();
      all.arrive();
    });
    for (int i = 0; i < 2; ++i) {
      while (getm()->asked.load(relaxed)->load(relaxed) == 0) cpu_relax();
      goyield();
      touch();
    }
    all.wait();
  }
};

// A party that stops the world gives up on it, whether its P was taken or not.
struct world_for_a_while : pressed<world_for_a_while, 3, 2> {
  atomic<std::uint32_t> begun, done;
  countdown all{2};
  void body() {
    go([this] {
      touch();
      begun.store(1, release);
      while (done.load(acquire) == 0) cpu_relax();
      touch();
      all.arrive();
    });
    go([this] {
      touch();
      all.arrive();
    });
    while (begun.load(acquire) == 0) goyield();
    VERIFY_INV("I29", !stop_the_world(sched, nanotime() + 1));
    done.store(1, release);
    start_the_world(sched);
    look_at_stopped(sched, [] {});
    all.wait();
  }
};

// Its P was taken, once: it has one again after its next safepoint.
struct once : pressed<once, 2, 1> {
  signal ran;
  countdown all{1};
  void watch() { take_once(); }
  void body() {
    go([this] {
      touch();
      ran.set();
      all.arrive();
    });
    while (!ran.is_set()) cpu_relax();
    VERIFY_INV("HOG-2", is_hog(getm()));
    safepoint(getm());
    VERIFY_INV("HOG-3", !is_hog(getm()));
    touch();
    all.wait();
  }
};

// Parks without a P, with the lock that the goroutine that readies it wants; is refused once; yields; ends.
struct parks : pressed<parks, 3, 1> {
  signal ran;
  countdown first{1}, all{2};
  static bool declines(g *, void *) noexcept { return false; }
  void body() {
    go([this] {
      touch();
      ran.set();
      first.arrive();
      all.arrive();
    });
    go([this] {
      while (!ran.is_set()) cpu_relax();
      all.arrive();
    });
    while (!ran.is_set()) cpu_relax();
    gopark(declines, nullptr, waitreason::test);
    touch();
    first.wait();
    all.wait();
  }
};

// Enters a call, a long one or a short one, without a P.
template <bool Long>
struct then_calls : pressed<then_calls<Long>, 2, 1> {
  signal ran, again;
  countdown all{2};
  void body() {
    go([this] {
      this->touch();
      ran.set();
      all.arrive();
    });
    while (!ran.is_set()) cpu_relax();
    go([this] {
      again.set();
      all.arrive();
    });
    const auto f = [this] {
      while (!again.is_set()) cpu_relax();
    };
    if (Long)
      blocking_long(f);
    else
      blocking(f);
    this->touch();
    all.wait();
  }
};

// Enters a long call just when its P is wanted: it has one to hand on, or it has none.
struct calls_when_wanted : pressed<calls_when_wanted, 3, 1> {
  signal ran;
  countdown all{1};
  void body() {
    go([this] {
      touch();
      ran.set();
      all.arrive();
    });
    while (getm()->asked.load(relaxed)->load(relaxed) == 0) cpu_relax();
    blocking_long([this] { ran.await(); });
    touch();
    all.wait();
  }
};

using calls_short = then_calls<false>;
using calls_long = then_calls<true>;

// The P of a call is wanted in both ways: it is taken once.
struct in_a_call : pressed<in_a_call, 3, 1> {
  signal ran;
  countdown all{2};
  void body() {
    go([this] {
      touch();
      ran.set();
      blocking([] { cpu_relax(); });
      touch();
      all.arrive();
    });
    go([this] {
      touch();
      all.arrive();
    });
    blocking([this] {
      while (!ran.is_set()) cpu_relax();
    });
    touch();
    all.wait();
  }
};

// The world is stopped beside a goroutine that computes, with its P or without: while it is, that goroutine makes no
// step of its own.
template <int Ms, int Procs>
struct world_stops : pressed<world_stops<Ms, Procs>, Ms, Procs> {
  watched<1> all;
  signal stopped;
  countdown ended{2};
  void body() {
    go([this] {
      go([this] { ended.arrive(); });  // something waits on its P
      while (!stopped.is_set()) {
        all.trails[0].step();
        cpu_relax();
        safepoint(getm());
      }
      ended.arrive();
    });
    goyield();
    look_at_stopped(this->sched, [this] { (void)all.seen(); });
    stopped.set();
    ended.wait();
  }
};
using world_1p = world_stops<3, 1>;
using world_2p = world_stops<3, 2>;

// A goroutine without a P is in a call until the world has been stopped, which does not wait for calls.
struct world_calls : pressed<world_calls, 3, 1> {
  signal ran, stopped;
  countdown ended{1};
  void watch() { take_once(); }
  void body() {
    go([this] {
      ran.set();
      look_at_stopped(sched, [] {});
      stopped.set();
      ended.arrive();
    });
    while (!ran.is_set()) cpu_relax();
    blocking([this] { stopped.await(); });
    touch();
    ended.wait();
  }
};

// A goroutine whose P was taken stops the world itself, and then has each P do something.
struct hog_stops : pressed<hog_stops, 2, 1> {
  signal ran;
  trail t;
  int calls = 0;
  countdown all{1};
  void body() {
    go([this] {
      t.step();
      ran.set();
      safepoint(getm());
      t.step();
      all.arrive();
    });
    while (!ran.is_set()) cpu_relax();
    look_at_stopped(sched, [this] { VERIFY_INV("I29", t.steps.get() <= 2); });
    for_each_p(
        sched, [](void *n, struct p *) { ++*static_cast<int *>(n); }, &calls);
    VERIFY_INV("I32", calls == 1);
    touch();
    all.wait();
  }
};

// There are fewer Ps, and more, while a goroutine computes on without one.
struct resized : pressed<resized, 3, 2> {
  signal done;
  countdown all{1};
  void body() {
    go([this] {
      while (!done.is_set()) {
        cpu_relax();
        safepoint(getm());
      }
      touch();
      all.arrive();
    });
    goyield();
    VERIFY_CHECK(set_procs(sched, 1));
    touch();
    VERIFY_CHECK(set_procs(sched, 2));
    done.set();
    all.wait();
  }
};

// It is locked to its thread.
struct locked : pressed<locked, 2, 1> {
  signal ran;
  countdown all{1};
  void body() {
    lock_os_thread(getm());
    m *const mine = getm();
    go([this] {
      touch();
      ran.set();
      all.arrive();
    });
    while (!ran.is_set()) cpu_relax();
    all.wait();
    VERIFY_INV("I39", getm() == mine);
    touch();
    unlock_os_thread(getm());
  }
};

// The runtime stops while a goroutine computes: its M leaves at the next safepoint.
struct stops_beside : pressed<stops_beside, 2, 1> {
  signal begun;
  void body() {
    go([this] {
      begun.set();
      while (!stopping(sched)) cpu_relax();
      touch();
      gosched(getm());
      VERIFY_INV("STOP-1", false);  // no M runs it any more
    });
    while (!begun.is_set()) cpu_relax();
  }
  void after() {
    // One goroutine is abandoned.
    VERIFY_INV("HOG-4", sched.hogs.get() == 0);
    schedfree(sched);
  }
};

// At most one goroutine computes without a P: the other keeps its own, and what waits behind it waits on.
struct limited : pressed<limited, 3, 1, 1> {
  signal ran;
  countdown all{2};
  void body() {
    go([this] {
      touch();
      all.arrive();
    });
    go([this] {
      ran.set();
      for (int i = 0; i < 4; ++i) {
        cpu_relax();
        VERIFY_INV("HOG-4", sched.hogs.peek() <= 1);
      }
      all.arrive();
    });
    while (!ran.is_set()) cpu_relax();
    for (int i = 0; i < 4; ++i) cpu_relax();
    all.wait();
  }
};

// A goroutine that computes is none that waits: while there is one, no deadlock is reported; when it waits as well, one
// is.
struct no_deadlock : pressed<no_deadlock, 2, 1> {
  signal waits, never_waits;
  atomic<std::uint32_t> reports;
  countdown never{1};
  void before() {
    pressed::before();
    sched.options.detect_deadlock = true;
    sched.options.on_deadlock = [](void *self, const char *) {
      auto *s = static_cast<no_deadlock *>(self);
      VERIFY_INV("I36", s->never_waits.is_set());
      s->reports.fetch_add(1, relaxed);
      stop(s->sched);
    };
    sched.options.on_deadlock_arg = this;
  }
  void body() {
    go([this] {
      waits.set();
      never.wait();
    });
    while (!waits.is_set()) cpu_relax();
    for (int i = 0; i < 3; ++i) cpu_relax();
    never_waits.set();
    spinlock forever;
    forever.lock();
    gopark(parkunlock, &forever, waitreason::test);
  }
  void after() {
    VERIFY_INV("I36", reports.peek() == 1);
    schedfree(sched);
  }
};

// It parks while sysmon has its P, on which another goroutine waits that will ready it: that is no deadlock (B11).
struct last_computes : only_m<last_computes> {
  signal computes;
  countdown all{1};
  void before() {
    sched.options.hogs_max = 1;
    only_m::before();
  }
  void body() {
    go([this] { all.arrive(); });
    computes.set();
    for (int i = 0; i < 6; ++i) cpu_relax();
    all.wait();
  }
  void watch() {
    computes.await();
    for (int k = 1; k <= 3; ++k) retake(sched, k * second);
  }
};

// What it has armed is due, and it computes until that has come.
struct timers_due : pressed<timers_due, 2, 1> {
  signal slept, armed;
  countdown all{1};
  void body() {
    go([this] {
      armed.set();
      timesleep(nanotime() + 1);
      touch();
      slept.set();
      all.arrive();
    });
    while (!armed.is_set()) goyield();
    while (!slept.is_set()) cpu_relax();
    all.wait();
  }
};

// Claims, step by step: the P changes hands only while its M is out of the scheduler.
struct claims : by_hand<2, 1> {
  void before() {
    sched.options.hogs_max = 1;
    by_hand::before();
  }
  void thread(unsigned i) {
    if (i == 1) {
      for (int k = 0; k < 2; ++k) retake_hog(sched, ps[0]);
      return;
    }
    m *const mp = ms[0];
    set_current_m(mp);
    mp->locks = 1;  // no g may be switched to here
    for (int k = 0; k < 3; ++k) {
      enter_user(mp);
      leave_user(mp);
      if (is_hog(mp)) {
        VERIFY_INV("HOG-2", mp->p.get() == nullptr);
        end_hog(mp);
        VERIFY_INV("HOG-3", regain_p(mp));
      }
      touch(mp->p.get());
      VERIFY_INV("I6", mp->p.get()->m.load(relaxed) == mp);
    }
    mp->locks = 0;
    set_current_m(nullptr);
  }
};

}  // namespace

HEDDLE_SUITE(claims, {.name = "hog.claims",
                      .component = "sched/hog",
                      .invariants = "HOG-1 HOG-2 HOG-3 I6 I7",
                      .what = "an M is in and out of the scheduler while its P is claimed",
                      .modes = {random_mix(4), bounded(2, 10)}})
HEDDLE_SUITE(taken_1p, {.name = "hog.taken",
                        .component = "sched/hog",
                        .invariants = "HOG-2 HOG-4 I6 I7 I14",
                        .what = "another goroutine runs on the P of one that computes",
                        .modes = {random_mix(3)}})
HEDDLE_SUITE(taken_twice, {.name = "hog.taken_twice",
                           .component = "sched/hog",
                           .invariants = "HOG-2 HOG-3 HOG-4 I6 I7",
                           .what = "as hog.taken, two times",
                           .modes = {random_mix(4)}})
HEDDLE_SUITE(taken_2p, {.name = "hog.taken_2p",
                        .component = "sched/hog",
                        .invariants = "HOG-2 I6 I7 I14",
                        .what = "as hog.taken with two Ps and three Ms",
                        .modes = {random_mix(4)}})
HEDDLE_SUITE(enters, {.name = "hog.enters",
                      .component = "sched/hog",
                      .invariants = "HOG-1 HOG-2 I6 I7 I20",
                      .what = "a goroutine starts others while its P is taken",
                      .modes = {random_mix(4)}})
HEDDLE_SUITE(comes_back, {.name = "hog.comes_back",
                          .component = "sched/hog",
                          .invariants = "HOG-3 HOG-4 I6 I7",
                          .what = "two that compute come back for one P",
                          .modes = {random_mix(4)}})
HEDDLE_SUITE(yields, {.name = "hog.yields",
                      .component = "sched/hog",
                      .invariants = "HOG-1 HOG-2 I6 I7",
                      .what = "a goroutine yields while its P is claimed",
                      .modes = {random_mix(5)}})
HEDDLE_SUITE(once, {.name = "hog.once",
                    .component = "sched/hog",
                    .invariants = "HOG-3 HOG-4",
                    .what = "a goroutine without a P comes to a safepoint",
                    .modes = {random_mix(3)}})
HEDDLE_SUITE(world_calls, {.name = "hog.world_calls",
                           .component = "sched/hog",
                           .invariants = "HOG-4 I28 I29",
                           .what = "the world is stopped beside a goroutine that has entered a call without a P",
                           .modes = {random_mix(3)}})
HEDDLE_SUITE(world_for_a_while, {.name = "hog.world_for_a_while",
                                 .component = "sched/hog",
                                 .invariants = "HOG-4 I28 I29",
                                 .what = "a goroutine that computes, with its P or without, is not waited for",
                                 .modes = {random_mix(4)}})
HEDDLE_SUITE(last_computes, {.name = "hog.last",
                             .component = "sched/hog",
                             .invariants = "I36",
                             .what = "the last goroutine awake parks while sysmon holds its P",
                             .modes = {random_mix(6, 60'000)}})
HEDDLE_SUITE(parks, {.name = "hog.parks",
                     .component = "sched/hog",
                     .invariants = "HOG-4 I3 I6 I7 I20",
                     .what = "a goroutine parks, is refused, and ends without a P",
                     .modes = {random_mix(4)}})
HEDDLE_SUITE(calls_short, {.name = "hog.calls",
                           .component = "sched/hog",
                           .invariants = "HOG-4 I5 I6 I7",
                           .what = "a goroutine without a P enters a call",
                           .modes = {random_mix(4)}})
HEDDLE_SUITE(calls_long, {.name = "hog.calls_long",
                          .component = "sched/hog",
                          .invariants = "HOG-4 I5 I6 I7",
                          .what = "a goroutine without a P enters a long call",
                          .modes = {random_mix(4)}})
HEDDLE_SUITE(calls_when_wanted, {.name = "hog.calls_wanted",
                                 .component = "sched/hog",
                                 .invariants = "HOG-1 HOG-2 I6 I7",
                                 .what = "a goroutine enters a long call while its P is claimed",
                                 .modes = {random_mix(4)}})
HEDDLE_SUITE(in_a_call, {.name = "hog.in_a_call",
                         .component = "sched/hog",
                         .invariants = "HOG-2 I5 I6 I7 I23",
                         .what = "the P of a call is wanted as that of one that computes",
                         .modes = {random_mix(4)}})
HEDDLE_SUITE(world_1p, {.name = "hog.world",
                        .component = "sched/hog",
                        .invariants = "HOG-4 I28 I29",
                        .what = "the world is stopped beside a goroutine that computes without a P",
                        .modes = {random_mix(5)}})
HEDDLE_SUITE(world_2p, {.name = "hog.world_2p",
                        .component = "sched/hog",
                        .invariants = "HOG-4 I28 I29",
                        .what = "as hog.world with two Ps",
                        .modes = {random_mix(5)}})
HEDDLE_SUITE(hog_stops, {.name = "hog.stops",
                         .component = "sched/hog",
                         .invariants = "HOG-3 HOG-4 I28 I29 I32",
                         .what = "a goroutine without a P stops the world and runs for_each_p",
                         .modes = {random_mix(4)}})
HEDDLE_SUITE(resized, {.name = "hog.resized",
                       .component = "sched/hog",
                       .invariants = "HOG-4 I6 I7",
                       .what = "the number of Ps changes beside a goroutine that computes",
                       .modes = {random_mix(5)}})
HEDDLE_SUITE(locked, {.name = "hog.locked",
                      .component = "sched/hog",
                      .invariants = "HOG-2 I6 I39",
                      .what = "a goroutine that is locked to its thread computes without a P",
                      .modes = {random_mix(4)}})
HEDDLE_SUITE(stops_beside, {.name = "hog.stop",
                            .component = "sched/hog",
                            .invariants = "HOG-4 STOP-1 STOP-2",
                            .what = "the runtime stops while a goroutine computes without a P",
                            .modes = {random_mix(4)}})
HEDDLE_SUITE(limited, {.name = "hog.limited",
                       .component = "sched/hog",
                       .invariants = "HOG-4 I14",
                       .what = "no more goroutines compute without a P than may",
                       .modes = {random_mix(4)}})
HEDDLE_SUITE(no_deadlock, {.name = "hog.deadlock",
                           .component = "sched/hog",
                           .invariants = "I36 I37",
                           .what = "a deadlock is reported when the one that computes waits as well, and not before",
                           .modes = {random_mix(4)}})
HEDDLE_SUITE(timers_due, {.name = "hog.timer",
                          .component = "sched/hog",
                          .invariants = "HOG-2 I14",
                          .what = "a goroutine computes until a timer on its P has been called",
                          .modes = {random_mix(4)}})
