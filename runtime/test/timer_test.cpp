// Timers, tickers, after_func. The tests named Test... are those of Go's time package (sleep_test.go, tick_test.go);
// what depends on an idle machine is left out.
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "runtime/test/test_support.hpp"

namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;
using heddle::func_timer;
using heddle::ticker;
using heddle::time_point;
using heddle::timer;
using heddle_test::run_on;

constexpr auto never = 1h;

// Returns whether any timer is armed in the runtime of the calling goroutine.
bool any_armed() { return heddle::detail::next_timer(*heddle::detail::getm()->sched) != heddle::detail::timers::never; }

TEST(Timer, TestAfterFunc) {
  EXPECT_EQ(run_on(2,
                   [] {
                     int left = 10;
                     heddle::chan<bool> done;
                     std::function<void()> f = [&] {
                       if (--left >= 0)
                         heddle::after_func(0ns, f);
                       else
                         done.send(true);
                     };
                     heddle::after_func(0ns, f);
                     EXPECT_EQ(done.recv(), true);
                   }),
            0);
}

// Of two goroutines on one P one can always run: the sender while there is room, else the receiver. The timer is called
// nevertheless.
TEST(Timer, TestAfterFuncStarvation) {
  EXPECT_EQ(run_on(1,
                   [] {
                     std::atomic<bool> stop{false};
                     const heddle::chan<bool> c(1);
                     heddle::wait_group wg;
                     wg.go([&] {
                       while (!stop) c.send(true);
                       c.close();
                     });
                     wg.go([&] {
                       while (c.recv()) {
                       }
                     });
                     heddle::after_func(1us, [&] { stop = true; });
                     wg.wait();
                   }),
            0);
}

TEST(Timer, TestAfter) {
  EXPECT_EQ(run_on(2,
                   [] {
                     const auto start = clock_type::now();
                     const auto end = heddle::after(20ms).recv();
                     EXPECT_GE(clock_type::now() - start, 20ms);
                     EXPECT_GE(*end - start, 20ms);
                   }),
            0);
}

TEST(Timer, TestAfterTick) {
  EXPECT_EQ(run_on(2,
                   [] {
                     const auto start = clock_type::now();
                     for (int i = 0; i < 10; ++i) heddle::after(2ms).recv();
                     EXPECT_GE(clock_type::now() - start, 20ms);
                   }),
            0);
}

TEST(Timer, TestAfterStop) {
  EXPECT_EQ(run_on(2,
                   [] {
                     for (int tries = 0;; ++tries) {
                       ASSERT_LT(tries, 100);
                       std::atomic<bool> called{false};
                       const timer t0(5ms);
                       const func_timer c1 = heddle::after_func(15ms, [&] { called = true; });
                       EXPECT_TRUE(t0.stop());
                       const bool prevented = c1.stop();
                       heddle::after(20ms).recv();
                       EXPECT_FALSE(t0.try_recv().arrived());
                       EXPECT_EQ(called, !prevented);
                       EXPECT_FALSE(t0.stop());
                       EXPECT_FALSE(c1.stop());
                       if (prevented) return;  // otherwise the machine was too slow to show anything
                     }
                   }),
            0);
}

TEST(Timer, TestTimerStopStress) {
  EXPECT_EQ(run_on(4,
                   [] {
                     heddle::wait_group wg;
                     for (int i = 0; i < 100; ++i)
                       wg.go([i] {
                         const func_timer t = heddle::after_func(never, [i] { ADD_FAILURE() << i; });
                         heddle::sleep_for(std::chrono::microseconds(100 * (i % 7)));
                         EXPECT_TRUE(t.stop());
                       });
                     wg.wait();
                     EXPECT_FALSE(any_armed());
                   }),
            0);
}

