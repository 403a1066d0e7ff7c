// task, when_any and scope over the composed scheduler. (std::stop_token is the library's and makes no steps here.)
#include <utility>

#include "heddle/scope.hpp"
#include "heddle/stop.hpp"
#include "heddle/task.hpp"
#include "verify/suites/watched.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// A value that a function has captured: it notes when it is destroyed.
struct captured {
  trail *to;
  explicit captured(trail *t) noexcept : to(t) {}
  captured(captured &&other) noexcept : to(std::exchange(other.to, nullptr)) {}
  ~captured() {
    if (to != nullptr) to->step();
  }
};

// A place where a stop_signal is made before its stop is requested: std::stop_token orders the two, but without steps
// that the checker could see.
struct announced {
  atomic<std::uint32_t> made;
  void say() { made.store(1, release); }
  void wait() {
    while (made.load(acquire) == 0) goyield();
  }
};

// What the task did and returns is visible after get, and the task is gone right after.
template <int Ms, int Procs>
struct got : scheduled<got<Ms, Procs>, Ms, Procs> {
  trail earlier, gone;
  void body() {
    for (int round = 1; round <= 2; ++round) {
      auto t = spawn([this, round, c = captured(&gone)] {
        earlier.step();
        return 7 * round;
      });
      VERIFY_INV("TASK-DONE", t.get() == 7 * round);
      VERIFY_INV("TASK-DONE", earlier.steps.get() == round && gone.steps.get() == round);
    }
  }
};

// One goroutine asks, one joins, and the owner destroys the task when both are through.
struct joined : scheduled<joined, 2, 2> {
  trail earlier;
  countdown all{1};
  void body() {
    {
      auto t = spawn([this] { earlier.step(); });
      go([this, &t] {
        t.join();
        VERIFY_INV("TASK-DONE", earlier.steps.get() == 1);
        all.arrive();
      });
      if (t.done()) VERIFY_INV("TASK-DONE", earlier.steps.get() == 1);
      all.wait();
    }
    VERIFY_INV("TASK-DONE", earlier.steps.get() == 1);
  }
};

// The task is destroyed as it ends, or before, or after: it is cancelled, and ends before the destructor does.
struct destroyed : scheduled<destroyed, 2, 2> {
  trail earlier;
  void body() {
    {
      auto t = spawn([this](std::stop_token stop) {
        if (!stop.stop_requested()) goyield();
        earlier.step();
      });
      goyield();
    }
    VERIFY_INV("TASK-DONE", earlier.steps.get() == 1);
  }
};

// The task is cancelled by a goroutine that is not its owner while it waits, or ends by what it waits for.
struct cancelled : scheduled<cancelled, 2, 2> {
  trail earlier;
  announced there;
  chan<int> work{1};
  void body() {
    auto t = spawn([this](std::stop_token stop) {
      const stop_signal signal(stop);
      there.say();
      int how = 0;
      select(on_recv(work, [&](std::optional<int> v) { how = *v; }), on_recv(signal.done(), [&] {
               VERIFY_INV("TASK-STOP", earlier.steps.get() == 1 && stop.stop_requested());
               how = 2;
             }));
      (void)signal.done().recv();
      return how;
    });
    go([source = t.stop_source(), this]() mutable {
      there.wait();
      earlier.step();
      source.request_stop();
    });
    work.send(1);
    const int how = t.get();
    VERIFY_INV("TASK-STOP", how == 1 || how == 2);
  }
};

