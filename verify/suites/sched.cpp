// The composed scheduler, as it ships. Geometry: ring of 4, global queue first every 3rd tick, runnext twice in a row.
#include "verify/suites/scheduled.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// n goroutines, each run once to its end, joined.
template <int Ms, int Procs, int N>
struct spawn_exit : scheduled<spawn_exit<Ms, Procs, N>, Ms, Procs> {
  trail trails[N];
  countdown all{N};
  void body() {
    for (trail &t : trails)
      go([this, &t] {
        t.step();
        all.arrive();
      });
    all.wait();
    for (trail &t : trails) VERIFY_INV("I20", t.steps.get() == 1);
  }
};
using spawn_exit_1p = spawn_exit<2, 1, 3>;
using spawn_exit_2p = spawn_exit<2, 2, 3>;
using spawn_exit_3m = spawn_exit<3, 2, 3>;
// Six gs in a ring of four: the older half goes to the global queue while a thief is at work.
using overflow = spawn_exit<2, 2, 7>;

// A g that has died is used again by another P's spawn.
struct reuse : scheduled<reuse, 2, 2> {
  trail trails[3];
  void body() {
    for (trail &t : trails) {
      countdown one(1);
      go([&t, &one] {
        t.step();
        one.arrive();
      });
      one.wait();
      VERIFY_INV("I27", t.steps.get() == 1);
    }
  }
};

// Goroutines begin when another has ended, whose stack the first of them gets, and live on beside others.
template <int Ms, int Procs>
struct stacks : scheduled<stacks<Ms, Procs>, Ms, Procs> {
  countdown all{4};
  void live(unsigned turns) {
    volatile unsigned mine = turns;
    for (unsigned i = 0; i < turns; ++i) goyield();
    VERIFY_INV("STACK-1", mine == turns);
    all.arrive();
  }
  void body() {
    for (unsigned turns : {1u, 2u, 0u}) go([this, turns] { live(turns); });
    goyield();
    go([this] { live(1); });
    all.wait();
  }
};
using stacks_1p = stacks<2, 1>;
using stacks_2p = stacks<2, 2>;

template <int Ms, int Procs, bool Global>
struct yielding : scheduled<yielding<Ms, Procs, Global>, Ms, Procs> {
  trail trails[2];
  countdown all{2};
  void body() {
    for (trail &t : trails)
      go([this, &t] {
        for (int i = 0; i < 2; ++i) {
          t.step();
          if (Global)
            gosched();
          else
            goyield();
        }
        all.arrive();
      });
    all.wait();
    for (trail &t : trails) VERIFY_INV("I20", t.steps.get() == 2);
  }
};
using yield_1p = yielding<2, 1, false>;
using yield_2p = yielding<2, 2, false>;
using gosched_2p = yielding<2, 2, true>;

// What the waker wrote reaches the g that it readies, wherever that runs.
template <int Ms, int Procs>
struct park_ready : scheduled<park_ready<Ms, Procs>, Ms, Procs> {
  spinlock lock;
  plain<g *> parked;
  plain<int> word;
  void body() {
    lock.lock();
    parked.set(getm()->curg.peek());
    go([this] {
      lock.lock();  // held until the park commits
      g *gp = parked.get();
      word.set(7);
      lock.unlock();
      goready(gp);
    });
    gopark(parkunlock, &lock, waitreason::test);
    VERIFY_INV("I25", word.get() == 7);
  }
};
using park_ready_1p = park_ready<2, 1>;
using park_ready_2p = park_ready<2, 2>;

// A waker that comes before the park is over finds no goroutine to ready: unlockf declines, and the g goes on at once.
struct park_declined : scheduled<park_declined, 2, 2> {
  static constexpr std::uint32_t waits = 1, signalled = 2;
  atomic<std::uint32_t> state;
  plain<int> word;
  static bool unless_signalled(g *, void *self) {
    std::uint32_t none = 0;
    return static_cast<park_declined *>(self)->state.compare_exchange_strong(none, waits, acq_rel, acquire);
  }
  void body() {
    g *const waiter = getm()->curg.peek();
    go([this, waiter] {
      word.set(7);
      if (state.exchange(signalled, acq_rel) == waits) goready(waiter);
    });
    gopark(unless_signalled, this, waitreason::test);
    VERIFY_INV("I25", word.get() == 7);
  }
};

