#pragma once
#include <chrono>
#include <condition_variable>  // std::cv_status

#include "heddle/detail/deadline.hpp"
#include "heddle/detail/spinlock.hpp"
#include "heddle/detail/waitq.hpp"

HEDDLE_BEGIN

class condition_variable;

namespace detail {

// One who waits for a condition; lives in its frame. It is on the queue before the mutex is unlocked, and parks after, on
// itself: a notification in between is not lost, and nothing of the condition_variable is touched after it.
class HEDDLE_API cond_waiter {
 public:
  cond_waiter() noexcept;  // for the calling goroutine
  cond_waiter(const cond_waiter &) = delete;
  cond_waiter &operator=(const cond_waiter &) = delete;

  sudog *queue_entry() noexcept { return &entry_; }
  // Returns when it has been notified, or at `when` at the latest: false, and it is on no queue then. Caller: the
  // goroutine that made it. Blocks: the g, or thread.
  bool park(condition_variable &cv, std::int64_t when) noexcept;
  // Caller: has taken it off its queue and holds no lock. It is gone then.
  static void notify(sudog *sg) noexcept;

 private:
  bool park_locked(condition_variable &cv, std::int64_t when) noexcept;

  sudog entry_;  // in the queue of the condition_variable, under that one's lock; success: taken out to be notified
  spinlock lock_;
  plain<bool> notified_;  // under lock_, as the next: notified while it was not parked
  waitq parked_;          // itself
};

}  // namespace detail

// Waits until a condition holds that a lock protects. Works with any lock, as std::condition_variable_any:
// std::unique_lock<heddle::mutex>, heddle::mutex itself, std::shared_lock<heddle::shared_mutex>. Waits end by a
// notification, in the order in which they began, or by the end of their time; a notification is not spent on one whose
// wait has ended so. Source: Go's sync.Cond, std::condition_variable_any; there are no tickets here, because who waits is
// on the queue before it unlocks.
class HEDDLE_API condition_variable {
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
    wait_to(lock, detail::never);
  }
  // Waits as long as condition() is false, which is asked with the lock held. Errors: what condition throws.
  template <class Lock, class Condition>
  void wait(Lock &lock, Condition condition) {
    while (!condition()) wait(lock);
  }
  // As wait, for so long at most, or until then. timeout: it has not been notified. Caller, blocks, errors: as wait; the
  // time in which it waits for the lock again has no limit. The condition_variable may be destroyed as after wait.
  // Ordering: no_timeout: as wait; timeout: none. Cost: as wait, and a timer.
  template <class Lock, class Rep, class Period>
  std::cv_status wait_for(Lock &lock, std::chrono::duration<Rep, Period> d) noexcept {
    return status(wait_to(lock, detail::time_in(d)));
  }
  // With a clock that can be set a wait may also end for no reason: no_timeout, and its time has not come.
  template <class Lock, class Clock, class Duration>
  std::cv_status wait_until(Lock &lock, const std::chrono::time_point<Clock, Duration> &t) noexcept {
    return status(wait_to(lock, detail::time_at(t)) || !detail::has_come(t));
  }
  // Waits as long as condition() is false and the time is not over; returns condition(). Errors: what condition throws.
  template <class Lock, class Rep, class Period, class Condition>
  bool wait_for(Lock &lock, std::chrono::duration<Rep, Period> d, Condition condition) {
    const std::int64_t when = detail::time_in(d);
    while (!condition())
      if (!wait_to(lock, when)) return condition();
    return true;
  }
  template <class Lock, class Clock, class Duration, class Condition>
  bool wait_until(Lock &lock, const std::chrono::time_point<Clock, Duration> &t, Condition condition) {
    while (!condition())
      if (wait_until(lock, t) == std::cv_status::timeout) return condition();
    return true;
  }

  // Ends the wait that began first, if there is one. Caller: any thread. Who has changed the condition must have held
  // the lock then, and need not hold it now. Blocks: nothing. Cost: one load when nobody waits.
  void notify_one() noexcept {
    // relaxed: whoever waits for what we have done under the lock wrote this before he unlocked it; if we read a later
    // value he has been notified.
    if (waiting_.load(detail::relaxed) != 0) notify_first();
  }
  // Ends every wait that has begun. Caller, blocks: as notify_one.
  void notify_all() noexcept {
    if (waiting_.load(detail::relaxed) != 0) notify_every();  // relaxed: as in notify_one.
  }

 private:
  friend class detail::cond_waiter;
  static std::cv_status status(bool notified) noexcept {
    return notified ? std::cv_status::no_timeout : std::cv_status::timeout;
  }
  template <class Lock>
  bool wait_to(Lock &lock, std::int64_t when) noexcept {
    bool notified = false;
    auto wait = [&] {
      detail::cond_waiter self;
      enqueue(self);
      lock.unlock();
      notified = self.park(*this, when);
      lock.lock();
    };
    detail::as_goroutine([](void *f) { (*static_cast<decltype(wait) *>(f))(); }, &wait);
    return notified;
  }
  void enqueue(detail::cond_waiter &w) noexcept;
  bool leave(detail::cond_waiter &w) noexcept;
  detail::sudog *take() noexcept;
  void notify_first() noexcept;
  void notify_every() noexcept;

  detail::spinlock lock_;
  detail::waitq waiters_;                  // under lock_
  detail::atomic<std::uint32_t> waiting_;  // written under lock_; 0: waiters_ is empty, and nobody is here to leave it
};

HEDDLE_END