// Times come out in their order (those of one slot in any order), and none too soon. A machine that is busy elsewhere
// may be late, and so late that two slots are due together: one of eight tries, each twice as slow as the last, must
// show the order and be in time.
TEST(Timer, TestAfterQueuing) {
  EXPECT_EQ(run_on(1,
                   [] {
                     auto unit = 5ms;
                     struct slot {
                       int n;
                       time_point at;
                     };
                     const std::vector<int> slots{5, 3, 6, 6, 6, 1, 1, 2, 7, 9, 4, 8, 0};
                     const auto in_order_and_in_time = [&] {
                       const heddle::chan<slot> result(slots.size());
                       const auto begun = clock_type::now();
                       for (const int n : slots) heddle::go([=] { result.send({n, *heddle::after(n * unit).recv()}); });
                       bool holds = true;
                       int last = 0;
                       for (std::size_t i = 0; i < slots.size(); ++i) {
                         const slot s = *result.recv();
                         EXPECT_GE(s.at - begun, s.n * unit);
                         holds = holds && s.n >= last && s.at - begun <= (s.n + 10) * unit;
                         last = s.n;
                       }
                       return holds;
                     };
                     for (int tries = 0; tries < 8; ++tries, unit *= 2)
                       if (in_order_and_in_time()) return;
                     ADD_FAILURE() << "not once in eight tries";
                   }),
            0);
}

TEST(Timer, TestReset) {
  EXPECT_EQ(run_on(2,
                   [] {
                     const timer t(4ms);
                     heddle::sleep_for(2ms);
                     const auto reset = clock_type::now();
                     EXPECT_TRUE(t.reset(6ms)) << "it has not been received";
                     EXPECT_GE(*t.recv() - reset, 6ms);
                     EXPECT_FALSE(t.reset(1ms));
                     heddle::sleep_for(5ms);
                     EXPECT_TRUE(t.reset(never)) << "its time had come, but has not been received";
                     EXPECT_FALSE(t.try_recv().arrived());
                     EXPECT_TRUE(t.stop());
                   }),
            0);
}

template <class F>
void stop_or_reset_result(F stop_or_reset) {
  EXPECT_EQ(run_on(4,
                   [&] {
                     heddle::wait_group wg;
                     for (int i = 0; i < 50; ++i)
                       wg.go([&] {
                         for (int j = 0; j < 20; ++j) {
                           const timer t1(200us), t2(200us);
                           const std::size_t at = heddle::select(heddle::on_recv(t1), heddle::on_recv(t2));
                           const timer &other = at == 0 ? t2 : t1;
                           EXPECT_TRUE(stop_or_reset(other)) << "it is not received";
                           EXPECT_FALSE(other.try_recv().arrived());
                         }
                       });
                     wg.wait();
                     EXPECT_FALSE(any_armed());
                   }),
            0);
}
TEST(Timer, TestStopResult) {
  stop_or_reset_result([](const timer &t) { return t.stop(); });
}
TEST(Timer, TestResetResult) {
  stop_or_reset_result([](const timer &t) { return t.reset(never); });
}

// Of a receiver and a stop one has the value.
TEST(Timer, a_stop_against_a_receiver_is_exact) {
  EXPECT_EQ(run_on(4,
                   [] {
                     heddle::wait_group wg;
                     for (int i = 0; i < 20; ++i)
                       wg.go([] {
                         for (int j = 0; j < 50; ++j) {
                           const timer t(20us);
                           heddle::chan<bool> got;
                           const auto other = heddle::spawn([r = heddle::receiver<time_point>(t), got] {
                             const bool arrived = r.recv_for(100ms).has_value();
                             got.send(arrived);
                           });
                           heddle::sleep_for(20us);
                           const bool stopped = t.stop();
                           if (!stopped) {
                             EXPECT_EQ(got.recv(), true);
                             continue;
                           }
                           t.reset(0ns);  // so that the other need not wait
                           EXPECT_EQ(got.recv(), true);
                         }
                       });
                     wg.wait();
                   }),
            0);
}

TEST(Timer, TestOverflowSleep) {
  EXPECT_EQ(run_on(2,
                   [] {
                     constexpr auto big = std::chrono::nanoseconds::max();
                     heddle::go([=] { heddle::sleep_for(big); });
                     EXPECT_EQ(heddle::select(heddle::on_recv(heddle::after(big)), heddle::on_recv(heddle::after(1ms))),
                               1u);
                     heddle::sleep_for(-big);
                     EXPECT_TRUE(heddle::after(-big).recv());
                     EXPECT_TRUE(heddle::after(std::chrono::hours::min()).recv());
                   }),
            0);
}