// A g that computes on after readying another must not hold it up while a P is idle: a lost wake-up never ends.
template <int Ms, int Procs>
struct wake_while_computing : scheduled<wake_while_computing<Ms, Procs>, Ms, Procs> {
  atomic<std::uint32_t> done;
  void body() {
    for (std::uint32_t round = 1; round <= 2; ++round) {
      go([this, round] { done.store(round, release); });
      while (done.load(acquire) != round) cpu_relax();
    }
  }
};
using dance_2m = wake_while_computing<2, 2>;
using dance_3m = wake_while_computing<3, 2>;

// Two busy gs, each waiting for a child that only a third M can run, or the other's M once it has found nothing.
struct dance_two_submitters : scheduled<dance_two_submitters, 3, 3> {
  atomic<std::uint32_t> first, second;
  countdown all{1};
  void body() {
    go([this] {
      go([this] { second.store(1, release); });
      while (second.load(acquire) == 0) cpu_relax();
      all.arrive();
    });
    go([this] { first.store(1, release); });
    while (first.load(acquire) == 0) cpu_relax();
    all.wait();
  }
};

// Two goroutines that must run at once: real parallelism whatever was going on before (Go's TestGoroutineParallelism).
template <int Foreign>
struct parallel : scheduled<parallel<Foreign>, 2, 2, Foreign> {
  atomic<std::uint32_t> arrived;
  countdown all{2};
  void twin() {
    arrived.fetch_add(1, relaxed);
    while (arrived.load(relaxed) != 2) cpu_relax();
    all.arrive();
  }
  void foreign() {
    for (int i = 0; i < 2; ++i)
      heddle::detail::go_from_outside(
          this->sched, [this] { twin(); }, 0);
  }
  void body() {
    if (Foreign == 0)
      for (int i = 0; i < 2; ++i) go([this] { twin(); });
    all.wait();
  }
};
using parallel_own = parallel<0>;
using parallel_foreign = parallel<1>;

// Every P is busy when the work is put, and then one of them becomes free (B1).
struct dance_all_busy : scheduled<dance_all_busy, 2, 2> {
  atomic<std::uint32_t> begun, done;
  void body() {
    go([this] { begun.store(1, release); });
    while (begun.load(acquire) == 0) cpu_relax();  // the other M has run it and looks for more, or drops its P
    go([this] { done.store(1, release); });
    while (done.load(acquire) == 0) cpu_relax();
  }
};

// Gosched must wake, or the g on the global queue waits for a P that is idle (B2).
struct dance_gosched : scheduled<dance_gosched, 2, 2> {
  atomic<std::uint32_t> done;
  countdown all{1};
  void body() {
    std::uint64_t chance = 0;  // any phase of the fairness tick, else it hides a missing wake-up
    for (std::uint32_t n = cheaprandn(chance, geometry::fairness_tick); n != 0; --n) goyield();
    go([this] {
      gosched();
      done.store(1, release);
      all.arrive();
    });
    goyield();
    while (done.load(acquire) == 0) cpu_relax();
    all.wait();
  }
};

// A thread that is no M starts a g while the last M goes to sleep.
template <int Ms, int Procs>
struct foreign_submit : scheduled<foreign_submit<Ms, Procs>, Ms, Procs, 1> {
  trail from_outside;
  countdown all{1};
  void foreign() {
    heddle::detail::go_from_outside(
        this->sched,
        [this] {
          from_outside.step();
          all.arrive();
        },
        0);
  }
  void body() {
    all.wait();
    VERIFY_INV("I20", from_outside.steps.get() == 1);
  }
};
using foreign_1p = foreign_submit<1, 1>;
using foreign_2p = foreign_submit<2, 2>;

