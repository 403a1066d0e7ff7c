// Sleep.
#include <algorithm>
#include <mutex>
#include <thread>

#include "runtime/test/test_support.hpp"

namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;
using heddle_test::run_on;

TEST(Time, sleep_for_is_not_shorter_than_asked) {
  EXPECT_EQ(run_on(2,
                   [] {
                     for (const auto d : {1us, 50us, 700us, 3000us}) {
                       const auto end = clock_type::now() + d;
                       heddle::sleep_for(d);
                       EXPECT_GE(clock_type::now(), end);
                     }
                   }),
            0);
}

TEST(Time, sleep_until_takes_any_clock) {
  EXPECT_EQ(run_on(1,
                   [] {
                     const auto steady = clock_type::now() + 2ms;
                     heddle::sleep_until(steady);
                     EXPECT_GE(clock_type::now(), steady);
                     const auto wall = std::chrono::system_clock::now() + 2ms;
                     heddle::sleep_until(wall);
                     EXPECT_GE(std::chrono::system_clock::now(), wall);
                   }),
            0);
}

TEST(Time, what_is_not_positive_is_no_sleep) {
  EXPECT_EQ(run_on(1,
                   [] {
                     bool other = false;
                     heddle::go([&] { other = true; });
                     heddle::sleep_for(0ns);
                     heddle::sleep_for(-1h);
                     heddle::sleep_until(clock_type::now() - 1h);
                     EXPECT_FALSE(other);  // it does not even give way
                     heddle::yield();
                   }),
            0);
}

// Times that do not fit into a clock's own unit, or whose difference does not fit into nanoseconds.
template <class Clock>
void past_and_future() {
  using past = std::chrono::time_point<Clock>;
  using coarse = std::chrono::time_point<Clock, std::chrono::hours>;
  heddle::sleep_until(past::min());
  heddle::sleep_until(coarse::min());
  const heddle::chan<int> c;
  EXPECT_FALSE(c.recv_until(past::min()));
  EXPECT_FALSE(c.recv_until(coarse::min()));
  EXPECT_FALSE(c.send_until(1, past::min()));
  heddle::mutex mu;
  std::unique_lock hold(mu);
  EXPECT_FALSE(mu.try_lock_until(past::min()));
  heddle::condition_variable cv;
  EXPECT_EQ(cv.wait_until(hold, past::min()), std::cv_status::timeout);
  EXPECT_EQ(cv.wait_until(hold, coarse::min()), std::cv_status::timeout);
  EXPECT_FALSE(heddle::semaphore(0).try_acquire_until(past::min()));
  heddle::wait_group wg;
  wg.go([c] {
    for (int i = 0; i < 2; ++i) {
      heddle::sleep_for(1ms);
      c.send(i);
    }
  });
  EXPECT_EQ(c.recv_until(past::max()), 0);
  EXPECT_EQ(c.recv_until(coarse::max()), 1);
  EXPECT_TRUE(wg.wait_until(coarse::max()));
  auto t = heddle::spawn([c] { return c.recv(); });
  EXPECT_FALSE(t.wait_until(past::min()));
  c.close();
  EXPECT_TRUE(t.wait_until(coarse::max()));
}
TEST(Time, until_any_time_of_any_clock) {
  EXPECT_EQ(run_on(2,
                   [] {
                     past_and_future<clock_type>();
                     past_and_future<std::chrono::system_clock>();
                     heddle::go([] { heddle::sleep_until(std::chrono::sys_seconds::max()); });
                     heddle::yield();
                   }),
            0);
}

// Times longer than the program lives, in all ways to say them.
TEST(Time, the_longest_sleeps_are_abandoned_with_the_runtime) {
  EXPECT_EQ(run_on(2,
                   [] {
                     heddle::go([] { heddle::sleep_for(std::chrono::hours::max()); });
                     heddle::go([] { heddle::sleep_for(std::chrono::duration<double>(1e300)); });
                     heddle::go([] { heddle::sleep_for(std::chrono::nanoseconds::max()); });
                     for (int i = 0; i < 3; ++i) heddle::gosched();
                     heddle::sleep_for(1ms);
                   }),
            0);
}

