#pragma once
// The loop of an M, and where an M looks for work.
#include <algorithm>
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// The loop of an M on g0: finds a g, runs it, does what the g asked for. Returns when the runtime stops. Pre: mp has a
// P.
void schedule(m *mp) noexcept;
// Returns the next g for mp's P; sleeps when there is none. Null: the runtime stops. sched/README.md has the table of
// the sources of work in the order in which it looks.
g *find_runnable(m *mp, bool &inherit) noexcept;
// Returns how often an M that has just slept for `slept` nanoseconds looks for work before it sleeps again; before this
// sleep it was `spins` times. If it slept for longer than it can spin, it had spun in vain, and spins half as much;
// else it had better have spun, and spins twice as much. So work that comes at long intervals, as from timers, costs
// little more than itself, also where one in three of the sleeps is short, as with two Ms that wake each other for it.
constexpr std::uint32_t spins_after(std::uint32_t spins, std::int64_t slept) noexcept {
  const std::uint32_t more = std::min(2 * spins, geometry::spin_rounds);
  return slept < geometry::spin_time ? more : (spins + 1) / 2;
}
// True when some queue holds a g or a timer is due. Caller: any thread; a caller that must not miss work needs a fence
// before the call.
bool has_work(schedt &sched) noexcept;
// Puts gp into pp's runq; next: into runnext. What does not fit goes to the global queue. Caller: the owner of pp.
inline void put_local(schedt &sched, struct p *pp, g *gp, bool next) noexcept {
  pp->runq.runqput(gp, next, [&sched](gqueue<g> &batch) { sched.runq.globrunqputbatch(batch); });
}

HEDDLE_DETAIL_END