// There are Ps, but no M may be made: the work waits for one that exists (DANCE-5).
struct no_more_threads : scheduled<no_more_threads, 2, 3> {
  trail trails[2];
  countdown all{2};
  void body() {
    for (trail &t : trails)
      go([this, &t] {
        t.step();
        goyield();
        t.step();
        all.arrive();
      });
    all.wait();
    for (trail &t : trails) VERIFY_INV("I20", t.steps.get() == 2);
  }
};

// A foreign thread (one that is no M) holds a P and finds no M, while the only M goes to sleep (DANCE-5).
struct no_more_threads_foreign : scheduled<no_more_threads_foreign, 1, 2, 1> {
  countdown all{1};
  void foreign() {
    heddle::detail::go_from_outside(
        sched, [this] { all.arrive(); }, 0);
  }
  void body() { all.wait(); }
};

// main ends while other Ms start, steal and go to sleep.
struct stop_race : scheduled<stop_race, 3, 2> {
  trail trails[2];
  countdown all{2};
  void body() {
    for (trail &t : trails)
      go([this, &t] {
        t.step();
        all.arrive();
      });
    all.wait();
  }
};

}  // namespace

HEDDLE_SUITE(spawn_exit_1p, {.name = "sched.spawn_exit_1p",
                             .component = "sched",
                             .invariants = "I1 I2 I3 I20 I23 I27",
                             .what = "three goroutines on one P run once each",
                             .modes = {random_mix(4)}})
HEDDLE_SUITE(spawn_exit_2p, {.name = "sched.spawn_exit",
                             .component = "sched",
                             .invariants = "I1 I2 I3 I6 I7 I10 I11 I20 I23 I27",
                             .what = "three goroutines on two Ps, stolen or not, run once each",
                             .modes = {random_mix(8)}})
HEDDLE_SUITE(spawn_exit_3m, {.name = "sched.spawn_exit_3m",
                             .component = "sched",
                             .invariants = "I1 I2 I3 I6 I7 I10 I11 I20 I23 I27 I34",
                             .what = "as sched.spawn_exit with three Ms for two Ps",
                             .modes = {random_mix(8)}})
HEDDLE_SUITE(overflow, {.name = "sched.overflow",
                        .component = "sched",
                        .invariants = "I1 I2 I3 I18 I20 I22",
                        .what = "a full ring spills to the global queue while a thief steals",
                        .modes = {random_mix(8)}})
HEDDLE_SUITE(reuse, {.name = "sched.reuse",
                     .component = "sched",
                     .invariants = "I1 I27",
                     .what = "a dead g is used again, on its P or on another",
                     .modes = {random_mix(4)}})
HEDDLE_SUITE(stacks_1p, {.name = "sched.stacks_1p",
                         .component = "sched",
                         .invariants = "STACK-1",
                         .what = "goroutines that begin get the stacks of those that have ended, and of no others",
                         .modes = {random_mix(2)}})
HEDDLE_SUITE(stacks_2p, {.name = "sched.stacks",
                         .component = "sched",
                         .invariants = "STACK-1",
                         .what = "as sched.stacks_1p on two Ps and two Ms",
                         .modes = {random_mix(4)}})
HEDDLE_SUITE(yield_1p, {.name = "sched.yield_1p",
                        .component = "sched",
                        .invariants = "I1 I3 I20 I23",
                        .what = "goyield on one P: both goroutines get on",
                        .modes = {random_mix(3)}})
HEDDLE_SUITE(yield_2p, {.name = "sched.yield",
                        .component = "sched",
                        .invariants = "I1 I3 I20 I23",
                        .what = "goyield on two Ps",
                        .modes = {random_mix(6)}})
HEDDLE_SUITE(gosched_2p, {.name = "sched.gosched",
                          .component = "sched",
                          .invariants = "I1 I3 I20 I23",
                          .what = "gosched on two Ps",
                          .modes = {random_mix(6)}})