TEST(Time, TestAfterStress_many_sleep_at_once_and_each_wakes) {
  constexpr int n = 5000;
  std::atomic<int> woken{0};
  EXPECT_EQ(run_on(4,
                   [&] {
                     heddle::wait_group all;
                     for (int i = 0; i < n; ++i)
                       all.go([&woken, i] {
                         heddle::sleep_for(std::chrono::microseconds(i % 977 * 20));
                         woken.fetch_add(1);
                       });
                     all.wait();
                   }),
            0);
  EXPECT_EQ(woken.load(), n);
}

TEST(Time, who_sleeps_longer_wakes_later) {
  std::vector<int> order;
  EXPECT_EQ(run_on(1,
                   [&] {
                     heddle::wait_group all;
                     for (const int i : {3, 1, 4, 2, 5})
                       all.go([&order, i] {
                         heddle::sleep_for(i * 20ms);
                         order.push_back(i);
                       });
                     all.wait();
                   }),
            0);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

// The P where the timer was armed computes on without a safepoint.
TEST(Time, a_sleeper_wakes_beside_a_goroutine_that_computes) {
  std::atomic<bool> woken{false};
  EXPECT_EQ(run_on(2,
                   [&] {
                     heddle::go([&] {
                       heddle::sleep_for(1ms);
                       woken = true;
                     });
                     heddle::yield();
                     while (!woken) heddle::detail::cpu_relax();
                   }),
            0);
}

// With one P the timer waits for the time slice to end, and no longer.
TEST(Time, a_sleeper_wakes_though_the_only_P_is_busy) {
  std::atomic<bool> woken{false};
  EXPECT_EQ(run_on(1,
                   [&] {
                     heddle::go([&] {
                       heddle::sleep_for(1ms);
                       woken = true;
                     });
                     heddle::yield();
                     while (!woken) heddle::safepoint();
                   }),
            0);
}

TEST(Time, threads_sleep_inside_blocking_and_outside) {
  const auto begun = clock_type::now();
  heddle::sleep_for(2ms);  // there is no runtime at all
  EXPECT_GE(clock_type::now() - begun, 2ms);
  EXPECT_EQ(run_on(1,
                   [&] {
                     bool other = false;
                     heddle::go([&] { other = true; });
                     heddle::blocking([&] { heddle::sleep_for(30ms); });
                     EXPECT_TRUE(other);
                   }),
            0);
}

TEST(Time, sleeping_is_no_deadlock) {
  heddle::options o = heddle_test::with_procs(2);
  EXPECT_EQ(heddle::run([] { heddle::sleep_for(50ms); }, o), 0);
}

// The looks are halved down to a single one while sleeps are long; they double again after short ones, which a busy
// machine may never have.
TEST(Time, an_m_spins_as_long_as_it_is_worth) {
  constexpr std::uint32_t all = heddle::detail::geometry::spin_rounds;
  constexpr std::int64_t worth = heddle::detail::geometry::spin_time;
  EXPECT_EQ(heddle::detail::spins_after(all, worth), all / 2);
  EXPECT_EQ(heddle::detail::spins_after(3, worth), 2u);
  EXPECT_EQ(heddle::detail::spins_after(1, 1000 * worth), 1u);
  EXPECT_EQ(heddle::detail::spins_after(1, worth - 1), 2u);
  EXPECT_EQ(heddle::detail::spins_after(all - 1, worth - 1), all);
  EXPECT_EQ(heddle::detail::spins_after(all, 0), all);
  EXPECT_EQ(run_on(1,
                   [] {
                     while (heddle::detail::getm()->spins != 1) heddle::sleep_for(1ms);
                   }),
            0);
}

}  // namespace
