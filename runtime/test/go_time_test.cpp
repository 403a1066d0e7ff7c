// The tests of Go's package time, and those of its runtime that are about timers, under their names, where
// timer_test.cpp and time_test.cpp have none of that name. A test that needs an idle machine is repeated until it has
// succeeded once. Not here:
//   TestTickerStopWithDirectInitialization, TestManualTicker: a ticker is made by its constructor or not at all.
//   TestFakeTime, TestSynctest...: time is the system's; the model checker has its own (verify/suites/time.cpp).
//   TestOverflowRuntimeTimer: it looks into Go's heap; TestOverflowPeriodRuntimeTimer here and TestOverflowSleep test
//   the same.
#include <csignal>
#include <functional>
#include <memory>
#include <vector>

#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/test/test_support.hpp"

namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;
using heddle::chan;
using heddle::func_timer;
using heddle::ticker;
using heddle::time_point;
using heddle::timer;
using heddle::wait_group;
using heddle_test::run_on;

constexpr auto never = 1h;

// Repeats f until it has held once: a machine that is busy elsewhere may take several tries.
void expect_once(const std::function<bool()> &holds) {
  for (int tries = 0; tries < 50; ++tries)
    if (holds()) return;
  ADD_FAILURE() << "not once in fifty tries";
}

// ---------------------------------------------------------------------------------------------------------- sleep_test

// A signal in between makes a sleep no shorter, on a goroutine or a thread.
TEST(GoTime, TestSleep) {
  struct sigaction no_restart {};
  no_restart.sa_handler = [](int) {};
  sigaction(SIGUSR2, &no_restart, nullptr);
  const auto interrupted = [] {
    const long self = heddle_test::thread_id();
    const auto start = clock_type::now();
    std::thread interrupt([self] {
      std::this_thread::sleep_for(10ms);
      syscall(SYS_tgkill, getpid(), self, SIGUSR2);
      kill(getpid(), SIGUSR2);
    });
    heddle::sleep_for(20ms);
    EXPECT_GE(clock_type::now() - start, 20ms);
    interrupt.join();
  };
  interrupted();
  EXPECT_EQ(run_on(2,
                   [&] {
                     interrupted();
                     heddle::blocking(interrupted);
                   }),
            0);
  std::signal(SIGUSR2, SIG_DFL);
}

// A ticker beside a goroutine that stops the world all the time (in Go, one that collects garbage).
TEST(GoTime, TestTickerStress) {
  EXPECT_EQ(run_on(2,
                   [] {
                     std::atomic<bool> stop{false};
                     wait_group wg;
                     wg.go([&] {
                       while (!stop) {
                         heddle::stop_the_world([] {});
                         heddle::sleep_for(1ns);
                       }
                     });
                     const ticker t(1ns);
                     for (int i = 0; i < 100; ++i) EXPECT_TRUE(t.recv());
                     t.stop();
                     stop = true;
                     wg.wait();
                   }),
            0);
}

// As TestTickerStress, with ten goroutines that receive from one ticker.
TEST(GoTime, TestTickerConcurrentStress) {
  EXPECT_EQ(run_on(2,
                   [] {
                     std::atomic<bool> stop{false};
                     wait_group stopper, receivers;
                     stopper.go([&] {
                       while (!stop) {
                         heddle::stop_the_world([] {});
                         heddle::sleep_for(1ns);
                       }
                     });
                     const ticker t(1ns);
                     for (int i = 0; i < 10; ++i)
                       receivers.go([&] {
                         for (int k = 0; k < 100; ++k) EXPECT_TRUE(t.recv());
                       });
                     receivers.wait();
                     t.stop();
                     stop = true;
                     stopper.wait();
                   }),
            0);
}

// As TestTickerStress, with one timer after the other.
TEST(GoTime, TestAfterStress) {
  EXPECT_EQ(run_on(2,
                   [] {
                     std::atomic<bool> stop{false};
                     wait_group wg;
                     wg.go([&] {
                       while (!stop) {
                         heddle::stop_the_world([] {});
                         heddle::sleep_for(1ns);
                       }
                     });
                     for (int i = 0; i < 100; ++i) EXPECT_TRUE(heddle::after(1ns).recv());
                     stop = true;
                     wg.wait();
                   }),
            0);
}

