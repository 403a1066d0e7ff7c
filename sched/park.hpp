#pragma once
// Parking; goready is in heddle/detail/sched.hpp.
#include "heddle/detail/sched.hpp"
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// Parks the calling goroutine until a goready. unlockf(gp, lock) runs on g0 after the status has become waiting; it
// releases what makes gp visible to a waker, and from then on nothing of gp may be touched (I26). If it returns false,
// gp goes on at once. A null unlockf parks without condition. Caller: a g. Blocks: the g. Inside blocking(f), or on an
// extra M, the thread is parked: the M is blocked with its g, its P is not.
void gopark(bool (*unlockf)(g *, void *), void *lock, waitreason reason, m *mp = getm()) noexcept;
// Parks as gopark does, until `when` at the latest (nanotime()). True: a waker has found the goroutine in a queue and
// readied it; false: the time is over. A waker sets the goroutine's selectdone before it readies it, as waitq::dequeue
// does where isSelect is set; a waker that finds it set does not ready the goroutine. It stays set: the caller leaves
// the queues that it is still in, then resets it. unlockf: releases a lock that the caller takes before it leaves the
// frame; it always returns true. Caller, Blocks: as gopark. At the runtime's end the goroutine is abandoned like any
// other; a thread waits out its time. Cost: a timer; for a thread a timed sleep.
[[nodiscard]] bool gopark_until(bool (*unlockf)(g *, void *), void *lock, waitreason reason, m *mp,
                                std::int64_t when) noexcept;
// For gopark: releases the spinlock at `lock`.
bool parkunlock(g *gp, void *lock) noexcept;

HEDDLE_DETAIL_END
