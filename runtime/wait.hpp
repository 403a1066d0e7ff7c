#pragma once
// How channels, mutexes and the other waits of runtime/ park: on a waitq, under its owner's lock. A thread that runs no
// goroutine gets a goroutine to stand for it first.
#include <utility>

#include "heddle/detail/waitq.hpp"
#include "sched/extra.hpp"
#include "sched/park.hpp"

HEDDLE_DETAIL_BEGIN

// Returns mp's goroutine.
inline g *own_g(const m *mp) noexcept { return mp->curg.load(relaxed); }  // relaxed: own M

// Calls f(). If the calling thread runs no goroutine, it becomes one for the length of the call, so that f may park,
// which blocks the thread.
template <class F>
decltype(auto) as_goroutine(F &&f) {
  if (getm() != nullptr) return f();
  const needm here;
  return f();
}

// As park_on_until, for an sg that is on q already; isSelect says whether it has a limit.
[[nodiscard]] bool parked_until(m *mp, waitq &q, sudog &sg, spinlock &lock, waitreason reason,
                                std::int64_t when) noexcept;

// Enqueues sg and parks, in one step as wakers see it: `lock` is released when the goroutine can be readied. Waits
// until `when` at the latest; `never`, as in park_on, is no limit. True: a waker has taken sg out of q; lock is not
// held, and the object that it belongs to may have gone. False: the time is over; lock is held, and sg is in no queue.
// Wakers must dequeue under the lock: otherwise a waiter that another has taken out and not yet claimed could be in no
// queue when its time is over.
[[nodiscard]] inline bool park_on_until(m *mp, waitq &q, sudog &sg, spinlock &lock, waitreason reason,
                                        std::int64_t when) noexcept {
  sg.isSelect.set(when != never);
  q.enqueue(&sg);
  sg.gp.get()->waitingon.set(&sg);
  return parked_until(mp, q, sg, lock, reason, when);
}
inline void park_on(m *mp, waitq &q, sudog &sg, spinlock &lock, waitreason reason) noexcept {
  (void)park_on_until(mp, q, sg, lock, reason, never);
}
// Parks for good, because the thing that it waits for does not exist.
[[noreturn]] void block_forever(waitreason reason) noexcept;

HEDDLE_DETAIL_END
