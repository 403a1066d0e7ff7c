// The part of barrier that does not know the completion function.
#include "heddle/barrier.hpp"

#include <utility>

#include "runtime/wait.hpp"

HEDDLE_DETAIL_BEGIN

barrier_core::barrier_core(std::ptrdiff_t expected) noexcept : expected_(expected), left_(expected) {
  if (expected < 0) misuse("barrier for a negative number of arrivals");
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
  waitq released = waiters_.dequeue_all();
  lock_.unlock();  // the last access: a waiter may be the last user, and destroy the barrier
  released.goready_all();
}

void barrier_core::wait(std::uint64_t phase) noexcept {
  not_in_child("barrier::wait");
  m *mp = getm();
  if (mp == nullptr) return as_goroutine([this, phase] { wait(phase); });
  lock_.lock();
  if (phase_.get() != phase) return lock_.unlock();
  sudog sg(own_g(mp));
  park_on(mp, waiters_, sg, lock_, waitreason::barrier_wait);
}

HEDDLE_DETAIL_END
