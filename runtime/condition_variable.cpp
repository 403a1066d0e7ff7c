// The slow halves of condition_variable.
#include "heddle/condition_variable.hpp"

#include <mutex>

#include "runtime/wait.hpp"

HEDDLE_BEGIN

using namespace detail;

namespace detail {

cond_waiter::cond_waiter() noexcept : entry_(own_g(getm()), this), next_(entry_.gp.get()->condwaiters.get()) {
  entry_.gp.get()->condwaiters.set(this);
}

cond_waiter::~cond_waiter() { own_g(getm())->condwaiters.set(next_); }

// Waits until it is notified, at most until `when`; false: the time is over. Caller: holds lock_. Post: lock_ is free,
// unless it returns false.
bool cond_waiter::park_locked(condition_variable &cv, std::int64_t when) noexcept {
  if (notified_.get()) {
    lock_.unlock();
    return true;
  }
  m *mp = getm();
  sudog sg(own_g(mp));
  sg.isSelect.set(when != never);
  parked_.enqueue(&sg);
  sg.elem.set(&cv);
  sg.gp.get()->waitingon.set(&sg);
  return parked_until(mp, parked_, sg, lock_, waitreason::condition_variable_wait, when);
}

// When its time is over, the waiter leaves the queue of the condition_variable with its own lock_ held. There are two
// cases. It is still in the queue: then it has not been notified, and it leaves. Or a notifier has taken it out and
// comes for lock_: then that notify has not ended before it has had lock_, so the condition_variable still exists.
bool cond_waiter::park(condition_variable &cv, std::int64_t when) noexcept {
  lock_.lock();
  if (park_locked(cv, when)) return true;
  if (notified_.get() || !cv.leave(*this)) return park_locked(cv, never);
  lock_.unlock();
  return false;
}

void cond_waiter::notify(sudog *sg) noexcept {
  cond_waiter &w = *static_cast<cond_waiter *>(sg->elem.get());
  w.lock_.lock();
  sudog *parked = w.parked_.dequeue();
  w.notified_.set(true);
  w.lock_.unlock();  // the last access: a waiter that has not parked goes on at once after it
  if (parked != nullptr) goready(parked->gp.get());
}

// A waiter that has been notified does not touch the condition_variable, which may have gone.
bool cond_waiter::abandoned() noexcept {
  for (backoff turn;; turn.wait()) {
    lock_.lock();
    const bool told = notified_.get();
    lock_.unlock();
    if (told) return true;
    if (entry_.gp.get() == nullptr) return false;  // the condition_variable has gone without a notification
    // relaxed: lock_ has what comes of it.
    if (entry_.q.load(relaxed) == nullptr) continue;  // a notifier has it, and comes for lock_
    const std::lock_guard hold(cv_.get()->lock_);
    if (entry_.q.load(relaxed) == nullptr) continue;  // relaxed: under the lock
    cv_.get()->waiters_.remove(&entry_);
    return false;
  }
}

}  // namespace detail

void condition_variable::enqueue(detail::cond_waiter &w) noexcept {
  detail::not_in_child("condition_variable::wait");
  w.cv_.set(this);
  const std::lock_guard hold(lock_);
  waiters_.enqueue(w.queue_entry());
  waiting_.store(1, relaxed);  // relaxed: the caller's lock orders it before the notification that counts
}

// Takes w out of the queue; returns false if w is not in it any more, because it has been notified or is about to be.
// waiting_ stays as it is: if it were cleared here, a notify that reads 0 would not come for lock_, and would return
// while we are still here.
bool condition_variable::leave(detail::cond_waiter &w) noexcept {
  const std::lock_guard hold(lock_);
  if (w.queue_entry()->q.load(relaxed) == nullptr) return false;  // relaxed: under the lock
  waiters_.remove(w.queue_entry());
  return true;
}

void condition_variable::notify_first() noexcept {
  detail::not_in_child("condition_variable::notify_one");
  lock_.lock();
  detail::sudog *sg = waiters_.dequeue();
  if (waiters_.empty()) waiting_.store(0, relaxed);  // relaxed: as in enqueue; a notify that misses it takes lock_
  // The last access: once all waiters have been notified, *this may be destroyed.
  lock_.unlock();
  if (sg != nullptr) detail::cond_waiter::notify(sg);
}

void condition_variable::notify_every() noexcept {
  detail::not_in_child("condition_variable::notify_all");
  lock_.lock();
  detail::waitq all = waiters_.dequeue_all();
  waiting_.store(0, relaxed);  // relaxed: as in notify_first.
  lock_.unlock();
  while (detail::sudog *sg = all.dequeue()) detail::cond_waiter::notify(sg);
}

HEDDLE_END
