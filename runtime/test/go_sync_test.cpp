// The tests of Go's package sync and of its runtime's semaphores and rwmutex, under their names, except those in
// mutex_test.cpp, shared_mutex_test.cpp, condition_variable_test.cpp, once_test.cpp and sync_test.cpp (WaitGroup).
// Three names are in both places, for two parts of one test: TestMutexMisuse (that of the mutex is there), TestRWMutex
// (its hammer is there), TestCondSignalStealing (with notify_one there, with notify_all here). Not here:
//   TestOnceFunc, TestOnceValue(s), TestOnceFuncPanic, TestOnceFuncGoexit: there is no OnceFunc; a lambda that calls a
//   once does the same.
//   TestCondCopy: a copy does not compile, which is asserted below.
//   TestPool..., TestMap...: there is no Pool and no Map.
#include <latch>
#include <mutex>
#include <shared_mutex>
#include <type_traits>
#include <vector>

#include "runtime/test/test_support.hpp"
#include "sched/status.hpp"

namespace {

using heddle::chan;
using heddle::condition_variable;
using heddle::mutex;
using heddle::semaphore;
using heddle::shared_mutex;
using heddle::wait_group;
using heddle_test::run_in_order;
using heddle_test::run_on;

const auto status_2 = testing::ExitedWithCode(2);

// ---------------------------------------------------------------------------------------------------------- mutex_test

TEST(GoSync, TestSemaphore) {
  for (const int procs : {1, 2, 4}) {
    int inside = 0;  // a plain variable
    EXPECT_EQ(run_on(procs,
                     [&] {
                       semaphore s(1);
                       const chan<bool> done;
                       for (int i = 0; i < 10; ++i)
                         heddle::go([&] {
                           for (int k = 0; k < 1000; ++k) {
                             s.acquire();
                             ++inside;
                             s.release();
                           }
                           done.send(true);
                         });
                       for (int i = 0; i < 10; ++i) done.recv();
                     }),
              0);
    EXPECT_EQ(inside, 10 * 1000);
  }
}

// TestMutexMisuse for the rwmutex: each unlock without its lock.
TEST(GoSyncDeathTest, TestMutexMisuse) {
  constexpr const char *writer = "fatal error: unlock of unlocked shared_mutex\n";
  constexpr const char *reader = "fatal error: unlock_shared of unlocked shared_mutex\n";
  const auto after = [](auto f) {
    return [f] {
      shared_mutex mu;
      f(mu);
    };
  };
  EXPECT_EXIT((void)run_on(1, after([](shared_mutex &mu) { mu.unlock(); })), status_2, writer);
  EXPECT_EXIT((void)run_on(1, after([](shared_mutex &mu) { mu.lock_shared(), mu.unlock(); })), status_2, writer);
  EXPECT_EXIT((void)run_on(1, after([](shared_mutex &mu) { mu.lock(), mu.unlock(), mu.unlock(); })), status_2, writer);
  EXPECT_EXIT((void)run_on(1, after([](shared_mutex &mu) { mu.unlock_shared(); })), status_2, reader);
  EXPECT_EXIT((void)run_on(1, after([](shared_mutex &mu) { mu.lock(), mu.unlock_shared(); })), status_2, reader);
  EXPECT_EXIT(
      (void)run_on(1, after([](shared_mutex &mu) { mu.lock_shared(), mu.unlock_shared(), mu.unlock_shared(); })),
      status_2, reader);
}

// -------------------------------------------------------------------------------------------------------- rwmutex_test

// The part of TestRWMutex that tries to lock; its hammer is in shared_mutex_test.cpp.
TEST(GoSync, TestRWMutex) {
  EXPECT_EQ(run_on(1,
                   [] {
                     shared_mutex mu;
                     mu.lock();
                     EXPECT_FALSE(mu.try_lock());
                     EXPECT_FALSE(mu.try_lock_shared());
                     mu.unlock();
                     EXPECT_TRUE(mu.try_lock());
                     mu.unlock();
                     EXPECT_TRUE(mu.try_lock_shared());
                     mu.unlock_shared();
                     mu.lock_shared();
                     EXPECT_TRUE(mu.try_lock_shared());
                     EXPECT_FALSE(mu.try_lock());
                     mu.unlock_shared();
                     mu.unlock_shared();
                     EXPECT_TRUE(mu.try_lock());
                   }),
            0);
}

// The readers' side as a lock of its own.
TEST(GoSync, TestRLocker) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       shared_mutex wl;
                       struct rlocker {
                         shared_mutex &mu;
                         void lock() { mu.lock_shared(); }
                         void unlock() { mu.unlock_shared(); }
                       } rl{wl};
                       const chan<bool> wlocked(1), rlocked(1);
                       constexpr int n = 10;
                       wait_group wg;
                       wg.go([&] {
                         for (int i = 0; i < n; ++i) {
                           rl.lock();
                           rl.lock();
                           rlocked.send(true);
                           wl.lock();
                           wlocked.send(true);
                         }
                       });
                       for (int i = 0; i < n; ++i) {
                         rlocked.recv();
                         rl.unlock();
                         EXPECT_FALSE(wlocked.try_recv().has_value()) << "one still reads";
                         rl.unlock();
                         wlocked.recv();
                         EXPECT_FALSE(rlocked.try_recv().has_value()) << "one writes";
                         wl.unlock();
                       }
                       wg.wait();
                     }),
              0);
}

