#pragma once
// The only place that changes stacks: from g0 into a g (gogo), and from a g back to its M's g0 (mcall). g0 is the
// scheduler's own context on the M's native stack. Source: Go's asm_amd64.s, stubs.go.
#include "sched/hog.hpp"
#include "sched/switch/switch_x86_64.hpp"

HEDDLE_DETAIL_BEGIN

// Runs gp until it calls mcall. Caller: g0. errno and the C++ exception state travel with gp.
inline void gogo(m *mp, g *gp) noexcept {
  fiber_resume(mp->g0.fiber, gp->fiber);
  fiber_leave(mp->g0.fiber, gp->fiber, false);
  if (gp->user) [[likely]]
    enter_user(mp);
  switch_context(&mp->g0.sched, &gp->sched);
  fiber_arrive(mp->g0.fiber);
  fiber_suspend(mp->g0.fiber, gp->fiber);
  gp->user = leave_user(mp);  // here for all ways back: a switch uses no P
}

// Leaves the current g and has the schedule loop of this M call fn(mp, gp) on g0. Returns when an M executes gp again,
// perhaps another one: nothing thread-local may be kept across the call. Caller: a g.
inline void mcall(m *mp, g *(*fn)(m *, g *)) noexcept {
  g *gp = mp->curg.load(relaxed);  // relaxed: own M
  mp->mcallfn = fn;
  fiber_leave(gp->fiber, mp->g0.fiber, false);
  switch_context(&gp->sched, &mp->g0.sched);
  fiber_arrive(gp->fiber);
}

// Does what mcall does, from a g that will never run again. Caller: a g.
[[noreturn]] inline void mcall_last(m *mp, g *(*fn)(m *, g *)) noexcept {
  mp->mcallfn = fn;
  fiber_leave(mp->curg.load(relaxed)->fiber, mp->g0.fiber, true);  // relaxed: own M
  resume_context(&mp->g0.sched);
}

HEDDLE_DETAIL_END
