// Goroutines in calls, and what becomes of their Ps: sched/syscall.cpp, retake and handoffp.
#include "verify/suites/calls.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// A call that lasts until the other goroutine of the same P has run: the P must go to another M.
template <int Ms, int Procs>
struct hand_off : policed<hand_off<Ms, Procs>, Ms, Procs> {
  signal ran;
  countdown all{1};
  void body() {
    this->touch();
    go([this] {
      this->touch();
      ran.set();
      all.arrive();
    });
    blocking([this] { ran.await(); });
    this->touch();
    all.wait();
  }
};
using hand_off_1p = hand_off<2, 1>;
using hand_off_2p = hand_off<3, 2>;

// A call that may end just when its P is taken.
struct retaken : policed<retaken, 2, 1> {
  countdown all{2};
  void body() {
    for (int i = 0; i < 2; ++i) {
      touch();
      go([this] {
        touch();
        all.arrive();
      });
      blocking([] { cpu_relax(); });
      touch();
    }
    all.wait();
  }
};

// One P, two calls. Main's P is taken, once, and goes to the other goroutine, which is in a call when main comes back:
// main takes it from there.
struct taken_back : policed<taken_back, 2, 1> {
  signal second_calls, back;
  countdown all{1};
  void watch() { take_once(); }
  void body() {
    touch();
    go([this] {
      touch();
      blocking([this] {
        second_calls.set();
        back.await();
      });
      touch();
      all.arrive();
    });
    blocking([this] { second_calls.await(); });
    touch();
    back.set();
    all.wait();
  }
};

// The same while sysmon wants it as well.
struct wanted_by_two : policed<wanted_by_two, 2, 1> {
  signal second_calls;
  countdown all{1};
  void body() {
    touch();
    go([this] {
      touch();
      blocking([this] { second_calls.set(); });
      touch();
      all.arrive();
    });
    blocking([this] { second_calls.await(); });
    touch();
    all.wait();
  }
};

// What waits on the P of a call is stolen while the P is taken.
struct stolen : policed<stolen, 3, 2> {
  countdown all{2};
  atomic<std::uint32_t> left{2};
  void body() {
    for (int i = 0; i < 2; ++i)
      go([this] {
        touch();
        left.fetch_sub(1, acq_rel);
        all.arrive();
      });
    touch();
    blocking([this] {
      while (left.load(acquire) != 0) cpu_relax();
    });
    touch();
    all.wait();
  }
};

// A call whose P goes at once; the other goroutine waits on it. No other thread takes Ps.
template <int Ms, int Procs>
struct long_call : scheduled<long_call<Ms, Procs>, Ms, Procs> {
  signal ran;
  trail on_p;
  countdown all{1};
  void body() {
    on_p.step();
    go([this] {
      on_p.step();
      ran.set();
      all.arrive();
    });
    blocking_long([this] { ran.await(); });
    on_p.step();
    all.wait();
  }
};
using long_1p = long_call<2, 1>;
using long_2p = long_call<2, 2>;

// As above, and sysmon looks at a P that has just gone, or has come to another M.
struct long_watched : policed<long_watched, 2, 1> {
  countdown all{1};
  void body() {
    touch();
    go([this] {
      touch();
      blocking_long([] {});
      touch();
      all.arrive();
    });
    blocking_long([] {});
    touch();
    all.wait();
  }
};

// A call within a call is one call.
struct nested : policed<nested, 2, 1> {
  signal ran;
  countdown all{1};
  void body() {
    go([this] {
      touch();
      ran.set();
      all.arrive();
    });
    blocking([this] {
      blocking_long([this] { blocking([] {}); });
      ran.await();
      VERIFY_INV("I5", getm()->incall == 1);
    });
    VERIFY_INV("I5", getm()->incall == 0);
    touch();
    all.wait();
  }
};

// A goroutine comes back from a call without a P, and at once runs on another M and locks itself to that one's thread:
// the M that it left must not take itself for that thread (B16).
struct locks_after : policed<locks_after, 2, 1> {
  signal ran;
  countdown all{1};
  void body() {
    go([this] {
      touch();
      ran.set();
      all.arrive();
    });
    blocking([this] { ran.await(); });
    lock_os_thread(getm());
    touch();
    goyield();
    VERIFY_INV("I39", getm()->lockedg.get() == getm()->curg.peek());
    unlock_os_thread(getm());
    all.wait();
  }
};

