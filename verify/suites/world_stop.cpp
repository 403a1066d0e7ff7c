// The world is stopped and started again, in the composed scheduler, by each kind of caller and whatever the other
// threads do.
#include "heddle/blocking.hpp"
#include "verify/suites/stopped.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// Goroutines that come to a safepoint now and then; main stops the world among them.
template <int Ms, int Procs, int N>
struct running : scheduled<running<Ms, Procs, N>, Ms, Procs> {
  watched<N> all;
  countdown ended{N};
  void body() {
    for (trail &t : all.trails)
      go([this, &t] {
        for (int i = 0; i < 2; ++i) {
          t.step();
          safepoint(getm());
        }
        ended.arrive();
      });
    look_at_stopped(this->sched, [this] { VERIFY_INV("I29", all.seen() <= 2 * N); });
    ended.wait();
    VERIFY_INV("I20", all.seen() == 2 * N);
  }
};
using running_2p = running<2, 2, 2>;
using running_3p = running<3, 3, 2>;
using running_1p = running<2, 1, 2>;

// A goroutine that computes until the world has been stopped once: the request must reach it, sooner or later, and
// stays until it does (ATTN-2). Its own P is asked at the same time for another reason (sysmon).
struct computing : scheduled<computing, 2, 2> {
  atomic<std::uint32_t> begun, done;
  countdown ended{1};
  void body() {
    go([this] {
      begun.store(1, release);
      while (done.load(acquire) == 0) {
        cpu_relax();
        safepoint(getm());
      }
      ended.arrive();
    });
    while (begun.load(acquire) == 0) cpu_relax();
    look_at_stopped(sched, [] {});
    done.store(1, release);
    ended.wait();
  }
};

// A goroutine computes until the party that stops the world has given up on it; another one comes to safepoints. What
// has not stopped in time runs on, and may stop later; the next stop is a whole one.
template <int Ms, int Procs>
struct for_a_while : scheduled<for_a_while<Ms, Procs>, Ms, Procs> {
  watched<1> all;
  atomic<std::uint32_t> begun, done;
  countdown ended{2};
  void body() {
    go([this] {
      begun.store(1, release);
      while (done.load(acquire) == 0) cpu_relax();
      ended.arrive();
    });
    go([this] {
      for (int i = 0; i < 2; ++i) {
        all.trails[0].step();
        safepoint(getm());
      }
      ended.arrive();
    });
    while (begun.load(acquire) == 0) goyield();
    VERIFY_INV("I29", !stop_the_world(this->sched, nanotime() + 1));
    done.store(1, release);
    start_the_world(this->sched);
    look_at_stopped(this->sched, [this] { VERIFY_INV("I29", all.seen() <= 2); });
    ended.wait();
    VERIFY_INV("I20", all.seen() == 2);
  }
};
using for_a_while_2p = for_a_while<2, 2>;
using for_a_while_3p = for_a_while<3, 3>;

// Whether all have stopped just when the time is over, or a little later, or before: the note is clear for the next.
struct just_in_time : scheduled<just_in_time, 2, 2> {
  countdown ended{1};
  void body() {
    go([this] {
      for (int i = 0; i < 3; ++i) safepoint(getm());
      ended.arrive();
    });
    for (int i = 0; i < 2; ++i) {
      if (stop_the_world(sched, nanotime() + 1)) check_stopped(sched, own_p(sched, getm()));
      start_the_world(sched);
    }
    ended.wait();
  }
};

// Calls come and go while the world is stopped: inside, nothing of the P is touched; outside, no step may be made.
template <int Ms, int Procs, int N, bool Long>
struct calling : scheduled<calling<Ms, Procs, N, Long>, Ms, Procs> {
  watched<N> all;
  trail inside[N];
  countdown ended{N};
  void body() {
    for (int k = 0; k < N; ++k)
      go([this, k] {
        all.trails[k].step();
        auto f = [this, k] { inside[k].step(); };
        if (Long)
          blocking_long(f);
        else
          blocking(f);
        all.trails[k].step();
        ended.arrive();
      });
    look_at_stopped(this->sched, [this] { VERIFY_INV("I29", all.seen() <= 2 * N); });
    ended.wait();
    VERIFY_INV("I20", all.seen() == 2 * N);
  }
};
using calling_2p = calling<2, 2, 1, false>;
using calling_3m = calling<3, 2, 2, false>;
using calling_long = calling<3, 2, 1, true>;

// The asker is in a call, and so has no P of its own; the P with which it came may have been taken by then.
struct from_call : scheduled<from_call, 3, 2> {
  watched<2> all;
  countdown ended{2};
  void body() {
    for (trail &t : all.trails)
      go([this, &t] {
        t.step();
        safepoint(getm());
        t.step();
        ended.arrive();
      });
    blocking([this] { look_at_stopped(sched, [this] { VERIFY_INV("I29", all.seen() <= 4); }); });
    ended.wait();
    VERIFY_INV("I20", all.seen() == 4);
  }
};

