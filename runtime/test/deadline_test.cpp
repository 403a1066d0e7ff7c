// Numbers that callers give: durations and time points of every representation, period and clock; counters at their
// ends. What comes out is compared with arithmetic that has more digits.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <mutex>
#include <ratio>
#include <shared_mutex>
#include <type_traits>

#include "heddle/detail/deadline.hpp"
#include "runtime/test/test_support.hpp"

namespace {

using heddle_test::run_on;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

__extension__ using wide = __int128;

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max(),
                       least = std::numeric_limits<std::int64_t>::min();

std::int64_t cut(wide ns) { return static_cast<std::int64_t>(ns > most ? most : ns < least ? least : ns); }

// n units of num/den seconds in nanoseconds, rounded up.
wide exact(wide n, std::intmax_t num, std::intmax_t den) {
  const wide product = n * num * 1'000'000'000;  // fits for the periods below
  return product / den + (product % den > 0 ? 1 : 0);
}

using years = std::ratio<31'556'952>;
template <template <class, class> class Check>
struct all_of {
  template <class Rep>
  static void of_rep() {
    Check<Rep, std::nano>::check(), Check<Rep, std::micro>::check(), Check<Rep, std::milli>::check();
    Check<Rep, std::ratio<1>>::check(), Check<Rep, std::ratio<60>>::check(), Check<Rep, std::ratio<3600>>::check();
    Check<Rep, years>::check(), Check<Rep, std::ratio<1, 3>>::check(), Check<Rep, std::ratio<1001, 30'000>>::check();
    Check<Rep, std::pico>::check(), Check<Rep, std::ratio<1, 1'000'000'007>>::check();
  }
};

// Any value of Rep, most often one near an end or near the place where the result is cut.
template <class Rep>
Rep some_number() {
  using limits = std::numeric_limits<Rep>;
  const auto near = *rc::gen::inRange(-3, 4);
  const auto base = *rc::gen::element(limits::min(), limits::max(), Rep{0}, *rc::gen::arbitrary<Rep>(),
                                      static_cast<Rep>(9'223'372'036'854'775'807 >> (*rc::gen::inRange(0, 63))));
  const wide sum = static_cast<wide>(base) + near;
  return sum < limits::min() || sum > limits::max() ? base : static_cast<Rep>(sum);
}
template <std::floating_point Rep>
Rep some_number() {
  const auto sign = *rc::gen::element(-1, 1);
  const auto exponent = *rc::gen::inRange(-70, 100);
  const auto digits = *rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 53);
  return static_cast<Rep>(sign * std::ldexp(static_cast<long double>(digits), static_cast<int>(exponent - 53)));
}

template <class Rep, class Period>
struct converts {
  static void check() {
    const Rep n = some_number<Rep>();
    const std::int64_t ns = heddle::detail::nanoseconds_of(std::chrono::duration<Rep, Period>(n));
    if constexpr (std::is_integral_v<Rep>) {
      RC_ASSERT(ns == cut(exact(n, Period::num, Period::den)));
    } else {
      const long double x = static_cast<long double>(n) * Period::num / Period::den * 1e9L;
      const long double slack = static_cast<long double>(std::numeric_limits<Rep>::epsilon()) * std::fabs(x) * 2;
      if (x >= 9223372036854775807.0L + slack) {
        RC_ASSERT(ns == most);
      } else if (x <= -9223372036854775808.0L - slack) {
        RC_ASSERT(ns == least);
      } else {
        const auto got = static_cast<long double>(ns);
        RC_ASSERT(got >= x - slack);      // not early, by more than the representation can say
        RC_ASSERT(got <= x + slack + 1);  // and hardly late
        if (n > 0) RC_ASSERT(ns > 0);
        if (n < 0) RC_ASSERT(ns <= 0);
      }
    }
  }
};

RC_GTEST_PROP(DeadlineProperties, durations_of_integers, ()) {
  using all = all_of<converts>;
  all::of_rep<std::int8_t>(), all::of_rep<std::int16_t>(), all::of_rep<std::int32_t>(), all::of_rep<std::int64_t>();
  all::of_rep<std::uint8_t>(), all::of_rep<std::uint16_t>(), all::of_rep<std::uint32_t>();
  all::of_rep<std::uint64_t>();
}
RC_GTEST_PROP(DeadlineProperties, durations_of_floating_point, ()) {
  using all = all_of<converts>;
  all::of_rep<float>(), all::of_rep<double>(), all::of_rep<long double>();
}

