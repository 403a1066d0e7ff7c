#pragma once
// Parked goroutines in the order in which they came, under their owner's spinlock. Source: sudog and waitq of Go's
// chan.go.
#include "sched/proc.hpp"

HEDDLE_BEGIN

namespace detail {

struct onlooker;  // looks into what goroutines wait for, for reports: runtime/waits.cpp
// The goroutine of sched on whose stack `at` is; null: none. Any thread, while sched exists.
g *on_whose_stack(const schedt &sched, const void *at) noexcept;

// One parked goroutine in one queue; lives in the frame that parks.
struct sudog {
  g *gp = nullptr;
  bool isSelect = false;       // gp waits in other queues as well, or has a limit: who sets its selectdone has it
  void *elem = nullptr;        // where the value is, or belongs
  plain<bool> success{false};  // the waker, under the lock: a value was handed over
  sudog *next = nullptr;
  sudog *prev = nullptr;

  sudog() noexcept = default;
  // For the current goroutine, mp's.
  explicit sudog(m *mp, void *e = nullptr) noexcept : gp(mp->curg.load(relaxed)), elem(e) {}  // relaxed: own M
};

class waitq {
 public:
  bool empty() const noexcept { return head_ == nullptr; }
  void enqueue(sudog *sg) noexcept {
    sg->prev = tail_;
    (tail_ != nullptr ? tail_->next : head_) = sg;
    tail_ = sg;
  }
  // The one that has waited longest and still does, or null. Whoever gets it readies its goroutine: a select that somebody
  // has served through another of its channels is passed over.
  sudog *dequeue() noexcept {
    while (sudog *sg = head_) {
      remove(sg);
      if (!sg->isSelect) return sg;
      // relaxed: what the winner reads and writes is under the lock that the select held when it enqueued sg, and goready
      // hands it over.
      if (sg->gp->selectdone.exchange(1, relaxed) != 0) continue;
      sg->gp->param.set(sg);
      sg->isSelect = false;  // it is ours, also in another queue
      return sg;
    }
    return nullptr;
  }
  // Takes sg out, wherever it stands; nothing, if it is in no queue any more. Source: dequeueSudoG.
  void remove(sudog *sg) noexcept {
    if (sg->prev == nullptr && sg != head_) return;
    (sg->prev != nullptr ? sg->prev->next : head_) = sg->next;
    (sg->next != nullptr ? sg->next->prev : tail_) = sg->prev;
    sg->prev = nullptr;
    sg->next = nullptr;
  }
  // Before all others: one who has been in it before.
  void enqueue_first(sudog *sg) noexcept {
    sg->next = head_;
    (head_ != nullptr ? head_->prev : tail_) = sg;
    head_ = sg;
  }
  // Takes out all who still wait, to be readied when the lock is free: who has a limit of time is claimed under the lock.
  waitq dequeue_all() noexcept {
    waitq all;
    while (sudog *sg = dequeue()) all.enqueue(sg);
    return all;
  }
  // Readies every waiter, oldest first. Caller: has taken the queue out of its owner and holds no lock; none has a limit
  // of time, or all were claimed under it (dequeue_all).
  void goready_all() noexcept {
    while (sudog *sg = dequeue()) goready(sg->gp);  // sg is gone as soon as its goroutine runs
  }

 private:
  sudog *head_ = nullptr;
  sudog *tail_ = nullptr;
};

// As park_on_until, for one that is on q already; isSelect says whether it has a limit.
[[nodiscard]] inline bool parked_until(m *mp, waitq &q, sudog &sg, spinlock &lock, waitreason reason,
                                       std::int64_t when) noexcept {
  if (!sg.isSelect) {
    gopark(parkunlock, &lock, reason, mp);
    return true;
  }
  if (!gopark_until(parkunlock, &lock, reason, mp, when)) {
    lock.lock();
    q.remove(&sg);                        // nobody has it, but it may have been passed over
    sg.gp->selectdone.store(0, relaxed);  // relaxed: whoever finds it from now on takes the lock
    return false;
  }
  sg.gp->selectdone.store(0, relaxed);  // relaxed: it is in no queue, and the next is found under a lock
  return true;
}

// Enqueues and parks in one step as wakers see it: `lock` is released when the goroutine can be readied. Until `when` at
// the latest; timers::never, as in park_on, is no limit. True: a waker has taken sg out of q; lock is not held, and what it
// belongs to may be gone. False: the time is over; lock is held, and sg is in no queue. Wakers dequeue under the lock: a
// waiter that another has taken out and not yet claimed would be in nobody's queue when its time is over.
[[nodiscard]] inline bool park_on_until(m *mp, waitq &q, sudog &sg, spinlock &lock, waitreason reason,
                                        std::int64_t when) noexcept {
  sg.isSelect = when != timers::never;
  q.enqueue(&sg);
  sg.gp->waitingon.set(&q);
  return parked_until(mp, q, sg, lock, reason, when);
}
inline void park_on(m *mp, waitq &q, sudog &sg, spinlock &lock, waitreason reason) noexcept {
  (void)park_on_until(mp, q, sg, lock, reason, timers::never);
}

}  // namespace detail

HEDDLE_END
