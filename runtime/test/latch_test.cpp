// latch and barrier.
#include <memory>
#include <vector>

#include "runtime/test/test_support.hpp"

namespace {

using heddle::barrier;
using heddle::latch;
using heddle::wait_group;
using heddle_test::run_on;

TEST(Latch, lets_go_at_zero) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       latch l(10);
                       wait_group wg;
                       std::vector<int> cells(10);  // plain
                       std::atomic<int> through{0};
                       for (int i = 0; i < 5; ++i)
                         wg.go([&] {
                           l.wait();
                           for (const int cell : cells) EXPECT_EQ(cell, 1);
                           through.fetch_add(1);
                         });
                       for (std::size_t i = 0; i < 10; ++i) {
                         EXPECT_FALSE(l.try_wait());
                         heddle::gosched();
                         EXPECT_EQ(through.load(), 0);
                         wait_group one;
                         one.go([&, i] {
                           cells[i] = 1;
                           l.count_down();
                         });
                         one.wait();
                       }
                       EXPECT_TRUE(l.try_wait());
                       l.wait();
                       wg.wait();
                       l.count_down(0);
                     }),
              0);
}

TEST(Latch, arrive_and_wait_meets_and_may_be_destroyed) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       for (int i = 0; i < 300; ++i) {
                         auto l = std::make_unique<latch>(4);
                         int value = 0;  // plain
                         heddle::go([&value, p = l.get()] {
                           value = 1;
                           p->count_down(2);
                         });
                         heddle::go([p = l.get()] { p->count_down(); });
                         l->arrive_and_wait();
                         EXPECT_EQ(value, 1);
                         l.reset();
                       }
                     }),
              0);
}

TEST(Latch, between_threads_and_goroutines) {
  heddle::options o = heddle_test::with_procs(2);
  o.detect_deadlock = false;
  EXPECT_EQ(heddle::run(
                [] {
                  for (int i = 0; i < 20; ++i) {
                    latch l(2);
                    std::thread outside([&] { l.arrive_and_wait(); });
                    l.arrive_and_wait();
                    outside.join();
                  }
                },
                o),
            0);
}

TEST(Barrier, phases_and_completion) {
  for (const int procs : {1, 2, 4}) {
    int sum = 0, phases = 0;  // plain
    EXPECT_EQ(run_on(procs,
                     [&] {
                       std::vector<int> cells(8);
                       const auto complete = [&]() noexcept {
                         sum = 0;
                         for (const int cell : cells) sum += cell;
                         ++phases;
                         heddle::yield();  // it may block
                       };
                       barrier b(8, complete);
                       wait_group wg;
                       for (std::size_t i = 0; i < 8; ++i)
                         wg.go([&, i] {
                           for (int phase = 1; phase <= 50; ++phase) {
                             ++cells[i];
                             b.arrive_and_wait();
                             EXPECT_EQ(sum, 8 * phase);
                             EXPECT_EQ(phases, phase);
                             b.arrive_and_wait();  // no goroutine counts on while others look
                             if (i == 0) --phases;
                             b.arrive_and_wait();
                             if (i == 0) --phases;
                           }
                         });
                       wg.wait();
                     }),
              0);
    EXPECT_EQ(phases, 50);
  }
}

TEST(Barrier, arrive_drop_and_tokens) {
  for (const int procs : {1, 2})
    EXPECT_EQ(run_on(procs,
                     [] {
                       int completed = 0;
                       barrier b(3, [&]() noexcept { ++completed; });
                       auto first = b.arrive(2);
                       EXPECT_EQ(completed, 0);
                       wait_group wg;
                       wg.go([&] { b.arrive_and_drop(); });
                       b.wait(std::move(first));
                       EXPECT_EQ(completed, 1);
                       wg.wait();
                       auto second = b.arrive(2);
                       EXPECT_EQ(completed, 2) << "two are expected now";
                       b.wait(std::move(second));
                       auto third = b.arrive();
                       b.arrive_and_wait();
                       b.wait(std::move(third));
                       EXPECT_EQ(completed, 3);
                     }),
              0);
}

TEST(Barrier, on_threads_without_a_runtime) {
  barrier<> b(4);
  std::vector<int> cells(4);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      cells[i] = 1;
      b.arrive_and_wait();
      for (const int cell : cells) EXPECT_EQ(cell, 1);
    });
  for (std::thread &t : threads) t.join();
}

TEST(LatchDeathTest, misuse) {
  EXPECT_EXIT(latch(-1), testing::ExitedWithCode(2), "fatal error: latch with a negative count\n");
  EXPECT_EXIT(latch(1).count_down(2), testing::ExitedWithCode(2), "fatal error: latch counted down by more");
  EXPECT_EXIT(latch(1).count_down(-1), testing::ExitedWithCode(2), "fatal error: latch counted down by more");
  EXPECT_EXIT((void)run_on(1, [] { latch(1).wait(); }), testing::ExitedWithCode(2), "latch wait");
}

TEST(BarrierDeathTest, misuse) {
  EXPECT_EXIT(barrier<>(-1), testing::ExitedWithCode(2), "fatal error: barrier for a negative number\n");
  EXPECT_EXIT((void)barrier<>(1).arrive(2), testing::ExitedWithCode(2), "fatal error: barrier with more arrivals");
  EXPECT_EXIT((void)barrier<>(1).arrive(0), testing::ExitedWithCode(2), "fatal error: barrier with more arrivals");
  EXPECT_EXIT((void)run_on(1, [] { barrier<>(2).arrive_and_wait(); }), testing::ExitedWithCode(2), "barrier wait");
}

}  // namespace
