// Waits with a limit on the primitives: a waiter that gives up leaves them as if it had not come.
#include <mutex>

#include "heddle/condition_variable.hpp"
#include "heddle/mutex.hpp"
#include "heddle/semaphore.hpp"
#include "heddle/shared_mutex.hpp"
#include "heddle/wait_group.hpp"
#include "verify/suites/watched.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

constexpr std::chrono::nanoseconds short_time(20'000), some_time(60'000), long_wait(200'000);
constexpr std::int64_t long_time = 1'000'000;

// Runs wait(limit). A wait does not end before its time without a reason.
template <class F>
bool in_time(std::chrono::nanoseconds limit, F &&wait) {
  const std::int64_t begun = nanotime();
  if (wait(limit)) return true;
  VERIFY_INV("I47", nanotime() >= begun + limit.count());
  return false;
}

void until(std::int64_t when) {
  while (nanotime() < when) cpu_relax();
}

template <class M>
bool is_free(M &mu) {
  const bool was = mu.try_lock();
  if (was) mu.unlock();
  return was;
}

template <class Derived, int Ms, int Procs>
struct limits : watched<Derived, Ms, Procs> {
  void options() { harness::sleeps_last = long_time; }
  void check() {
    for (const g *gp = this->sched.allgs.peek(); gp != nullptr; gp = gp->alllink.peek())
      VERIFY_INV("I53", gp->selectdone.peek() == 0);
  }
};

// --- mutex ---

struct counted_mutex {
  mutex mu;
  plain<int> count;
  void critical() {
    count.set(count.get() + 1);
    mu.unlock();
  }
  bool try_critical(std::chrono::nanoseconds limit) {
    if (!in_time(limit, [this](auto d) { return mu.try_lock_for(d); })) return false;
    critical();
    return true;
  }
};

// Threads outside every runtime: one comes as often as it takes to make others starve, one waits, one or two give up.
template <int Hasty>
struct mutex_threads : suite<2 + Hasty> {
  counted_mutex v;
  int given_up[2] = {};
  void thread(unsigned i) {
    if (i >= 2) {
      given_up[i - 2] = !v.try_critical(i == 2 ? short_time : some_time);
      return;
    }
    for (int k = i == 0 ? 2 : 1; k > 0; --k) {
      v.mu.lock();
      v.critical();
    }
  }
  void after() {
    VERIFY_INV("I58", v.count.get() == 3 + Hasty - given_up[0] - given_up[1]);
    VERIFY_INV("LIMIT-1", is_free(v.mu));
  }
};

// One thread holds the mutex for as long as the other's limit is, and there is no third: the unlock meets the one that
// gives up.
struct mutex_meet : suite<2> {
  counted_mutex v;
  int given_up = 0;
  void before() { VERIFY_CHECK(v.mu.try_lock()); }
  void thread(unsigned i) {
    if (i == 0) return v.critical();
    given_up = !v.try_critical(short_time);
    if (given_up == 0) return;
    v.mu.lock();
    v.critical();
  }
  void after() {
    VERIFY_INV("I58", v.count.get() == 2);
    VERIFY_INV("LIMIT-1", is_free(v.mu));
  }
};

// The mutex starves for a waiter with a limit, and is handed over about when that time is over.
struct mutex_starves : limits<mutex_starves, 2, 2> {
  counted_mutex v;
  countdown all{2};
  void hold() { until(nanotime() + geometry::mutex_starves); }
  void body() {
    v.mu.lock();
    for (int i : {0, 1})
      go([this, i] {
        if (i == 0) {
          v.try_critical(some_time);
        } else {
          v.mu.lock();
          v.critical();
        }
        all.arrive();
      });
    for (int k = 0; k < 2; ++k) {
      hold();
      v.critical();
      v.mu.lock();
    }
    v.critical();
    all.wait();
    VERIFY_INV("I58", v.count.get() >= 4);
    VERIFY_INV("LIMIT-1", is_free(v.mu));
  }
};

// The mutex starves for one waiter, on one P. Late: it is handed to the waiter after its time, which no M could end
// because the P was busy: it is the waiter's all the same. Else the waiter gives up, and the mutex starves no more: a
// newcomer is faster than a waiter that is readied.
template <bool Late>
struct mutex_in_line : limits<mutex_in_line<Late>, 1, 1> {
  counted_mutex v;
  countdown gone{1}, all{1};
  void body() {
    v.mu.lock();
    go([this] {
      VERIFY_INV("I58", !v.try_critical(long_wait) || Late);
      gone.arrive();
    });
    goyield();
    const std::int64_t queued = nanotime();
    until(queued + geometry::mutex_starves);
    v.mu.unlock();  // the waiter is readied
    VERIFY_INV("MUTEX-TURN", v.mu.try_lock());
    goyield();  // and waits in line again
    if (Late) {
      until(queued + long_wait.count());
      v.mu.unlock();
      v.mu.lock();
    }
    gone.wait();
    go([this] {
      v.mu.lock();
      v.critical();
      all.arrive();
    });
    goyield();
    const int before = v.count.get();
    v.mu.unlock();
    VERIFY_INV("MUTEX-TURN", v.mu.try_lock() && v.count.get() == before);
    v.critical();
    all.wait();
  }
};

// The first waiter is readied, beaten to it, and late: the next unlock readies the waiter behind it.
struct mutex_passes_on : limits<mutex_passes_on, 1, 1> {
  counted_mutex v;
  countdown all{2};
  void body() {
    v.mu.lock();
    go([this] {
      v.try_critical(long_wait);
      all.arrive();
    });
    goyield();
    go([this] {
      v.mu.lock();
      v.critical();
      all.arrive();
    });
    goyield();
    until(nanotime() + long_wait.count());
    v.mu.unlock();
    VERIFY_INV("MUTEX-TURN", v.mu.try_lock());
    goyield();
    v.critical();
    all.wait();
    VERIFY_INV("LIMIT-1", is_free(v.mu));
  }
};

// Goroutines: two give up or not, while the holder gives way and comes again.
struct mutex_world : limits<mutex_world, 2, 2> {
  counted_mutex v;
  countdown all{2};
  void body() {
    v.mu.lock();
    for (int i : {0, 1})
      go([this, i] {
        v.try_critical(i == 0 ? short_time : some_time);
        all.arrive();
      });
    goyield();
    v.critical();
    v.mu.lock();
    v.critical();
    all.wait();
    VERIFY_INV("I58", v.count.get() >= 2);
    VERIFY_INV("LIMIT-1", is_free(v.mu));
  }
};

// --- shared_mutex ---

struct halves {
  shared_mutex mu;
  plain<int> left, right;
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
  bool try_write(std::chrono::nanoseconds limit) {
    if (!in_time(limit, [this](auto d) { return mu.try_lock_for(d); })) return false;
    write();
    return true;
  }
  bool try_read(std::chrono::nanoseconds limit) {
    if (!in_time(limit, [this](auto d) { return mu.try_lock_shared_for(d); })) return false;
    read();
    return true;
  }
};

// Thread 0 reads, 1 would write and may give up, 2 reads behind it; with four threads, 3 writes.
template <int Threads>
struct rw_threads : suite<Threads> {
  halves v;
  int written = 0;
  void thread(unsigned i) {
    if (i == 1) {
      written = v.try_write(short_time);
    } else if (i == 3) {
      v.mu.lock();
      v.write();
    } else {
      v.mu.lock_shared();
      v.read();
    }
  }
  void after() {
    VERIFY_INV("RW-EXCL", v.left.get() == written + (Threads == 4));
    VERIFY_INV("LIMIT-1", is_free(v.mu));
  }
};

// A reader holds it until another reader is in, which may have come behind a writer: then it is the end of the writer's
// time that lets it in.
struct rw_behind : suite<3> {
  halves v;
  semaphore in{0};
  void before() { VERIFY_CHECK(v.mu.try_lock_shared()); }
  void thread(unsigned i) {
    if (i == 1) return void(v.try_write(short_time));
    if (i == 2) {
      v.mu.lock_shared();
      in.release();
    } else {
      in.acquire();
    }
    v.read();
  }
  void after() { VERIFY_INV("LIMIT-1", is_free(v.mu)); }
};

// The last reader leaves while the writer that gets it next gives up; another thread comes just then.
template <bool Writes>
struct rw_leaves : suite<3> {
  halves v;
  int written = 0;
  void before() { VERIFY_CHECK(v.mu.try_lock_shared()); }
  void thread(unsigned i) {
    if (i == 0) return v.read();
    if (i == 1) {
      written = v.try_write(short_time);
    } else if (Writes) {
      v.mu.lock();
      v.write();
    } else {
      v.mu.lock_shared();
      v.read();
    }
  }
  void after() {
    VERIFY_INV("RW-EXCL", v.left.get() == written + Writes);
    VERIFY_INV("LIMIT-1", is_free(v.mu));
  }
};

// A reader that has it sees that a writer has announced itself, and that it has taken that back; then the reader
// leaves, and comes again as a writer. The other reader, which waited behind the first writer, may be about to be let
// in.
struct rw_between : suite<3> {
  halves v;
  int written = 0;
  void before() { VERIFY_CHECK(v.mu.try_lock_shared()); }
  bool reads_too() {
    cpu_relax();
    return v.mu.try_lock_shared();
  }
  void till_announced() {
    for (int k = 0; k < 8 && reads_too(); ++k) v.mu.unlock_shared();
  }
  void thread(unsigned i) {
    if (i == 1) {
      written = v.try_write(short_time);
      return;
    }
    till_announced();
    if (i == 2) {
      v.mu.lock_shared();
      return v.read();
    }
    while (!reads_too()) continue;
    v.read();
    v.read();
    v.mu.lock();
    cpu_relax();  // the others go on
    v.write();
  }
  void after() {
    VERIFY_INV("RW-EXCL", v.left.get() == 1 + written);
    VERIFY_INV("LIMIT-1", is_free(v.mu));
  }
};

// A writer has it; a reader and a writer that wait may both give up.
struct rw_writer : suite<3> {
  halves v;
  int written = 0;
  void before() { VERIFY_CHECK(v.mu.try_lock()); }
  void thread(unsigned i) {
    if (i == 0) return v.write();
    if (i == 1) return void(v.try_read(short_time));
    written = v.try_write(short_time);
  }
  void after() {
    VERIFY_INV("RW-EXCL", v.left.get() == 1 + written);
    VERIFY_INV("LIMIT-1", is_free(v.mu));
  }
};

// A writer waits and is the only other thread: when it has had the mutex, perhaps at the second try, it destroys it;
// the reader may still be in unlock_shared.
struct rw_last : suite<2> {
  halves *v = nullptr;
  std::int64_t begun = 0;
  void before() {
    v = new halves;
    VERIFY_CHECK(v->mu.try_lock_shared());
    begun = nanotime();
  }
  void thread(unsigned i) {
    if (i == 0) {
      until(begun + short_time.count());
      return v->mu.unlock_shared();
    }
    if (!v->mu.try_lock_for(short_time)) v->mu.lock();
    v->mu.unlock();
    delete v;
  }
};

// Goroutines.
struct rw_world : limits<rw_world, 2, 2> {
  halves v;
  countdown all{2};
  void body() {
    v.mu.lock_shared();
    go([this] {
      v.try_write(short_time);
      all.arrive();
    });
    go([this] {
      v.try_read(some_time);
      all.arrive();
    });
    goyield();
    v.read();
    v.mu.lock();
    v.write();
    all.wait();
    VERIFY_INV("LIMIT-1", is_free(v.mu));
  }
};

// --- semaphore and wait_group ---

// Two units for two threads that wait and may give up: two at once, for those that are still there.
struct semaphore_threads : suite<3> {
  semaphore s{0};
  int taken[2] = {};
  void thread(unsigned i) {
    if (i == 0) return s.release(2);
    taken[i - 1] = in_time(i == 1 ? short_time : some_time, [this](auto d) { return s.try_acquire_for(d); });
  }
  void after() {
    int left = 0;
    while (s.try_acquire()) ++left;
    VERIFY_INV("SEM-UNITS", taken[0] + taken[1] + left == 2);
  }
};

struct semaphore_world : limits<semaphore_world, 2, 2> {
  semaphore s{0};
  countdown all{2};
  plain<int> taken;
  void body() {
    go([this] {
      taken.set(in_time(short_time, [this](auto d) { return s.try_acquire_for(d); }));
      all.arrive();
    });
    go([this] {
      s.acquire();
      all.arrive();
    });
    goyield();
    s.release();
    s.release();
    all.wait();
    VERIFY_INV("SEM-UNITS", s.try_acquire() == (taken.get() == 0) && !s.try_acquire());
  }
};

// One waiter that may give up beside one that does not.
struct group_threads : suite<3> {
  wait_group wg{1};
  trail earlier;
  void thread(unsigned i) {
    if (i == 0) {
      earlier.step();
      return wg.done();
    }
    if (i == 2) wg.wait();
    if (i == 2 || in_time(short_time, [this](auto d) { return wg.wait_for(d); }))
      VERIFY_INV("I57", earlier.steps.get() == 1);
  }
  void after() { VERIFY_INV("I57", wg.wait_for(short_time)); }
};

struct group_world : limits<group_world, 2, 2> {
  wait_group wg{1};
  trail earlier;
  countdown all{1};
  void body() {
    go([this] {
      if (in_time(short_time, [this](auto d) { return wg.wait_for(d); })) VERIFY_INV("I57", earlier.steps.get() == 1);
      all.arrive();
    });
    goyield();
    earlier.step();
    wg.done();
    all.wait();
  }
};

// --- condition_variable ---

// One notification for two threads that wait. The one with a limit has had it, and passes it on, or the other one gets
// it.
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

// The thread that has notified all destroys it, though one of the waiters gives up just then.
struct cond_gone : suite<2> {
  mutex mu;
  condition_variable *cv = nullptr;
  plain<bool> begun;
  trail earlier;
  void before() { cv = new condition_variable; }
  void thread(unsigned i) {
    if (i == 0) {
      std::unique_lock hold(mu);
      begun.set(true);
      if (cv->wait_for(hold, short_time) == std::cv_status::no_timeout)
        VERIFY_INV("COND-WAKE", earlier.steps.get() == 1);
      return;
    }
    for (bool there = false; !there;) {
      cpu_relax();
      const std::lock_guard hold(mu);
      there = begun.get();
    }
    earlier.step();
    cv->notify_all();
    delete cv;
  }
};

// A goroutine whose time is over about when it is notified, before it parks, or while it does.
template <int Procs>
struct cond_world : limits<cond_world<Procs>, 2, Procs> {
  mutex mu;
  condition_variable cv;
  plain<bool> open;
  countdown all{1};
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

HEDDLE_WORLDS(mutex_threads, "mutex", "I47 I58 LIMIT-1 TIMED-1",
              {world<mutex_threads<1>>({.name = "limits.mutex",
                                        .what = "three threads at a mutex, one may give up",
                                        .modes = {random_mix(2)}}),
               world<mutex_threads<2>>({.name = "limits.mutex_4",
                                        .what = "four threads at a mutex, two may give up",
                                        .modes = {random_mix(2)}}),
               world<mutex_meet>({.name = "limits.mutex_meet",
                                  .what = "an unlock meets a thread that gives up, and comes again",
                                  .modes = {random_mix(1), bounded(2, 1)}})})
HEDDLE_WORLDS(mutex_world, "mutex", "I47 I53 I58 LIMIT-1 MUTEX-TURN TIMED-1",
              {world<mutex_world>({.name = "limits.mutex_goroutines",
                                   .what = "three goroutines at a mutex, two may give up",
                                   .modes = {random_mix(2)}}),
               world<mutex_in_line<false>>({.name = "limits.mutex_no_more",
                                            .what = "a mutex starves for a waiter that gives up, and no more",
                                            .modes = {random_mix(0.5)}}),
               world<mutex_in_line<true>>({.name = "limits.mutex_late",
                                           .what = "a mutex that starves is handed to a waiter whose time is over",
                                           .modes = {random_mix(0.5)}}),
               world<mutex_passes_on>({.name = "limits.mutex_passes_on",
                                       .what = "a waiter that is readied and late passes the wake on",
                                       .modes = {random_mix(0.5)}}),
               world<mutex_starves>({.name = "limits.mutex_starves",
                                     .what = "a mutex that starves for a waiter that may give up",
                                     .modes = {random_mix(2)}})})
HEDDLE_WORLDS(
    rw_threads, "shared_mutex", "I47 LIMIT-1 RW-EXCL TIMED-1",
    {world<rw_threads<3>>({.name = "limits.shared_mutex",
                           .what = "a writer between two readers, which may give up",
                           .modes = {random_mix(1)}}),
     world<rw_threads<4>>({.name = "limits.shared_mutex_4",
                           .what = "as limits.shared_mutex, and another writer",
                           .modes = {random_mix(2)}}),
     world<rw_behind>({.name = "limits.shared_mutex_behind",
                       .what = "a writer gives up: the reader behind it goes on beside the one before it",
                       .modes = {random_mix(1)}}),
     world<rw_leaves<false>>({.name = "limits.shared_mutex_leaves",
                              .what = "the last reader goes to a writer that gives up, and a reader comes",
                              .modes = {random_mix(2)}}),
     world<rw_leaves<true>>({.name = "limits.shared_mutex_leaves_w",
                             .what = "the last reader goes to a writer that gives up, and a writer comes",
                             .modes = {random_mix(2)}}),
     world<rw_between>({.name = "limits.shared_mutex_between",
                        .what = "a writer gives up, a reader leaves and writes, another reader waits",
                        .modes = {random_mix(1), bounded(2, 1)}}),
     world<rw_writer>({.name = "limits.shared_mutex_writer",
                       .what = "a writer has it, a reader and a writer may give up",
                       .modes = {random_mix(1)}}),
     world<rw_last>({.name = "limits.shared_mutex_last",
                     .what = "a writer that waited for a reader destroys it, having given up in between or not",
                     .modes = {random_mix(1), bounded(2, 1)}})})
HEDDLE_SUITE(rw_world, {.name = "limits.shared_mutex_goroutines",
                        .component = "shared_mutex",
                        .invariants = "I47 I53 LIMIT-1 RW-EXCL TIMED-1",
                        .what = "three goroutines at a shared_mutex, two may give up",
                        .modes = {random_mix(2)}})
HEDDLE_SUITE(semaphore_threads, {.name = "limits.semaphore",
                                 .component = "semaphore",
                                 .invariants = "I47 SEM-UNITS TIMED-1",
                                 .what = "two units for two threads that may give up",
                                 .modes = {random_mix(1)}})
HEDDLE_SUITE(semaphore_world, {.name = "limits.semaphore_goroutines",
                               .component = "semaphore",
                               .invariants = "I47 I53 SEM-UNITS TIMED-1",
                               .what = "two units for two goroutines, one of which may give up",
                               .modes = {random_mix(1)}})
HEDDLE_SUITE(group_threads, {.name = "limits.wait_group",
                             .component = "wait_group",
                             .invariants = "I47 I57 TIMED-1",
                             .what = "two wait for a wait_group, one may give up",
                             .modes = {random_mix(1)}})
HEDDLE_SUITE(group_world, {.name = "limits.wait_group_goroutines",
                           .component = "wait_group",
                           .invariants = "I47 I53 I57 TIMED-1",
                           .what = "a wait for a wait_group is over about when its time is",
                           .modes = {random_mix(1)}})
HEDDLE_WORLDS(cond_threads, "condition_variable", "COND-WAKE TIMED-1",
              {world<cond_threads>({.name = "limits.cond",
                                    .what = "one notification for two threads, one of which may give up",
                                    .modes = {random_mix(2)}}),
               world<cond_gone>({.name = "limits.cond_gone",
                                 .what = "the thread that has notified all destroys it, though one waiter gives up",
                                 .modes = {random_mix(1), bounded(2, 1)}})})
HEDDLE_WORLDS(cond_world, "condition_variable", "COND-WAKE I53 TIMED-1",
              {world<cond_world<1>>({.name = "limits.cond_1p",
                                     .what = "a wait that may give up, and its notifier, on one P",
                                     .modes = {random_mix(1)}}),
               world<cond_world<2>>({.name = "limits.cond_goroutines",
                                     .what = "as limits.cond_1p on two Ps",
                                     .modes = {random_mix(2)}})})
