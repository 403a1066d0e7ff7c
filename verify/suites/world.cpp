// The relacy world's own promises about threads and spinning; those about memory, fences and the futex are in litmus/.
#include "verify/suite.hpp"

namespace {

using heddle::detail::acquire;
using heddle::detail::release;

// Started threads run, have their own current_m, and end before a join returns; a third start is refused.
struct thread_starts : verify::suite<1, 2> {
  struct job {
    thread_starts *owner;
    int id;
  };
  heddle::detail::plain<int> done[2];
  job jobs[2];
  static void run(void *p) {
    job *const j = static_cast<job *>(p);
    VERIFY_CHECK(heddle::detail::current_m() == nullptr);
    heddle::detail::set_current_m(j);
    heddle::detail::cpu_relax();
    VERIFY_CHECK(heddle::detail::current_m() == j);
    j->owner->done[j->id].set(j->id + 1);
  }
  void before() { heddle::detail::set_current_m(this); }
  void thread(unsigned) {
    VERIFY_CHECK(heddle::detail::current_m() == nullptr);
    heddle::detail::thread t[3];
    for (int i = 0; i < 2; ++i) {
      jobs[i] = {this, i};
      VERIFY_CHECK(heddle::detail::thread_start(t[i], &run, &jobs[i]) == 0);
    }
    VERIFY_CHECK(heddle::detail::thread_start(t[2], &run, nullptr) == EAGAIN);
    for (int i = 0; i < 2; ++i) {
      heddle::detail::thread_join(t[i]);
      VERIFY_CHECK(done[i].get() == i + 1);
    }
  }
  void after() { VERIFY_CHECK(heddle::detail::current_m() == this); }
};
HEDDLE_SUITE(thread_starts, {.name = "world.threads",
                             .component = "world",
                             .invariants = "",
                             .what = "start, current_m and join of threads; a start can be refused",
                             .modes = {verify::random_mix(2), verify::full_search(5)}})

// A spin loop that calls cpu_relax ends under every strategy, the depth-first ones included.
struct spinning : verify::suite<3> {
  heddle::detail::atomic<int> turn{0};
  VERIFY_NAMES(turn)
  void thread(unsigned i) {
    while (turn.load(acquire) != static_cast<int>(i)) heddle::detail::cpu_relax();
    turn.store(static_cast<int>(i) + 1, release);
  }
  void after() { VERIFY_CHECK(turn.peek() == 3); }
};
HEDDLE_SUITE(spinning, {.name = "world.spin",
                        .component = "world",
                        .invariants = "",
                        .what = "a loop with cpu_relax waits fairly",
                        .modes = {verify::random_mix(2), verify::bounded(2, 5)}})

// A loop of timed sleeps goes on while others only look at it, and lets them run; the clock shows what it has slept.
struct ticking : verify::suite<3> {
  static constexpr std::int64_t tick = 50'000;  // longer than the steps of this suite take
  heddle::detail::atomic<std::uint32_t> stop{0};
  heddle::detail::atomic<int> ticks{0};
  heddle::detail::atomic<std::uint32_t> bell{0};
  VERIFY_NAMES(stop, ticks, bell)
  void thread(unsigned i) {
    if (i == 0) {
      while (stop.load(acquire) == 0) {
        const std::int64_t begin = heddle::detail::nanotime();
        if (heddle::detail::futex_sleep_for(stop, 0, tick)) continue;
        VERIFY_CHECK(heddle::detail::nanotime() >= begin + tick);
        ticks.fetch_add(1, release);
      }
      VERIFY_CHECK(!heddle::detail::futex_sleep_for(stop, 1, 0));
    } else if (i == 1) {
      while (ticks.load(acquire) < 2) heddle::detail::cpu_relax();
      bell.store(1, release);
      heddle::detail::futex_wake(bell);
    } else {
      while (bell.load(acquire) == 0) heddle::detail::futex_sleep(bell, 0);
      stop.store(1, release);
      heddle::detail::futex_wake(stop);
    }
  }
  void after() { VERIFY_CHECK(ticks.peek() >= 2); }
};
HEDDLE_SUITE(ticking, {.name = "world.ticks",
                       .component = "world",
                       .invariants = "",
                       .what = "a loop of timed sleeps is neither starved nor starves others",
                       .modes = {verify::random_mix(2), verify::bounded(2, 5)}})

}  // namespace
