// Threads of a real-time class, each beside another whose step it waits for. The other gets on only while it sleeps.
#include <mutex>

#include "heddle/chan.hpp"
#include "heddle/condition_variable.hpp"
#include "heddle/mutex.hpp"
#include "runtime/abandon.hpp"
#include "verify/suites/calls.hpp"
#include "verify/suites/ends_beside.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// A lock.
struct lock : suite<2> {
  spinlock mu;
  plain<int> guarded;
  VERIFY_NAMES(mu, guarded)
  void before() { harness::realtime = ~0u; }
  void thread(unsigned) {
    const std::lock_guard hold(mu);
    guarded.set(guarded.get() + 1);
  }
  void after() { VERIFY_INV("LOCK-1", guarded.get() == 2); }
};

// What made a thread go on, to leave its extra M alone.
struct waker : suite<2> {
  chan<int> c;
  void before() { harness::realtime = ~0u; }
  void thread(unsigned i) {
    if (i == 0)
      c.send(1);
    else
      VERIFY_INV("I55", c.recv() == 1);
  }
};

// The function of a timer that is due just when a value comes.
struct timer_function : scheduled<timer_function, 2, 2> {
  countdown all{1};
  void before() {
    harness::realtime = ~0u;
    scheduled::before();
  }
  void body() {
    chan<int> c;
    go([this, c] {
      c.send(1);
      all.arrive();
    });
    if (!c.recv_for(std::chrono::microseconds(40)).has_value()) (void)c.recv();
    all.wait();
  }
};

// Another thread that looks at the same call: the goroutine that comes back is one, sysmon comes twice.
template <void (*Enter)(m *)>
struct look_at_a_call : by_hand<3, 1> {
  void before() {
    harness::realtime = ~0u;
    by_hand::before();
  }
  void thread(unsigned i) {
    if (i != 0) return take(ps[0]);
    call(0, Enter, 2);
  }
};
void enter_and_park(m *mp) {
  entersyscall(mp);
  hand_own_p_on(mp);
}
using comes_back = look_at_a_call<entersyscall>;
using hands_on = look_at_a_call<enter_and_park>;

// A thread outside that is in the middle of a wake-up when the runtime ends.
struct foreigner : suite<2, 1> {
  schedt sched{sched_options{.procs = 1, .threads_max = 2, .detect_deadlock = false}};
  void before() {
    harness::realtime = ~0u;
    VERIFY_CHECK(schedinit(sched));
  }
  void thread(unsigned i) {
    if (i == 0)
      return heddle::detail::go_from_outside(
          sched, [] {}, 0);
    stop(sched);
    joinms(sched);
    leave_queues(sched);
  }
  void after() { schedfree(sched); }
};

// The same for a goroutine that is abandoned as it waits.
template <class Object>
struct abandoned : ends_beside<Object, 1> {
  void before() {
    harness::realtime = ~0u;
    ends_beside<Object, 1>::before();
  }
};
struct receiver {
  chan<int> c;
  void wait(int) { (void)c.recv(); }
  void use() { (void)c.try_send(1); }
};
struct notified {
  mutex mu;
  condition_variable cv;
  void wait(int) {
    mu.lock();
    cv.wait(mu);
    mu.unlock();
  }
  void use() { cv.notify_one(); }
};
using abandoned_receiver = abandoned<receiver>;
using abandoned_notified = abandoned<notified>;

}  // namespace

HEDDLE_SUITE(lock, {.name = "backoff.lock",
                    .component = "spinlock",
                    .invariants = "LOCK-1 BACKOFF-1",
                    .what = "real-time threads want a spinlock",
                    .modes = {random_mix(1)}})
HEDDLE_SUITE(waker, {.name = "backoff.waker",
                     .component = "sched/park",
                     .invariants = "BACKOFF-1",
                     .what = "a real-time thread waits until its waker has let go of it",
                     .modes = {random_mix(1)}})
HEDDLE_SUITE(timer_function, {.name = "backoff.timer",
                              .component = "sched/park",
                              .invariants = "BACKOFF-1",
                              .what = "a goroutine waits for a timer's function, on real-time threads",
                              .modes = {random_mix(1)}})
HEDDLE_SUITE(comes_back, {.name = "backoff.call",
                          .component = "sched/syscall",
                          .invariants = "BACKOFF-1",
                          .what = "a goroutine comes back from its call on a real-time thread, and others look at it",
                          .modes = {random_mix(1)}})
HEDDLE_SUITE(hands_on, {.name = "backoff.call_parks",
                        .component = "sched/syscall",
                        .invariants = "BACKOFF-1",
                        .what = "as backoff.call for a goroutine that is about to wait in its call",
                        .modes = {random_mix(1)}})
HEDDLE_SUITE(foreigner, {.name = "backoff.foreigner",
                         .component = "sched/m",
                         .invariants = "BACKOFF-1",
                         .what = "a real-time thread ends a runtime while a thread outside starts a goroutine",
                         .modes = {random_mix(1)}})
HEDDLE_SUITE(abandoned_receiver, {.name = "backoff.abandon",
                                  .component = "runtime/abandon",
                                  .invariants = "BACKOFF-1",
                                  .what = "as backoff.foreigner, and the thread outside readies a goroutine",
                                  .modes = {random_mix(1)}})
HEDDLE_SUITE(abandoned_notified, {.name = "backoff.abandon_cond",
                                  .component = "runtime/condition_variable",
                                  .invariants = "BACKOFF-1",
                                  .what = "as backoff.foreigner, and the thread outside notifies a goroutine",
                                  .modes = {random_mix(1)}})