// A sleep of no time at all leaves the goroutine as it was, and the world can be stopped.
TEST(GoTime, TestSleepZeroDeadlock) {
  EXPECT_EQ(run_on(4,
                   [] {
                     const chan<bool> c;
                     heddle::go([c] {
                       for (int i = 0; i < 100; ++i) heddle::stop_the_world([] {});
                       c.send(true);
                     });
                     for (int i = 0; i < 100; ++i) {
                       heddle::sleep_for(0ns);
                       const chan<bool> tmp(1);
                       tmp.send(true);
                       EXPECT_EQ(tmp.recv(), true);
                     }
                     EXPECT_EQ(c.recv(), true);
                   }),
            0);
}

// One timer is reset from everywhere; then it is reset and stopped from everywhere. In the end it is as one of the
// goroutines left it.
TEST(GoTime, TestConcurrentTimerReset) {
  EXPECT_EQ(run_on(4,
                   [] {
                     constexpr int goroutines = 8, tries = 1000;
                     const timer t(never);
                     wait_group wg;
                     for (int i = 0; i < goroutines; ++i)
                       wg.go([&, i] {
                         for (int k = 0; k < tries; ++k) EXPECT_TRUE(t.reset(never + std::chrono::nanoseconds(i * k)));
                       });
                     wg.wait();
                     EXPECT_TRUE(t.stop());
                     EXPECT_FALSE(t.stop());
                   }),
            0);
}
TEST(GoTime, TestConcurrentTimerResetStop) {
  EXPECT_EQ(run_on(4,
                   [] {
                     constexpr int goroutines = 8, tries = 1000;
                     const timer t(never);
                     wait_group wg;
                     for (int i = 0; i < goroutines; ++i) {
                       wg.go([&, i] {
                         for (int k = 0; k < tries; ++k) t.reset(never + std::chrono::nanoseconds(i * k));
                       });
                       wg.go([&] { t.stop(); });
                     }
                     wg.wait();
                     t.reset(0ns);
                     EXPECT_TRUE(t.recv());
                     EXPECT_FALSE(t.stop());
                   }),
            0);
}

// The time that comes out of a timer is when it fired, and not when it was received.
template <class F>
void expect_its_time(F make) {
  EXPECT_EQ(run_on(2,
                   [make] {
                     expect_once([make] {
                       const auto start = clock_type::now();
                       const auto c = make(5ms);
                       heddle::sleep_for(25ms);
                       const auto at = *c.recv() - start;
                       EXPECT_GE(at, 5ms);
                       return at < 15ms;
                     });
                   }),
            0);
}
TEST(GoTime, TestAfterTimes) {
  expect_its_time([](auto d) { return heddle::after(d); });
}
TEST(GoTime, TestTickTimes) {
  expect_its_time([](auto d) { return heddle::tick(d); });
}

TEST(GoTimeDeathTest, TestZeroTimerResetPanics) {
  EXPECT_EXIT((void)run_on(1,
                           [] {
                             timer t(never);
                             const timer moved = std::move(t);
                             t.reset(1ns);
                           }),
              testing::ExitedWithCode(2), "timer used after it was moved from");
  EXPECT_EXIT((void)run_on(1,
                           [] {
                             func_timer t = heddle::after_func(never, [] {});
                             const func_timer moved = std::move(t);
                             t.reset(1ns);
                           }),
              testing::ExitedWithCode(2), "func_timer used after it was moved from");
}

// ----------------------------------------------------------------------------------------------------------- tick_test

// In Go, Tick of no interval gives no channel; here it is misuse, as it is for a ticker.
TEST(GoTimeDeathTest, TestTickLtZeroDuration) {
  EXPECT_EXIT((void)run_on(1, [] { (void)heddle::tick(-1ns); }), testing::ExitedWithCode(2),
              "non-positive interval for a ticker");
  EXPECT_EXIT((void)run_on(1, [] { (void)heddle::tick(0s); }), testing::ExitedWithCode(2),
              "non-positive interval for a ticker");
}

// A period so long that the next tick has no time any more.
TEST(GoTime, TestOverflowPeriodRuntimeTimer) {
  EXPECT_EQ(run_on(2,
                   [] {
                     const ticker t(std::chrono::nanoseconds::max());
                     EXPECT_FALSE(t.recv_for(2ms).arrived());
                     t.reset(1us);
                     EXPECT_TRUE(t.recv());
                     t.reset(std::chrono::hours::max());
                     EXPECT_FALSE(t.recv_for(2ms).arrived());
                     heddle::sleep_for(1us);  // the times of other timers still come
                   }),
            0);
}