// The limit of a join is over as the task ends.
struct in_time : watched<in_time, 2, 2> {
  trail earlier;
  void options() { harness::sleeps_last = 1'000'000; }
  void body() {
    auto t = spawn([this] {
      timesleep(nanotime() + 20'000);
      earlier.step();
      return 5;
    });
    if (t.wait_for(std::chrono::microseconds(20))) VERIFY_INV("TASK-DONE", earlier.steps.get() == 1);
    VERIFY_INV("TASK-DONE", t.get() == 5);
  }
};

// Two tasks end at once: one of them is the first, and both have ended when when_any returns.
struct any : scheduled<any, 2, 2> {
  trail trails[2];
  void body() {
    const auto run = [this](int i) {
      return [this, i] {
        trails[i].step();
        return i;
      };
    };
    const auto first = when_any(spawn(run(0)), spawn(run(1)));
    VERIFY_INV("TASK-ANY", first.index < 2);
    const int value = first.value.index() == 0 ? std::get<0>(first.value) : std::get<1>(first.value);
    VERIFY_INV("TASK-ANY", value == static_cast<int>(first.index));
    for (const trail &t : trails) VERIFY_INV("TASK-ANY", t.steps.get() == 1);
  }
};

// All that a scope has started has ended when wait returns, and the scope is gone right after.
struct nursery : scheduled<nursery, 2, 2> {
  trail trails[2];
  void body() {
    for (int round = 1; round <= 2; ++round) {
      {
        scope s;
        for (trail &t : trails) s.spawn([&t] { t.step(); });
        if (round == 1) s.wait();
      }
      for (trail &t : trails) VERIFY_INV("SCOPE-JOIN", t.steps.get() == round);
    }
  }
};

// Two goroutines fail at once, perhaps as the last two: one error is thrown, once, and the scope is cancelled.
struct failing : scheduled<failing, 2, 2> {
  trail trails[2];
  void body() {
    int caught = -1;
    auto *s = new scope;
    for (int i : {0, 1})
      s->spawn([this, i] {
        trails[i].step();
        throw i;
      });
    try {
      s->wait();
    } catch (int which) {
      caught = which;
    }
    VERIFY_INV("SCOPE-FIRST", caught == 0 || caught == 1);
    VERIFY_INV("SCOPE-FIRST", s->cancelled());
    s->wait();
    delete s;
    for (const trail &t : trails) VERIFY_INV("SCOPE-JOIN", t.steps.get() == 1);
  }
};

// The first error wakes a goroutine that waits for a stop; a scope inside passes it on.
struct passed_on : scheduled<passed_on, 2, 2> {
  trail stopped;
  announced there;
  void body() {
    int caught = 0;
    try {
      with_scope([this](scope &outer) {
        outer.spawn([this](std::stop_token stop) {
          with_scope(
              [this](scope &inner) {
                inner.spawn([this](std::stop_token s) {
                  const stop_signal signal(s);
                  there.say();
                  (void)signal.done().recv();
                  stopped.step();
                });
              },
              stop);
        });
        outer.spawn([this] {
          there.wait();
          throw 3;
        });
      });
    } catch (int which) {
      caught = which;
    }
    VERIFY_INV("SCOPE-FIRST", caught == 3 && stopped.steps.get() == 1);
  }
};

using got_1p = got<2, 1>;
using got_2p = got<2, 2>;

}  // namespace

HEDDLE_SUITE(got_1p, {.name = "task.get_1p",
                      .component = "task",
                      .invariants = "I25 TASK-DONE",
                      .what = "a result, and the task is gone, on one P",
                      .modes = {random_mix(0.5)}})
HEDDLE_SUITE(got_2p, {.name = "task.get",
                      .component = "task",
                      .invariants = "I25 I26 TASK-DONE",
                      .what = "a result as the task ends, and the task is gone",
                      .modes = {random_mix(2)}})
HEDDLE_SUITE(joined, {.name = "task.join",
                      .component = "task",
                      .invariants = "I25 I26 TASK-DONE",
                      .what = "one goroutine joins, one asks and destroys",
                      .modes = {random_mix(1)}})
HEDDLE_SUITE(destroyed, {.name = "task.destroy",
                         .component = "task",
                         .invariants = "I26 TASK-DONE",
                         .what = "destroyed and cancelled as it ends",
                         .modes = {random_mix(1)}})
HEDDLE_SUITE(cancelled, {.name = "task.cancel",
                         .component = "task",
                         .invariants = "I53 TASK-STOP",
                         .what = "cancelled as what it waits for comes",
                         .modes = {random_mix(2)}})
HEDDLE_SUITE(in_time, {.name = "task.wait_for",
                       .component = "task",
                       .invariants = "TASK-DONE TIMED-1",
                       .what = "the time to wait is over as it ends",
                       .modes = {random_mix(1)}})
HEDDLE_SUITE(any, {.name = "task.when_any",
                   .component = "task",
                   .invariants = "I53 TASK-ANY",
                   .what = "two tasks end at once",
                   .modes = {random_mix(2)}})
HEDDLE_SUITE(nursery, {.name = "scope.join",
                       .component = "scope",
                       .invariants = "I25 I26 SCOPE-JOIN",
                       .what = "two goroutines end, and the scope is gone",
                       .modes = {random_mix(1)}})
HEDDLE_SUITE(failing, {.name = "scope.error",
                       .component = "scope",
                       .invariants = "I26 SCOPE-JOIN SCOPE-FIRST",
                       .what = "two goroutines fail at once, the last ones",
                       .modes = {random_mix(1)}})
HEDDLE_SUITE(passed_on, {.name = "scope.nested",
                         .component = "scope",
                         .invariants = "I26 SCOPE-FIRST",
                         .what = "an error outside ends a wait in a scope inside",
                         .modes = {random_mix(1)}})
