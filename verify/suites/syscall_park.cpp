// Goroutines in a call that wait, or ready others: their thread sleeps (sched/park.cpp), and they have no P to use.
#include "heddle/chan.hpp"
#include "verify/suites/calls.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// A goroutine in a call waits for a channel: it keeps its thread, and its P is taken.
template <bool Both>
struct parks : policed<parks<Both>, 2, 1> {
  plain<int> word;
  countdown all{1};
  void body() {
    chan<int> c;
    go([this, c] {
      this->touch();
      word.set(7);
      if (Both)
        blocking([&c] { c.send(3); });
      else
        c.send(3);
      this->touch();
      all.arrive();
    });
    const int got = blocking([&c] { return c.recv().value(); });
    VERIFY_INV("I55", got == 3 && word.get() == 7);
    this->touch();
    all.wait();
  }
};
using parks_one = parks<false>;
using parks_both = parks<true>;

// A goroutine sleeps in a call: its thread sleeps, and its P is taken for the other.
struct sleeps : policed<sleeps, 2, 1> {
  countdown all{1};
  void body() {
    go([this] {
      this->touch();
      all.arrive();
    });
    const std::int64_t until = nanotime() + 20'000;
    blocking([until] {
      m *const mp = getm();
      timesleep(until);
      VERIFY_INV("I55", getm() == mp && nanotime() >= until);
    });
    this->touch();
    all.wait();
  }
};

// A goroutine in a call readies one that waits, and starts another: both go through the inbox.
struct readies : policed<readies, 2, 1> {
  plain<int> word;
  signal started;
  void body() {
    chan<int> c;
    countdown all(2);
    go([this, c, &all] {
      touch();
      VERIFY_INV("I55", c.recv() == 3 && word.get() == 7);
      touch();
      all.arrive();
    });
    goyield();
    blocking([&] {
      word.set(7);
      c.send(3);
      go([this, &all] {
        touch();
        started.set();
        all.arrive();
      });
      started.await();
    });
    touch();
    all.wait();
  }
};

// The only goroutine that can send is on the P of the goroutine that waits in a call, and no thread takes Ps: the
// waiter's thread gives the P up itself.
struct gives_way : scheduled<gives_way, 2, 1> {
  chan<int> c;
  countdown all{1};
  void body() {
    go([this] {
      c.send(1);
      all.arrive();
    });
    blocking([this] { VERIFY_INV("I36", c.recv() == 1); });
    all.wait();
  }
};

// A goroutine waits in a call for what no goroutine will send, and has started one that has ended: that is a deadlock.
struct reported : scheduled<reported, 2, 1> {
  int reports = 0;
  chan<int> c;
  countdown all{1};
  static void report(void *self, const char *) {
    ++static_cast<reported *>(self)->reports;
    static_cast<reported *>(self)->c.send(1);  // and so it is a deadlock no more
  }
  void before() {
    sched.options.on_deadlock = report;
    sched.options.on_deadlock_arg = this;
    scheduled<reported, 2, 1>::before();
  }
  void body() {
    blocking_long([this] {
      go([this] { all.arrive(); });
      VERIFY_INV("I37", c.recv() == 1);
    });
    all.wait();
    VERIFY_INV("I37", reports == 1);
  }
};

// The same is no deadlock as long as another goroutine can go on, in a call or not.
struct not_reported : scheduled<not_reported, 2, 1> {
  chan<int> c;
  countdown all{1};
  void body() {
    go([this] {
      blocking_long([this] { c.send(1); });
      all.arrive();
    });
    blocking_long([this] { VERIFY_INV("I36", c.recv() == 1); });
    all.wait();
  }
};

}  // namespace

HEDDLE_SUITE(parks_one, {.name = "syscall.parks",
                         .component = "sched/park",
                         .invariants = "I25 I55",
                         .what = "a goroutine in a call receives, and its P is taken",
                         .modes = {random_mix(3)}})
HEDDLE_SUITE(sleeps, {.name = "syscall.sleeps",
                      .component = "sched/sleep",
                      .invariants = "I55",
                      .what = "a goroutine in a call sleeps, and its P is taken",
                      .modes = {random_mix(1)}})
HEDDLE_SUITE(parks_both, {.name = "syscall.parks_both",
                          .component = "sched/park",
                          .invariants = "I25 I55",
                          .what = "sender and receiver are in calls, and there is one P",
                          .modes = {random_mix(3)}})
HEDDLE_SUITE(readies, {.name = "syscall.readies",
                       .component = "sched/park",
                       .invariants = "I25 I14",
                       .what = "a goroutine in a call readies one and starts one, through the inbox",
                       .modes = {random_mix(3)}})
HEDDLE_SUITE(reported, {.name = "syscall.reported",
                        .component = "sched/deadlock",
                        .invariants = "I37",
                        .what = "a goroutine that waits in a call for ever is reported",
                        .modes = {random_mix(2)}})
HEDDLE_SUITE(not_reported, {.name = "syscall.not_reported",
                            .component = "sched/deadlock",
                            .invariants = "I36",
                            .what = "two goroutines meet in calls: no deadlock is reported",
                            .modes = {random_mix(2)}})
HEDDLE_SUITE(gives_way, {.name = "syscall.gives_way",
                         .component = "sched/park",
                         .invariants = "I14 I36",
                         .what = "a goroutine that waits in a call gives its P up",
                         .modes = {random_mix(2)}})