// In Go's runtime there is one for threads as well. Here it is the same one.
TEST(GoSync, TestParallelRWMutexReaders) {
  for (const int readers : {1, 3, 4}) {
    shared_mutex mu;
    std::latch locked(readers), unlock(1);
    std::vector<std::thread> threads;
    for (int i = 0; i < readers; ++i)
      threads.emplace_back([&] {
        const std::shared_lock hold(mu);
        locked.count_down();
        unlock.wait();
      });
    locked.wait();  // all of them hold it
    EXPECT_FALSE(mu.try_lock());
    unlock.count_down();
    for (std::thread &t : threads) t.join();
    EXPECT_TRUE(mu.try_lock());
    mu.unlock();
  }
}

TEST(GoSync, TestRWMutex_of_the_runtime) {
  for (const int readers : {1, 3, 10}) {
    shared_mutex mu;
    std::atomic<int> activity{0};
    const int turns = heddle_test::tsan ? 100 : 500;
    std::vector<std::thread> threads;
    for (int i = 0; i < readers + 2; ++i)
      threads.emplace_back([&, writes = i < 2] {
        for (int k = 0; k < turns; ++k) {
          if (writes) {
            const std::lock_guard hold(mu);
            EXPECT_EQ(activity.fetch_add(10'000), 0);
            activity.fetch_sub(10'000);
          } else {
            const std::shared_lock hold(mu);
            EXPECT_LT(activity.fetch_add(1), 10'000);
            activity.fetch_sub(1);
          }
        }
      });
    for (std::thread &t : threads) t.join();
    EXPECT_EQ(activity.load(), 0);
  }
}

// ----------------------------------------------------------------------------------------------------------- cond_test

// TestCondCopy: a condition_variable cannot be copied, or moved away from its waiters.
template <class T>
constexpr bool stays = !std::is_copy_constructible_v<T> && !std::is_move_constructible_v<T> &&
                       !std::is_copy_assignable_v<T> && !std::is_move_assignable_v<T>;
static_assert(stays<condition_variable> && stays<mutex> && stays<shared_mutex> && stays<heddle::once>);
static_assert(stays<semaphore> && stays<wait_group> && stays<heddle::latch> && stays<heddle::barrier<>>);

// Three goroutines look at one value; two of them wait for what the others make of it.
TEST(GoSync, TestRace) {
  for (const int procs : {1, 2, 4})
    for (int round = 0; round < 50; ++round)
      EXPECT_EQ(run_on(procs,
                       [] {
                         int x = 0;
                         mutex mu;
                         condition_variable cv;
                         wait_group wg;
                         const auto look_until = [&](std::unique_lock<mutex> &hold, auto done) {
                           while (!done()) {
                             hold.unlock();
                             heddle::gosched();
                             hold.lock();
                           }
                         };
                         wg.go([&] {
                           std::unique_lock hold(mu);
                           x = 1;
                           cv.wait(hold);
                           EXPECT_EQ(x, 2);
                           x = 3;
                           cv.notify_one();
                         });
                         wg.go([&] {
                           std::unique_lock hold(mu);
                           look_until(hold, [&] { return x == 1; });
                           x = 2;
                           cv.notify_one();
                         });
                         wg.go([&] {
                           std::unique_lock hold(mu);
                           look_until(hold, [&] { return x >= 2; });
                           if (x == 2) cv.wait(hold);
                           EXPECT_EQ(x, 3);
                         });
                         wg.wait();
                       }),
                0);
}

// One goroutine waits; another begins to wait while all are notified: the first goes on in any case.
TEST(GoSync, TestCondSignalStealing) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       for (int i = 0; i < 300; ++i) {
                         mutex mu;
                         condition_variable cv;
                         const chan<bool> first;
                         wait_group wg;
                         wg.go([&] {
                           {
                             std::unique_lock hold(mu);
                             first.send(true);
                             cv.wait(hold);
                           }
                           first.send(true);
                         });
                         first.recv();
                         { const std::lock_guard it_waits(mu); }
                         bool done = false;
                         wg.go([&] { cv.notify_all(); });
                         wg.go([&] {
                           std::unique_lock hold(mu);
                           cv.wait(hold, [&] { return done; });
                         });
                         first.recv();
                         {
                           const std::lock_guard hold(mu);
                           done = true;
                         }
                         cv.notify_all();
                         wg.wait();
                       }
                     }),
              0);
}

// ------------------------------------------------------------------------------------------------------ waitgroup_test

