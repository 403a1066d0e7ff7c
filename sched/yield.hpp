#pragma once
// How a goroutine gives way, on its own and when asked.
#include "sched/fatal.hpp"
#include "sched/hog.hpp"
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// Puts the calling goroutine at the tail of this P's ring. Caller: a g. Blocks: the g, until its turn.
void goyield(m *mp = getm()) noexcept;
// Puts the calling goroutine at the tail of the global queue, behind all that is queued anywhere on this P; only a
// fairness tick may bring it forward. Caller: a g. Blocks: the g, until its turn.
void gosched(m *mp) noexcept;
// Between the two no safepoint of the calling goroutine gives way. They nest. Caller: a g; it may not park in between.
void acquirem(m *mp) noexcept;
void releasem(m *mp) noexcept;
// Gives way if another party has asked for this P: sysmon after a slice, or the party that stops the world. Gets a P
// again if that was taken. Caller: a g. Blocks: the g, if it gives way. Cost: some loads.
inline void safepoint(m *mp) noexcept {
  if (mp->incall != 0 || mp->locks != 0) return;
  // relaxed: seen at the next safepoint, if not now. asked may be that of a P that this M has lost.
  if (mp->asked.load(relaxed)->load(relaxed) != 0) [[unlikely]]
    gosched(mp);
}
// Misuse where the calling goroutine may not park or yield: inside no_preempt or stop_the_world.
inline void may_wait(const m *mp) noexcept {
  if (mp->locks != 0) [[unlikely]]
    may_not_wait();
}

HEDDLE_DETAIL_END
