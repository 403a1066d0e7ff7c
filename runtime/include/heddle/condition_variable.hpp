#pragma once
#include "heddle/runtime.hpp"
#include "heddle/waitq.hpp"

HEDDLE_BEGIN

namespace detail {

// One who waits for a condition; lives in its frame. It is on the queue before the mutex is unlocked, and parks after:
// the two ends of that are decided by one exchange, so a notify in between is not lost, and nothing of the
// condition_variable is touched after it.
class cond_waiter {
 public:
  explicit cond_waiter(m *mp) noexcept : sg_(mp, this) {}
  cond_waiter(const cond_waiter &) = delete;
  cond_waiter &operator=(const cond_waiter &) = delete;

  sudog *queue_entry() noexcept { return &sg_; }
  // Returns when it has been notified. Caller: the goroutine that made it. Blocks: the g, or thread.
  void park() noexcept;
  // Caller: has taken it off its queue and holds no lock. It is gone then.
  static void notify(sudog *sg) noexcept;

 private:
  static constexpr std::uint32_t queued = 0, parked = 1, notified = 2;
  static bool commit(g *gp, void *waiter) noexcept;

  sudog sg_;
  atomic<std::uint32_t> state_;
};

}  // namespace detail

// Waits until a condition holds that a lock protects. Works with any lock, as std::condition_variable_any:
// std::unique_lock<heddle::mutex>, heddle::mutex itself, std::shared_lock<heddle::shared_mutex>. Waits end by a
// notification only, in the order in which they began. Source: Go's sync.Cond; there are no tickets here, because who
// waits is on the queue before it unlocks.
class condition_variable {
 public:
  condition_variable() noexcept = default;
  condition_variable(const condition_variable &) = delete;
  condition_variable &operator=(const condition_variable &) = delete;

  // Unlocks, waits to be notified, locks again. Caller: holds the lock; a goroutine, also any other thread. Blocks: the
  // goroutine, or thread. Ordering: what was done before the notification that ended it is visible. The
  // condition_variable may be destroyed once everybody who waits has been notified. Errors: an exception of the lock's
  // ends the process.
  template <class Lock>
  void wait(Lock &lock) noexcept {
    m *mp = getm();
    if (mp == nullptr) return detail::as_goroutine([&] { wait(lock); });
    detail::cond_waiter self(mp);
    enqueue(self);
    lock.unlock();
    self.park();
    lock.lock();
  }
  // Waits as long as condition() is false, which is asked with the lock held. Errors: what condition throws.
  template <class Lock, class Condition>
  void wait(Lock &lock, Condition condition) {
    while (!condition()) wait(lock);
  }

  // Ends the wait that began first, if there is one. Caller: any thread. Who has changed the condition must have held
  // the lock then, and need not hold it now. Blocks: nothing. Cost: one load when nobody waits.
  void notify_one() noexcept {
    // relaxed: whoever waits for what we have done under the lock wrote this before he unlocked it; if we read a later
    // value he has been notified.
    if (waiting_.load(relaxed) != 0) notify_first();
  }
  // Ends every wait that has begun. Caller, blocks: as notify_one.
  void notify_all() noexcept {
    if (waiting_.load(relaxed) != 0) notify_every();  // relaxed: as in notify_one.
  }

 private:
  void enqueue(detail::cond_waiter &w) noexcept;
  void notify_first() noexcept;
  void notify_every() noexcept;

  spinlock lock_;
  detail::waitq waiters_;          // under lock_
  atomic<std::uint32_t> waiting_;  // written under lock_: waiters_ is not empty
};

HEDDLE_END
