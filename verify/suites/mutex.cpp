// mutex over the composed scheduler, and between threads. It starves after geometry::mutex_starves, some 20 steps.
#include "heddle/mutex.hpp"

#include <mutex>

#include "heddle/blocking.hpp"
#include "heddle/runtime.hpp"
#include "verify/suites/scheduled.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// A value that only the holder of the mutex may change: a race shows any thread that got in beside it.
struct guarded {
  mutex mu;
  plain<int> count;
  void critical(bool yields) {
    const std::lock_guard hold(mu);
    const int before = count.get();
    if (yields) goyield();
    count.set(before + 1);
  }
  bool is_free() {
    const bool was = mu.try_lock();
    if (was) mu.unlock();
    return was;
  }
};

// Three goroutines under one mutex; one of them blocks while it holds it.
template <int Ms, int Procs>
struct exclusion : scheduled<exclusion<Ms, Procs>, Ms, Procs> {
  guarded v;
  countdown all{2};
  void body() {
    for (int i = 0; i < 2; ++i)
      go([this, i] {
        v.critical(i == 0);
        all.arrive();
      });
    v.critical(false);
    all.wait();
    VERIFY_INV("I58", v.count.get() == 3 && v.is_free());
  }
};
using mutex_1p = exclusion<2, 1>;
using mutex_2p = exclusion<2, 2>;

// Threads outside every runtime; thread 0 comes as often as it takes to make another one starve.
template <int Threads, int Often>
struct threads : suite<Threads> {
  guarded v;
  void thread(unsigned i) {
    for (int k = i == 0 ? Often : 1; k > 0; --k) v.critical(false);
  }
  void after() { VERIFY_INV("I58", v.count.get() == Often + Threads - 1 && v.is_free()); }
};

// One P. Goroutines that queue up for a mutex, and note in which order they have it.
template <class Derived>
struct in_line : scheduled<Derived, 2, 1> {
  guarded v;
  plain<int> order;
  void turn(int mine) {
    VERIFY_INV("MUTEX-TURN", order.get() == mine);
    order.set(mine + 1);
  }
  void come(int mine) {
    go([this, mine] {
      v.mu.lock();
      turn(mine);
      VERIFY_INV("I58", holder_of(this->sched, v.mu) == getm()->curg.peek());
      v.mu.unlock();
      static_cast<Derived *>(this)->all.arrive();
    });
  }
  void queue_up(int mine) {
    come(mine);
    goyield();  // it waits now
  }
  void grow_old() {
    for (const std::int64_t until = nanotime() + geometry::mutex_starves; nanotime() < until;) cpu_relax();
  }
  // The caller has the mutex, and it starves: its waiter, number 0, has waited for long and was beaten to it. first()
  // does what comes before that waiter notices.
  template <class F>
  void starve(F &&first) {
    v.mu.lock();
    queue_up(0);
    grow_old();
    v.mu.unlock();
    VERIFY_INV("MUTEX-TURN", v.mu.try_lock() && order.get() == 0);
    first();
    goyield();
  }
};

// A waiter that has waited for long is readied and beaten to it: the mutex starves, and is handed over in the order in
// which waiters came, each time at once. Then it is as before: a newcomer is faster than a waiter that is readied.
struct starving : in_line<starving> {
  countdown all{3};
  void body() {
    v.mu.lock();
    queue_up(0);
    VERIFY_INV("I58", holder_of(sched, v.mu) == getm()->curg.peek());
    grow_old();
    v.mu.unlock();
    VERIFY_INV("MUTEX-TURN", v.mu.try_lock() && order.get() == 0);
    queue_up(1);  // and the first waiter is beaten to it
    grow_old();
    v.mu.unlock();  // handed over, and from there to the other waiter
    turn(2);
    v.mu.lock();
    queue_up(3);
    v.mu.unlock();
    VERIFY_INV("MUTEX-TURN", v.mu.try_lock() && order.get() == 3);
    v.mu.unlock();
    all.wait();
  }
};

// The mutex is handed over to a waiter that has not waited for long, while others wait: it does not starve any more. A
// millisecond is many steps here, else all of them would have waited for long.
struct recovered : in_line<recovered> {
  countdown all{3};
  void before() {
    harness::step_ns = 100;
    in_line::before();
  }
  void body() {
    starve([this] {
      come(2);
      go([this] {
        v.mu.lock();
        turn(1);
        v.mu.unlock();
        VERIFY_INV("MUTEX-TURN", v.mu.try_lock() && order.get() == 2);  // a newcomer is faster again
        v.mu.unlock();
        all.arrive();
      });
    });
    v.mu.unlock();
    all.wait();
  }
};

