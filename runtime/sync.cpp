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
  // Most critical sections are shorter than parking and being readied. relaxed: hint, try_lock looks again.
  for (std::uint32_t i = 0; i < geometry::mutex_spins && state_.load(relaxed) != contended; ++i) {
    if (try_lock()) return;
    cpu_relax();
  }
  lock_.lock();
  // acquire: pairs with unlock. [MUTEX-1]  While lock_ is held nobody moves the state from contended to anything else.
  if (state_.exchange(contended, acquire) == free) {
    lock_.unlock();
    return;
  }
  detail::sudog sg;
  detail::park_on(waiters_, sg, lock_, waitreason::mutex_lock);
  // Ours: unlock_slow left it locked and readied us.
}

void mutex::unlock_slow() noexcept {
  for (;;) {
    lock_.lock();
    if (state_.load(relaxed) == free)
      detail::misuse("unlock of unlocked mutex");  // relaxed: only a caller's mistake makes it so
    if (detail::sudog *sg = waiters_.dequeue()) {
      g *gp = sg->gp;
      lock_.unlock();
      goready(gp);  // what we did is visible to it by the hand-over
      return;
    }
    // Nobody waits: ours, no longer contended, and then free by one step that is our last touch, because whoever gets
    // it then may destroy it. relaxed: under lock_, and still ours.
    state_.store(locked, relaxed);
    lock_.unlock();
    std::uint32_t expected = locked;
    // release: pairs with lock. [MUTEX-1]  relaxed on failure: somebody waits now, or for no reason: look again.
    if (state_.compare_exchange_weak(expected, free, release, relaxed)) return;
  }
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
