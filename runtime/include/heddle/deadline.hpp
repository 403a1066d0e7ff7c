#pragma once
// Times as callers say them, and as what waits with a limit takes them: nanotime(), which is std::chrono::steady_clock's.
#include <chrono>
#include <cstdint>
#include <type_traits>

#include "sched/time.hpp"

HEDDLE_BEGIN

namespace detail {

// Rounded up, and as long as possible where it is longer than that.
template <class Rep, class Period>
std::int64_t nanoseconds_of(std::chrono::duration<Rep, Period> d) {
  using std::chrono::nanoseconds;
  if (std::chrono::duration<long double, Period>(d) >= std::chrono::duration<long double, Period>(nanoseconds::max()))
    return nanoseconds::max().count();
  if (std::chrono::duration<long double, Period>(d) <= std::chrono::duration<long double, Period>(nanoseconds::min()))
    return nanoseconds::min().count();
  return std::chrono::ceil<nanoseconds>(d).count();
}

// From now on; sums that no one will see are the greatest, and what is over is now.
inline std::int64_t time_in(std::int64_t ns) {
  const std::int64_t now = nanotime();
  if (ns <= 0) return now;
  return ns > timers::never - now ? timers::never : now + ns;
}
template <class Rep, class Period>
std::int64_t time_in(std::chrono::duration<Rep, Period> d) {
  return time_in(nanoseconds_of(d));
}

// Without asking for the time where there is no limit.
inline bool is_over(std::int64_t when) { return when != timers::never && nanotime() >= when; }

// try_until(when) until it is true or t has come. A clock that can be set is looked at again when its time should have come.
template <class Clock, class Duration, class F>
auto until(const std::chrono::time_point<Clock, Duration> &t, F &&try_until) {
  for (;;) {
    auto result = try_until(time_in(t - Clock::now()));
    if (result || std::is_same_v<Clock, std::chrono::steady_clock> || Clock::now() >= t) return result;
  }
}

}  // namespace detail

HEDDLE_END
