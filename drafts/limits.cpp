// Waits with a limit on the primitives: who gives up leaves them as if he had not come.
#include <mutex>

#include "heddle/condition_variable.hpp"
#include "heddle/mutex.hpp"
#include "heddle/semaphore.hpp"
#include "heddle/shared_mutex.hpp"
#include "heddle/wait_group.hpp"
#include "verify/suites/watched.hpp"

using namespace heddle;
using namespace verify;

namespace {

constexpr std::chrono::nanoseconds short_time(20'000), some_time(60'000);
constexpr std::int64_t long_time = 1'000'000;

template <class M>
bool is_free(M &mu) {
  const bool was = mu.try_lock();
  if (was) mu.unlock();
  return was;
}

// Threads outside every runtime: one comes as often as it takes to make others starve, one waits, one or two give up.
template <int Hasty>
struct mutex_threads : suite<2 + Hasty> {
  mutex mu;
  plain<int> count;
  int given_up[2] = {};
  void critical() {
    count.set(count.get() + 1);
    mu.unlock();
  }
  void thread(unsigned i) {
    if (i < 2) {
      for (int k = i == 0 ? 2 : 1; k > 0; --k) {
        mu.lock();
        critical();
      }
      return;
    }
    if (mu.try_lock_for(short_time))
      critical();
    else
      given_up[i - 2] = 1;
  }
  void after() { VERIFY_INV("I58", count.get() == 3 + Hasty - given_up[0] - given_up[1] && is_free(mu)); }
};

// Goroutines: two give up or not, while the holder gives way and comes again.
struct mutex_world : watched<mutex_world, 2, 2> {
  mutex mu;
  plain<int> count;
  countdown all{2};
  void options() { harness::sleeps_last = long_time; }
  void body() {
    mu.lock();
    for (int i = 0; i < 2; ++i)
      go([this, i] {
        if (mu.try_lock_for(i == 0 ? short_time : some_time)) {
          count.set(count.get() + 1);
          mu.unlock();
        }
        all.arrive();
      });
    goyield();
    mu.unlock();
    mu.lock();
    count.set(count.get() + 1);
    mu.unlock();
    all.wait();
    VERIFY_INV("I58", count.get() >= 1 && is_free(mu));
  }
};

// Thread 0 reads, 1 would write and may give up, 2 reads behind him; with four, 3 writes.
template <int Threads>
struct rw_threads : suite<Threads> {
  shared_mutex mu;
  plain<int> left, right;
  int written = 0;
  void read() {
    const int seen = left.get();
    VERIFY_INV("RW-EXCL", right.get() == seen);
    mu.unlock_shared();
  }
  void write() {
    left.set(left.get() + 1);
    right.set(right.get() + 1);
    mu.unlock();
  }
  void thread(unsigned i) {
    if (i == 1) {
      if (!mu.try_lock_for(short_time)) return;
      written = 1;
      return write();
    }
    if (i == 3) {
      mu.lock();
      return write();
    }
    mu.lock_shared();
    read();
  }
  void after() { VERIFY_INV("RW-EXCL", left.get() == written + (Threads == 4) && is_free(mu)); }
};

// Whoever is the last to return destroys it, the reader on his way out and the writer who gave up among them.
struct rw_gone : suite<3> {
  shared_mutex *mu = nullptr;
  atomic<std::uint32_t> inside{3};
  void before() { mu = new shared_mutex; }
  void thread(unsigned i) {
    if (i == 0) {
      mu->lock_shared();
      mu->unlock_shared();
    } else if (i == 1 ? mu->try_lock_for(short_time) : mu->try_lock_for(some_time)) {
      mu->unlock();
    }
    if (inside.fetch_sub(1, acq_rel) == 1) delete mu;
  }
};

// A writer who waits and is the only other one: when he has given up, or had it, he destroys it; the reader may still be
// in unlock_shared.
struct rw_last : suite<2> {
  shared_mutex *mu = nullptr;
  atomic<std::uint32_t> reading;
  void before() { mu = new shared_mutex; }
  void thread(unsigned i) {
    if (i == 0) {
      mu->lock_shared();
      reading.store(1, release);
      return mu->unlock_shared();
    }
    while (reading.load(acquire) == 0) cpu_relax();
    const bool had = mu->try_lock_for(short_time);
    if (!had) mu->lock();
    mu->unlock();
    delete mu;
  }
};

struct semaphore_threads : suite<3> {
  semaphore s{0};
  int taken[2] = {};
  void thread(unsigned i) {
    if (i == 0) return s.release();
    taken[i - 1] = s.try_acquire_for(i == 1 ? short_time : some_time);
  }
  void after() { VERIFY_INV("SEM-UNITS", taken[0] + taken[1] + s.try_acquire() == 1); }
};

struct group_threads : suite<3> {
  wait_group wg{1};
  trail earlier;
  void thread(unsigned i) {
    if (i == 0) {
      earlier.step();
      return wg.done();
    }
    if (i == 2) wg.wait();
    if (i == 2 || wg.wait_for(short_time)) VERIFY_INV("I57", earlier.steps.get() == 1);
  }
  void after() { VERIFY_INV("I57", wg.wait_for(short_time)); }
};

// One notification for two who wait. The one with a limit has had it, and passes it on, or the other one gets it.
struct cond_threads : suite<3> {
  mutex mu;
  condition_variable cv;
  plain<int> waiting;
  void thread(unsigned i) {
    if (i == 2) {
      for (bool both = false; !both;) {
        cpu_relax();
        const std::lock_guard hold(mu);
        both = waiting.get() == 2;
      }
      return cv.notify_one();
    }
    std::unique_lock hold(mu);
    waiting.set(waiting.get() + 1);
    if (i == 0) return cv.wait(hold);
    if (cv.wait_for(hold, short_time) == std::cv_status::no_timeout) cv.notify_one();
  }
};

// A goroutine whose time is over about when it is notified, before it parks, or while it does.
template <int Procs>
struct cond_world : watched<cond_world<Procs>, 2, Procs> {
  mutex mu;
  condition_variable cv;
  plain<bool> open;
  countdown all{1};
  void options() { harness::sleeps_last = long_time; }
  void body() {
    go([this] {
      {
        const std::lock_guard hold(mu);
        open.set(true);
      }
      cv.notify_one();
      all.arrive();
    });
    std::unique_lock hold(mu);
    if (!cv.wait_for(hold, some_time, [this] { return open.get(); })) cv.wait(hold, [this] { return open.get(); });
    hold.unlock();
    all.wait();
  }
};

}  // namespace

