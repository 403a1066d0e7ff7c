// wait_group over the composed scheduler.
#include "heddle/wait_group.hpp"
#include "verify/suites/scheduled.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// What was done before done() is seen after wait(), and the wait_group may be gone right after.
struct group : scheduled<group, 2, 2> {
  trail trails[2];
  void body() {
    for (int round = 1; round <= 2; ++round) {
      auto *wg = new wait_group(2);
      for (trail &t : trails)
        go([&t, wg] {
          t.step();
          wg->done();
        });
      wg->wait();
      delete wg;
      for (trail &t : trails) VERIFY_INV("I57", t.steps.get() == round);
    }
  }
};

// Two waiters and one that finishes: both are released.
struct waiters : scheduled<waiters, 2, 2> {
  wait_group wg{1};
  trail earlier;
  countdown all{1};
  void body() {
    go([this] {
      wg.wait();
      VERIFY_INV("I57", earlier.steps.get() == 1);
      all.arrive();
    });
    go([this] {
      earlier.step();
      wg.done();
    });
    wg.wait();
    VERIFY_INV("I57", earlier.steps.get() == 1);
    all.wait();
  }
};

// The wait_group is used again at once: the end of the first round, which is still under way on a thread outside, does
// not release a waiter for the second round (B50). The second round ends only after it, and some turns later.
struct again : scheduled<again, 1, 1, 1> {
  wait_group wg{1};
  trail second;
  atomic<std::uint32_t> first_over;
  void foreign() {
    wg.done();
    first_over.store(1, release);
  }
  void body() {
    wg.wait();
    wg.add(1);
    go([this] {
      while (first_over.load(acquire) == 0) cpu_relax();
      for (int i = 0; i < 4; ++i) goyield();
      second.step();
      wg.done();
    });
    wg.wait();
    VERIFY_INV("I57", second.steps.get() == 1);
  }
};

}  // namespace

HEDDLE_SUITE(again, {.name = "wait_group.again",
                     .component = "wait_group",
                     .invariants = "I25 I57",
                     .what = "a second round begins while the first is being released (B50)",
                     .modes = {random_mix(3)}})
HEDDLE_SUITE(group, {.name = "wait_group.join",
                     .component = "wait_group",
                     .invariants = "I25 I57",
                     .what = "done before wait, and destruction right after",
                     .modes = {random_mix(6)}})
HEDDLE_SUITE(waiters, {.name = "wait_group.waiters",
                       .component = "wait_group",
                       .invariants = "I25 I57",
                       .what = "two waiters, one done",
                       .modes = {random_mix(5)}})
