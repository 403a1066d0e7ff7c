#pragma once
// Sleep, until when and for how long. Times are those of nanotime(), which is std::chrono::steady_clock's.
#include <chrono>

#include "heddle/runtime.hpp"

HEDDLE_BEGIN

namespace detail {

// Rounded up, and as long as possible where it is longer than that.
template <class Rep, class Period>
std::int64_t nanoseconds_of(std::chrono::duration<Rep, Period> d) {
  using std::chrono::nanoseconds;
  if (std::chrono::duration<long double, Period>(d) >= std::chrono::duration<long double, Period>(nanoseconds::max()))
    return nanoseconds::max().count();
  return std::chrono::ceil<nanoseconds>(d).count();
}

// From now on; sums that no one will see are the greatest.
inline std::int64_t time_in(std::int64_t ns) {
  const std::int64_t now = nanotime();
  return ns > timers::never - now ? timers::never : now + ns;
}

}  // namespace detail

// Waits so long; not at all if d is not positive. Caller: any thread. Blocks: the goroutine; inside blocking(f) and on a thread
// that runs no goroutine, the thread. Others run meanwhile. It may take longer: the time is over when the goroutine can run
// again, and then it waits for its turn.
template <class Rep, class Period>
void sleep_for(std::chrono::duration<Rep, Period> d) {
  const std::int64_t ns = detail::nanoseconds_of(d);
  if (ns > 0) timesleep(detail::time_in(ns));
}

// As sleep_for. A clock that can be set is looked at again when its time should have come.
template <class Clock, class Duration>
void sleep_until(const std::chrono::time_point<Clock, Duration> &t) {
  for (auto now = Clock::now(); now < t; now = Clock::now()) sleep_for(t - now);
}

HEDDLE_END
