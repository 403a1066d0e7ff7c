// The slow halves of mutex and wait_group.
#include "heddle/mutex.hpp"
#include "heddle/wait_group.hpp"

HEDDLE_BEGIN

void mutex::lock_slow() noexcept {
  detail::not_in_child("mutex::lock");
  m *mp = getm();
  if (mp == nullptr) return detail::as_goroutine([this] { lock_slow(); });
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
  detail::sudog sg(mp);
  detail::park_on(mp, waiters_, sg, lock_, waitreason::mutex_lock);
  // Ours: unlock_slow left it locked and readied us.
}

void mutex::unlock_slow() noexcept {
  detail::not_in_child("mutex::unlock");
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
  detail::not_in_child("wait_group::add");
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
  detail::not_in_child("wait_group::wait");
  m *mp = getm();
  if (mp == nullptr) return detail::as_goroutine([this] { wait(); });
  lock_.lock();
  if (count_.get() == 0) {
    lock_.unlock();
    return;
  }
  detail::sudog sg(mp);
  detail::park_on(mp, waiters_, sg, lock_, waitreason::wait_group_wait);
}

HEDDLE_END
