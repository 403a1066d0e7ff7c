#pragma once
// Parked goroutines in the order in which they came, under their owner's spinlock. Source: sudog and waitq of Go's
// chan.go.
#include "sched/proc.hpp"

HEDDLE_BEGIN

namespace detail {

// One parked goroutine; lives in the frame that parks.
struct sudog {
  g *gp;
  void *elem = nullptr;        // where the value is, or belongs
  plain<bool> success{false};  // the waker, under the lock: a value was handed over
  sudog *next = nullptr;

  // For the current goroutine, mp's.
  explicit sudog(m *mp, void *e = nullptr) noexcept : gp(mp->curg.load(relaxed)), elem(e) {}  // relaxed: own M
};

class waitq {
 public:
  bool empty() const noexcept { return head_ == nullptr; }
  void enqueue(sudog *sg) noexcept {
    if (tail_ != nullptr)
      tail_->next = sg;
    else
      head_ = sg;
    tail_ = sg;
  }
  sudog *dequeue() noexcept {
    sudog *sg = head_;
    if (sg == nullptr) return nullptr;
    head_ = sg->next;
    if (head_ == nullptr) tail_ = nullptr;
    sg->next = nullptr;
    return sg;
  }
  // Readies every waiter, oldest first. Caller: has taken the queue out of its owner and holds no lock.
  void goready_all() noexcept {
    while (sudog *sg = dequeue()) goready(sg->gp);  // sg is gone as soon as its goroutine runs
  }

 private:
  sudog *head_ = nullptr;
  sudog *tail_ = nullptr;
};

// Enqueues and parks in one step as wakers see it: `lock` is released when the goroutine can be readied.
inline void park_on(m *mp, waitq &q, sudog &sg, spinlock &lock, waitreason reason) noexcept {
  q.enqueue(&sg);
  gopark(parkunlock, &lock, reason, mp);
}

}  // namespace detail

HEDDLE_END
