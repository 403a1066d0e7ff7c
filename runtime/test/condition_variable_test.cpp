// condition_variable.
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/test/test_support.hpp"

namespace {

using heddle::condition_variable;
using heddle::mutex;
using heddle::wait_group;
using heddle_test::run_on;
using ints = std::vector<int>;

// Goroutines that wait once each, and which of them have begun and ended.
struct line {
  mutex mu;
  condition_variable cv;
  wait_group wg;
  int begun = 0;
  ints ended;

  void join(int i) {
    wg.go([this, i] {
      std::unique_lock hold(mu);
      ++begun;
      cv.wait(hold);
      ended.push_back(i);
    });
  }
  // Returns when so many wait: a goroutine that has counted itself is on the queue when the mutex is free again.
  void until_wait(int n) {
    for (;; heddle::gosched())
      if (const std::lock_guard hold(mu); begun == n) return;
  }
  void until_ended(std::size_t n) {
    for (;; heddle::gosched())
      if (const std::lock_guard hold(mu); ended.size() == n) return;
  }
};

TEST(ConditionVariable, TestCondSignal) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       line l;
                       for (int i = 0; i < 10; ++i) l.join(i);
                       l.until_wait(10);
                       for (std::size_t n = 1; n <= 10; ++n) {
                         l.cv.notify_one();
                         l.until_ended(n);
                         for (int k = 0; k < 10; ++k) heddle::gosched();
                         const std::lock_guard hold(l.mu);
                         EXPECT_EQ(l.ended.size(), n) << "one notification, one goroutine that goes on";
                       }
                       l.cv.notify_one();
                       l.wg.wait();
                     }),
              0);
}

TEST(ConditionVariable, TestCondSignalGenerations) {
  for (const int procs : {1, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       line l;
                       for (int i = 0; i < 50; ++i) {
                         l.join(i);
                         l.until_wait(i + 1);
                         if (i > 0) l.cv.notify_one();
                         l.until_ended(static_cast<std::size_t>(i));
                         const std::lock_guard hold(l.mu);
                         if (i == 0) continue;
                         EXPECT_EQ(l.ended.back(), i - 1) << "the one that has waited longest";
                       }
                       l.cv.notify_one();
                       l.wg.wait();
                     }),
              0);
}

TEST(ConditionVariable, TestCondBroadcast) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       mutex mu;
                       condition_variable cv;
                       wait_group wg;
                       int waiting = 0, round = 0;
                       for (int i = 0; i < 20; ++i)
                         wg.go([&] {
                           std::unique_lock hold(mu);
                           for (int mine = 0; mine < 50; ++mine) {
                             ++waiting;
                             cv.wait(hold, [&] { return round > mine; });
                           }
                         });
                       while (round < 50) {
                         heddle::gosched();
                         const std::lock_guard hold(mu);
                         if (waiting != 20) continue;
                         waiting = 0;
                         ++round;
                         cv.notify_all();
                       }
                       wg.wait();
                     }),
              0);
}

// A notification is for the goroutines that wait already; none that comes later takes it. (Go's test with a broadcast
// is in go_sync_test.cpp.)
TEST(ConditionVariable, TestCondSignalStealing) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       for (int i = 0; i < 300; ++i) {
                         line l;
                         l.join(0);
                         l.until_wait(1);
                         bool late = false;
                         wait_group second;
                         l.cv.notify_one();
                         second.go([&] {
                           std::unique_lock hold(l.mu);
                           l.cv.wait(hold, [&] { return late; });
                         });
                         l.wg.wait();
                         {
                           const std::lock_guard hold(l.mu);
                           late = true;
                         }
                         l.cv.notify_all();
                         second.wait();
                       }
                     }),
              0);
}

TEST(ConditionVariable, hand_in_hand) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       mutex mu;
                       condition_variable cv;
                       wait_group wg;
                       int x = 0;
                       wg.go([&] {
                         std::unique_lock hold(mu);
                         x = 1;
                         cv.wait(hold, [&] { return x == 2; });
                         x = 3;
                         cv.notify_one();
                       });
                       wg.go([&] {
                         std::unique_lock hold(mu);
                         while (x != 1) {
                           hold.unlock();
                           heddle::gosched();
                           hold.lock();
                         }
                         x = 2;
                         cv.notify_one();
                         cv.wait(hold, [&] { return x == 3; });
                       });
                       wg.wait();
                       EXPECT_EQ(x, 3);
                     }),
              0);
}

