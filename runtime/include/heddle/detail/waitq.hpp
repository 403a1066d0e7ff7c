#pragma once
// Queues of parked goroutines in the order in which they came, under their owner's spinlock. Source: sudog and waitq in
// Go's runtime2.go and chan.go.
#include "heddle/detail/sched.hpp"

HEDDLE_DETAIL_BEGIN

struct onlooker;  // lets reports look at what goroutines wait for: runtime/waits.cpp
class waitq;
class spinlock;
void mutex_abandoned(spinlock *lock) noexcept;  // a part of the end of a runtime: runtime/abandon.cpp

// One parked goroutine in one queue; it lives in the frame that parks.
struct sudog {
  plain<g *> gp;
  plain<bool> isSelect;    // gp waits in other queues too, or has a limit: the party that sets its selectdone may ready
                           // it
  plain<void *> elem;      // where the value is, or where it is to go
  plain<bool> success;     // written by the waker, under the lock: a value was handed over
  atomic<waitq *> q;       // written under its owner's lock: the queue in which it stands and can be found, else null
  plain<spinlock *> lock;  // while its goroutine is parked: over that queue
  plain<sudog *> next;
  plain<sudog *> prev;

  sudog() noexcept = default;
  explicit sudog(g *waits, void *e = nullptr) noexcept : gp(waits), elem(e) {}
};

class HEDDLE_API waitq {
 public:
  waitq() noexcept = default;
  waitq(waitq &&other) noexcept : head_(other.head_.get()), tail_(other.tail_.get()) { other.become(nullptr, nullptr); }
  waitq &operator=(waitq &&other) noexcept {
    sudog *const head = head_.get(), *const tail = tail_.get();
    become(other.head_.get(), other.tail_.get());
    other.become(head, tail);
    return *this;
  }
  // Goroutines that still wait, wait for ever, and nothing of them leads here any more.
  ~waitq() {
    if (!empty()) [[unlikely]]
      orphan();
  }

  bool empty() const noexcept { return head_.get() == nullptr; }
  void enqueue(sudog *sg) noexcept {
    append(sg);
    stands_here(sg);
  }
  // Adds sg to a list of those that have been taken out and are to be readied.
  void append(sudog *sg) noexcept {
    sudog *const last = tail_.get();
    sg->prev.set(last);
    (last != nullptr ? last->next : head_).set(sg);
    tail_.set(sg);
  }
  // Takes out and returns the sudog that has waited longest and still waits, or null. The caller must ready its
  // goroutine. A select that has been served through another of its channels is passed over.
  sudog *dequeue() noexcept {
    while (sudog *sg = head_.get()) {
      const bool ours = !sg->isSelect.get() || claim(sg);
      take_out(sg);
      if (ours) return sg;
    }
    return nullptr;
  }
  // Takes sg out, wherever it stands; does nothing if sg is in no queue any more. Source: dequeueSudoG in Go's chan.go.
  void remove(sudog *sg) noexcept {
    if (sg->q.load(relaxed) == this) take_out(sg);  // relaxed: under the owner's lock
  }
  // Puts sg before all others; it is for a waiter that has been in the queue before.
  void enqueue_first(sudog *sg) noexcept {
    sudog *const first = head_.get();
    sg->next.set(first);
    (first != nullptr ? first->prev : tail_).set(sg);
    head_.set(sg);
    stands_here(sg);
  }
  // Takes out all that still wait, to be readied when the lock is free. Waiters with a limit of time are claimed here,
  // under the lock.
  waitq dequeue_all() noexcept {
    waitq all;
    while (sudog *sg = dequeue()) all.append(sg);
    return all;
  }
  // Readies every waiter, oldest first. Caller: has taken the queue out of its owner and holds no lock; no waiter has a
  // limit of time, or all were claimed under the lock (dequeue_all).
  void goready_all() noexcept {
    while (sudog *sg = dequeue()) goready(sg->gp.get());  // sg is gone as soon as its goroutine runs
  }

 private:
  // Makes sg's goroutine this caller's to ready. False: another queue was faster, or its time is over.
  static bool claim(sudog *sg) noexcept;
  void orphan() noexcept;
  // relaxed: under the owner's lock; the end of a runtime, which looks without it, looks again with the lock.
  void stands_here(sudog *sg) noexcept { sg->q.store(this, relaxed); }
  void take_out(sudog *sg) noexcept {
    sudog *const prev = sg->prev.get(), *const next = sg->next.get();
    (prev != nullptr ? prev->next : head_).set(next);
    (next != nullptr ? next->prev : tail_).set(prev);
    sg->prev.set(nullptr);
    sg->next.set(nullptr);
    // release: pairs with the end of a runtime that finds sg in no queue: the claim, or that another had claimed it.
    // [LEAVE-1]
    sg->q.store(nullptr, release);
  }

  void become(sudog *head, sudog *tail) noexcept {
    head_.set(head);
    tail_.set(tail);
  }

  plain<sudog *> head_;
  plain<sudog *> tail_;
};

// Calls f(arg). A thread that runs no goroutine calls it as one, so that it may park, which blocks the thread.
HEDDLE_API void as_goroutine(void (*f)(void *), void *arg);

HEDDLE_DETAIL_END
