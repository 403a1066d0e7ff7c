// semaphore over the composed scheduler, and between threads.
#include "heddle/semaphore.hpp"
#include "heddle/runtime.hpp"
#include "verify/suites/scheduled.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// One unit, three goroutines that want it; one of them gives way inside.
template <int Ms, int Procs>
struct one_unit : scheduled<one_unit<Ms, Procs>, Ms, Procs> {
  semaphore s{1};
  plain<int> count;
  countdown all{2};
  void critical(bool yields) {
    s.acquire();
    const int before = count.get();
    if (yields) goyield();
    count.set(before + 1);
    s.release();
  }
  void body() {
    for (int i = 0; i < 2; ++i)
      go([this, i] {
        critical(i == 0);
        all.arrive();
      });
    critical(false);
    all.wait();
    VERIFY_INV("SEM-UNITS", count.get() == 3 && s.try_acquire() && !s.try_acquire());
  }
};
using one_unit_1p = one_unit<2, 1>;
using one_unit_2p = one_unit<2, 2>;

// Two units at once for two waiters and a newcomer: as many get one as there are, and the semaphore is gone then.
struct gone : scheduled<gone, 2, 2> {
  trail earlier;
  countdown all{2};
  void body() {
    auto *s = new semaphore(0);
    for (int i = 0; i < 2; ++i)
      go([this, s] {
        s->acquire();
        VERIFY_INV("SEM-UNITS", earlier.steps.get() == 1);
        all.arrive();
      });
    go([this, s] {
      earlier.step();
      s->release(3);
    });
    s->acquire();
    VERIFY_INV("SEM-UNITS", earlier.steps.get() == 1);
    all.wait();
    VERIFY_INV("SEM-UNITS", !s->try_acquire());
    delete s;
  }
};

// A unit that was given to a waiter is not there for a newcomer, and the waiter that waited longest has it.
struct in_order : scheduled<in_order, 2, 1> {
  semaphore s{0};
  countdown all{2};
  plain<int> served;
  void body() {
    for (int i = 0; i < 2; ++i) {
      go([this, i] {
        s.acquire();
        VERIFY_INV("SEM-FIFO", served.get() == i);
        served.set(i + 1);
        all.arrive();
      });
      goyield();
    }
    for (int i = 0; i < 2; ++i) {
      s.release();
      VERIFY_INV("SEM-FIFO", !s.try_acquire());
      goyield();  // one P: each is done with it before the next is served
    }
    all.wait();
  }
};

// Two threads outside every runtime; one waits, and the semaphore is gone when it goes on.
struct threads : suite<2> {
  atomic<semaphore *> theirs;
  plain<int> word;
  void thread(unsigned i) {
    if (i == 0) {
      semaphore s(0);
      theirs.store(&s, release);
      s.acquire();
      VERIFY_INV("SEM-UNITS", word.get() == 7);
      return;
    }
    while (theirs.load(acquire) == nullptr) cpu_relax();
    word.set(7);
    theirs.load(relaxed)->release();
  }
};

}  // namespace

HEDDLE_SUITE(one_unit_1p, {.name = "semaphore.one_unit_1p",
                           .component = "semaphore",
                           .invariants = "I25 I26 SEM-UNITS",
                           .what = "three goroutines want one unit on one P, one gives way inside",
                           .modes = {random_mix(1)}})
HEDDLE_SUITE(one_unit_2p, {.name = "semaphore.one_unit",
                           .component = "semaphore",
                           .invariants = "I25 I26 SEM-UNITS",
                           .what = "as semaphore.one_unit_1p on two Ps",
                           .modes = {random_mix(3)}})
HEDDLE_SUITE(gone, {.name = "semaphore.gone",
                    .component = "semaphore",
                    .invariants = "I25 I26 SEM-UNITS",
                    .what = "three units at once, and destruction by the last",
                    .modes = {random_mix(3)}})
HEDDLE_SUITE(in_order, {.name = "semaphore.in_order",
                        .component = "semaphore",
                        .invariants = "SEM-FIFO",
                        .what = "a unit handed over is not there for a newcomer",
                        .modes = {random_mix(0.5)}})
HEDDLE_SUITE(threads, {.name = "semaphore.threads",
                       .component = "semaphore",
                       .invariants = "SEM-UNITS",
                       .what = "from thread to thread outside every runtime, and destruction right after",
                       .modes = {random_mix(1), bounded(2, 1)}})