TEST(ConditionVariable, a_queue_between_many) {
  for (const int procs : {1, 2, 4}) {
    long sum = 0;
    EXPECT_EQ(run_on(procs,
                     [&] {
                       mutex mu;
                       condition_variable items, room;
                       wait_group wg;
                       ints queue;
                       for (int p = 0; p < 4; ++p)
                         wg.go([&] {
                           for (int i = 1; i <= 500; ++i) {
                             std::unique_lock hold(mu);
                             room.wait(hold, [&] { return queue.size() < 3; });
                             queue.push_back(i);
                             hold.unlock();
                             items.notify_one();
                           }
                         });
                       for (int c = 0; c < 4; ++c)
                         wg.go([&] {
                           for (int i = 1; i <= 500; ++i) {
                             std::unique_lock hold(mu);
                             items.wait(hold, [&] { return !queue.empty(); });
                             sum += queue.back();
                             queue.pop_back();
                             room.notify_one();
                           }
                         });
                       wg.wait();
                     }),
              0);
    EXPECT_EQ(sum, 4L * 500 * 501 / 2);
  }
}

TEST(ConditionVariable, may_be_destroyed_once_all_have_been_notified) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       for (int i = 0; i < 200; ++i) {
                         mutex mu;
                         auto cv = std::make_unique<condition_variable>();
                         wait_group wg;
                         int waiting = 0;
                         for (int k = 0; k < 3; ++k)
                           wg.go([&, c = cv.get()] {
                             mu.lock();
                             ++waiting;
                             c->wait(mu);
                             mu.unlock();
                           });
                         for (bool all = false; !all;) {
                           heddle::gosched();
                           const std::lock_guard hold(mu);
                           all = waiting == 3;
                         }
                         cv->notify_all();
                         cv.reset();
                         wg.wait();
                       }
                     }),
              0);
}

TEST(ConditionVariable, between_threads_and_goroutines) {
  heddle::options o = heddle_test::with_procs(2);
  o.detect_deadlock = false;
  EXPECT_EQ(heddle::run(
                [] {
                  mutex mu;
                  condition_variable cv;
                  int turn = 0;
                  std::thread outside([&] {
                    for (int i = 0; i < 200; ++i) {
                      std::unique_lock hold(mu);
                      cv.wait(hold, [&] { return turn % 2 == 1; });
                      ++turn;
                      cv.notify_one();
                    }
                  });
                  const auto mine = [&] {
                    std::unique_lock hold(mu);
                    cv.wait(hold, [&] { return turn % 2 == 0; });
                    ++turn;
                    cv.notify_one();
                  };
                  for (int i = 0; i < 200; ++i) {
                    if (i % 2 == 0)
                      mine();
                    else
                      heddle::blocking(mine);
                  }
                  outside.join();
                  EXPECT_EQ(turn, 400);
                },
                o),
            0);
}

TEST(ConditionVariable, works_with_locks_of_all_kinds) {
  // The lock gives way when it is unlocked, so the notification comes between the unlock and the wait.
  struct slow {
    mutex mu;
    void lock() {
      mu.lock();
      heddle::gosched();
    }
    void unlock() {
      mu.unlock();
      heddle::gosched();
    }
  };
  for (const int procs : {1, 2})
    EXPECT_EQ(run_on(procs,
                     [] {
                       for (int i = 0; i < 200; ++i) {
                         slow s;
                         condition_variable cv;
                         bool ready = false;
                         wait_group wg;
                         wg.go([&] {
                           s.lock();
                           cv.wait(s, [&] { return ready; });
                           s.unlock();
                         });
                         if (i % 2 == 0) heddle::gosched();
                         s.mu.lock();
                         ready = true;
                         s.mu.unlock();
                         cv.notify_one();
                         wg.wait();
                       }
                     }),
              0);
}

TEST(ConditionVariable, what_a_condition_throws_leaves_the_lock_held) {
  EXPECT_EQ(run_on(1,
                   [] {
                     mutex mu;
                     condition_variable cv;
                     std::unique_lock hold(mu);
                     EXPECT_THROW(cv.wait(hold, []() -> bool { throw 1; }), int);
                     EXPECT_TRUE(hold.owns_lock());
                     cv.notify_one();
                     cv.notify_all();
                   }),
            0);
}

TEST(ConditionVariableDeathTest, nobody_notifies) {
  EXPECT_EXIT((void)run_on(1,
                           [] {
                             mutex mu;
                             condition_variable cv;
                             mu.lock();
                             cv.wait(mu);
                           }),
              testing::ExitedWithCode(2), "condition_variable wait");
}

}  // namespace
