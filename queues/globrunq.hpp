#pragma once
// The global run queue: runnable gs that belong to no P. Source: sched.runq, globrunqput, globrunqget of Go's proc.go.
#include <mutex>

#include "heddle/detail/spinlock.hpp"
#include "queues/runq.hpp"

HEDDLE_DETAIL_BEGIN

// FIFO. Caller: any thread may put; an M with a P gets. Blocks: the M, for the few instructions of another holder.
template <class T>
class globrunq {
 public:
  // Owns: gp, until a get returns it.
  void globrunqput(T *gp) noexcept {
    gqueue<T> one;
    one.push_back(gp);
    globrunqputbatch(one);
  }

  // Appends all of q and empties it.
  void globrunqputbatch(gqueue<T> &q) noexcept {
    const std::lock_guard hold(lock_);
    queue_.push_back_all(q);
    size_.store(queue_.size(), relaxed);  // relaxed: under lock
  }

  // Puts all of q before what is there, in its order, and empties it.
  void globrunqputheadbatch(gqueue<T> &q) noexcept {
    const std::lock_guard hold(lock_);
    q.push_back_all(queue_);
    queue_.push_back_all(q);
    size_.store(queue_.size(), relaxed);  // relaxed: under lock
  }

  // Takes the oldest g; null: there is none.
  T *globrunqget() noexcept {
    if (empty()) return nullptr;
    const std::lock_guard hold(lock_);
    T *gp = queue_.pop_front();
    size_.store(queue_.size(), relaxed);  // relaxed: under lock
    return gp;
  }

  // Returns the oldest g, to run at once, and moves a fair share more (size/procs, at most globrunq_batch in all) into
  // `to`. Caller: the owner of `to`, which is empty.
  template <std::uint32_t N>
  T *globrunqgetbatch(runq<T, N> &to, std::uint32_t procs) noexcept {
    if (empty()) return nullptr;
    gqueue<T> share;
    {
      const std::lock_guard hold(lock_);
      std::uint32_t n = queue_.size() / procs + 1;
      n = n < geometry::globrunq_batch ? n : geometry::globrunq_batch;
      n = n < N / 2 ? n : N / 2;
      for (; n != 0 && !queue_.empty(); --n) share.push_back(queue_.pop_front());
      size_.store(queue_.size(), relaxed);  // relaxed: under lock
    }
    T *gp = share.pop_front();
    if (!share.empty()) to.runqputbatch(share);
    HEDDLE_INV("I18", share.empty());
    return gp;
  }

  // relaxed: a hint; a caller that must not miss a put has a fence before it (the delicate dance, sched/wake.cpp).
  bool empty() const noexcept { return size_.load(relaxed) == 0; }
  std::uint32_t size() const noexcept { return size_.peek(); }
  // Caller: only while no other thread uses the queue.
  template <class F>
  void for_each(F &&f) const {
    queue_.for_each(f);
  }

 private:
  spinlock lock_;
  gqueue<T> queue_;
  atomic<std::uint32_t> size_;
};

HEDDLE_DETAIL_END
