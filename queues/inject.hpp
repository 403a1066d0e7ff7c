#pragma once
// The inbox for threads that are not Ms: they have no P, so they cannot touch a run queue.
#include "queues/gqueue.hpp"

HEDDLE_DETAIL_BEGIN

// Nothing is lost; FIFO per producer, and over all producers in the order in which their pushes took effect. Lock-free.
// Caller: any thread may push, any M drain. Blocks: nothing. Cost: one CAS per push, one exchange per drain.
template <class T>
class inject {
 public:
  // Owns: gp, until a drain returns it.
  void push(T *gp) noexcept {
    T *old = head_.load(relaxed);  // relaxed: revalidated by the CAS
    do {
      gp->schedlink.set(old);
      // release: pairs with drain's exchange; gp's contents and link. A head that was taken and came back with the same
      // address does no harm: the link written here is right whenever the head is that address. [INJECT-1]
      // relaxed on failure: revalidated by the next round.
    } while (!head_.compare_exchange_weak(old, gp, release, relaxed));
  }

  // Takes everything pushed so far, oldest first.
  gqueue<T> drain() noexcept {
    gqueue<T> q;
    if (empty()) return q;
    // acquire: pairs with push; the whole chain, by the release sequence of the CASes. [INJECT-1]
    for (T *gp = head_.exchange(nullptr, acquire); gp != nullptr;) {
      T *next = gp->schedlink.get();
      q.push_front(gp);
      gp = next;
    }
    return q;
  }

  // relaxed: a hint; a caller that must not miss a push has a fence before it (the delicate dance, sched/wake.cpp).
  bool empty() const noexcept { return head_.load(relaxed) == nullptr; }

 private:
  atomic<T *> head_;
};

HEDDLE_DETAIL_END
