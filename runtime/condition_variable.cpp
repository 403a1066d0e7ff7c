// The slow halves of condition_variable.
#include "heddle/condition_variable.hpp"

#include <mutex>
#include <utility>

HEDDLE_BEGIN

namespace detail {

bool cond_waiter::commit(g *, void *waiter) noexcept {
  cond_waiter &w = *static_cast<cond_waiter *>(waiter);
  std::uint32_t expected = queued;
  // release: pairs with notify's exchange: the goroutine waits, before it is readied. [COND-1]  acquire on failure:
  // pairs with notify's exchange: what the notifier did before; it has not readied us and will not. [COND-1]
  return w.state_.compare_exchange_strong(expected, parked, release, acquire);
}

void cond_waiter::park() noexcept { gopark(commit, this, waitreason::condition_variable_wait); }

void cond_waiter::notify(sudog *sg) noexcept {
  cond_waiter &w = *static_cast<cond_waiter *>(sg->elem);
  g *gp = sg->gp;
  // acq_rel: pairs with commit's CAS, both ways: the goroutine waits; or what we did before, for one that goes on
  // without. [COND-1]  The last touch: it goes on at once then.
  if (w.state_.exchange(notified, acq_rel) == parked) goready(gp);
}

}  // namespace detail

void condition_variable::enqueue(detail::cond_waiter &w) noexcept {
  detail::not_in_child("condition_variable::wait");
  const std::lock_guard hold(lock_);
  waiters_.enqueue(w.queue_entry());
  w.queue_entry()->gp->waitingon.set(this);
  waiting_.store(1, relaxed);  // relaxed: the caller's lock orders it before the notification that counts
}

void condition_variable::notify_first() noexcept {
  detail::not_in_child("condition_variable::notify_one");
  lock_.lock();
  detail::sudog *sg = waiters_.dequeue();
  if (waiters_.empty()) waiting_.store(0, relaxed);  // relaxed: as in enqueue; who misses it looks under lock_
  // The last touch: when all have been notified we may be destroyed.
  lock_.unlock();
  if (sg != nullptr) detail::cond_waiter::notify(sg);
}

void condition_variable::notify_every() noexcept {
  detail::not_in_child("condition_variable::notify_all");
  lock_.lock();
  detail::waitq all = std::exchange(waiters_, {});
  waiting_.store(0, relaxed);  // relaxed: as in notify_first.
  lock_.unlock();
  while (detail::sudog *sg = all.dequeue()) detail::cond_waiter::notify(sg);
}

HEDDLE_END
