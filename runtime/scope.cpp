// The slow half of scope.
#include "heddle/scope.hpp"

#include <utility>

#include "runtime/wait.hpp"

HEDDLE_BEGIN

using namespace detail;

void scope::add() noexcept {
  lock_.lock();
  running_.set(running_.get() + 1);
  lock_.unlock();
}

void scope::leave() noexcept {
  detail::waitq released;
  lock_.lock();
  running_.set(running_.get() - 1);
  if (running_.get() == 0) released = waiters_.dequeue_all();
  lock_.unlock();
  released.goready_all();
}

// One of its goroutines will not come to its end.
void scope::abandoned(const void *self) noexcept { static_cast<scope *>(const_cast<void *>(self))->leave(); }

// The goroutine that fails is still counted, so the scope exists until it leaves.
void scope::fail(std::exception_ptr error) noexcept {
  lock_.lock();
  const bool first = !failed_.get();
  if (first) {
    failed_.set(true);
    error_.swap(error);
  }
  lock_.unlock();
  if (first) cancel();
}

void scope::join() noexcept {
  detail::not_in_child("scope::wait");
  m *mp = getm();
  if (mp == nullptr) return detail::as_goroutine([this] { join(); });
  lock_.lock();
  if (running_.get() == 0) return lock_.unlock();
  detail::sudog sg(own_g(mp));
  detail::park_on(mp, waiters_, sg, lock_, waitreason::scope_wait);
}

void scope::wait() {
  join();
  lock_.lock();
  std::exception_ptr error = std::exchange(error_, nullptr);
  failed_.set(false);
  lock_.unlock();
  if (error != nullptr) std::rethrow_exception(std::move(error));
}

scope::~scope() {
  const bool unwinding = std::uncaught_exceptions() > in_flight_;
  if (unwinding) cancel();
  join();
  from_parent_.reset();
  if (error_ != nullptr && !unwinding) detail::uncaught(error_);
}

HEDDLE_END
