// Three where other suites have one: of what may be there more than once, each is found, and none is skipped.
#include "heddle/blocking.hpp"
#include "heddle/chan.hpp"
#include "verify/suites/stopped.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// As many threads as there may be: all but one are in calls, and that one always has something to do on its own P. What
// is left in the queue of a P for which there is no thread is run all the same.
template <int Calls>
struct out_of_threads : scheduled<out_of_threads<Calls>, Calls + 1, 2> {
  atomic<std::uint32_t> busy, called, ran;
  countdown all{Calls};
  void body() {
    go([this] {
      busy.store(1, release);
      while (ran.load(acquire) < 2) {
        goyield();
        cpu_relax();
      }
      all.arrive();
    });
    while (busy.load(acquire) == 0) cpu_relax();
    for (int k = 1; k < Calls; ++k)
      go([this] {
        leave();
        all.arrive();
      });
    leave();
    all.wait();
  }
  // Begins a call that lasts until what it leaves behind has run.
  void leave() {
    if (called.fetch_add(1, relaxed) + 1 == Calls)
      for (int k = 0; k < 2; ++k) go([this] { ran.fetch_add(1, release); });
    blocking_long([this] {
      while (ran.load(acquire) < 2) cpu_relax();
    });
  }
};

// At the end of a runtime the right to stop the world belongs to a goroutine that never runs again, or is about to; more
// of them stand before a thread from outside, or between two. The end of the runtime waits for the threads.
template <int Goroutines, int Threads>
struct abandoned_heirs : scheduled<abandoned_heirs<Goroutines, Threads>, 1 + Goroutines, 1, Threads> {
  atomic<std::uint32_t> turn;
  atomic<std::uint32_t> looked;
  void foreign() {
    while (turn.load(acquire) == 0) cpu_relax();
    look_at_stopped(this->sched, [this] { looked.fetch_add(1, relaxed); });
  }
  std::uint32_t waiting() {
    this->sched.semalock.lock();
    const std::uint32_t n = this->sched.worldwaiters.size();
    this->sched.semalock.unlock();
    return n;
  }
  void body() {
    semacquire(this->sched);
    for (std::uint32_t k = 1; k <= Goroutines; ++k) {
      go([this] { look_at_stopped(this->sched, [] {}); });
      while (waiting() < k) goyield();
    }
    turn.store(1, release);
    std::uint64_t chance = 0;
    const std::uint32_t there = Goroutines + cheaprandn(chance, Threads + 1);
    while (waiting() < there) cpu_relax();
    if (Threads == 2 && there == Goroutines + 1) {
      go([this] { look_at_stopped(this->sched, [] {}); });
      goyield();
    }
    semrelease(this->sched);
  }
  void after() {
    VERIFY_INV("I28", this->sched.stopwait.peek() == 0 && looked.peek() == Threads && !this->sched.worldsema.get());
    schedfree(this->sched);
  }
};

// Goroutines stop the world one after the other, a thread as well, and main ends meanwhile: one at a time has the
// semaphore, also when the one that had it is abandoned.
struct holders_end : scheduled<holders_end, 2, 2, 1> {
  plain<int> inside;
  void look() {
    semacquire(this->sched);
    inside.set(inside.get() + 1);
    cpu_relax();
    inside.set(inside.get() + 1);
    semrelease(this->sched);
  }
  void foreign() {
    const needm here;
    const foreign_call counted(this->sched);
    look();
  }
  void body() {
    for (int k = 0; k < 2; ++k) go([this] { look(); });
    look();
    goyield();
  }
  void after() { schedfree(this->sched); }
};

}  // namespace

HEDDLE_WORLDS(out_of_threads, "sched/wake", "I9 I59",
              {world<out_of_threads<1>>({.name = "many.call_no_thread",
                                         .what = "a call leaves its P to no thread, and one thread is always busy",
                                         .modes = {random_mix(1)}}),
               world<out_of_threads<2>>({.name = "many.calls_no_thread",
                                         .what = "two calls leave their Ps to no thread, and one thread is always busy",
                                         .modes = {random_mix(1)}})})
HEDDLE_WORLDS(abandoned_heirs, "sched/sema", "I28 STOP-2",
              {world<abandoned_heirs<3, 1>>({.name = "many.abandoned_heirs",
                                             .what = "the next three to stop the world are abandoned before a thread",
                                             .modes = {random_mix(1)}}),
               world<abandoned_heirs<2, 2>>({.name = "many.abandoned_between",
                                             .what = "abandoned goroutines before and between two threads",
                                             .modes = {random_mix(1)}})})
HEDDLE_SUITE(holders_end, {.name = "many.holders_end",
                           .component = "sched/sema",
                           .invariants = "I28 STOP-2",
                           .what = "two goroutines and a thread want to stop the world as the runtime ends",
                           .modes = {random_mix(1)}})
