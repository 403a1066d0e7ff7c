// shared_mutex.
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "runtime/test/test_support.hpp"

namespace {

using heddle::shared_mutex;
using heddle::wait_group;
using heddle_test::run_on;

TEST(SharedMutex, TestParallelReaders) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       shared_mutex mu;
                       heddle::latch in(8), out(1);
                       wait_group wg;
                       for (int i = 0; i < 8; ++i)
                         wg.go([&] {
                           const std::shared_lock hold(mu);
                           in.count_down();
                           out.wait();  // all of them hold it
                         });
                       in.wait();
                       EXPECT_FALSE(mu.try_lock());
                       EXPECT_TRUE(mu.try_lock_shared());
                       mu.unlock_shared();
                       out.count_down();
                       wg.wait();
                       EXPECT_TRUE(mu.try_lock());
                       EXPECT_FALSE(mu.try_lock_shared());
                       mu.unlock();
                     }),
              0);
}

// Go's hammer: `readers` beside two writers; activity counts a writer as 10,000.
void hammer(int procs, int readers, int turns) {
  shared_mutex mu;
  std::atomic<int> activity{0};
  long changed = 0;  // plain
  EXPECT_EQ(run_on(procs,
                   [&] {
                     wait_group wg;
                     const auto reader = [&] {
                       for (int i = 0; i < turns; ++i) {
                         const std::shared_lock hold(mu);
                         const int n = activity.fetch_add(1) + 1;
                         EXPECT_TRUE(n >= 1 && n < 10'000) << n;
                         if (i % 8 == 0) heddle::gosched();
                         activity.fetch_sub(1);
                       }
                     };
                     const auto writer = [&] {
                       for (int i = 0; i < turns; ++i) {
                         const std::lock_guard hold(mu);
                         const int n = activity.fetch_add(10'000) + 10'000;
                         EXPECT_EQ(n, 10'000);
                         ++changed;
                         if (i % 8 == 0) heddle::yield();
                         activity.fetch_sub(10'000);
                       }
                     };
                     wg.go(writer);
                     for (int i = 0; i < readers / 2; ++i) wg.go(reader);
                     wg.go(writer);
                     for (int i = readers / 2; i < readers; ++i) wg.go(reader);
                     wg.wait();
                   }),
            0);
  EXPECT_EQ(changed, 2 * turns);
  EXPECT_TRUE(mu.try_lock());
}

TEST(SharedMutex, TestRWMutex) {
  for (const int procs : {1, 2, 4, 10})
    for (const int readers : {1, 3, 10}) hammer(procs, readers, 300);
}

// A pending writer keeps new readers out; they go before the writer behind it.
TEST(SharedMutex, writer_preference) {
  std::string order;
  EXPECT_EQ(run_on(1,
                   [&] {
                     shared_mutex mu;
                     wait_group wg;
                     const auto writer = [&](char name) {
                       wg.go([&, name] {
                         const std::lock_guard hold(mu);
                         order += name;
                       });
                       heddle::yield();
                     };
                     const auto reader = [&] {
                       wg.go([&] {
                         const std::shared_lock hold(mu);
                         order += 'r';
                       });
                       heddle::yield();
                     };
                     mu.lock_shared();
                     reader();
                     writer('A');
                     EXPECT_FALSE(mu.try_lock_shared());
                     reader();
                     writer('B');
                     reader();
                     mu.unlock_shared();
                     wg.wait();
                   }),
            0);
  EXPECT_EQ(order, "rArrB");
}

TEST(SharedMutex, neither_side_starves) {
  for (const int procs : {1, 2})
    EXPECT_EQ(run_on(procs,
                     [] {
                       shared_mutex mu;
                       std::atomic<int> reads{0}, writes{0};
                       wait_group wg;
                       const auto enough = [&] { return reads.load() >= 20 && writes.load() >= 20; };
                       wg.go([&] {
                         while (!enough()) {
                           const std::lock_guard hold(mu);
                           heddle::yield();  // held over a switch, so that there is always a waiter
                           writes.fetch_add(1);
                         }
                       });
                       for (int i = 0; i < 3; ++i)
                         wg.go([&] {
                           while (!enough()) {
                             const std::shared_lock hold(mu);
                             heddle::yield();
                             reads.fetch_add(1);
                           }
                         });
                       wg.wait();
                     }),
              0);
}

// The reader's side as a lock of its own, for a condition.
TEST(SharedMutex, a_condition_of_readers) {
  for (const int procs : {1, 2})
    EXPECT_EQ(run_on(procs,
                     [] {
                       shared_mutex mu;
                       heddle::condition_variable cv;
                       bool ready = false;
                       wait_group wg;
                       for (int i = 0; i < 5; ++i)
                         wg.go([&] {
                           std::shared_lock hold(mu);
                           cv.wait(hold, [&] { return ready; });
                           EXPECT_TRUE(hold.owns_lock());
                         });
                       heddle::gosched();
                       {
                         const std::lock_guard hold(mu);
                         ready = true;
                       }
                       cv.notify_all();
                       wg.wait();
                     }),
              0);
}

TEST(SharedMutex, may_be_destroyed_by_whoever_gets_it_last) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       for (int i = 0; i < 300; ++i) {
                         auto *mu = new shared_mutex;
                         int left = 4;  // plain
                         wait_group wg;
                         for (int k = 0; k < 4; ++k)
                           wg.go([&left, mu] {
                             mu->lock_shared();
                             mu->unlock_shared();
                             mu->lock();
                             const bool last = --left == 0;
                             mu->unlock();
                             if (last) delete mu;
                           });
                         wg.wait();
                       }
                     }),
              0);
}

