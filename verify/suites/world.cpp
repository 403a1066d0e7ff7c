// The relacy world's own promises about threads and spinning; those about memory, fences and the futex are in litmus/.
#include "verify/suite.hpp"

namespace {

using heddle::acquire;
using heddle::release;

// Started threads run, have their own current_m, and end before a join returns; a third start is refused.
struct thread_starts : verify::suite<1, 2> {
  struct job {
    thread_starts *owner;
    int id;
  };
  heddle::plain<int> done[2];
  job jobs[2];
  static void run(void *p) {
    job *const j = static_cast<job *>(p);
    VERIFY_CHECK(heddle::current_m() == nullptr);
    heddle::set_current_m(j);
    heddle::cpu_relax();
    VERIFY_CHECK(heddle::current_m() == j);
    j->owner->done[j->id].set(j->id + 1);
  }
  void before() { heddle::set_current_m(this); }
  void thread(unsigned) {
    VERIFY_CHECK(heddle::current_m() == nullptr);
    heddle::thread t[3];
    for (int i = 0; i < 2; ++i) {
      jobs[i] = {this, i};
      VERIFY_CHECK(heddle::thread_start(t[i], &run, &jobs[i]));
    }
    VERIFY_CHECK(!heddle::thread_start(t[2], &run, nullptr));
    for (int i = 0; i < 2; ++i) {
      heddle::thread_join(t[i]);
      VERIFY_CHECK(done[i].get() == i + 1);
    }
  }
  void after() { VERIFY_CHECK(heddle::current_m() == this); }
};
HEDDLE_SUITE(thread_starts, {.name = "world.threads",
                             .component = "world",
                             .invariants = "",
                             .what = "start, current_m and join of threads; a start can be refused",
                             .modes = {verify::random_mix(2), verify::full_search(5)}})

// A spin loop that says cpu_relax ends under every strategy, the depth-first ones included.
struct spinning : verify::suite<3> {
  heddle::atomic<int> turn{0};
  VERIFY_NAMES(turn)
  void thread(unsigned i) {
    while (turn.load(acquire) != static_cast<int>(i)) heddle::cpu_relax();
    turn.store(static_cast<int>(i) + 1, release);
  }
  void after() { VERIFY_CHECK(turn.peek() == 3); }
};
HEDDLE_SUITE(spinning, {.name = "world.spin",
                        .component = "world",
                        .invariants = "",
                        .what = "a loop with cpu_relax waits fairly",
                        .modes = {verify::random_mix(2), verify::bounded(2, 5)}})

}  // namespace
