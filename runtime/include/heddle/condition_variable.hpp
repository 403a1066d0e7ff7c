#pragma once
#include <chrono>
#include <condition_variable>  // std::cv_status

#include "heddle/detail/deadline.hpp"
#include "heddle/detail/spinlock.hpp"
#include "heddle/detail/waitq.hpp"

HEDDLE_BEGIN

class condition_variable;

namespace detail {

// One waiter of a condition_variable; it lives in the frame that waits. It enters the queue before the mutex is
// unlocked, and parks after that, on itself. So a notification in between is not lost, and the waiter touches nothing
// of the condition_variable after the notification.
class HEDDLE_API cond_waiter {
 public:
  cond_waiter() noexcept;  // a waiter for the calling goroutine
  ~cond_waiter();
  cond_waiter(const cond_waiter &) = delete;
  cond_waiter &operator=(const cond_waiter &) = delete;

  sudog *queue_entry() noexcept { return &entry_; }
  // Waits until it is notified, at most until `when`. Returns false if it was not notified; it is on no queue then.
  // Caller: the goroutine that made it. Blocks: the goroutine, or the thread.
  bool park(condition_variable &cv, std::int64_t when) noexcept;
  // Ends the wait of sg. Caller: has taken sg off its queue and holds no lock. sg may be gone when it returns.
  static void notify(sudog *sg) noexcept;

  // Its goroutine is abandoned: takes it out of the queue. True: a notifier had taken it out, and is done with it but
  // for readying the goroutine, if that has parked.
  bool abandoned() noexcept;
  cond_waiter *next() const noexcept { return next_; }

 private:
  bool park_locked(condition_variable &cv, std::int64_t when) noexcept;

  friend class heddle::condition_variable;

  sudog entry_;  // in the condition_variable's queue, under its lock, until it is notified
  spinlock lock_;
  plain<bool> notified_;  // under lock_, as parked_
  waitq parked_;          // holds itself while it is parked
  plain<condition_variable *> cv_;
  cond_waiter *const next_;  // of the same goroutine: that of a wait during which it waits, in a lock's unlock
};

}  // namespace detail

// Waits until a condition holds that a lock protects. It works with any lock, as std::condition_variable_any does:
// std::unique_lock<heddle::mutex>, heddle::mutex itself, std::shared_lock<heddle::shared_mutex>. A wait ends by a
// notification, or because its time is over; notifications end waits in the order in which the waits began. No
// notification is spent on a wait whose time is over. Source: Go's sync.Cond, std::condition_variable_any; Go's tickets
// are not needed, because a waiter is on the queue before it unlocks.
class HEDDLE_API condition_variable {
 public:
  condition_variable() noexcept = default;
  condition_variable(const condition_variable &) = delete;
  condition_variable &operator=(const condition_variable &) = delete;

  // Unlocks the lock, waits to be notified, and locks it again. The condition_variable may be destroyed once all
  // waiters have been notified. Caller: holds the lock; a goroutine, also any other thread. Blocks: the goroutine, or
  // the thread. Ordering: what was done before the notification that ended the wait is visible. Errors: an exception
  // of the lock's ends the process.
  template <class Lock>
  void wait(Lock &lock) noexcept {
    wait_to(lock, detail::never);
  }
  // Waits as long as condition() is false. It calls condition with the lock held. Blocks: as above.
  // Errors: what condition throws.
  template <class Lock, class Condition>
  void wait(Lock &lock, Condition condition) {
    while (!condition()) wait(lock);
  }
  // As wait, but waits for a notification at most for the given time, or until the given moment; returns timeout if it
  // was not notified. Locking again has no limit. The condition_variable may be destroyed as after wait. Caller,
  // blocks, errors: as wait. Ordering: no_timeout: as wait; timeout: none. Cost: as wait, and a timer.
  template <class Lock, class Rep, class Period>
  std::cv_status wait_for(Lock &lock, std::chrono::duration<Rep, Period> d) noexcept {
    return status(wait_to(lock, detail::time_in(d)));
  }
  // As wait_for. With a clock that can be set it may also return no_timeout without a notification, before its time has
  // come.
  template <class Lock, class Clock, class Duration>
  std::cv_status wait_until(Lock &lock, const std::chrono::time_point<Clock, Duration> &t) noexcept {
    return status(wait_to(lock, detail::time_at(t)) || !detail::has_come(t));
  }
  // Waits as long as condition() is false and the time is not over; returns condition(). Blocks: as above. Errors: what
  // condition throws.
  template <class Lock, class Rep, class Period, class Condition>
  [[nodiscard]] bool wait_for(Lock &lock, std::chrono::duration<Rep, Period> d, Condition condition) {
    const std::int64_t when = detail::time_in(d);
    while (!condition())
      if (!wait_to(lock, when)) return condition();
    return true;
  }
  template <class Lock, class Clock, class Duration, class Condition>
  [[nodiscard]] bool wait_until(Lock &lock, const std::chrono::time_point<Clock, Duration> &t, Condition condition) {
    while (!condition())
      if (wait_until(lock, t) == std::cv_status::timeout) return condition();
    return true;
  }

  // Ends the wait that began first, if there is one. Caller: any thread. The caller must have held the lock when it
  // changed the condition, and need not hold it now. Blocks: nothing. Cost: one load if there is no waiter.
  void notify_one() noexcept {
    // relaxed: a goroutine that waits for what we have done under the lock wrote this before it unlocked the lock; if
    // we read a later value, it has been notified.
    if (waiting_.load(detail::relaxed) != 0) notify_first();
  }
  // Ends all waits that have begun. Caller, blocks: as notify_one.
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
  void notify_first() noexcept;
  void notify_every() noexcept;

  detail::spinlock lock_;
  detail::waitq waiters_;                  // under lock_
  detail::atomic<std::uint32_t> waiting_;  // written under lock_; 0: waiters_ is empty, and no waiter is about to leave
                                           // it
};

HEDDLE_END
