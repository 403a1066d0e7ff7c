// once over the composed scheduler, and between threads.
#include "heddle/once.hpp"
#include "heddle/runtime.hpp"
#include "verify/suites/scheduled.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// Three goroutines; the first one gives way inside.
struct first : scheduled<first, 2, 2> {
  once o;
  trail made;
  countdown all{2};
  void use() {
    o.call([this] {
      goyield();
      made.step();
    });
    VERIFY_INV("ONCE-1", made.steps.get() == 1);
  }
  void body() {
    for (int i = 0; i < 2; ++i)
      go([this] {
        use();
        all.arrive();
      });
    use();
    all.wait();
  }
};

// Two threads outside every runtime: the one that does not wait has nothing but its load.
struct threads : suite<2> {
  once o;
  trail made;
  void thread(unsigned) {
    for (int i = 0; i < 2; ++i) o.call([this] { made.step(); });
    VERIFY_INV("ONCE-1", made.steps.get() == 1);
  }
};

}  // namespace

HEDDLE_SUITE(first, {.name = "once.first",
                     .component = "once",
                     .invariants = "I25 I58 ONCE-1",
                     .what = "three goroutines, the one that does it gives way inside",
                     .modes = {random_mix(2)}})
HEDDLE_SUITE(threads, {.name = "once.threads",
                       .component = "once",
                       .invariants = "ONCE-1",
                       .what = "two threads outside every runtime",
                       .modes = {random_mix(1), bounded(2, 1)}})