void all_through_two_gates(wait_group &wg1, wait_group &wg2) {
  constexpr int n = 16;
  wg1.add(n);
  wg2.add(n);
  const chan<bool> exited(n);
  for (int i = 0; i < n; ++i)
    heddle::go([&wg1, &wg2, exited] {
      wg1.done();
      wg2.wait();
      exited.send(true);
    });
  wg1.wait();
  for (int i = 0; i < n; ++i) {
    EXPECT_FALSE(exited.try_recv().has_value()) << "too soon";
    wg2.done();
  }
  for (int i = 0; i < n; ++i) exited.recv();
}
TEST(GoSync, TestWaitGroup) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       wait_group wg1, wg2;
                       for (int i = 0; i < 8; ++i) all_through_two_gates(wg1, wg2);
                     }),
              0);
}

// What Go calls misuse, and detects now and then, is allowed here: a wait ends if it has seen the count come to zero,
// whatever is added meanwhile.
TEST(GoSync, TestWaitGroupMisuse2) {
  for (const int procs : {2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       for (int i = 0; i < 2000; ++i) {
                         wait_group wg(1);
                         const chan<bool> done(2);
                         heddle::go([&] {
                           wg.wait();
                           done.send(true);
                         });
                         heddle::go([&] {
                           wg.add(1);  // beside the wait
                           wg.done();
                           done.send(true);
                         });
                         wg.done();
                         done.recv();
                         done.recv();
                       }
                     }),
              0);
}
TEST(GoSync, TestWaitGroupMisuse3) {
  for (const int procs : {2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       for (int i = 0; i < 2000; ++i) {
                         wait_group wg(1);
                         const chan<bool> done(1);
                         heddle::go([&] { wg.done(); });
                         heddle::go([&] {
                           wg.wait();
                           wg.add(1);  // main's wait may not have returned yet
                           heddle::go([&] { wg.done(); });
                           wg.wait();
                           done.send(true);
                         });
                         wg.wait();
                         done.recv();
                       }
                     }),
              0);
}

TEST(GoSync, TestWaitGroupRace) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       for (int i = 0; i < 1000; ++i) {
                         wait_group wg;
                         std::atomic<int> n{0};
                         for (int k = 0; k < 2; ++k) {
                           wg.add(1);
                           heddle::go([&] {
                             n.fetch_add(1, std::memory_order_relaxed);
                             wg.done();
                           });
                         }
                         wg.wait();
                         EXPECT_EQ(n.load(std::memory_order_relaxed), 2) << "woken for nothing";
                       }
                     }),
              0);
}

TEST(GoSync, TestWaitGroupAlign) {
  EXPECT_EQ(run_on(1,
                   [] {
                     struct {
                       char x = 0;
                       wait_group wg;
                     } x;
                     x.wg.add(1);
                     heddle::go([&x] { x.wg.done(); });
                     x.wg.wait();
                   }),
            0);
}

TEST(GoSync, TestWaitGroupGo) {
  EXPECT_EQ(run_on(2,
                   [] {
                     wait_group wg;
                     int i = 0;  // a plain variable
                     wg.go([&] { ++i; });
                     wg.wait();
                     EXPECT_EQ(i, 1);
                   }),
            0);
}

// ----------------------------------------------------------------------------------------------------------- sema_test

// Releases and gives way: the goroutine that has waited runs before the releaser. (Go's semrelease with handoff does
// both.) Returns whether it did.
bool handed_off() {
  semaphore s(0);
  std::atomic<int> first{0};
  std::atomic<heddle::detail::g *> waiter{nullptr};
  wait_group wg;
  const auto come = [&](int who) {
    int nobody = 0;
    first.compare_exchange_strong(nobody, who);
  };
  wg.go([&] {
    waiter = heddle::detail::getm()->curg.peek();
    s.acquire();
    come(1);
  });
  while (waiter == nullptr || heddle::detail::readgstatus(waiter) != heddle::detail::gstatus::waiting)
    heddle::gosched();
  s.release();
  EXPECT_FALSE(s.try_acquire()) << "the unit is another's";
  heddle::yield();
  come(2);
  wg.wait();
  return first == 1;
}

TEST(GoSync, TestSemaHandoff1) {
  EXPECT_EQ(run_in_order([] {
              for (int i = 0; i < 1000; ++i) EXPECT_TRUE(handed_off());
            }),
            0);
}

// If other Ms look for work, one of them may take the releaser along, and both run. Go demands that the waiter comes
// first in two thirds of the cases: on two Ps, and on as many as there are.
void handed_off_mostly(int procs) {
  constexpr int n = 3000;
  int ok = 0;
  EXPECT_EQ(run_on(procs,
                   [&] {
                     for (int i = 0; i < n; ++i) ok += handed_off();
                   }),
            0);
  EXPECT_GT(ok, n * 2 / 3);
}
TEST(GoSync, TestSemaHandoff) { handed_off_mostly(4); }
TEST(GoSync, TestSemaHandoff2) { handed_off_mostly(2); }

}  // namespace