// A clock that stands where the test sets it.
template <class Rep, class Period>
struct set_clock {
  using rep = Rep;
  using period = Period;
  using duration = std::chrono::duration<Rep, Period>;
  using time_point = std::chrono::time_point<set_clock>;
  static constexpr bool is_steady = false;
  static inline Rep at{};
  static time_point now() { return time_point(duration(at)); }
};

template <class Rep, class Period>
struct differs {
  static void check() {
    using clock = set_clock<Rep, Period>;
    clock::at = some_number<Rep>();
    // A time point in the clock's own unit, and in others.
    const Rep n = some_number<Rep>();
    const std::int64_t left = heddle::detail::time_left(typename clock::time_point(typename clock::duration(n)));
    const wide now = exact(clock::at, Period::num, Period::den);
    RC_ASSERT(left == cut(exact(n, Period::num, Period::den) - now));
    RC_ASSERT((left > 0) == (n > clock::at) || Period::den > 1'000'000'000);
    const auto u = *rc::gen::arbitrary<std::uint64_t>();
    RC_ASSERT(
        heddle::detail::time_left(std::chrono::time_point<clock, std::chrono::duration<std::uint64_t, std::milli>>(
            std::chrono::duration<std::uint64_t, std::milli>(u))) == cut(exact(u, 1, 1000) - now));
    const auto s = *rc::gen::arbitrary<std::int32_t>();
    RC_ASSERT(heddle::detail::time_left(std::chrono::time_point<clock, std::chrono::duration<std::int32_t, years>>(
                  std::chrono::duration<std::int32_t, years>(s))) == cut(exact(s, years::num, 1) - now));
  }
};

RC_GTEST_PROP(DeadlineProperties, time_points_of_integers, ()) {
  using all = all_of<differs>;
  all::of_rep<std::int8_t>(), all::of_rep<std::int16_t>(), all::of_rep<std::int32_t>(), all::of_rep<std::int64_t>();
  all::of_rep<std::uint8_t>(), all::of_rep<std::uint16_t>(), all::of_rep<std::uint32_t>();
  all::of_rep<std::uint64_t>();
}

template <class Rep>
void no_numbers() {
  using seconds = std::chrono::duration<Rep>;
  using limits = std::numeric_limits<Rep>;
  using heddle::detail::nanoseconds_of, heddle::detail::time_left, heddle::detail::time_in;
  EXPECT_EQ(nanoseconds_of(seconds(limits::quiet_NaN())), 0);
  EXPECT_EQ(nanoseconds_of(seconds(limits::infinity())), most);
  EXPECT_EQ(nanoseconds_of(seconds(-limits::infinity())), least);
  EXPECT_EQ(nanoseconds_of(seconds(limits::max())), most);
  EXPECT_EQ(nanoseconds_of(seconds(limits::lowest())), least);
  EXPECT_EQ(nanoseconds_of(seconds(limits::denorm_min())), 1);
  EXPECT_EQ(nanoseconds_of(seconds(-limits::denorm_min())), 0);
  EXPECT_EQ(time_in(seconds(limits::infinity())), heddle::detail::never);
  const std::int64_t now = time_in(seconds(limits::quiet_NaN()));
  EXPECT_LE(now, heddle::detail::nanotime());
  using point = std::chrono::time_point<steady_clock, seconds>;
  EXPECT_EQ(time_left(point(seconds(limits::quiet_NaN()))), 0);
  EXPECT_EQ(time_left(point(seconds(limits::infinity()))), most);
  EXPECT_EQ(time_left(point(seconds(-limits::infinity()))), least);
}

TEST(DeadlineTest, numbers_that_are_none_and_infinities) {
  no_numbers<float>();
  no_numbers<double>();
  no_numbers<long double>();
}

TEST(DeadlineTest, decimal_fractions_are_what_they_look_like) {
  using heddle::detail::nanoseconds_of;
  EXPECT_EQ(nanoseconds_of(std::chrono::duration<double>(0.1)), 100'000'000);
  EXPECT_EQ(nanoseconds_of(std::chrono::duration<double>(-0.1)), -100'000'000);
  EXPECT_EQ(nanoseconds_of(std::chrono::duration<double, std::milli>(0.3)), 300'000);
  EXPECT_EQ(nanoseconds_of(std::chrono::duration<double, std::nano>(0.5)), 1);
  EXPECT_EQ(nanoseconds_of(std::chrono::duration<double, std::nano>(-0.5)), 0);
}

// ---------------------------------------------------------------------------------------------- every call that takes one

// A clock without a sign, as a hardware counter gives it.
template <class Rep>
struct counter {
  using rep = Rep;
  using period = std::micro;
  using duration = std::chrono::duration<Rep, period>;
  using time_point = std::chrono::time_point<counter>;
  static constexpr bool is_steady = true;
  static time_point now() {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now().time_since_epoch());
    return time_point(duration(static_cast<Rep>(us.count())));
  }
};

// Calls each wait with a moment; `over`: it has come, so that no call may wait. All end with nothing done.
template <class Point>
void each_wait(const Point &t, bool over) {
  const auto look = [&](const char *what, auto wait) {
    const auto begun = steady_clock::now();
    EXPECT_FALSE(wait()) << what;
    const auto took = steady_clock::now() - begun;
    EXPECT_LT(took, over ? 1s : 10s) << what;  // seconds, because the machine may be busy; a wrong sign waits for ever
  };
  heddle::chan<int> c;
  heddle::mutex m;
  heddle::shared_mutex sm;
  heddle::condition_variable cv;
  heddle::semaphore s(0);
  heddle::wait_group wg(1);
  m.lock(), sm.lock();
  heddle::mutex other;
  std::unique_lock hold(other);
  heddle::wait_group end(1);
  auto running = heddle::spawn([&] { end.wait(); });
  look("chan::recv_until", [&] { return c.recv_until(t).has_value(); });
  look("chan::send_until", [&] { return c.send_until(1, t); });
  look("receiver::recv_until", [&] { return heddle::receiver<int>(c).recv_until(t).has_value(); });
  look("sender::send_until", [&] { return heddle::sender<int>(c).send_until(1, t); });
  look("mutex", [&] { return m.try_lock_until(t); });
  look("shared_mutex", [&] { return sm.try_lock_until(t); });
  look("shared_mutex, shared", [&] { return sm.try_lock_shared_until(t); });
  look("condition_variable", [&] { return cv.wait_until(hold, t) == std::cv_status::no_timeout && over; });
  look("condition_variable, condition", [&] { return cv.wait_until(hold, t, [] { return false; }); });
  look("semaphore", [&] { return s.try_acquire_until(t); });
  look("wait_group", [&] { return wg.wait_until(t); });
  look("task", [&] { return running.wait_until(t); });
  look("sleep_until", [&] {
    heddle::sleep_until(t);
    return false;
  });
  look("with_deadline", [&] {
    const auto x = heddle::with_deadline({}, t);
    if (!over) x.done().recv();
    return x.err() == heddle::context_error::none;
  });
  end.done();
  m.unlock(), sm.unlock();
}

template <class Rep>
void counters() {
  using clock = counter<Rep>;
  const auto ago = typename clock::duration(1000);
  each_wait(clock::now() - ago, true);
  each_wait(clock::now() + ago, false);
}

TEST(DeadlineTest, clocks_without_a_sign) {
  run_on(1, [] {
    counters<std::uint64_t>();
    counters<std::int64_t>();
    counters<double>();
    using unsigned_seconds = std::chrono::duration<unsigned long long>;
    each_wait(std::chrono::time_point_cast<unsigned_seconds>(std::chrono::system_clock::now() - 2s), true);
    each_wait(std::chrono::time_point_cast<unsigned_seconds>(steady_clock::now() - 2s), true);
    each_wait(steady_clock::now() - 1ms, true);
    each_wait(std::chrono::system_clock::now() + 1ms, false);
  });
}

TEST(DeadlineTest, durations_that_are_no_time) {
  run_on(1, [] {
    using seconds = std::chrono::duration<float>;
    for (const float none : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity(), -1.0f}) {
      heddle::chan<int> c;
      heddle::sleep_for(seconds(none));
      EXPECT_FALSE(c.recv_for(seconds(none)));
      EXPECT_TRUE(heddle::after(seconds(none)).recv());
      EXPECT_EQ(heddle::with_timeout({}, seconds(none)).err(), heddle::context_error::deadline_exceeded);
    }
    const auto forever = seconds(std::numeric_limits<float>::infinity());
    EXPECT_FALSE(heddle::after(forever).try_recv());
    EXPECT_EQ(heddle::with_timeout({}, forever).deadline(), std::nullopt);
    EXPECT_FALSE(heddle::after(std::chrono::hours::max()).try_recv());
    EXPECT_FALSE(heddle::tick(std::chrono::hours::max()).try_recv());
  });
}

