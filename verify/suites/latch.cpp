// latch and barrier over the composed scheduler.
#include "heddle/latch.hpp"
#include "heddle/barrier.hpp"
#include "heddle/runtime.hpp"
#include "verify/suites/scheduled.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// What was done before count_down is seen after wait and after arrive_and_wait, and the latch is gone right after.
struct counts_down : scheduled<counts_down, 2, 2> {
  trail trails[2];
  countdown all{2};
  void body() {
    auto *l = new latch(3);
    go([this, l] {
      trails[0].step();
      l->count_down();
      all.arrive();
    });
    go([this, l] {
      trails[1].step();
      l->count_down();
      all.arrive();
    });
    l->arrive_and_wait();
    delete l;
    for (trail &t : trails) VERIFY_INV("LATCH", t.steps.get() == 1);
    all.wait();
  }
};

// Two goroutines wait, a thread outside counts down.
struct waiters : scheduled<waiters, 2, 1, 1> {
  latch l{1};
  trail earlier;
  countdown all{1};
  void foreign() {
    earlier.step();
    l.count_down();
  }
  void body() {
    go([this] {
      l.wait();
      VERIFY_INV("LATCH", earlier.steps.get() == 1);
      all.arrive();
    });
    l.wait();
    VERIFY_INV("LATCH", earlier.steps.get() == 1 && l.try_wait());
    all.wait();
  }
};

// Two threads outside every runtime; the latch is gone as soon as the wait is over.
struct threads : suite<2> {
  atomic<latch *> theirs;
  trail earlier;
  void thread(unsigned i) {
    if (i == 0) {
      latch l(2);
      theirs.store(&l, release);
      l.arrive_and_wait();
      VERIFY_INV("LATCH", earlier.steps.get() == 1);
      return;
    }
    while (theirs.load(acquire) == nullptr) cpu_relax();
    earlier.step();
    theirs.load(relaxed)->count_down();
  }
};

// Two goroutines, two phases; the completion function sees what both did, and both see what it did.
struct phases : scheduled<phases, 2, 2> {
  struct complete {
    phases *s;
    void operator()() const noexcept { s->sum.set(s->trails[0].steps.get() + s->trails[1].steps.get()); }
  };
  trail trails[2];
  plain<int> sum;
  barrier<complete> b{2, complete{this}};
  countdown all{1};
  void take_part(int i) {
    for (int phase = 1; phase <= 2; ++phase) {
      trails[i].step();
      b.arrive_and_wait();
      VERIFY_INV("BARRIER", sum.get() == 2 * phase);
    }
  }
  void body() {
    go([this] {
      take_part(1);
      all.arrive();
    });
    take_part(0);
    all.wait();
  }
};

// One goroutine drops out, one goes on alone; one waits by its token.
struct drops : scheduled<drops, 2, 2> {
  trail dropped;
  barrier<> b{2};
  countdown all{1};
  void body() {
    go([this] {
      dropped.step();
      b.arrive_and_drop();
      all.arrive();
    });
    goyield();  // either may be the last to arrive
    auto token = b.arrive();
    b.wait(std::move(token));
    VERIFY_INV("BARRIER", dropped.steps.get() == 1);
    b.arrive_and_wait();
    all.wait();
  }
};

}  // namespace

HEDDLE_SUITE(counts_down, {.name = "latch.count_down",
                           .component = "latch",
                           .invariants = "I25 I26 LATCH",
                           .what = "two count down, one waits, and the latch is gone",
                           .modes = {random_mix(2)}})
HEDDLE_SUITE(waiters, {.name = "latch.waiters",
                       .component = "latch",
                       .invariants = "I25 LATCH",
                       .what = "two wait, a thread outside counts down",
                       .modes = {random_mix(1)}})
HEDDLE_SUITE(threads, {.name = "latch.threads",
                       .component = "latch",
                       .invariants = "LATCH",
                       .what = "from thread to thread outside every runtime, and destruction right after",
                       .modes = {random_mix(1), bounded(2, 1)}})
HEDDLE_SUITE(phases, {.name = "barrier.phases",
                      .component = "barrier",
                      .invariants = "I25 BARRIER",
                      .what = "two goroutines, two phases with a completion function",
                      .modes = {random_mix(2)}})
HEDDLE_SUITE(drops, {.name = "barrier.drops",
                     .component = "barrier",
                     .invariants = "I25 BARRIER",
                     .what = "one drops out, the other goes on",
                     .modes = {random_mix(1)}})
