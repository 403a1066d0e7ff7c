// latch and barrier.
#include "heddle/latch.hpp"

#include <utility>

#include "heddle/barrier.hpp"
#include "heddle/runtime.hpp"

HEDDLE_BEGIN

latch::latch(std::ptrdiff_t expected) noexcept : left_(expected) {
  if (expected < 0) detail::misuse("latch with a negative count");
}

bool latch::arrive(std::ptrdiff_t n) noexcept {
  const std::ptrdiff_t left = left_.get();
  if (n < 0 || n > left) detail::misuse("latch counted down by more than is left, or by less than nothing");
  left_.set(left - n);
  if (left != n) return false;
  detail::waitq released = std::exchange(waiters_, {});
  lock_.unlock();  // the last touch: whoever waits may destroy us
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
  detail::sudog sg(mp);
  detail::park_on(mp, waiters_, sg, lock_, waitreason::latch_wait);
}

void latch::arrive_and_wait(std::ptrdiff_t n) noexcept {
  detail::not_in_child("latch::arrive_and_wait");
  m *mp = getm();
  if (mp == nullptr) return detail::as_goroutine([this, n] { arrive_and_wait(n); });
  lock_.lock();
  if (arrive(n)) return;
  detail::sudog sg(mp);
  detail::park_on(mp, waiters_, sg, lock_, waitreason::latch_wait);
}

namespace detail {

barrier_core::barrier_core(std::ptrdiff_t expected) noexcept : expected_(expected), left_(expected) {
  if (expected < 0) misuse("barrier for a negative number");
}

std::uint64_t barrier_core::arrive(std::ptrdiff_t n, bool drop, bool &last) noexcept {
  not_in_child("barrier::arrive");
  lock_.lock();
  const std::ptrdiff_t left = left_.get();
  if (n <= 0 || n > left) misuse("barrier with more arrivals than are expected, or with none");
  left_.set(left - n);
  if (drop) expected_.set(expected_.get() - n);
  last = left == n;
  const std::uint64_t phase = phase_.get();
  lock_.unlock();
  return phase;
}

void barrier_core::complete() noexcept {
  lock_.lock();
  left_.set(expected_.get());
  phase_.set(phase_.get() + 1);
  waitq released = std::exchange(waiters_, {});
  lock_.unlock();  // the last touch: who waits may be the last user
  released.goready_all();
}

void barrier_core::wait(std::uint64_t phase) noexcept {
  not_in_child("barrier::wait");
  m *mp = getm();
  if (mp == nullptr) return as_goroutine([this, phase] { wait(phase); });
  lock_.lock();
  if (phase_.get() != phase) return lock_.unlock();
  sudog sg(mp);
  park_on(mp, waiters_, sg, lock_, waitreason::barrier_wait);
}

}  // namespace detail

HEDDLE_END