TEST(Timer, TestZeroTimer) {
  EXPECT_EQ(run_on(4,
                   [] {
                     heddle::wait_group wg;
                     for (int i = 0; i < 4; ++i)
                       wg.go([] {
                         for (int k = 0; k < 3000; ++k) timer(0ns).recv();
                       });
                     wg.wait();
                   }),
            0);
}

TEST(Timer, TestTimerModifiedEarlier) {
  EXPECT_EQ(run_on(2,
                   [] {
                     for (int i = 0; i < 1000; ++i) {
                       const timer t(never);
                       for (int j = 0; j < 10; ++j) heddle::gosched();
                       EXPECT_TRUE(t.reset(-never));
                       EXPECT_TRUE(t.recv_for(10s).has_value());
                     }
                   }),
            0);
}

TEST(Timer, TestAdjustTimers) {
  EXPECT_EQ(run_on(2,
                   [] {
                     std::vector<timer> timers;
                     for (int i = 0; i < 100; ++i) timers.emplace_back(never);
                     for (std::uint64_t seed = 1; !timers.empty();) {
                       const auto at = static_cast<std::ptrdiff_t>(
                           heddle::detail::cheaprandn(seed, static_cast<std::uint32_t>(timers.size())));
                       const timer &t = timers[static_cast<std::size_t>(at)];
                       switch (heddle::detail::cheaprandn(seed, 4)) {
                         case 0: t.reset(30min); break;
                         case 1: t.reset(90min); break;
                         case 2: t.stop(); break;
                         case 3:
                           t.reset(0ns);
                           EXPECT_TRUE(t.recv());
                           timers.erase(timers.begin() + at);
                           break;
                       }
                       if (!timers.empty()) timers.front().reset(2h);
                     }
                     EXPECT_FALSE(any_armed());
                   }),
            0);
}

// Many goroutines sleep and wake, so that the timers of a P are put in order again and again; timers that are armed
// afterwards, one after the other, and are never due, are no obstacle to what is passed on meanwhile.
TEST(Timer, TestLongAdjustTimers) {
  EXPECT_EQ(run_on(4,
                   [] {
                     constexpr int sleepers = 5000, at_once = 20;
                     constexpr int rounds = heddle_test::tsan || heddle_test::asan ? 500 : 5000;  // Go: 50'000
                     heddle::wait_group sleeping, queuing;
                     for (int i = 0; i < sleepers; ++i) sleeping.go([] { heddle::sleep_for(10us); });
                     for (int i = 0; i < sleepers; ++i) heddle::sleep_for(1us);
                     sleeping.wait();

                     const heddle::chan<bool> done;
                     const func_timer late = heddle::after_func(60s, [done] { done.close(); });
                     const heddle::chan<std::function<void()>> in, out;
                     queuing.go([&] {
                       std::deque<std::function<void()>> q;
                       for (bool more = true; more;) {
                         const auto put = [&](std::optional<std::function<void()>> f) {
                           if (f)
                             q.push_back(std::move(*f));
                           else
                             more = false;
                         };
                         const auto over = [&] { more = false; };
                         if (q.empty())
                           heddle::select(heddle::on_recv(in, put), heddle::on_recv(done, over));
                         else
                           heddle::select(heddle::on_send(out, q.front(), [&] { q.pop_front(); }),
                                          heddle::on_recv(in, put), heddle::on_recv(done, over));
                       }
                     });
                     int called = 0;
                     bool stuck = false;
                     for (int i = 0; i < rounds && !stuck; ++i) {
                       for (int k = 0; k < at_once; ++k) in.send([&called] { ++called; });
                       for (int k = 0; k < at_once && !stuck; ++k)
                         stuck = heddle::select(
                                     heddle::on_recv(out, [](std::optional<std::function<void()>> f) { (*f)(); }),
                                     heddle::on_recv(heddle::after(5s)), heddle::on_recv(done)) != 0;
                     }
                     EXPECT_FALSE(stuck);
                     EXPECT_EQ(called, rounds * at_once);
                     EXPECT_TRUE(late.stop());
                     in.close();
                     queuing.wait();
                   }),
            0);
}