// ---------------------------------------------------------------------------------------------------------- counters

const auto status_2 = testing::ExitedWithCode(2);

TEST(CountersDeathTest, are_not_driven_over_their_ends) {
  EXPECT_EXIT(
      {
        heddle::wait_group wg(most);
        wg.add(1);
      },
      status_2, "fatal error: wait_group counter larger than an std::int64_t\n");
  EXPECT_EXIT(
      {
        heddle::wait_group wg;
        wg.add(most);
        wg.add(most);
      },
      status_2, "wait_group counter larger");
  EXPECT_EXIT(
      {
        heddle::wait_group wg;
        wg.add(least);
      },
      status_2, "negative wait_group counter");
  EXPECT_EXIT(
      {
        heddle::semaphore s(heddle::semaphore::max());
        s.release();
      },
      status_2, "semaphore with too many units");
  EXPECT_EXIT(
      {
        heddle::semaphore s(1);
        s.release(heddle::semaphore::max());
      },
      status_2, "semaphore with too many units");
  EXPECT_EXIT(
      {
        heddle::latch l(heddle::latch::max());
        l.count_down(std::numeric_limits<std::ptrdiff_t>::min());
      },
      status_2, "latch counted down by more than is left, or by a negative number");
  EXPECT_EXIT(
      {
        heddle::barrier<> b(heddle::barrier<>::max());
        (void)b.arrive(std::numeric_limits<std::ptrdiff_t>::min());
      },
      status_2, "barrier with more arrivals than are expected, or with none");
}

