#pragma once
// Times as callers give them, and as waits with a limit take them: in nanoseconds of nanotime(), which reads
// std::chrono::steady_clock. All that callers give comes through here: durations and time points of any
// representation (signed, unsigned, floating-point), period and clock.
#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <numeric>
#include <type_traits>

#include "heddle/detail/sched.hpp"

HEDDLE_DETAIL_BEGIN

__extension__ using int128 = __int128;
__extension__ using uint128 = unsigned __int128;

// More nanoseconds than any clock counts; of two such times the difference does not overflow. Times out of range are
// cut to it.
inline constexpr int128 very_long = int128{1} << 120;

// Returns n units of N/D nanoseconds each, rounded up. Pre: |n| < 2^64.
template <uint128 N, uint128 D>
constexpr int128 scaled(int128 n) noexcept {
  // n N / D in two parts, because n N may be too large: N = whole D + rest, and rest < D < 2^63.
  constexpr uint128 whole = N / D, rest = N % D;
  if (n == 0) return 0;
  const bool negative = n < 0;
  const auto size = static_cast<uint128>(negative ? -n : n);
  constexpr auto limit = static_cast<uint128>(very_long);
  if (whole != 0 && size > limit / whole) return negative ? -very_long : very_long;
  const uint128 part = size * rest;
  const uint128 ns = size * whole + (negative ? part / D : part / D + (part % D != 0 ? 1 : 0));
  const int128 cut_ns = ns > limit ? very_long : static_cast<int128>(ns);
  return negative ? -cut_ns : cut_ns;
}

// Returns x nanoseconds, rounded up, but to the nearest number where that is nearer than a Rep can say. No number is no
// time: 0.
template <class Rep>
int128 rounded_up(long double x) noexcept {
  if (x != x) return 0;
  constexpr auto limit = static_cast<long double>(very_long);
  if (x >= limit) return very_long;
  if (x <= -limit) return -very_long;
  const auto below = static_cast<int128>(x);  // towards zero
  const long double rest = x - static_cast<long double>(below);
  const long double close = static_cast<long double>(std::numeric_limits<Rep>::epsilon()) * (x < 0 ? -x : x);
  if (rest > 0) return rest <= close ? below : below + 1;
  if (rest < 0) return 1 + rest <= close ? below - 1 : below;
  return below;
}

// Returns d in nanoseconds, rounded up, cut to very_long. A number that is none counts as 0.
template <class Rep, class Period>
constexpr int128 wide_nanoseconds(const std::chrono::duration<Rep, Period> &d) {
  constexpr auto den = static_cast<uint128>(Period::den);
  constexpr auto num = static_cast<uint128>(Period::num) * 1'000'000'000;
  if constexpr (std::is_integral_v<Rep>) {
    // Most periods need no division.
    constexpr auto common =
        static_cast<uint128>(std::gcd(static_cast<std::uint64_t>(Period::den), std::uint64_t{1'000'000'000}));
    return scaled<num / common, den / common>(static_cast<int128>(d.count()));
  } else {  // floating-point, or a class that converts to it
    using precision = std::conditional_t<std::is_floating_point_v<Rep>, Rep, double>;
    const auto count = static_cast<long double>(d.count());
    return rounded_up<precision>(count * (static_cast<long double>(num) / static_cast<long double>(den)));
  }
}

// Returns ns, cut to what an std::int64_t holds.
constexpr std::int64_t narrow(int128 ns) noexcept {
  constexpr int128 most = std::numeric_limits<std::int64_t>::max(), least = std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(ns > most ? most : ns < least ? least : ns);
}

// Returns d in nanoseconds, rounded up; the largest or smallest value if d is out of range. A number that is none
// counts as 0.
template <class Rep, class Period>
std::int64_t nanoseconds_of(const std::chrono::duration<Rep, Period> &d) {
  return narrow(wide_nanoseconds(d));
}

// Returns the time ns from now; `never` if that is out of range; now if ns is not positive.
inline std::int64_t time_in(std::int64_t ns) {
  const std::int64_t now = nanotime();
  if (ns <= 0) return now;
  return ns > never - now ? never : now + ns;
}
template <class Rep, class Period>
std::int64_t time_in(const std::chrono::duration<Rep, Period> &d) {
  return time_in(nanoseconds_of(d));
}

// Returns whether `when` has come; does not read the clock if there is no limit.
inline bool is_over(std::int64_t when) { return when != never && nanotime() >= when; }

// Returns whether d is a floating-point number that is none.
template <class Rep, class Period>
bool is_no_number(const std::chrono::duration<Rep, Period> &d) {
  if constexpr (std::is_floating_point_v<Rep>)
    return d.count() != d.count();
  else
    return false;
}

// Returns how long it is until t, as nanoseconds_of does, also if the difference, or t in the clock's own unit, is out
// of range, and if the clock's numbers have no sign. A t that is no number is over.
template <class Clock, class Duration>
std::int64_t time_left(const std::chrono::time_point<Clock, Duration> &t) {
  const auto now = Clock::now().time_since_epoch();
  if (is_no_number(t.time_since_epoch())) return 0;
  return narrow(wide_nanoseconds(t.time_since_epoch()) - wide_nanoseconds(now));
}
// Returns when t is, as nanotime() counts now; now if t is over.
template <class Clock, class Duration>
std::int64_t time_at(const std::chrono::time_point<Clock, Duration> &t) {
  return time_in(time_left(t));
}
// As time_at, for a moment that the caller keeps: if steady_clock, which nanotime() reads, is the clock, it stays what
// it is, also if it is over.
template <class Clock, class Duration>
std::int64_t moment_of(const std::chrono::time_point<Clock, Duration> &t) {
  if constexpr (std::is_same_v<Clock, std::chrono::steady_clock>)
    return nanoseconds_of(t.time_since_epoch());
  else
    return time_at(t);
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
