// condition_variable over the composed scheduler, and between threads.
#include <mutex>

#include "heddle/condition_variable.hpp"
#include "heddle/mutex.hpp"
#include "heddle/runtime.hpp"
#include "verify/suites/scheduled.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// A condition with the lock that protects it, and a goroutine that waits until it holds.
struct condition {
  mutex mu;
  condition_variable cv;
  plain<int> value;

  void wait_for(int at_least) {
    std::unique_lock hold(mu);
    cv.wait(hold, [&] { return value.get() >= at_least; });
  }
  void increment() {
    const std::lock_guard hold(mu);
    value.set(value.get() + 1);
  }
};

// One turn of a loop that waits for other goroutines, and for other Ms.
void turn() {
  cpu_relax();
  gosched();
}

// One goroutine waits, one changes the condition and notifies without the lock: the wake falls between every two steps
// of the wait.
template <int Ms, int Procs>
struct signal : scheduled<signal<Ms, Procs>, Ms, Procs> {
  condition c;
  void body() {
    go([this] {
      c.increment();
      c.cv.notify_one();
    });
    c.wait_for(1);
  }
};
using signal_1p = signal<2, 1>;
using signal_2p = signal<2, 2>;

// The notification comes when the waiter has given up its lock and has not parked yet.
struct told_first : scheduled<told_first, 2, 2> {
  condition_variable cv;
  atomic<std::uint32_t> waits, told;
  struct letting_it_come {
    told_first &s;
    void lock() {}
    void unlock() {
      s.waits.store(1, release);
      while (s.told.load(acquire) == 0) turn();
    }
  };
  void body() {
    go([this] {
      while (waits.load(acquire) == 0) turn();
      cv.notify_one();
      told.store(1, release);
    });
    letting_it_come lock{*this};
    cv.wait(lock);
  }
};

// Two goroutines wait, one notifies them all; then the condition_variable is gone, though they may still be about to
// park.
struct broadcast : scheduled<broadcast, 2, 2> {
  mutex mu;
  plain<int> waiting;
  plain<bool> open;
  countdown all{2};
  void body() {
    auto *cv = new condition_variable;
    for (int i = 0; i < 2; ++i)
      go([this, cv] {
        mu.lock();
        waiting.set(waiting.get() + 1);
        cv->wait(mu);
        VERIFY_INV("COND-WAKE", open.get());
        mu.unlock();
        all.arrive();
      });
    for (bool both = false; !both;) {
      turn();
      mu.lock();
      both = waiting.get() == 2;
      if (both) open.set(true);
      mu.unlock();
    }
    cv->notify_all();
    delete cv;
    all.wait();
  }
};

// Two goroutines wait, each is notified alone: no notification goes to the other, and the first to begin is the first
// to end.
struct one_by_one : scheduled<one_by_one, 2, 2> {
  condition c;
  plain<int> begun, ended;
  countdown all{2};
  void body() {
    for (int i = 0; i < 2; ++i)
      go([this] {
        std::unique_lock hold(c.mu);
        const int mine = begun.get();
        begun.set(mine + 1);
        c.cv.wait(hold);
        VERIFY_INV("COND-FIFO", ended.get() == mine);
        ended.set(mine + 1);
        hold.unlock();
        all.arrive();
      });
    for (int k = 0; k < 2;) {
      turn();
      c.mu.lock();
      const bool due = begun.get() > k && ended.get() == k;
      c.mu.unlock();
      if (!due) continue;
      c.cv.notify_one();
      for (bool over = false; !over;) {
        turn();
        c.mu.lock();
        over = ended.get() > k;
        c.mu.unlock();
      }
      ++k;
    }
    all.wait();
  }
};

// Two threads outside every runtime. What is done before a notification without the lock is visible, and the
// condition_variable is gone as soon as the wait is over.
struct threads : suite<2> {
  mutex mu;
  plain<condition_variable *> theirs;
  trail earlier;
  void thread(unsigned i) {
    if (i == 0) {
      condition_variable cv;
      std::unique_lock hold(mu);
      theirs.set(&cv);
      cv.wait(hold);
      VERIFY_INV("COND-WAKE", earlier.steps.get() == 1);
      return;
    }
    condition_variable *cv = nullptr;
    while (cv == nullptr) {
      cpu_relax();
      mu.lock();
      cv = theirs.get();
      mu.unlock();
    }
    earlier.step();
    cv->notify_one();
  }
};

}  // namespace

HEDDLE_SUITE(signal_1p, {.name = "cond.signal_1p",
                         .component = "condition_variable",
                         .invariants = "I25 I26 COND-WAKE",
                         .what = "one waits, one notifies, on one P",
                         .modes = {random_mix(0.5)}})
HEDDLE_SUITE(signal_2p, {.name = "cond.signal",
                         .component = "condition_variable",
                         .invariants = "I25 I26 COND-WAKE",
                         .what = "one waits, one notifies without the lock, on two Ps",
                         .modes = {random_mix(3)}})
HEDDLE_SUITE(told_first, {.name = "cond.told_first",
                          .component = "condition_variable",
                          .invariants = "COND-WAKE",
                          .what = "a notification between the unlock and the park",
                          .modes = {random_mix(1)}})
HEDDLE_SUITE(broadcast, {.name = "cond.broadcast",
                         .component = "condition_variable",
                         .invariants = "I25 I26 COND-WAKE",
                         .what = "two wait, all are notified, and the condition_variable is gone",
                         .modes = {random_mix(3)}})
HEDDLE_SUITE(one_by_one, {.name = "cond.one_by_one",
                          .component = "condition_variable",
                          .invariants = "COND-FIFO",
                          .what = "two wait, each notification ends the wait that began first",
                          .modes = {random_mix(2)}})
HEDDLE_SUITE(threads,
             {.name = "cond.threads",
              .component = "condition_variable",
              .invariants = "COND-WAKE",
              .what = "between threads outside every runtime; what was done before the notification is visible",
              .modes = {random_mix(1), bounded(2, 1)}})