// A thread that is no M stops it, while Ms start, run and go to sleep, and perhaps after the last of them has.
template <int Ms, int Procs>
struct from_outside : scheduled<from_outside<Ms, Procs>, Ms, Procs, 1> {
  watched<2> all;
  countdown ended{2};
  void foreign() {
    look_at_stopped(this->sched, [this] { VERIFY_INV("I29", all.seen() <= 4); });
  }
  void body() {
    for (trail &t : all.trails)
      go([this, &t] {
        t.step();
        safepoint(getm());
        t.step();
        ended.arrive();
      });
    ended.wait();
    VERIFY_INV("I20", all.seen() == 4);
  }
};
using from_outside_1p = from_outside<1, 1>;
using from_outside_2p = from_outside<2, 2>;

// Two goroutines at once: one waits for the other, and its P must be free to stop meanwhile (B65).
template <int Ms, int Procs>
struct two : scheduled<two<Ms, Procs>, Ms, Procs> {
  watched<2> all;
  plain<int> turns;
  countdown ended{2};
  void look() {
    look_at_stopped(this->sched, [this] {
      VERIFY_INV("I29", all.seen() <= 4);
      turns.set(turns.get() + 1);
    });
  }
  void body() {
    for (trail &t : all.trails)
      go([this, &t] {
        t.step();
        look();
        t.step();
        ended.arrive();
      });
    ended.wait();
    VERIFY_INV("I28", turns.get() == 2);
  }
};
using two_2p = two<2, 2>;
using two_3p = two<3, 3>;
using two_1p = two<2, 1>;

// A goroutine and a thread that is no M stop the world at once.
struct two_sides : scheduled<two_sides, 2, 2, 1> {
  watched<1> all;
  plain<int> turns;
  countdown ended{1};
  void look() {
    look_at_stopped(sched, [this] {
      VERIFY_INV("I29", all.seen() <= 2);
      turns.set(turns.get() + 1);
    });
  }
  void foreign() {
    look();
    go_on();
  }
  void go_on() {
    heddle::detail::go_from_outside(
        sched, [this] { ended.arrive(); }, 0);
  }
  void body() {
    all.trails[0].step();
    look();
    all.trails[0].step();
    ended.wait();
    VERIFY_INV("I28", turns.get() == 2);
  }
};

// What threads outside start while the world is stopped runs afterwards.
template <int Ms, int Procs>
struct submitted : scheduled<submitted<Ms, Procs>, Ms, Procs, 1> {
  trail from_outside;
  atomic<std::uint32_t> ran;
  countdown ended{1};
  void foreign() {
    heddle::detail::go_from_outside(
        this->sched,
        [this] {
          from_outside.step();
          ran.store(1, release);
          ended.arrive();
        },
        0);
  }
  void body() {
    look_at_stopped(this->sched, [this] { VERIFY_INV("I29", from_outside.steps.get() <= 1); });
    while (Procs > 1 && ran.load(acquire) == 0) cpu_relax();  // another M must come for it
    ended.wait();
  }
};
using submitted_1p = submitted<1, 1>;
using submitted_2p = submitted<2, 2>;

// A waiter is not overtaken: main starts the world and asks to stop it again at once, but the other waiter has it
// first.
struct turns : scheduled<turns, 2, 1, 1> {
  plain<int> looked;
  std::uint32_t waiting() {
    sched.semalock.lock();
    const std::uint32_t n = sched.worldwaiters.size();
    sched.semalock.unlock();
    return n;
  }
  void foreign() {
    look_at_stopped(sched, [this] { looked.set(looked.get() + 1); });
  }
  void body() {
    semacquire(sched);
    std::uint64_t chance = 0;
    const bool waits = cheaprandn(chance, 2) == 0;
    while (waits && looked.peek() == 0 && waiting() == 0) cpu_relax();
    semrelease(sched);
    semacquire(sched);
    if (waits) VERIFY_INV("I28", looked.get() == 1);
    semrelease(sched);
  }
};

// Main ends while a thread outside stops the world, or has it stopped.
struct main_ends : scheduled<main_ends, 3, 2, 1> {
  plain<int> looked;
  std::int32_t ms_when_joined = 0;
  void thread(unsigned i) {
    scheduled::thread(i);
    if (i == 0) ms_when_joined = sched.mcount.peek();
  }
  void foreign() {
    look_at_stopped(sched, [this] { looked.set(1); });
  }
  void body() {}
  void check() {
    VERIFY_INV("I29", looked.get() == 1);
    VERIFY_INV("STOP-2", sched.mcount.peek() == ms_when_joined);
  }
};