// While thousands of calls come due, as many other timers are put off.
TEST(Timer, many_are_put_off_while_many_ring) {
  EXPECT_EQ(run_on(2,
                   [] {
                     constexpr int count = 5000;
                     std::vector<timer> timers;
                     std::atomic<int> rung{0};
                     for (int i = 0; i < count; ++i) timers.emplace_back(never);
                     for (int i = 0; i < count; ++i)
                       heddle::after_func(std::chrono::microseconds(i % 997), [&] { ++rung; });
                     for (int i = 0; i < count; ++i)
                       EXPECT_TRUE(timers[static_cast<std::size_t>(i)].reset(2h + i * 1s));
                     while (rung != count) heddle::sleep_for(200us);
                     for (const timer &t : timers) EXPECT_TRUE(t.stop());
                   }),
            0);
}

TEST(Timer, TestParallelTimers_resets_and_stops_from_many_sides) {
  EXPECT_EQ(run_on(4,
                   [] {
                     const timer t(never);
                     const func_timer f = heddle::after_func(never, [] {});
                     heddle::wait_group wg;
                     for (int i = 0; i < 8; ++i)
                       wg.go([&, i] {
                         for (int k = 0; k < 500; ++k) {
                           if ((i + k) % 3 == 0) {
                             t.stop();
                             f.stop();
                           } else {
                             t.reset(std::chrono::microseconds(k % 3));
                             f.reset(std::chrono::microseconds(k % 3));
                           }
                           (void)t.try_recv();
                         }
                       });
                     wg.wait();
                     t.stop();
                     f.stop();
                     EXPECT_FALSE(t.try_recv().arrived());
                     EXPECT_FALSE(any_armed());
                   }),
            0);
}

// In Go the collector takes timers that no reference leads to. Here the last handle frees the timer.
TEST(Timer, TestTimerGC) {
  EXPECT_EQ(run_on(2,
                   [] {
                     for (int i = 0; i < 1000; ++i) {
                       (void)heddle::after(never);
                       (void)heddle::tick(never);
                       const timer t(never);
                       const heddle::receiver<time_point> r = t;
                     }
                     EXPECT_FALSE(any_armed());
                     heddle::after_func(never, [] {});  // but a call does not need its handle
                     EXPECT_TRUE(any_armed());
                   }),
            0);
}

TEST(Timer, what_after_func_holds_goes_with_its_last_chance_to_be_called) {
  auto held = std::make_shared<int>(1);
  EXPECT_EQ(run_on(2,
                   [&] {
                     {
                       const func_timer f = heddle::after_func(never, [held] {});
                       EXPECT_TRUE(f.stop());
                       EXPECT_EQ(held.use_count(), 2) << "it may be asked for again";
                     }
                     EXPECT_EQ(held.use_count(), 1);
                     heddle::chan<bool> called;
                     heddle::after_func(1us, [held, called] { called.send(true); });
                     called.recv();
                     while (held.use_count() != 1) heddle::gosched();
                     heddle::after_func(never, [held] {});
                   }),
            0);
  EXPECT_EQ(held.use_count(), 1) << "the runtime's end";
}

TEST(Timer, a_million_armed) {
  const int count = heddle_test::tsan || heddle_test::asan ? 100'000 : 1'000'000;
  EXPECT_EQ(run_on(2,
                   [&] {
                     std::vector<timer> timers;
                     timers.reserve(static_cast<std::size_t>(count));
                     for (int i = 0; i < count; ++i) timers.emplace_back(never + i * 1us);
                     for (const timer &t : timers) ASSERT_TRUE(t.reset(2 * never));
                     EXPECT_TRUE(heddle::after(1ms).recv());
                     for (const timer &t : timers) ASSERT_TRUE(t.stop());
                     EXPECT_FALSE(any_armed());
                   }),
            0);
}

TEST(Timer, handles_outlive_the_runtime) {
  std::vector<timer> timers;
  std::vector<func_timer> calls;
  EXPECT_EQ(run_on(1,
                   [&] {
                     timers.emplace_back(never);
                     calls.push_back(heddle::after_func(never, [] {}));
                   }),
            0);
  EXPECT_FALSE(timers[0].stop());
  EXPECT_FALSE(calls[0].stop());
  EXPECT_FALSE(timers[0].try_recv().arrived());
  EXPECT_EQ(run_on(1,
                   [&] {
                     EXPECT_FALSE(timers[0].reset(1us));
                     EXPECT_TRUE(timers[0].recv());
                   }),
            0);
}