HEDDLE_WORLDS(mutex_threads, "mutex", "I58 TIMED-1",
              {world<mutex_threads<1>>({.name = "limits.mutex",
                                        .what = "three threads at a mutex, one may give up",
                                        .modes = {random_mix(2)}}),
               world<mutex_threads<2>>({.name = "limits.mutex_4",
                                        .what = "four threads at a mutex, two may give up",
                                        .modes = {random_mix(2)}})})
HEDDLE_SUITE(mutex_world, {.name = "limits.mutex_goroutines",
                           .component = "mutex",
                           .invariants = "I53 I58 TIMED-1",
                           .what = "three goroutines at a mutex, two may give up",
                           .modes = {random_mix(2)}})
HEDDLE_WORLDS(rw_threads, "shared_mutex", "RW-EXCL TIMED-1",
              {world<rw_threads<3>>({.name = "limits.shared_mutex",
                                     .what = "a writer between two readers, who may give up",
                                     .modes = {random_mix(2)}}),
               world<rw_threads<4>>({.name = "limits.shared_mutex_4",
                                     .what = "as limits.shared_mutex, and another writer",
                                     .modes = {random_mix(2)}})})
HEDDLE_SUITE(rw_gone, {.name = "limits.shared_mutex_gone",
                       .component = "shared_mutex",
                       .invariants = "RW-EXCL",
                       .what = "destruction by whoever returns last from a shared_mutex, two may give up",
                       .modes = {random_mix(1)}})
HEDDLE_SUITE(rw_last, {.name = "limits.shared_mutex_last",
                       .component = "shared_mutex",
                       .invariants = "RW-EXCL",
                       .what = "a writer who waited for a reader destroys a shared_mutex, having given up in between or not",
                       .modes = {random_mix(1)}})
HEDDLE_SUITE(semaphore_threads, {.name = "limits.semaphore",
                                 .component = "semaphore",
                                 .invariants = "SEM-UNITS TIMED-1",
                                 .what = "a unit for two who may give up",
                                 .modes = {random_mix(1)}})
HEDDLE_SUITE(group_threads, {.name = "limits.wait_group",
                             .component = "wait_group",
                             .invariants = "I57 TIMED-1",
                             .what = "two wait for a wait_group, one may give up",
                             .modes = {random_mix(1)}})
HEDDLE_SUITE(cond_threads, {.name = "limits.cond",
                            .component = "condition_variable",
                            .invariants = "COND-WAKE TIMED-1",
                            .what = "one notification for two threads, one of which may give up",
                            .modes = {random_mix(2)}})
HEDDLE_WORLDS(cond_world, "condition_variable", "COND-WAKE I53 TIMED-1",
              {world<cond_world<1>>({.name = "limits.cond_1p",
                                     .what = "a wait that may give up, and who notifies it, on one P",
                                     .modes = {random_mix(1)}}),
               world<cond_world<2>>({.name = "limits.cond_goroutines",
                                     .what = "as limits.cond_1p on two Ps",
                                     .modes = {random_mix(2)}})})
