// The end of a runtime beside threads that go on with what its goroutines wait for. Each object is used on after the
// end; a goroutine that still stood there would be readied, and its memory has gone.
#include <mutex>

#include "heddle/barrier.hpp"
#include "heddle/chan.hpp"
#include "heddle/condition_variable.hpp"
#include "heddle/latch.hpp"
#include "heddle/mutex.hpp"
#include "heddle/select.hpp"
#include "heddle/semaphore.hpp"
#include "heddle/shared_mutex.hpp"
#include "heddle/wait_group.hpp"
#include "verify/suites/ends_beside.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// Thread 0 uses the object once more when nothing is left of the runtime.
template <class Object, int Waiters>
struct outlived : ends_beside<Object, Waiters> {
  using base = ends_beside<Object, Waiters>;
  void thread(unsigned i) {
    base::thread(i);
    if (i == 0) this->object->use_again();
  }
  void after() {
    this->object->end();
    base::after();
  }
};

struct receivers {
  chan<int> c;
  void wait(int) { (void)c.recv(); }
  void use() { (void)c.try_send(1); }
  void use_again() { VERIFY_INV("LEAVE-1", !c.try_send(2)); }
  void end() {}
};
struct senders {
  chan<int> c;
  void wait(int k) { c.send(k); }
  void use() { (void)c.try_recv(); }
  void use_again() { VERIFY_INV("LEAVE-1", !c.try_recv().has_value()); }
  void end() {}
};
struct selects {
  chan<int> a, b;
  void wait(int) {
    std::optional<int> v;
    int two = 2;
    const select_case cases[] = {select_case::recv(a, v), select_case::send(b, two)};
    (void)select(cases);
  }
  void use() {
    (void)a.try_send(1);
    (void)b.try_recv();
  }
  void use_again() { VERIFY_INV("LEAVE-1", !a.try_send(1) && !b.try_recv().has_value()); }
  void end() {}
};
struct timed_receivers {
  chan<int> c;
  void wait(int) { (void)c.recv_for(std::chrono::nanoseconds(20'000)); }
  void use() { (void)c.try_send(1); }
  void use_again() { VERIFY_INV("LEAVE-1", !c.try_send(2)); }
  void end() {}
};
// The thread has the mutex first: it readies a waiter, which may be abandoned before it has run.
struct lockers {
  mutex mu;
  plain<int> count;
  lockers() { VERIFY_CHECK(mu.try_lock()); }
  void wait(int) {
    mu.lock();
    count.set(count.get() + 1);
    mu.unlock();
  }
  void use() { mu.unlock(); }
  void use_again() {
    mu.lock();  // its thread waits for the other, if it must, and not for an abandoned goroutine
    count.set(count.get() + 1);
    mu.unlock();
  }
  void end() { VERIFY_INV("LEAVE-1", mu.try_lock()); }
};
// As lockers. Then both threads want the mutex: if an unlock still expects an abandoned goroutine to come, it wakes none.
struct lockers_again : lockers {
  atomic<std::uint32_t> over;
  void use() {
    mu.unlock();
    while (over.load(relaxed) == 0) cpu_relax();
    mu.lock();
    mu.unlock();
  }
  void use_again() {
    mu.lock();
    over.store(1, relaxed);
    for (int i = 0; i < 8; ++i) cpu_relax();
    mu.unlock();
  }
};
struct readers {
  shared_mutex mu;
  readers() { mu.lock(); }
  void wait(int k) {
    if (k == 0) return mu.lock();
    mu.lock_shared();
  }
  void use() {}
  void use_again() { mu.unlock(); }
  void end() { VERIFY_INV("LEAVE-1", mu.try_lock()); }
};
struct acquirers {
  semaphore s{0};
  void wait(int) { s.acquire(); }
  void use() { s.release(); }
  void use_again() {
    while (s.try_acquire()) continue;
    s.release();
    VERIFY_INV("LEAVE-1", s.try_acquire());
  }
  void end() {}
};
struct group {
  wait_group wg{2};
  void wait(int) { wg.wait(); }
  void use() { wg.done(); }
  void use_again() {
    wg.done();
    wg.wait();
  }
  void end() {}
};
struct latched {
  latch l{2};
  void wait(int) { l.wait(); }
  void use() { l.count_down(); }
  void use_again() { l.count_down(); }
  void end() { VERIFY_INV("LEAVE-1", l.try_wait()); }
};
struct at_barrier {
  barrier<> b{4};
  void wait(int) { b.arrive_and_wait(); }
  void use() { (void)b.arrive(); }
  void use_again() { (void)b.arrive(); }
  void end() {}
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
  void use_again() { cv.notify_all(); }
  void end() {}
};

// Main's own variables go while others wait for them, and the end of the runtime does not look there.
struct in_mains_frame : suite<1, 1> {
  schedt sched{sched_options{.procs = 1, .threads_max = 2, .detect_deadlock = false}};
  void before() { VERIFY_CHECK(schedinit(sched)); }
  void thread(unsigned) {
    start_main(sched);
    auto main = [] {
      struct variables {
        chan<int> c, d;
        wait_group wg{1};
        condition_variable cv;
        mutex mu;
      };
      variables *const v = new variables;
      go([v] { (void)v->c.recv(); });
      go([v] { v->wg.wait(); });
      go([v] {
        std::optional<int> x, y;
        const select_case cases[] = {select_case::recv(v->c, x), select_case::recv(v->d, y)};
        (void)select(cases);
      });
      go([v] {
        v->mu.lock();
        v->cv.wait(v->mu);
      });
      for (int k = 0; k < 2; ++k) goyield();
      delete v;
    };
    run_main(sched, prepare(sched, main, 0), &invoke<decltype(main)>);
    schedfree(sched);
  }
};

// Main starts goroutines that belong to something. Each tells of its end itself, or is told of at the end of the
// runtime; and a thread outside, whose goroutines belong to nothing, starts some meanwhile and afterwards.
struct members : suite<2, 1> {
  static constexpr int many = 3;
  schedt sched{sched_options{.procs = 1, .threads_max = 2, .detect_deadlock = false}};
  chan<int> never;
  plain<int> told[many];
  static void tell(const void *of) noexcept {
    auto *const n = static_cast<plain<int> *>(const_cast<void *>(of));
    n->set(n->get() + 1);
  }
  void before() { VERIFY_CHECK(schedinit(sched)); }
  void thread(unsigned i) {
    if (i == 1) {
      for (int k = 0; k < 2; ++k)
        heddle::detail::go_from_outside(
            sched, [] {}, 0);
      return;
    }
    start_main(sched);
    auto main = [this] {
      for (int k = 0; k < many; ++k)
        go_on(
            "members",
            [this, k] {
              if (k == 1) (void)never.recv();
              end_membership();
              tell(&told[k]);
            },
            0, {}, membership_of(&told[k], tell));
      goyield();
    };
    run_main(sched, prepare(sched, main, 0), &invoke<decltype(main)>);
    release_members(sched);
    for (plain<int> &n : told) VERIFY_INV("LEAVE-1", n.get() == 1);
  }
  void after() { schedfree(sched); }
};

}  // namespace

HEDDLE_WORLDS(
    outlived, "runtime/abandon", "LEAVE-1",
    {world<outlived<receivers, 1>>({.name = "abandon.recv",
                                    .what = "a runtime ends while a goroutine receives, and a thread goes on",
                                    .modes = {random_mix(2)}}),
     world<outlived<receivers, 2>>({.name = "abandon.recv_two",
                                    .what = "a runtime ends while two goroutines receive, and a thread goes on",
                                    .modes = {random_mix(2)}}),
     world<outlived<senders, 2>>({.name = "abandon.send",
                                  .what = "a runtime ends while two goroutines send, and a thread goes on",
                                  .modes = {random_mix(2)}}),
     world<outlived<selects, 1>>(
         {.name = "abandon.select",
          .what =
              "a runtime ends while a goroutine receives from one channel or sends on another, and a thread goes on",
          .modes = {random_mix(2)}}),
     world<outlived<timed_receivers, 1>>(
         {.name = "abandon.timed",
          .what = "a runtime ends while a goroutine receives, with a limit, and a thread goes on",
          .modes = {random_mix(2)}}),
     world<outlived<lockers, 1>>(
         {.name = "abandon.mutex",
          .what = "a runtime ends while a goroutine wants the mutex that the thread has, and a thread goes on",
          .modes = {random_mix(2)}}),
     world<outlived<lockers, 2>>(
         {.name = "abandon.mutex_two",
          .what = "a runtime ends while two goroutines want the mutex that the thread has, and a thread goes on",
          .modes = {random_mix(2)}}),
     world<outlived<lockers_again, 2>>({.name = "abandon.mutex_role",
                                        .what = "a waiter that was readied is abandoned, and two threads go on",
                                        .modes = {random_mix(3)}}),
     world<outlived<readers, 2>>(
         {.name = "abandon.shared_mutex",
          .what = "a runtime ends while a writer and a reader wait for the thread, and a thread goes on",
          .modes = {random_mix(2)}}),
     world<outlived<acquirers, 2>>({.name = "abandon.semaphore",
                                    .what = "a runtime ends while two goroutines wait for units, and a thread goes on",
                                    .modes = {random_mix(2)}}),
     world<outlived<group, 2>>(
         {.name = "abandon.wait_group",
          .what = "a runtime ends while two goroutines wait for a wait_group, and a thread goes on",
          .modes = {random_mix(2)}}),
     world<outlived<latched, 2>>({.name = "abandon.latch",
                                  .what = "a runtime ends while two goroutines wait for a latch, and a thread goes on",
                                  .modes = {random_mix(2)}}),
     world<outlived<at_barrier, 2>>(
         {.name = "abandon.barrier",
          .what = "a runtime ends while two goroutines wait at a barrier, and a thread goes on",
          .modes = {random_mix(2)}}),
     world<outlived<notified, 2>>(
         {.name = "abandon.cond",
          .what = "a runtime ends while two goroutines wait to be notified, and a thread goes on",
          .modes = {random_mix(2)}}),
     world<outlived<receivers, 3>>(
         {.name = "abandon.recv_three", .what = "as abandon.recv_two with three", .modes = {random_mix(1)}}),
     world<outlived<senders, 3>>(
         {.name = "abandon.send_three", .what = "as abandon.send with three", .modes = {random_mix(1)}}),
     world<outlived<selects, 3>>(
         {.name = "abandon.select_three", .what = "as abandon.select with three", .modes = {random_mix(1)}}),
     world<outlived<lockers, 3>>(
         {.name = "abandon.mutex_three", .what = "as abandon.mutex_two with three", .modes = {random_mix(1)}}),
     world<outlived<readers, 3>>({.name = "abandon.shared_mutex_three",
                                  .what = "as abandon.shared_mutex with two readers",
                                  .modes = {random_mix(1)}}),
     world<outlived<acquirers, 3>>(
         {.name = "abandon.semaphore_three", .what = "as abandon.semaphore with three", .modes = {random_mix(1)}}),
     world<outlived<acquirers, 1>>({.name = "abandon.semaphore_one",
                                    .what = "as abandon.semaphore with one",
                                    .modes = {random_mix(2), bounded(2, 1)}}),
     world<outlived<notified, 3>>(
         {.name = "abandon.cond_three", .what = "as abandon.cond with three", .modes = {random_mix(1)}})})
HEDDLE_SUITE(in_mains_frame, {.name = "abandon.main",
                              .component = "runtime/abandon",
                              .invariants = "LEAVE-1",
                              .what = "main's variables go with it while others wait for them",
                              .modes = {random_mix(2)}})
HEDDLE_SUITE(members, {.name = "abandon.members",
                       .component = "runtime/abandon",
                       .invariants = "LEAVE-1",
                       .what = "each end of a goroutine is told of once, and a thread outside starts others",
                       .modes = {random_mix(2)}})