TEST(Timer, a_thread_outside_receives_and_stops) {
  EXPECT_EQ(run_on(2,
                   [] {
                     const timer t(1ms), other(never);
                     heddle::blocking([&] {
                       std::thread([&] {
                         EXPECT_TRUE(t.recv());
                         EXPECT_TRUE(other.stop());
                       }).join();
                     });
                   }),
            0);
}

TEST(TimerDeathTest, the_call_is_named) {
  const auto expect_refused = [](const char *who, auto f) {
    EXPECT_EXIT(f(), testing::ExitedWithCode(2), std::string(who) + " called on a thread that runs no goroutine\n");
  };
  expect_refused("heddle::timer", [] { (void)timer(1ms); });
  expect_refused("heddle::ticker", [] { (void)ticker(1ms); });
  expect_refused("heddle::after", [] { (void)heddle::after(1ms); });
  expect_refused("heddle::tick", [] { (void)heddle::tick(1ms); });
  expect_refused("heddle::after_func", [] { (void)heddle::after_func(1ms, [] {}); });
}

TEST(TimerDeathTest, TestZeroTimerStopPanics) {
  EXPECT_EXIT(run_on(1,
                     [] {
                       timer t(never);
                       const timer moved = std::move(t);
                       t.stop();
                     }),
              testing::ExitedWithCode(2), "timer used after it was moved from");
  EXPECT_EXIT(timer t(1ms), testing::ExitedWithCode(2), "called on a thread that runs no goroutine");
}

TEST(Ticker, TestTicker) {
  EXPECT_EQ(run_on(2,
                   [] {
                     const auto start = clock_type::now();
                     const ticker t(1ms);
                     for (int i = 0; i < 10; ++i) t.recv();
                     EXPECT_GE(clock_type::now() - start, 10ms);
                     t.reset(2ms);
                     const auto again = clock_type::now();
                     for (int i = 0; i < 5; ++i) t.recv();
                     EXPECT_GE(clock_type::now() - again, 9ms);
                     t.stop();
                     EXPECT_FALSE(t.recv_for(5ms).arrived());
                   }),
            0);
}

// A slow receiver gets one tick at once and then the next in its time, and no more.
TEST(Ticker, ticks_are_left_out_for_slow_receivers) {
  EXPECT_EQ(run_on(2,
                   [] {
                     const ticker t(2ms);
                     heddle::sleep_for(30ms);
                     int at_once = 0;
                     while (t.try_recv()) ++at_once;
                     EXPECT_LE(at_once, 2);
                     EXPECT_GE(at_once, 1);
                   }),
            0);
}

TEST(Ticker, TestTeardown) {
  EXPECT_EQ(run_on(2,
                   [] {
                     for (int i = 0; i < 3; ++i) {
                       const ticker t(1ms);
                       t.recv();
                       t.stop();
                     }
                     EXPECT_FALSE(any_armed());
                   }),
            0);
}

TEST(Ticker, TestTick) {
  EXPECT_EQ(run_on(2,
                   [] {
                     const auto ticks = heddle::tick(1ms);
                     for (int i = 0; i < 3; ++i) EXPECT_TRUE(ticks.recv());
                   }),
            0);
}

TEST(Ticker, TestIssue5745_a_ticker_that_nobody_receives_from_disturbs_nobody) {
  EXPECT_EQ(run_on(1,
                   [] {
                     const ticker t(1us);
                     heddle::sleep_for(2ms);
                   }),
            0);
}

TEST(TickerDeathTest, TestNewTickerLtZeroDuration_TestTickerResetLtZeroDuration) {
  EXPECT_EXIT(run_on(1, [] { ticker t(-1ns); }), testing::ExitedWithCode(2), "non-positive interval for a ticker");
  EXPECT_EXIT(run_on(1,
                     [] {
                       ticker t(1s);
                       t.reset(0ns);
                     }),
              testing::ExitedWithCode(2), "non-positive interval for a ticker");
}