// The same for a goroutine that does so from inside a call: its thread is joined, so it is not abandoned before it is
// back.
struct main_ends_call : scheduled<main_ends_call, 3, 2> {
  atomic<std::uint32_t> begun;
  plain<int> looked;
  void body() {
    go([this] {
      blocking([this] {
        begun.store(1, release);
        look_at_stopped(sched, [this] { looked.set(1); });
      });
    });
    while (begun.load(acquire) == 0) {
      cpu_relax();
      safepoint(getm());
    }
  }
  void after() {
    VERIFY_INV("I29", finished && looked.get() == 1);
    VERIFY_INV("I28", sched.stopwait.peek() == 0 && !sched.worldsema.get());
    VERIFY_INV("I10", sched.pidle.peek_count() == 2);
    schedfree(sched);
  }
};

// Main ends, and sysmon with it, when a P waits for an M that only sysmon may start; a thread outside stops the world
// then.
struct main_ends_template : scheduled<main_ends_template, 3, 2, 1> {
  using base = scheduled<main_ends_template, 3, 2, 1>;
  plain<int> looked;
  void thread(unsigned i) {
    if (i == 0) {
      sched.options.sysmon = true;
      VERIFY_CHECK(start_sysmon(sched) == 0);
      ready.store(1, release);
    }
    base::thread(i);
  }
  atomic<std::uint32_t> ready;
  void foreign() {
    while (ready.load(acquire) == 0) cpu_relax();
    heddle::detail::go_from_outside(
        sched, [] {}, 0);
    look_at_stopped(sched, [this] { looked.set(1); });
  }
  void body() {}
  void after() {
    VERIFY_INV("I28", sched.stopwait.peek() == 0 && looked.get() == 1);
    VERIFY_INV("I10", sched.pidle.peek_count() == 2);
    schedfree(sched);
  }
};

// Main has kept others from stopping the world, and ends. A goroutine is the next to have it, and is abandoned with all
// others: a thread outside waits behind it, and the end of the runtime waits for that thread, so the thread must get it
// all the same.
struct abandoned_heir : scheduled<abandoned_heir, 2, 1, 1> {
  atomic<std::uint32_t> waits;
  plain<int> looked;
  void foreign() {
    while (waits.load(acquire) == 0) cpu_relax();
    look_at_stopped(sched, [this] { looked.set(1); });
  }
  std::uint32_t waiting() {
    sched.semalock.lock();
    const std::uint32_t n = sched.worldwaiters.size();
    sched.semalock.unlock();
    return n;
  }
  void body() {
    semacquire(sched);
    go([this] { look_at_stopped(sched, [] {}); });
    while (waiting() != 1) goyield();
    waits.store(1, release);
    std::uint64_t chance = 0;
    if (cheaprandn(chance, 2) == 0)
      while (waiting() != 2) cpu_relax();
    semrelease(sched);
  }
  void after() {
    VERIFY_INV("I28", sched.stopwait.peek() == 0 && looked.get() == 1);
    schedfree(sched);
  }
};

// A goroutine gives way as soon as it may after the start: by then it must no longer hold the right to stop the world
// (B55). Main ends, so the goroutine never comes back.
struct gives_way : scheduled<gives_way, 2, 1, 1> {
  atomic<std::uint32_t> given;
  plain<int> looked;
  void foreign() {
    while (given.load(acquire) == 0) cpu_relax();
    look_at_stopped(sched, [this] { looked.set(1); });
  }
  void body() {
    std::uint64_t chance = 0;  // any phase of the fairness tick, which may bring it back before main
    for (std::uint32_t n = cheaprandn(chance, geometry::fairness_tick); n != 0; --n) goyield();
    go([this] {
      look_at_stopped(sched, [this] {
        given.store(1, release);
        preemptone(sched.allp[0].get());  // as sysmon does
      });
    });
    while (given.load(acquire) == 0) goyield();
  }
  void after() {
    VERIFY_INV("I28", sched.stopwait.peek() == 0 && looked.get() == 1);
    schedfree(sched);
  }
};

}  // namespace

HEDDLE_WORLDS(running, "sched/stopworld", "I7 I14 I28 I29",
              {world<running_1p>({.name = "stop.running_1p",
                                  .what = "one P: main stops the world beside two goroutines",
                                  .modes = {random_mix(1)}}),
               world<running_2p>({.name = "stop.running",
                                  .what = "two Ps: no goroutine runs while the world is stopped, all do afterwards",
                                  .modes = {random_mix(3)}}),
               world<running_3p>({.name = "stop.running_3p",
                                  .what = "as stop.running with three Ms and Ps",
                                  .modes = {random_mix(3)}})})
HEDDLE_SUITE(computing, {.name = "stop.computing",
                         .component = "sched/stopworld",
                         .invariants = "I28 I29",
                         .what = "the request reaches a goroutine that does nothing but compute",
                         .modes = {random_mix(2)}})