HEDDLE_SUITE(park_ready_1p, {.name = "sched.park_ready_1p",
                             .component = "sched",
                             .invariants = "I25 I26",
                             .what = "a goroutine is readied right after its park commits",
                             .modes = {random_mix(3)}})
HEDDLE_SUITE(park_ready_2p, {.name = "sched.park_ready",
                             .component = "sched",
                             .invariants = "I25 I26",
                             .what = "as sched.park_ready_1p, the waker on another M",
                             .modes = {random_mix(6)}})
HEDDLE_SUITE(park_declined, {.name = "sched.park_declined",
                             .component = "sched",
                             .invariants = "I23 I25 I26",
                             .what = "a waker comes before or after unlockf has made the goroutine visible to it",
                             .modes = {random_mix(3)}})
HEDDLE_SUITE(dance_2m, {.name = "sched.dance",
                        .component = "sched",
                        .invariants = "I11 I13 I14",
                        .what = "the delicate dance: a submitter that computes on, an M that goes to sleep",
                        .modes = {random_mix(12)}})
HEDDLE_SUITE(dance_3m, {.name = "sched.dance_3m",
                        .component = "sched",
                        .invariants = "I11 I13 I14",
                        .what = "as sched.dance with three Ms for two Ps",
                        .modes = {random_mix(12)}})
HEDDLE_SUITE(dance_two_submitters, {.name = "sched.dance_two",
                                    .component = "sched",
                                    .invariants = "I11 I13 I14",
                                    .what = "two submitters that compute on, three Ms",
                                    .modes = {random_mix(12)}})
HEDDLE_SUITE(dance_all_busy, {.name = "sched.dance_all_busy",
                              .component = "sched",
                              .invariants = "I14 I15",
                              .what = "a P becomes free just after a waker found none (B1)",
                              .modes = {random_mix(8)}})
HEDDLE_SUITE(dance_gosched, {.name = "sched.dance_gosched",
                             .component = "sched",
                             .invariants = "I13 I14",
                             .what = "gosched wakes (B2)",
                             .modes = {random_mix(8)}})
HEDDLE_SUITE(parallel_own, {.name = "sched.parallel",
                            .component = "sched",
                            .invariants = "I13 I14",
                            .what = "two goroutines that wait for each other computing",
                            .modes = {random_mix(8)}})
HEDDLE_SUITE(parallel_foreign, {.name = "sched.parallel_foreign",
                                .component = "sched",
                                .invariants = "I13 I14 I15",
                                .what = "as sched.parallel, both from a foreign thread",
                                .modes = {random_mix(8)}})
HEDDLE_SUITE(foreign_1p, {.name = "sched.foreign_1p",
                          .component = "sched",
                          .invariants = "I14 I38",
                          .what = "a foreign thread submits while the last M goes to sleep",
                          .modes = {random_mix(6)}})
HEDDLE_SUITE(foreign_2p, {.name = "sched.foreign",
                          .component = "sched",
                          .invariants = "I14 I38",
                          .what = "as sched.foreign_1p with two Ps and two Ms",
                          .modes = {random_mix(6)}})
HEDDLE_SUITE(no_more_threads, {.name = "sched.threads_max",
                               .component = "sched",
                               .invariants = "I14 I15",
                               .what = "an idle P, but no M may be made",
                               .modes = {random_mix(3)}})
HEDDLE_SUITE(no_more_threads_foreign, {.name = "sched.threads_max_foreign",
                                       .component = "sched",
                                       .invariants = "I14 I15",
                                       .what = "a starter finds no M while the only one goes to sleep",
                                       .modes = {random_mix(4)}})
HEDDLE_SUITE(stop_race, {.name = "sched.stop",
                         .component = "sched",
                         .invariants = "I6 I7 I10 I11 I34 I37 I38",
                         .what = "main ends while Ms start, steal and go to sleep",
                         .modes = {random_mix(8)}})
