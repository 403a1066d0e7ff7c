// Threads that are no Ms wait where goroutines wait: sched/extra.hpp, and the parking of threads in sched/park.cpp.
#include <optional>

#include "heddle/chan.hpp"
#include "heddle/mutex.hpp"
#include "heddle/wait_group.hpp"
#include "verify/suites/calls.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// Two threads and no runtime at all. The extra M is gone as soon as the thread goes on: the waker must not touch it
// later.
struct two_threads : suite<2> {
  chan<int> c;
  plain<int> word;
  void thread(unsigned i) {
    for (int k = 0; k < 2; ++k) {
      if (i == 0) {
        word.set(k);
        c.send(k);
        c.recv();
      } else {
        VERIFY_INV("I55", c.recv() == k && word.get() == k);
        c.send(k);
      }
    }
  }
  void after() { VERIFY_INV("I51", getm() == nullptr); }
};

// One park, one wake: few steps, all of them searched.
struct meet : suite<2> {
  chan<int> c;
  void thread(unsigned i) {
    if (i == 0)
      c.send(1);
    else
      VERIFY_INV("I55", c.recv() == 1);
  }
};

struct three_lock : suite<3> {
  mutex mu;
  plain<int> n;
  void thread(unsigned) {
    mu.lock();
    n.set(n.get() + 1);
    mu.unlock();
  }
  void after() { VERIFY_INV("I58", n.get() == 3); }
};

// A thread receives from a goroutine, twice, in one frame.
template <int Ms, int Procs>
struct receives : scheduled<receives<Ms, Procs>, Ms, Procs, 1> {
  chan<int> c;
  plain<int> word[2];
  void foreign() {
    for (int i = 0; i < 2; ++i) VERIFY_INV("I55", c.recv() == i && word[i].get() == 7);
  }
  void body() {
    for (int i = 0; i < 2; ++i) {
      word[i].set(7);
      c.send(i);
    }
  }
};
using receives_1p = receives<1, 1>;

// A thread sends to a goroutine, while the last M goes to sleep.
template <int Ms, int Procs>
struct sends : scheduled<sends<Ms, Procs>, Ms, Procs, 1> {
  chan<int> c;
  plain<int> word[2];
  void foreign() {
    for (int i = 0; i < 2; ++i) {
      word[i].set(7);
      c.send(i);
    }
  }
  void body() {
    for (int i = 0; i < 2; ++i) VERIFY_INV("I55", c.recv() == i && word[i].get() == 7);
  }
};
using sends_1p = sends<1, 1>;
using sends_2p = sends<2, 2>;

// A goroutine and a thread take turns at a mutex.
struct locks : scheduled<locks, 2, 2, 1> {
  mutex mu;
  plain<int> n;
  countdown all{2};
  void increment() {
    mu.lock();
    n.set(n.get() + 1);
    mu.unlock();
  }
  void foreign() {
    increment();
    all.arrive();
  }
  void body() {
    go([this] {
      increment();
      all.arrive();
    });
    increment();
    all.wait();
    VERIFY_INV("I58", n.get() == 3);
  }
};

// A thread waits for goroutines; the wait_group is gone when the wait is over.
struct waits : scheduled<waits, 2, 2, 1> {
  atomic<wait_group *> theirs;
  plain<int> word[2];
  void foreign() {
    wait_group wg(2);
    theirs.store(&wg, release);
    wg.wait();
    VERIFY_INV("I57", word[0].get() == 7 && word[1].get() == 7);
  }
  void body() {
    while (theirs.load(acquire) == nullptr) cpu_relax();
    countdown all(1);
    go([this, &all] {
      word[0].set(7);
      theirs.load(relaxed)->done();
      all.arrive();
    });
    word[1].set(7);
    theirs.load(relaxed)->done();
    all.wait();
  }
};

// What a goroutine in a call leaves behind when a thread has readied it and the runtime ends: the M is freed.
struct readies_last : suite<2> {
  schedt sched{sched_options{.procs = 1, .threads_max = 1, .detect_deadlock = false}};
  chan<int> c;
  void before() { VERIFY_CHECK(schedinit(sched)); }
  void thread(unsigned i) {
    if (i == 1) return c.send(3);
    heddle::detail::start_main(sched);
    auto main = [this] { blocking([this] { VERIFY_INV("I55", c.recv() == 3); }); };
    const heddle::detail::newborn s = heddle::detail::prepare(sched, main, 0);
    heddle::detail::run_main(sched, s, &heddle::detail::invoke<decltype(main)>);
    schedfree(sched);
  }
  void describe(names &to) { describe_sched(to, sched); }
};

// A goroutine in a call and a thread outside, neither of which has a P, and the P is taken meanwhile.
struct meets_call : policed<meets_call, 2, 1, 1> {
  chan<int> c;
  countdown all{1};
  void foreign() {
    c.send(1);
    VERIFY_INV("I55", c.recv() == 2);
  }
  void body() {
    go([this] {
      touch();
      all.arrive();
    });
    touch();
    blocking([this] {
      VERIFY_INV("I55", c.recv() == 1);
      c.send(2);
    });
    touch();
    all.wait();
  }
};

}  // namespace

HEDDLE_SUITE(two_threads, {.name = "extra.two_threads",
                           .component = "sched/extra",
                           .invariants = "I38 I55",
                           .what = "two threads outside every runtime send to each other",
                           .modes = {random_mix(2)}})
HEDDLE_SUITE(meet, {.name = "extra.meet",
                    .component = "sched/extra",
                    .invariants = "I38 I55",
                    .what = "one value from thread to thread: the waker's last touch",
                    .modes = {random_mix(1), bounded(2, 2)}})
HEDDLE_SUITE(three_lock, {.name = "extra.lock",
                          .component = "sched/extra",
                          .invariants = "I38 I58",
                          .what = "three threads lock a mutex",
                          .modes = {random_mix(2)}})
HEDDLE_SUITE(receives_1p, {.name = "extra.receives",
                           .component = "sched/extra",
                           .invariants = "I38 I55",
                           .what = "a thread receives from a goroutine",
                           .modes = {random_mix(2)}})
HEDDLE_SUITE(sends_1p, {.name = "extra.sends_1p",
                        .component = "sched/extra",
                        .invariants = "I14 I25 I55",
                        .what = "a thread sends to a goroutine while the only M goes to sleep",
                        .modes = {random_mix(2)}})
HEDDLE_SUITE(sends_2p, {.name = "extra.sends",
                        .component = "sched/extra",
                        .invariants = "I14 I25 I55",
                        .what = "as extra.sends_1p with two Ps and two Ms",
                        .modes = {random_mix(2)}})
HEDDLE_SUITE(locks, {.name = "extra.locks",
                     .component = "sched/extra",
                     .invariants = "I38 I58",
                     .what = "a thread and two goroutines lock a mutex",
                     .modes = {random_mix(3)}})
HEDDLE_SUITE(waits, {.name = "extra.waits",
                     .component = "sched/extra",
                     .invariants = "I38 I57",
                     .what = "a thread waits for two goroutines",
                     .modes = {random_mix(3)}})
HEDDLE_SUITE(readies_last, {.name = "extra.readies_last",
                            .component = "sched/park",
                            .invariants = "STOP-2",
                            .what = "a thread readies a goroutine in a call, and the runtime ends",
                            .modes = {random_mix(2)}})
HEDDLE_SUITE(meets_call, {.name = "extra.meets_call",
                          .component = "sched/extra",
                          .invariants = "I25 I55",
                          .what = "a thread and a goroutine in a call send to each other",
                          .modes = {random_mix(3)}})