TEST(SharedMutex, between_threads_and_goroutines) {
  heddle::options o = heddle_test::with_procs(2);
  o.detect_deadlock = false;
  EXPECT_EQ(heddle::run(
                [] {
                  shared_mutex mu;
                  int left = 0, right = 0;
                  const auto work = [&](int i) {
                    if (i % 3 == 0) {
                      const std::lock_guard hold(mu);
                      ++left;
                      ++right;
                    } else {
                      const std::shared_lock hold(mu);
                      EXPECT_EQ(left, right);
                    }
                  };
                  std::vector<std::thread> threads;
                  for (int t = 0; t < 2; ++t)
                    threads.emplace_back([&] {
                      for (int i = 0; i < 300; ++i) work(i);
                    });
                  wait_group wg;
                  for (int t = 0; t < 4; ++t)
                    wg.go([&] {
                      for (int i = 0; i < 300; ++i) {
                        work(i);
                        if (i % 16 == 0) heddle::blocking([&] { work(0); });
                      }
                    });
                  heddle::blocking([&] {
                    for (std::thread &t : threads) t.join();
                  });
                  wg.wait();
                  EXPECT_EQ(left, right);
                },
                o),
            0);
}

TEST(SharedMutexDeathTest, misuse) {
  EXPECT_EXIT(shared_mutex().unlock(), testing::ExitedWithCode(2), "fatal error: unlock of unlocked shared_mutex\n");
  EXPECT_EXIT(shared_mutex().unlock_shared(), testing::ExitedWithCode(2),
              "fatal error: unlock_shared of unlocked shared_mutex\n");
  EXPECT_EXIT(
      {
        shared_mutex mu;
        mu.lock_shared();
        mu.unlock();
      },
      testing::ExitedWithCode(2), "fatal error: unlock of unlocked shared_mutex\n");
  EXPECT_EXIT(
      {
        shared_mutex mu;
        mu.lock();
        mu.unlock_shared();
      },
      testing::ExitedWithCode(2), "fatal error: unlock_shared of unlocked shared_mutex\n");
  EXPECT_EXIT((void)run_on(1,
                           [] {
                             shared_mutex mu;
                             mu.lock_shared();
                             mu.lock();
                           }),
              testing::ExitedWithCode(2), "\\[shared_mutex lock\\]");
}

}  // namespace
