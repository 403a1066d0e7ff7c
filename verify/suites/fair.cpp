// Fairness: each of these ends only if something keeps a g that is always runnable from being all that ever runs. A
// waiter that starves is a livelock. On one P and one M nothing but the order of the queues decides.
#include "heddle/chan.hpp"
#include "verify/suites/scheduled.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// A pair that readies each other: both live in runnext, and a third waits in the ring behind them (B35).
struct pair : scheduled<pair, 2, 1> {
  atomic<std::uint32_t> done;
  countdown all{2};
  void body() {
    chan<int> there, back;
    go([this] {
      done.store(1, release);
      all.arrive();
    });
    go([this, there, back] {
      while (there.recv()) back.send(1);
      all.arrive();
    });
    while (done.load(acquire) == 0) {
      there.send(1);
      back.recv();
    }
    there.close();
    all.wait();
  }
};

// The ring is never empty, and a third waits on the global queue (B34): the fairness tick.
struct tick : scheduled<tick, 2, 1> {
  atomic<std::uint32_t> done;
  countdown all{1};
  void body() {
    go([this] {
      gosched();
      done.store(1, release);
      all.arrive();
    });
    while (done.load(acquire) == 0) goyield();
    all.wait();
  }
};

// The global queue is never empty, and a g from outside waits in the inbox (B57): the tick moves the inbox first.
struct inbox : scheduled<inbox, 1, 1, 1> {
  atomic<std::uint32_t> done;
  countdown all{1};
  void foreign() {
    heddle::detail::go_from_outside(
        sched,
        [this] {
          done.store(1, release);
          all.arrive();
        },
        0);
  }
  void body() {
    while (done.load(acquire) == 0) gosched();
    all.wait();
  }
};

// A goroutine that yields goes behind all that wait in the ring: two that yield take turns.
struct turns : scheduled<turns, 2, 1> {
  int steps[2] = {};  // one M: no two threads at once
  countdown all{2};
  void body() {
    for (int me = 0; me < 2; ++me)
      go([this, me] {
        for (int i = 0; i < 4; ++i) {
          ++steps[me];
          VERIFY_CHECK(steps[me] <= steps[1 - me] + 1);
          goyield();
        }
        all.arrive();
      });
    all.wait();
  }
};

// Economy: a g that yields on a P with nothing else to run wakes no M (B7: 2.7 million futex calls for ten million
// yields). Nothing is ever submitted here beside the main goroutine, so no second M may be born.
struct yields_wake_nobody : scheduled<yields_wake_nobody, 2, 2> {
  void body() {
    for (int i = 0; i < 4; ++i) goyield();
  }
  void check() { VERIFY_INV("WAKE-COUNT", sched.mcount.peek() == 1); }
};

// The slice is over, and the goroutine does what blocks nothing: it keeps its turn, because it may hold a lock of its
// thread's. It gives way at the safepoint after that.
struct keeps_its_turn : scheduled<keeps_its_turn, 2, 1> {
  countdown all{2};
  chan<int> served{1};
  std::uint64_t turns() { return sched.allp[0].get()->executes(); }
  void body() {
    go([this] {
      served.recv();
      all.arrive();
    });
    preemptone(sched.allp[0].get());  // as sysmon does
    const std::uint64_t before = turns();
    go([this] { all.arrive(); });
    VERIFY_CHECK(served.try_send(1));
    VERIFY_INV("SECTION", turns() == before);
    safepoint(getm());
    VERIFY_CHECK(turns() > before);
    all.wait();
  }
};

}  // namespace

HEDDLE_SUITE(pair, {.name = "fair.runnext",
                    .component = "sched",
                    .invariants = "I59",
                    .what = "two goroutines that ready each other for ever do not starve a third (B35)",
                    .modes = {random_mix(2)}})
HEDDLE_SUITE(tick, {.name = "fair.tick",
                    .component = "sched",
                    .invariants = "I59",
                    .what = "one that yields for ever does not starve the global queue (B34)",
                    .modes = {random_mix(2)}})
HEDDLE_SUITE(inbox, {.name = "fair.inbox",
                     .component = "sched",
                     .invariants = "I59",
                     .what = "one that goscheds for ever does not starve the inbox (B57)",
                     .modes = {random_mix(2)}})
HEDDLE_SUITE(turns, {.name = "fair.yield_turns",
                     .component = "sched",
                     .invariants = "I59",
                     .what = "two that goyield on one P take turns",
                     .modes = {random_mix(2)}})
HEDDLE_SUITE(keeps_its_turn,
             {.name = "fair.keeps_its_turn",
              .component = "sched",
              .invariants = "SECTION",
              .what = "after its slice a goroutine gives way at a safepoint, not where it starts another",
              .modes = {random_mix(1)}})
HEDDLE_SUITE(yields_wake_nobody, {.name = "fair.yields_wake_nobody",
                                  .component = "sched",
                                  .invariants = "WAKE-COUNT",
                                  .what = "yields of the only goroutine start and wake no M (B7)",
                                  .modes = {random_mix(2)}})