TEST(CountersDeathTest, nesting_has_an_end) {
  constexpr std::int32_t all = std::numeric_limits<std::int32_t>::max();
  EXPECT_EXIT((void)run_on(1,
                           [&] {
                             heddle::lock_os_thread();
                             heddle::detail::getm()->lockedExt = all;  // as after so many calls
                             heddle::lock_os_thread();
                           }),
              status_2, "fatal error: lock_os_thread: too many calls not undone\n");
  EXPECT_EXIT((void)run_on(1,
                           [&] {
                             heddle::detail::getm()->locks = all;
                             const heddle::no_preempt one_more;
                           }),
              status_2, "fatal error: no_preempt: too many at a time\n");
}

TEST(CountersTest, the_largest_values_are_values) {
  heddle::wait_group wg(most);
  wg.add(-most);
  wg.wait();
  wg.add(most);
  wg.add(least + 1);
  wg.wait();
  heddle::latch l(heddle::latch::max());
  l.count_down(heddle::latch::max());
  l.wait();
  heddle::semaphore s(0);
  s.release(heddle::semaphore::max());
  EXPECT_TRUE(s.try_acquire());
  EXPECT_THROW(heddle::chan<int>{std::numeric_limits<std::size_t>::max()}, std::bad_alloc);
  EXPECT_THROW(heddle::chan<char>{std::numeric_limits<std::size_t>::max()}, std::bad_alloc);
  run_on(1, [] {
    for (const std::size_t size :
         {std::numeric_limits<std::size_t>::max(), std::numeric_limits<std::size_t>::max() - 9000})
      EXPECT_THROW(heddle::go([] {}, size), std::bad_alloc);
  });
}

TEST(CountersTest, options_out_of_range_are_refused) {
  const auto refused = [](auto set) {
    heddle::options o = heddle_test::with_procs(1);
    set(o);
    EXPECT_THROW(heddle::runtime rt(o), heddle::config_error);
  };
  constexpr int low = std::numeric_limits<int>::min(), high = std::numeric_limits<int>::max();
  for (const int n : {low, -1, 1025, high}) refused([n](heddle::options &o) { o.procs = n; });
  for (const int n : {low, -1}) {
    refused([n](heddle::options &o) { o.threads_max = n; });
    refused([n](heddle::options &o) { o.threads_idle_max = n; });
    refused([n](heddle::options &o) { o.schedtrace_ms = n; });
  }
  for (const std::size_t n : {std::size_t{1}, std::numeric_limits<std::size_t>::max()})
    refused([n](heddle::options &o) { o.stack_size = n; });
  heddle::options o = heddle_test::with_procs(1);
  o.threads_max = o.threads_idle_max = o.schedtrace_ms = high;
  EXPECT_EQ(heddle::run([] { heddle::sleep_for(1ms); }, o), 0);
}

}  // namespace
