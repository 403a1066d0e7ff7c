#pragma once
// The loop of an M, and where it looks for work.
#include <algorithm>
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// The loop of an M on g0: find a g, run it, do what it asked for; returns when the runtime stops. Pre: mp has a P.
void schedule(m *mp) noexcept;
// The next g for mp's P, sleeping when there is none; null when the runtime stops. sched/README.md has the table of
// the sources of work in the order in which it looks.
g *find_runnable(m *mp, bool &inherit) noexcept;
// How often an M that has slept for so many nanoseconds looks for work before it sleeps again; it was `spins` times. For
// longer than it would have spun: it has spun in vain, and does half as much of it; else it had better have spun, and does
// twice as much. So work that comes at long intervals, as from timers, costs little more than itself, also where one in
// three of the sleeps is short, as with two Ms that wake each other for it.
constexpr std::uint32_t spins_after(std::uint32_t spins, std::int64_t slept) noexcept {
  const std::uint32_t more = std::min(2 * spins, geometry::spin_rounds);
  return slept < geometry::spin_time ? more : (spins + 1) / 2;
}
// True when some queue holds a g. Any thread; what a caller must not miss needs a fence before the call.
bool has_work(schedt &sched) noexcept;

HEDDLE_DETAIL_END
