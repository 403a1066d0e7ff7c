// Three timers where other suites have one.
#include "heddle/time.hpp"
#include "sched/procresize.hpp"
#include "verify/suites/watched.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// Time passes in cpu_relax.
void turn() {
  goyield();
  cpu_relax();
}

// Goroutines sleep on two Ps. One P goes, and the M of the other always has something to do there: it sees to the timers of
// both.
template <int Procs>
struct gone_timers : watched<gone_timers<Procs>, Procs, Procs> {
  atomic<std::uint32_t> asleep, awake;
  countdown all{3 + Procs - 2};
  void options() { harness::sleeps_last = 1'000'000; }
  void body() {
    for (int k = 0; k < 3; ++k)
      go([this] {
        asleep.fetch_add(1, release);
        const std::int64_t until = nanotime() + 20'000;
        timesleep(until);
        VERIFY_INV("TIME-1", nanotime() >= until);
        awake.fetch_add(1, release);
        all.arrive();
      });
    while (asleep.load(acquire) < 3) turn();
    // The last but one comes back, and the last has gone for good.
    for (const int procs : {1, 2})
      if (procs < Procs) VERIFY_CHECK(heddle::detail::set_procs(this->sched, procs));
    for (int busy = 2; busy < Procs; ++busy)
      go([this] {
        while (awake.load(acquire) < 3) turn();
        all.arrive();
      });
    while (awake.load(acquire) < 3) turn();
    all.wait();
  }
};

// Three calls come due together while one is taken back: that one comes if it was too late for that, and the others come.
struct due_at_once : watched<due_at_once, 2, 2> {
  atomic<std::uint32_t> calls[3];
  void options() { harness::sleeps_last = 20'000; }
  void body() {
    const auto when = [](std::chrono::nanoseconds d, atomic<std::uint32_t> &n) {
      return after_func(d, [&n] { n.fetch_add(1, release); });
    };
    const std::chrono::nanoseconds soon{20'000};
    const func_timer first = when(soon, calls[0]), last = when(soon, calls[2]);
    func_timer taken = when(soon, calls[1]);
    while (calls[0].load(acquire) == 0) turn();
    const bool stopped = taken.stop();
    for (const int i : {1, 2})
      while (calls[i].load(acquire) == 0 && !(i == 1 && stopped)) turn();
    for (int i = 0; i < 4; ++i) turn();
    for (const int i : {0, 1, 2}) VERIFY_INV("TIME-1", calls[i].load(acquire) == (i == 1 && stopped ? 0u : 1u));
  }
};

}  // namespace

HEDDLE_WORLDS(gone_timers, "sched/procresize", "TIME-1",
              {world<gone_timers<2>>({.name = "many.gone_timers",
                                      .what = "three sleep as one of two Ps goes, and the other is always busy",
                                      .modes = {random_mix(2)}}),
               world<gone_timers<3>>({.name = "many.gone_timers_3p",
                                      .what = "as many.gone_timers; two of three Ps go, and one comes back",
                                      .modes = {random_mix(2)}})})
HEDDLE_SUITE(due_at_once, {.name = "many.due_at_once",
                           .component = "runtime/timer",
                           .invariants = "TIME-1",
                           .what = "three calls come due together while one is taken back",
                           .modes = {random_mix(2)}})
