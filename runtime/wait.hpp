#pragma once
// How the means of runtime/ park: on a waitq, under its owner's lock. Threads that run no goroutine get a stand-in first.
#include <utility>

#include "heddle/detail/waitq.hpp"
#include "sched/extra.hpp"
#include "sched/park.hpp"

HEDDLE_DETAIL_BEGIN

// mp's goroutine.
inline g *own_g(const m *mp) noexcept { return mp->curg.load(relaxed); }  // relaxed: own M

// f(), as a goroutine if the calling thread runs none: it may park then, which blocks the thread.
template <class F>
decltype(auto) as_goroutine(F &&f) {
  if (getm() != nullptr) return f();
  const needm here;
  return f();
}

// As park_on_until, for one that is on q already; isSelect says whether it has a limit.
[[nodiscard]] bool parked_until(m *mp, waitq &q, sudog &sg, spinlock &lock, waitreason reason,
                                std::int64_t when) noexcept;

// Enqueues and parks in one step as wakers see it: `lock` is released when the goroutine can be readied. Until `when` at
// the latest; never, as in park_on, is no limit. True: a waker has taken sg out of q; lock is not held, and what it
// belongs to may be gone. False: the time is over; lock is held, and sg is in no queue. Wakers dequeue under the lock: a
// waiter that another has taken out and not yet claimed would be in nobody's queue when its time is over.
[[nodiscard]] inline bool park_on_until(m *mp, waitq &q, sudog &sg, spinlock &lock, waitreason reason,
                                        std::int64_t when) noexcept {
  sg.isSelect = when != never;
  q.enqueue(&sg);
  sg.gp->waitingon.set(&q);
  return parked_until(mp, q, sg, lock, reason, when);
}
inline void park_on(m *mp, waitq &q, sudog &sg, spinlock &lock, waitreason reason) noexcept {
  (void)park_on_until(mp, q, sg, lock, reason, never);
}
// Parks for good: what it waits for does not exist.
[[noreturn]] void block_forever(waitreason reason) noexcept;

HEDDLE_DETAIL_END
