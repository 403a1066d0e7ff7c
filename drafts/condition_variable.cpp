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

// Readies gp, which waits with a limit, unless its time was over before. False: it was.
bool cond_waiter::ready_limited(g *gp) noexcept {
  // relaxed: what we did is handed over by goready, or by the store of `over`.
  if (gp->selectdone.exchange(1, relaxed) != 0) return false;
  gp->param.set(&sg_);
  goready(gp);
  return true;
}

bool cond_waiter::commit_limited(g *gp, void *waiter) noexcept {
  cond_waiter &w = *static_cast<cond_waiter *>(waiter);
  // release: pairs with await_notifier: our last touch. [COND-2]
  if (!commit(gp, waiter) && !w.ready_limited(gp)) w.state_.store(over, release);
  return true;
}

bool cond_waiter::park_until(std::int64_t when) noexcept {
  return gopark_until(commit_limited, this, waitreason::condition_variable_wait, getm(), when);
}

cond_waiter::~cond_waiter() {
  if (limited_) sg_.gp->selectdone.store(0, relaxed);  // relaxed: nobody else looks at it any more
}

void cond_waiter::await_notifier() noexcept {
  while (state_.load(acquire) != over) thread_yield();  // acquire: pairs with who lets go of it. [COND-2]
}

void cond_waiter::notify(sudog *sg) noexcept {
  cond_waiter &w = *static_cast<cond_waiter *>(sg->elem);
  g *gp = sg->gp;
  // acq_rel: pairs with commit's CAS, both ways: the goroutine waits; or what we did before, for one that goes on
  // without. [COND-1]  The last touch: it goes on at once then.
  const bool limited = w.limited_;
  if (w.state_.exchange(notified, acq_rel) != parked) return;
  if (!limited) return goready(gp);
  if (!w.ready_limited(gp)) w.state_.store(over, release);  // release: pairs with await_notifier: our last touch. [COND-2]
}

}  // namespace detail

void condition_variable::enqueue(detail::cond_waiter &w) noexcept {
  detail::not_in_child("condition_variable::wait");
  const std::lock_guard hold(lock_);
  waiters_.enqueue(w.queue_entry());
  waiting_.store(1, relaxed);  // relaxed: the caller's lock orders it before the notification that counts
}

// False: it has been notified.
bool condition_variable::leave(detail::cond_waiter &w) noexcept {
  lock_.lock();
  const bool was_in = waiters_.remove(w.queue_entry());
  if (waiters_.empty()) waiting_.store(0, relaxed);  // relaxed: as in enqueue
  lock_.unlock();
  if (!was_in) w.await_notifier();
  return was_in;
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
