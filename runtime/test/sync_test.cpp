// wait_group.
#include <mutex>
#include <vector>

#include "runtime/test/test_support.hpp"

namespace {

using heddle::mutex;
using heddle::wait_group;
using heddle_test::run_on;

TEST(WaitGroup, waits_for_all_and_orders_what_they_did) {
  for (const int procs : {1, 2, 4}) {
    EXPECT_EQ(run_on(procs,
                     [] {
                       std::vector<int> cells(100);  // plain
                       wait_group wg;
                       for (int &cell : cells)
                         wg.go([&cell] {
                           if (reinterpret_cast<std::uintptr_t>(&cell) / sizeof(int) % 3 == 0) heddle::gosched();
                           cell = 1;
                         });
                       wg.wait();
                       for (const int cell : cells) EXPECT_EQ(cell, 1);
                     }),
              0);
  }
}

TEST(WaitGroup, with_a_count_of_zero_does_not_wait) {
  EXPECT_EQ(run_on(1,
                   [] {
                     wait_group wg;
                     wg.wait();
                     wg.add(2);
                     wg.add(-2);
                     wg.wait();
                     wait_group three(3);
                     three.add(-3);
                     three.wait();
                   }),
            0);
}

TEST(WaitGroup, can_be_used_again) {
  EXPECT_EQ(run_on(2,
                   [] {
                     wait_group wg;
                     int sum = 0;
                     mutex mu;
                     for (int round = 0; round < 100; ++round) {
                       for (int i = 0; i < 5; ++i)
                         wg.go([&] {
                           const std::lock_guard hold(mu);
                           ++sum;
                         });
                       wg.wait();
                       EXPECT_EQ(sum, 5 * (round + 1));
                     }
                   }),
            0);
}

TEST(WaitGroup, wakes_every_waiter) {
  for (const int procs : {1, 4}) {
    EXPECT_EQ(run_on(procs,
                     [] {
                       wait_group gate(1), all;
                       std::atomic<int> through{0};
                       for (int i = 0; i < 50; ++i)
                         all.go([&] {
                           gate.wait();
                           through.fetch_add(1);
                         });
                       heddle::yield();
                       EXPECT_EQ(through.load(), 0);
                       gate.done();
                       all.wait();
                       EXPECT_EQ(through.load(), 50);
                     }),
              0);
  }
}

TEST(WaitGroup, may_be_destroyed_right_after_wait) {
  for (const int procs : {1, 2, 4}) {
    EXPECT_EQ(run_on(procs,
                     [] {
                       for (int i = 0; i < 200; ++i) {
                         auto wg = std::make_unique<wait_group>();
                         for (int k = 0; k < 3; ++k) wg->go([] {});
                         wg->wait();
                         wg.reset();
                       }
                     }),
              0);
  }
}

TEST(WaitGroup, done_may_come_from_a_thread_outside) {
  heddle::options o = heddle_test::with_procs(2);
  o.detect_deadlock = false;
  EXPECT_EQ(heddle::run(
                [] {
                  for (int i = 0; i < 20; ++i) {
                    wait_group wg(1);
                    int value = 0;
                    std::thread outside([&] {
                      if (i % 2 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
                      value = i;
                      wg.done();
                    });
                    wg.wait();
                    EXPECT_EQ(value, i);
                    outside.join();
                  }
                },
                o),
            0);
}

TEST(WaitGroupDeathTest, TestWaitGroupMisuse) {
  EXPECT_EXIT((void)run_on(1,
                           [] {
                             wait_group wg;
                             wg.add(1);
                             wg.done();
                             wg.done();
                           }),
              testing::ExitedWithCode(2), "fatal error: negative wait_group counter\n");
  EXPECT_EXIT((void)run_on(1, [] { wait_group().done(); }), testing::ExitedWithCode(2),
              "fatal error: negative wait_group counter\n");
  EXPECT_EXIT((void)run_on(1, [] { wait_group(-1).wait(); }), testing::ExitedWithCode(2),
              "fatal error: negative wait_group counter\n");
  EXPECT_EXIT((void)run_on(1, [] { wait_group(2).add(-3); }), testing::ExitedWithCode(2),
              "negative wait_group counter\n");
}

}  // namespace