// A goroutine that hands the mutex over where it may not give way goes on, and does not get it back.
struct held_back : in_line<held_back> {
  countdown all{1};
  void body() {
    starve([] {});
    acquirem(getm());
    v.mu.unlock();
    VERIFY_INV("MUTEX-TURN", order.get() == 0 && !v.mu.try_lock());
    releasem(getm());
    all.wait();
  }
};

// The mutex is handed over from within a call.
struct from_a_call : in_line<from_a_call> {
  countdown all{1};
  void body() {
    starve([] {});
    blocking([this] { v.mu.unlock(); });
    all.wait();
  }
};

// The goroutine that gets it last destroys it.
struct gone : scheduled<gone, 2, 2> {
  plain<int> left{3};
  countdown all{2};
  void last_out(mutex *mu) {
    mu->lock();
    const int n = left.get() - 1;
    left.set(n);
    mu->unlock();
    if (n == 0) delete mu;
  }
  void body() {
    auto *mu = new mutex;
    for (int i = 0; i < 2; ++i)
      go([this, mu] {
        last_out(mu);
        all.arrive();
      });
    last_out(mu);
    all.wait();
  }
};

// As gone, among threads outside every runtime.
struct gone_outside : suite<3> {
  mutex *mu = nullptr;
  plain<int> left{4};
  void before() { mu = new mutex; }
  void thread(unsigned i) {
    for (int k = i == 0 ? 2 : 1; k > 0; --k) {
      mu->lock();
      const int n = left.get() - 1;
      left.set(n);
      mu->unlock();
      if (n == 0) delete mu;
    }
  }
};

}  // namespace

HEDDLE_SUITE(mutex_1p, {.name = "mutex.exclusion_1p",
                        .component = "mutex",
                        .invariants = "I25 I26 I58",
                        .what = "three goroutines on one P, one blocks inside",
                        .modes = {random_mix(2)}})
HEDDLE_SUITE(mutex_2p, {.name = "mutex.exclusion",
                        .component = "mutex",
                        .invariants = "I25 I26 I58",
                        .what = "as mutex.exclusion_1p on two Ps",
                        .modes = {random_mix(6)}})
HEDDLE_WORLDS(
    threads, "mutex", "I58",
    {world<threads<2, 1>>({.name = "mutex.meet", .what = "two threads", .modes = {random_mix(0.5), bounded(2, 1)}}),
     world<threads<2, 4>>(
         {.name = "mutex.often", .what = "two threads, one of which comes again and again", .modes = {random_mix(1)}}),
     world<threads<3, 3>>({.name = "mutex.threads",
                           .what = "three threads, one of which comes again and again",
                           .modes = {random_mix(3)}})})
HEDDLE_SUITE(starving, {.name = "mutex.starving",
                        .component = "mutex",
                        .invariants = "I58 MUTEX-TURN",
                        .what = "a waiter that has waited for too long; before, while and after it is handed over",
                        .modes = {random_mix(0.5)}})
HEDDLE_SUITE(recovered,
             {.name = "mutex.recovered",
              .component = "mutex",
              .invariants = "I58 MUTEX-TURN",
              .what = "handed over to a waiter that has waited for long, then to one that has not, while another waits",
              .modes = {random_mix(0.5)}})
HEDDLE_SUITE(held_back, {.name = "mutex.held_back",
                         .component = "mutex",
                         .invariants = "I58 MUTEX-TURN",
                         .what = "handed over where the goroutine may not give way",
                         .modes = {random_mix(0.5)}})
HEDDLE_SUITE(from_a_call, {.name = "mutex.from_a_call",
                           .component = "mutex",
                           .invariants = "I25 I58 MUTEX-TURN",
                           .what = "handed over by a goroutine in a call",
                           .modes = {random_mix(0.5)}})
HEDDLE_SUITE(gone, {.name = "mutex.gone",
                    .component = "mutex",
                    .invariants = "I26 I58",
                    .what = "destruction by the goroutine that gets it last",
                    .modes = {random_mix(2)}})
HEDDLE_SUITE(gone_outside, {.name = "mutex.gone_outside",
                            .component = "mutex",
                            .invariants = "I58",
                            .what = "as mutex.gone, among threads outside every runtime",
                            .modes = {random_mix(1)}})
