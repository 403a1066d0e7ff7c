// The slow halves of latch.
#include "heddle/latch.hpp"

#include <utility>

#include "runtime/wait.hpp"

HEDDLE_BEGIN

using namespace detail;

latch::latch(std::ptrdiff_t expected) noexcept : left_(expected) {
  if (expected < 0) detail::misuse("latch with a negative count");
}

bool latch::arrive(std::ptrdiff_t n) noexcept {
  const std::ptrdiff_t left = left_.get();
  if (n < 0 || n > left) detail::misuse("latch counted down by more than is left, or by a negative number");
  left_.set(left - n);
  if (left != n) return false;
  detail::waitq released = waiters_.dequeue_all();
  lock_.unlock();  // the last access: a waiter may destroy *this
  released.goready_all();
  return true;
}

void latch::count_down(std::ptrdiff_t n) noexcept {
  detail::not_in_child("latch::count_down");
  lock_.lock();
  if (!arrive(n)) lock_.unlock();
}

bool latch::try_wait() const noexcept {
  detail::not_in_child("latch::try_wait");
  lock_.lock();
  const bool over = left_.get() == 0;
  lock_.unlock();
  return over;
}

void latch::wait() const noexcept {
  detail::not_in_child("latch::wait");
  m *mp = getm();
  if (mp == nullptr) return detail::as_goroutine([this] { wait(); });
  lock_.lock();
  if (left_.get() == 0) return lock_.unlock();
  detail::sudog sg(own_g(mp));
  detail::park_on(mp, waiters_, sg, lock_, waitreason::latch_wait);
}

void latch::arrive_and_wait(std::ptrdiff_t n) noexcept {
  detail::not_in_child("latch::arrive_and_wait");
  m *mp = getm();
  if (mp == nullptr) return detail::as_goroutine([this, n] { arrive_and_wait(n); });
  lock_.lock();
  if (arrive(n)) return;
  detail::sudog sg(own_g(mp));
  detail::park_on(mp, waiters_, sg, lock_, waitreason::latch_wait);
}

HEDDLE_END