TEST(ChanLimit, a_refused_value_stays_with_the_caller) {
  EXPECT_EQ(run_on(2,
                   [] {
                     heddle::chan<std::unique_ptr<int>> c;
                     auto mine = std::make_unique<int>(7);
                     EXPECT_FALSE(c.try_send(std::move(mine)));
                     EXPECT_TRUE(mine);
                     EXPECT_FALSE(c.send_for(std::move(mine), 1ms));
                     EXPECT_TRUE(mine);
                     EXPECT_FALSE(c.send_until(std::move(mine), std::chrono::system_clock::now() + 1ms));
                     EXPECT_TRUE(mine);
                     const auto other = heddle::spawn([c] { EXPECT_EQ(**c.recv_for(10s), 7); });
                     EXPECT_TRUE(c.send_for(std::move(mine), 10s));
                     EXPECT_FALSE(mine);
                     heddle::chan<int> copies(1);
                     const int kept = 3;
                     EXPECT_TRUE(copies.try_send(kept));
                     EXPECT_FALSE(copies.send_for(kept, 0s));
                   }),
            0);
}

TEST(ChanLimit, the_end_is_told_from_the_time) {
  EXPECT_EQ(run_on(2,
                   [] {
                     heddle::chan<int> c(1);
                     EXPECT_FALSE(c.recv_for(1ms).arrived());
                     EXPECT_FALSE(c.recv_until(clock_type::now() - 1s).arrived());
                     EXPECT_FALSE(c.recv_until(std::chrono::system_clock::now() + 1ms).arrived());
                     heddle::go([c] { c.close(); });
                     const auto end = heddle::receiver<int>(c).recv_for(10s);
                     EXPECT_FALSE(end.has_value());
                     EXPECT_TRUE(end.closed());
                     EXPECT_TRUE(c.try_recv().closed());
                     EXPECT_FALSE(heddle::chan<int>::nil().recv_for(1ms).arrived());
                     EXPECT_FALSE(heddle::chan<int>::nil().send_for(1, 1ms));
                   }),
            0);
}

TEST(ChanLimit, threads_and_goroutines_in_calls_wait_so_long) {
  heddle::chan<int> c;
  const auto begun = clock_type::now();
  EXPECT_FALSE(c.recv_for(2ms).arrived());  // there is no runtime at all
  EXPECT_FALSE(c.send_for(1, 2ms));
  EXPECT_GE(clock_type::now() - begun, 4ms);
  EXPECT_EQ(run_on(1,
                   [&] {
                     heddle::blocking([&] { EXPECT_FALSE(c.recv_for(2ms).arrived()); });
                     heddle::go([&] { c.send(5); });
                     heddle::blocking([&] { EXPECT_EQ(c.recv_for(10s), 5); });
                     std::thread sender([&] { EXPECT_TRUE(c.send_for(6, 10s)); });
                     EXPECT_EQ(c.recv(), 6);
                     heddle::blocking([&] { sender.join(); });
                   }),
            0);
}

// The time of either side is over about when the other comes: no value is lost, none comes twice.
TEST(ChanLimit, limits_on_both_sides_lose_nothing) {
  EXPECT_EQ(run_on(4,
                   [] {
                     heddle::chan<int> c;
                     std::atomic<std::int64_t> sent{0}, received{0};
                     heddle::wait_group wg;
                     for (int i = 0; i < 4; ++i) {
                       wg.go([&, i] {
                         for (int k = 0; k < 300; ++k)
                           if (c.send_for(k, std::chrono::microseconds((k + i) % 40))) sent += k + 1;
                       });
                       wg.go([&, i] {
                         for (int k = 0; k < 300; ++k)
                           if (const auto v = c.recv_for(std::chrono::microseconds((k * 7 + i) % 40)))
                             received += *v + 1;
                       });
                     }
                     wg.wait();
                     EXPECT_EQ(sent, received);
                   }),
            0);
}

// A goroutine that waits with a limit when the runtime ends is abandoned; one in a call waits until its time is over.
TEST(ChanLimit, the_end_of_the_runtime) {
  EXPECT_EQ(run_on(2,
                   [] {
                     static heddle::chan<int> c;
                     heddle::go([] { (void)c.recv_for(never); });
                     heddle::go([] { heddle::blocking([] { EXPECT_FALSE(c.recv_for(20ms).arrived()); }); });
                     heddle::sleep_for(5ms);
                   }),
            0);
}

}  // namespace