// Stop and reset leave nothing in the channel of a timer or ticker.
TEST(GoTime, TestChan) {
  EXPECT_EQ(run_on(2,
                   [] {
                     const auto come = [](const heddle::receiver<time_point> &c) {
                       while (c.size() == 0) heddle::sleep_for(100us);
                     };
                     const timer t(1us);
                     come(t);
                     EXPECT_EQ(t.size(), 1u) << "its time waits to be received";
                     EXPECT_TRUE(t.stop()) << "and it will not be received";
                     EXPECT_EQ(t.size(), 0u);
                     EXPECT_FALSE(t.try_recv().arrived());
                     EXPECT_FALSE(t.reset(1us)) << "it was not armed";
                     come(t);
                     EXPECT_TRUE(t.reset(never)) << "taken back";
                     EXPECT_FALSE(t.try_recv().arrived());
                     EXPECT_TRUE(t.reset(1us)) << "it was armed";
                     EXPECT_TRUE(t.recv());
                     EXPECT_FALSE(t.stop()) << "received";
                     EXPECT_FALSE(t.reset(never));
                     EXPECT_TRUE(t.stop());

                     const ticker tick(1us);
                     come(tick);
                     tick.stop();
                     EXPECT_EQ(tick.size(), 0u);
                     tick.reset(never);
                     EXPECT_FALSE(tick.try_recv().arrived());
                     tick.reset(1us);
                     EXPECT_TRUE(tick.recv() && tick.recv());

                     // Goroutines that wait already: for a timer that is stopped, and then reset.
                     const timer late(never);
                     const chan<bool> got;
                     for (int i = 0; i < 2; ++i) heddle::go([&] { got.send(late.recv().has_value()); });
                     heddle::sleep_for(100us);
                     EXPECT_TRUE(late.stop());
                     EXPECT_FALSE(got.recv_for(1ms).arrived());
                     EXPECT_FALSE(late.reset(0ns));
                     EXPECT_EQ(got.recv(), true);
                     EXPECT_FALSE(got.recv_for(1ms).arrived()) << "one time, one receiver";
                     EXPECT_FALSE(late.reset(0ns));
                     EXPECT_EQ(got.recv(), true);
                   }),
            0);
}

// ------------------------------------------------------------------------------------------------------------- runtime

// proc_test: goroutines hand a value round for ever; timers fire in their time, also if they are made in calls.
void timer_fairness(bool calls) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [calls, procs] {
                       const chan<bool> done;
                       const chan<bool> c;
                       wait_group wg;
                       for (int i = 0; i < 2 * procs; ++i) {
                         wg.go([&] {
                           while (heddle::select(heddle::on_send(c, true), heddle::on_recv(done)) == 0) {
                             if (calls) heddle::blocking([] { std::this_thread::yield(); });
                           }
                         });
                         wg.go([&] {
                           while (heddle::select(heddle::on_recv(c), heddle::on_recv(done)) == 0) {
                           }
                         });
                       }
                       for (int i = 0; i < 5; ++i) EXPECT_TRUE(heddle::after(1ms).recv());
                       done.close();
                       wg.wait();
                     }),
              0);
}
TEST(GoTime, TestTimerFairness) { timer_fairness(false); }
TEST(GoTime, TestTimerFairness2) { timer_fairness(true); }
// The same where the goroutines never come back to heddle.
TEST(GoTime, TestTimerFairness3) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [procs] {
                       std::atomic<bool> over{false};
                       wait_group wg;
                       for (int i = 0; i < procs; ++i)
                         wg.go([&] {
                           while (!over.load(std::memory_order_relaxed)) {
                           }
                         });
                       for (int i = 0; i < 5; ++i) EXPECT_TRUE(heddle::after(1ms).recv());
                       over.store(true, std::memory_order_relaxed);
                       wg.wait();
                       EXPECT_GE(heddle::stats().hogs, 1u);
                     }),
              0);
}

// futex_test: a sleep longer than the kernel can count is not a short one, and ends when the thread is woken.
TEST(GoTime, TestFutexsleep) {
  constexpr std::int64_t day = 86'400'000'000'000;
  heddle::detail::note n[3];
  std::atomic<int> over{0};
  std::vector<std::thread> threads;
  for (const int i : {0, 1, 2})
    threads.emplace_back([&, i] {
      constexpr std::int64_t times[] = {100 * day, 25'000 * day, 100'000 * day};
      EXPECT_TRUE(n[i].notetsleep(times[i]));
      ++over;
    });
  std::this_thread::sleep_for(30ms);
  EXPECT_EQ(over.load(), 0);
  for (heddle::detail::note &one : n) one.notewakeup();
  for (std::thread &t : threads) t.join();
}

}  // namespace