HEDDLE_WORLDS(
    for_a_while, "sched/stopworld", "I28 I29",
    {world<for_a_while_2p>({.name = "stop.for_a_while",
                            .what = "a goroutine that computes is not waited for, and the next stop is whole",
                            .modes = {random_mix(3)}}),
     world<for_a_while_3p>({.name = "stop.for_a_while_3p", .what = "the same on three Ps", .modes = {random_mix(3)}})})
HEDDLE_SUITE(just_in_time, {.name = "stop.just_in_time",
                            .component = "sched/stopworld",
                            .invariants = "I28 I29",
                            .what = "the time of a stop is over when the last goroutine stops",
                            .modes = {random_mix(3)}})
HEDDLE_WORLDS(calling, "sched/stopworld", "I7 I28 I29",
              {world<calling_2p>({.name = "stop.calling",
                                  .what = "a call begins and ends while the world is stopped",
                                  .modes = {random_mix(3)}}),
               world<calling_3m>({.name = "stop.calling_3m",
                                  .what = "as stop.calling, two calls and three Ms",
                                  .modes = {random_mix(3)}}),
               world<calling_long>({.name = "stop.calling_long",
                                    .what = "as stop.calling, the P is handed off",
                                    .modes = {random_mix(2)}})})
HEDDLE_SUITE(from_call, {.name = "stop.from_call",
                         .component = "sched/stopworld",
                         .invariants = "I28 I29",
                         .what = "the world is stopped from inside a call",
                         .modes = {random_mix(3)}})
HEDDLE_WORLDS(from_outside, "sched/stopworld", "I28 I29 I38",
              {world<from_outside_1p>({.name = "stop.from_outside_1p",
                                       .what = "a thread that is no M stops the world of one P",
                                       .modes = {random_mix(2)}}),
               world<from_outside_2p>({.name = "stop.from_outside",
                                       .what = "a thread that is no M stops the world",
                                       .modes = {random_mix(3)}})})
HEDDLE_WORLDS(
    two, "sched/sema", "I28 I29",
    {world<two_1p>({.name = "stop.two_1p", .what = "two goroutines on one P take turns", .modes = {random_mix(1)}}),
     world<two_2p>(
         {.name = "stop.two", .what = "two goroutines stop the world at once (B65)", .modes = {random_mix(3)}}),
     world<two_3p>({.name = "stop.two_3p", .what = "as stop.two with three Ms and Ps", .modes = {random_mix(3)}})})
HEDDLE_SUITE(two_sides, {.name = "stop.two_sides",
                         .component = "sched/sema",
                         .invariants = "I28 I29",
                         .what = "a goroutine and a thread that is no M stop the world at once",
                         .modes = {random_mix(2)}})
HEDDLE_WORLDS(submitted, "sched/stopworld", "I13 I14 I29",
              {world<submitted_1p>({.name = "stop.submitted_1p",
                                    .what = "a thread outside starts a goroutine while the world is stopped",
                                    .modes = {random_mix(2)}}),
               world<submitted_2p>(
                   {.name = "stop.submitted", .what = "as stop.submitted_1p with two Ps", .modes = {random_mix(2)}})})
HEDDLE_SUITE(main_ends, {.name = "stop.main_ends",
                         .component = "sched/stopworld",
                         .invariants = "I28 I34 STOP-2",
                         .what = "main ends while a thread outside stops the world",
                         .modes = {random_mix(2)}})
HEDDLE_SUITE(main_ends_call, {.name = "stop.main_ends_call",
                              .component = "sched/stopworld",
                              .invariants = "I28 I29",
                              .what = "main ends while a goroutine in a call stops the world",
                              .modes = {random_mix(2)}})
HEDDLE_SUITE(abandoned_heir, {.name = "stop.abandoned_heir",
                              .component = "sched/sema",
                              .invariants = "I28 STOP-2",
                              .what = "the next to stop the world is abandoned, and a thread outside waits behind it",
                              .modes = {random_mix(2)}})
HEDDLE_SUITE(gives_way, {.name = "stop.gives_way",
                         .component = "sched/stopworld",
                         .invariants = "I28",
                         .what = "a goroutine is preempted as it starts the world (B55)",
                         .modes = {random_mix(2)}})
HEDDLE_SUITE(main_ends_template, {.name = "stop.main_ends_template",
                                  .component = "sched/m",
                                  .invariants = "I7 I28 STOP-2",
                                  .what = "main ends while a P waits for the template thread and the world is stopped",
                                  .modes = {random_mix(3)}})
HEDDLE_SUITE(turns, {.name = "stop.turns",
                     .component = "sched/sema",
                     .invariants = "I28",
                     .what = "a waiter to stop the world is not overtaken",
                     .modes = {random_mix(1)}})