// Main ends while another goroutine is in a call: its thread leaves when it is back.
struct stop_in_call : suite<2, 1> {
  schedt sched{sched_options{.procs = 1, .threads_max = 2, .detect_deadlock = false}};
  signal calls, over;
  bool after_call = false;
  void before() {
    VERIFY_CHECK(schedinit(sched));
    sched.foreigners.fetch_add(1, relaxed);
  }
  void thread(unsigned i) {
    if (i == 1) {
      for (std::int64_t now = second; !stopping(sched); now += second) {
        retake(sched, now);
        cpu_relax();
      }
      sched.foreigners.fetch_sub(1, release);
      return;
    }
    heddle::detail::start_main(sched);
    auto main = [this] {
      go([this] {
        blocking([this] {
          calls.set();
          while (!stopping(sched)) cpu_relax();
        });
        after_call = true;
        gosched();
        VERIFY_INV("STOP-1", false);  // no M runs it any more
      });
      blocking([this] { calls.await(); });
    };
    const heddle::detail::newborn s = heddle::detail::prepare(sched, main, 0);
    heddle::detail::run_main(sched, s, &heddle::detail::invoke<decltype(main)>);
    VERIFY_INV("I7", sched.allp[0].get()->m.peek() == nullptr && sched.pidle.peek_count() == 1);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() { schedfree(sched); }
};

// The runtime has stopped while a goroutine was in a call, and its P has been left by an M that had been asked to give
// way: that goroutine is still asked.
struct asked_still : suite<1, 1> {
  schedt sched{sched_options{.procs = 1, .threads_max = 2, .detect_deadlock = false}};
  signal calls;
  void before() { VERIFY_CHECK(schedinit(sched)); }
  void thread(unsigned) {
    heddle::detail::start_main(sched);
    auto main = [this] {
      go([this] {
        blocking_long([this] {
          calls.set();
          while (!stopping(sched)) cpu_relax();
        });
        for (;;) {
          cpu_relax();
          safepoint(getm());
        }
      });
      while (!calls.is_set()) goyield();
    };
    const newborn s = heddle::detail::prepare(sched, main, 0);
    heddle::detail::run_main(sched, s, &heddle::detail::invoke<decltype(main)>);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() { schedfree(sched); }
};

}  // namespace

HEDDLE_SUITE(hand_off_1p, {.name = "syscall.hand_off",
                           .component = "sched/syscall",
                           .invariants = "I5 I6 I7 I14",
                           .what = "another goroutine runs on the P of one in a call",
                           .modes = {random_mix(3)}})
HEDDLE_SUITE(hand_off_2p, {.name = "syscall.hand_off_2p",
                           .component = "sched/syscall",
                           .invariants = "I5 I6 I7 I14",
                           .what = "as syscall.hand_off with two Ps and three Ms",
                           .modes = {random_mix(3)}})
HEDDLE_SUITE(retaken, {.name = "syscall.retaken",
                       .component = "sched/syscall",
                       .invariants = "I5 I6 I7 I23",
                       .what = "a call ends while its P is taken",
                       .modes = {random_mix(4)}})
HEDDLE_SUITE(taken_back, {.name = "syscall.taken_back",
                          .component = "sched/syscall",
                          .invariants = "I5 I6 I7 I14",
                          .what = "a goroutine takes its P back from another one's call",
                          .modes = {random_mix(3)}})
HEDDLE_SUITE(wanted_by_two, {.name = "syscall.wanted_by_two",
                             .component = "sched/syscall",
                             .invariants = "I5 I6 I7 I23",
                             .what = "sysmon and a goroutine that comes back want the P of the same call",
                             .modes = {random_mix(4)}})
HEDDLE_SUITE(stolen, {.name = "syscall.stolen",
                      .component = "sched/syscall",
                      .invariants = "I6 I7 I20",
                      .what = "the ring of a P in a call is stolen from while the P is taken",
                      .modes = {random_mix(3)}})
HEDDLE_SUITE(long_1p, {.name = "syscall.long",
                       .component = "sched/syscall",
                       .invariants = "I5 I6 I7 I14",
                       .what = "a call that gives its P up at once",
                       .modes = {random_mix(2)}})
HEDDLE_SUITE(long_2p, {.name = "syscall.long_2p",
                       .component = "sched/syscall",
                       .invariants = "I5 I6 I7 I14",
                       .what = "as syscall.long with two Ps",
                       .modes = {random_mix(2)}})
HEDDLE_SUITE(long_watched, {.name = "syscall.long_watched",
                            .component = "sched/syscall",
                            .invariants = "I5 I6 I7",
                            .what = "sysmon looks at a P that a long call has just given up",
                            .modes = {random_mix(4)}})
HEDDLE_SUITE(nested, {.name = "syscall.nested",
                      .component = "sched/syscall",
                      .invariants = "I5 I7",
                      .what = "a call within a call",
                      .modes = {random_mix(2)}})
HEDDLE_SUITE(stop_in_call, {.name = "syscall.stop",
                            .component = "sched/syscall",
                            .invariants = "I6 I7 I34 STOP-1",
                            .what = "the runtime stops while a goroutine is in a call",
                            .modes = {random_mix(3)}})
HEDDLE_SUITE(locks_after,
             {.name = "syscall.locks_after",
              .component = "sched/syscall",
              .invariants = "I39",
              .what = "a goroutine comes back without a P, and is locked to the thread on which it goes on (B16)",
              .modes = {random_mix(3)}})
HEDDLE_SUITE(asked_still,
             {.name = "syscall.asked_still",
              .component = "sched/syscall",
              .invariants = "STOP-1 STOP-2",
              .what = "a goroutine comes back from a call when the runtime has stopped, and passes safepoints",
              .modes = {random_mix(3)}})
