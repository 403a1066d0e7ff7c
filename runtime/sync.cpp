// The slow halves of mutex and wait_group.
#include "heddle/mutex.hpp"
#include "heddle/wait_group.hpp"

HEDDLE_BEGIN

detail::sudog::sudog(void *e) noexcept : gp(nullptr), elem(e) {
  m *mp = getm();
  if (mp == nullptr || mp->curg == nullptr) misuse("a thread that runs no goroutine would have to block");
  gp = mp->curg;
}

void mutex::lock_slow() noexcept {
  lock_.lock();
  // acquire: pairs with unlock. [MUTEX-1]  While lock_ is held nobody moves the state from contended to free.
  if (state_.exchange(contended, acquire) == free) {
    lock_.unlock();
    return;
  }
  detail::sudog sg;
  detail::park_on(waiters_, sg, lock_, waitreason::mutex_lock);
  // Ours: unlock_slow left it locked and readied us.
}

void mutex::unlock_slow() noexcept {
  lock_.lock();
  if (state_.load(relaxed) == free) detail::misuse("unlock of unlocked mutex");  // relaxed: only a caller's mistake makes it so
  detail::sudog *sg = waiters_.dequeue();
  if (sg == nullptr) {
    state_.store(free, release);  // release: pairs with lock. [MUTEX-1]
    lock_.unlock();
    return;
  }
  g *gp = sg->gp;
  lock_.unlock();
  goready(gp);  // what we did is visible to it by the hand-over
}

void wait_group::add(std::int64_t n) noexcept {
  detail::waitq released;
  lock_.lock();
  const std::int64_t count = count_.get() + n;
  if (count < 0) detail::misuse("negative wait_group counter");
  count_.set(count);
  if (count == 0) released = std::exchange(waiters_, {});
  lock_.unlock();  // with a count of zero the last touch: a wait may return and destroy us
  released.goready_all();
}

void wait_group::wait() noexcept {
  lock_.lock();
  if (count_.get() == 0) {
    lock_.unlock();
    return;
  }
  detail::sudog sg;
  detail::park_on(waiters_, sg, lock_, waitreason::wait_group_wait);
}

HEDDLE_END
