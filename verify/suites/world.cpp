// The relacy world's own promises: asymmetric fences, the futex, threads.
#include "verify/suite.hpp"

namespace {

using heddle::acquire;
using heddle::relaxed;
using heddle::release;

enum class side { light, heavy };

inline void fence_of(side s) {
  if (s == side::light)
    heddle::fence_light();
  else
    heddle::fence_heavy();
}

// Each side stores its flag, passes its fence and loads the other's: at least one must see the other.
template <side A, side B>
struct store_buffering : verify::suite<2> {
  heddle::atomic<int> flag[2];
  VERIFY_NAMES(flag)
  int seen[2] = {};
  void thread(unsigned i) {
    flag[i].store(1, relaxed);
    fence_of(i == 0 ? A : B);
    seen[i] = flag[1 - i].load(relaxed);
  }
  void after() { VERIFY_INV("FENCE-SB", seen[0] == 1 || seen[1] == 1); }
};

using asymmetric = store_buffering<side::light, side::heavy>;
HEDDLE_SUITE(asymmetric, {.name = "world.fence_asymmetric",
                          .component = "world",
                          .invariants = "FENCE-SB",
                          .what = "a light fence on one side and a heavy one on the other forbid store buffering",
                          .modes = {verify::random_mix(3), verify::full_search(5)}})

using light_both = store_buffering<side::light, side::light>;
HEDDLE_SUITE(light_both, {.name = "world.fence_light_both",
                          .component = "world",
                          .invariants = "FENCE-SB",
                          .what = "two light fences order nothing",
                          .modes = {verify::random_mix(2), verify::full_search(2)},
                          .expected = verify::expect::red})

// A sleeper that checks its word in the call cannot lose the wake; one whose waker forgets to change the word can.
template <bool Stores>
struct sleep_and_wake : verify::suite<2> {
  heddle::atomic<std::uint32_t> word{0};
  heddle::plain<int> payload{0};
  VERIFY_NAMES(word, payload)
  void thread(unsigned i) {
    if (i == 0) {
      payload.set(1);
      if (Stores) word.store(1, release);
      heddle::futex_wake(word);
    } else if (Stores) {
      while (word.load(acquire) == 0) heddle::futex_sleep(word, 0);
      VERIFY_CHECK(payload.get() == 1);
    } else {
      heddle::futex_sleep(word, 0);
    }
  }
};

using futex = sleep_and_wake<true>;
HEDDLE_SUITE(futex, {.name = "world.futex",
                     .component = "world",
                     .invariants = "",
                     .what = "a sleep that compares cannot miss the wake of a waker that stores first",
                     .modes = {verify::random_mix(3), verify::full_search(5)}})

using futex_lost = sleep_and_wake<false>;
HEDDLE_SUITE(futex_lost, {.name = "world.futex_lost",
                          .component = "world",
                          .invariants = "",
                          .what = "a wake before the sleep is lost: a deadlock",
                          .modes = {verify::random_mix(2), verify::full_search(2)},
                          .expected = verify::expect::red})

// The wake alone orders nothing: the payload needs the word's own release and acquire.
struct futex_orders_nothing : verify::suite<2> {
  heddle::atomic<std::uint32_t> word{0};
  heddle::plain<int> payload{0};
  VERIFY_NAMES(word, payload)
  void thread(unsigned i) {
    if (i == 0) {
      payload.set(1);
      word.store(1, relaxed);
      heddle::futex_wake(word);
    } else {
      while (word.load(relaxed) == 0) heddle::futex_sleep(word, 0);
      VERIFY_CHECK(payload.get() == 1);
    }
  }
};
HEDDLE_SUITE(futex_orders_nothing, {.name = "world.futex_relaxed",
                                    .component = "world",
                                    .invariants = "",
                                    .what = "sleep and wake order nothing by themselves: a data race",
                                    .modes = {verify::random_mix(2), verify::full_search(2)},
                                    .expected = verify::expect::red})

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
