// Used again after it has failed: there is no memory for a goroutine, the caller gets std::bad_alloc, and asks once more.
// What a call had begun is undone, so that no party waits for a goroutine that does not exist.
#include <new>
#include <stdexcept>

#include "heddle/scope.hpp"
#include "heddle/task.hpp"
#include "heddle/time.hpp"
#include "heddle/wait_group.hpp"
#include "verify/suites/watched.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// Starts goroutines, of which up to three are refused and asked for again. gs are made two at a time.
template <class Object, int Procs>
struct refused_once : watched<refused_once<Object, Procs>, 2, Procs> {
  static constexpr int goroutines = 4, refusals = 3;
  trail ran[goroutines];
  atomic<std::uint32_t> ended;
  int failed = 0;
  void options() {
    harness::sleeps_last = 1'000'000;
    this->sched.options.log = false;
  }
  template <class F>
  bool begin(F f) {
    try {
      f();
    } catch (const std::bad_alloc &) {
      return false;
    }
    return true;
  }
  void body() {
    {
      Object object;
      harness::refusals = refusals;
      harness::refusable = harness::memory;
      for (trail &t : ran) {
        const auto f = [this, &t] {
          t.step();
          ended.fetch_add(1, release);
        };
        while (!begin([&] { object.start(f); })) ++failed;
      }
      harness::refusals = 0;
      object.wait();
    }
    while (ended.load(acquire) != goroutines) {
      goyield();
      cpu_relax();
    }
    for (const trail &t : ran) VERIFY_INV("REFUSE-1", t.steps.get() == 1);
    VERIFY_INV("REFUSE-1", failed <= refusals);
  }
};

struct plain_go {
  template <class F>
  void start(F f) {
    heddle::go(f);
  }
  void wait() {}
};
struct group {
  wait_group wg;
  template <class F>
  void start(F f) {
    wg.go(f);
  }
  void wait() { wg.wait(); }
};
struct nursery {
  scope s;
  template <class F>
  void start(F f) {
    s.spawn(f);
  }
  void wait() { s.wait(); }
};
struct tasks {
  task<void> made[4];
  int n = 0;
  template <class F>
  void start(F f) {
    made[n] = spawn(f);
    ++n;
  }
  void wait() {
    for (task<void> &t : made) t.get();
  }
};
struct later {
  template <class F>
  void start(F f) {
    after_func(std::chrono::nanoseconds(1), f);
  }
  void wait() {}
};

// The copy of what a goroutine is to run throws, at each of the places where it is copied. The g that the goroutine was to
// have is another one's next, and nothing is left on it in the end.
template <class Object>
struct thrown_once : watched<thrown_once<Object>, 2, 1> {
  struct fragile {
    thrown_once *home;
    int copies;
    explicit fragile(thrown_once *h, int n) : home(h), copies(n) {}
    fragile(const fragile &other) : home(other.home), copies(other.copies - 1) {
      if (copies < 0) throw std::runtime_error("no copy");
    }
    fragile(fragile &&other) : fragile(static_cast<const fragile &>(other)) {}
    void operator()() const { home->ended.fetch_add(1, release); }
  };
  atomic<std::uint32_t> ended;
  void options() { harness::sleeps_last = 1'000'000; }
  void body() {
    std::uint32_t begun = 0;
    {
      Object object;
      for (int copies = 6; copies >= 0; --copies) {
        try {
          object.start(fragile(this, copies));
          ++begun;
        } catch (const std::runtime_error &) {
        }
        heddle::go([this] { ended.fetch_add(1, release); });
        ++begun;
        goyield();
      }
      object.wait();
    }
    while (ended.load(acquire) != begun) {
      goyield();
      cpu_relax();
    }
  }
};

}  // namespace

HEDDLE_WORLDS(refused_once, "sched/newproc", "REFUSE-1",
              {world<refused_once<plain_go, 1>>({.name = "again.go",
                                                 .what = "there is no memory for a goroutine, and it is started again",
                                                 .modes = {random_mix(0.5)}}),
               world<refused_once<group, 1>>({.name = "again.wait_group",
                                              .what = "wait_group::go fails, and is called again",
                                              .modes = {random_mix(0.5)}}),
               world<refused_once<nursery, 2>>({.name = "again.scope",
                                                .what = "scope::spawn fails, and is called again",
                                                .modes = {random_mix(0.5)}}),
               world<refused_once<tasks, 2>>(
                   {.name = "again.task", .what = "spawn fails, and is called again", .modes = {random_mix(0.5)}}),
               world<refused_once<later, 1>>({.name = "again.after_func",
                                              .what = "the time of calls comes, and there is no memory for goroutines",
                                              .modes = {random_mix(0.5)}})})
HEDDLE_WORLDS(thrown_once, "runtime/go", "REFUSE-1",
              {world<thrown_once<plain_go>>({.name = "again.go_thrown",
                                             .what = "what a goroutine is to run cannot be copied, and another begins",
                                             .modes = {random_mix(0.5)}}),
               world<thrown_once<group>>({.name = "again.wait_group_thrown",
                                          .what = "as again.go_thrown, with wait_group::go",
                                          .modes = {random_mix(0.5)}}),
               world<thrown_once<nursery>>({.name = "again.scope_thrown",
                                            .what = "as again.go_thrown, with scope::spawn",
                                            .modes = {random_mix(0.5)}})})
