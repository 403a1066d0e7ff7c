#pragma once
// Parked goroutines in the order in which they came, under their owner's spinlock. Source: sudog and waitq of Go's
// chan.go.
#include "heddle/detail/sched.hpp"

HEDDLE_DETAIL_BEGIN

struct onlooker;  // looks into what goroutines wait for, for reports: runtime/waits.cpp

// One parked goroutine in one queue; lives in the frame that parks.
struct sudog {
  g *gp = nullptr;
  bool isSelect = false;       // gp waits in other queues as well, or has a limit: who sets its selectdone has it
  void *elem = nullptr;        // where the value is, or belongs
  plain<bool> success{false};  // the waker, under the lock: a value was handed over
  sudog *next = nullptr;
  sudog *prev = nullptr;

  sudog() noexcept = default;
  explicit sudog(g *waits, void *e = nullptr) noexcept : gp(waits), elem(e) {}
};

class HEDDLE_API waitq {
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
      if (!sg->isSelect || claim(sg)) return sg;
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
  // False: its goroutine has been found through another queue, or its time is over.
  static bool claim(sudog *sg) noexcept;

  sudog *head_ = nullptr;
  sudog *tail_ = nullptr;
};

// Calls f(arg), on a thread that runs no goroutine as one: it may park then, which blocks the thread.
HEDDLE_API void as_goroutine(void (*f)(void *), void *arg);

HEDDLE_DETAIL_END
