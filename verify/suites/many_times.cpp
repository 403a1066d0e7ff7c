// Three timers where other suites have one.
#include "heddle/time.hpp"
#include "sched/procresize.hpp"
#include "verify/suites/watched.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// Goroutines sleep on two Ps. One P goes, and the M of the other always has something to do there: it sees to the timers of
// both.
struct gone_timers : watched<gone_timers, 2, 2> {
  atomic<std::uint32_t> asleep, awake;
  countdown all{3};
  void options() { harness::sleeps_last = 1'000'000; }
  void body() {
    for (int k = 0; k < 3; ++k)
      go([this] {
        asleep.fetch_add(1, release);
        timesleep(nanotime() + 20'000);
        awake.fetch_add(1, release);
        all.arrive();
      });
    while (asleep.load(acquire) < 3) turn();
    VERIFY_CHECK(heddle::detail::set_procs(sched, 1));
    while (awake.load(acquire) < 3) turn();
    all.wait();
  }
  void turn() {
    goyield();
    cpu_relax();
  }
};

}  // namespace

HEDDLE_SUITE(gone_timers, {.name = "many.gone_timers",
                           .component = "sched/procresize",
                           .invariants = "TIME-1",
                           .what = "three sleep as one of two Ps goes, and the other is always busy",
                           .modes = {random_mix(2)}})
