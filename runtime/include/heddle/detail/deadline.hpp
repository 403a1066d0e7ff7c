#pragma once
// Times as callers give them, and as waits with a limit take them: in nanoseconds of nanotime(), which reads
// std::chrono::steady_clock.
#include <chrono>
#include <cstdint>
#include <type_traits>

#include "heddle/detail/sched.hpp"

HEDDLE_DETAIL_BEGIN

// Returns d in nanoseconds, rounded up; the largest or smallest value if d is out of range.
template <class Rep, class Period>
std::int64_t nanoseconds_of(std::chrono::duration<Rep, Period> d) {
  using std::chrono::nanoseconds;
  if (std::chrono::duration<long double, Period>(d) >= std::chrono::duration<long double, Period>(nanoseconds::max()))
    return nanoseconds::max().count();
  if (std::chrono::duration<long double, Period>(d) <= std::chrono::duration<long double, Period>(nanoseconds::min()))
    return nanoseconds::min().count();
  return std::chrono::ceil<nanoseconds>(d).count();
}

// Returns the time ns from now; `never` if that is out of range; now if ns is not positive.
inline std::int64_t time_in(std::int64_t ns) {
  const std::int64_t now = nanotime();
  if (ns <= 0) return now;
  return ns > never - now ? never : now + ns;
}
template <class Rep, class Period>
std::int64_t time_in(std::chrono::duration<Rep, Period> d) {
  return time_in(nanoseconds_of(d));
}

// Returns whether `when` has come; does not read the clock if there is no limit.
inline bool is_over(std::int64_t when) { return when != never && nanotime() >= when; }

// Returns how long it is until t, as nanoseconds_of does, also if the difference, or t in the clock's own unit, is out
// of range.
template <class Clock, class Duration>
std::int64_t time_left(const std::chrono::time_point<Clock, Duration> &t) {
  using real = std::chrono::duration<long double, std::nano>;
  constexpr real far{static_cast<long double>(std::int64_t{1} << 62)};  // 146 years
  const auto now = Clock::now();
  const real left = real(t.time_since_epoch()) - real(now.time_since_epoch());
  if (left >= far) return std::chrono::nanoseconds::max().count();
  if (left <= -far) return std::chrono::nanoseconds::min().count();
  return nanoseconds_of(t - now);
}
// Returns when t is, as nanotime() counts now; now if t is over.
template <class Clock, class Duration>
std::int64_t time_at(const std::chrono::time_point<Clock, Duration> &t) {
  return time_in(time_left(t));
}
// Returns whether t has come, after a wait until time_at(t) whose time is over. A clock that can be set must be read
// again.
template <class Clock, class Duration>
bool has_come(const std::chrono::time_point<Clock, Duration> &t) {
  return std::is_same_v<Clock, std::chrono::steady_clock> || time_left(t) <= 0;
}

// Calls try_until(when) until it returns true or t has come. A clock that can be set is read again when its time should
// have come.
template <class Clock, class Duration, class F>
auto until(const std::chrono::time_point<Clock, Duration> &t, F &&try_until) {
  for (;;) {
    auto result = try_until(time_at(t));
    if (result || has_come(t)) return result;
  }
}

HEDDLE_DETAIL_END
