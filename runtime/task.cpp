// The slow halves of task and scope.
#include "heddle/task.hpp"
#include "heddle/scope.hpp"

#include <cstdio>
#include <utility>

HEDDLE_BEGIN

namespace detail {

void no_task(const char *who) noexcept {
  char what[128];
  std::snprintf(what, sizeof what, "%s: the task has no goroutine, or its result has been taken", who);
  misuse(what);
}

bool task_done(task_core &c) noexcept {
  not_in_child("task::done");
  c.lock.lock();
  const bool done = c.closed.get();
  c.lock.unlock();
  return done;
}

// The goroutine's last touch of c is the unlock of close: who sees it closed may free it.
void task_join(task_core &c) noexcept {
  not_in_child("task::join");
  m *mp = getm();
  if (mp == nullptr) return as_goroutine([&c] { task_join(c); });
  c.lock.lock();
  if (c.closed.get()) return c.lock.unlock();
  sudog sg(mp);
  park_on(mp, c.recvq, sg, c.lock, waitreason::task_join);
}

bool task_join_until(task_core &c, std::int64_t when) noexcept {
  not_in_child("task::wait_for");
  m *mp = getm();
  if (mp == nullptr) return as_goroutine([&c, when] { return task_join_until(c, when); });
  c.lock.lock();
  const bool done = c.closed.get();
  if (done || when <= nanotime()) {
    c.lock.unlock();
    return done;
  }
  sudog sg(mp);
  if (park_on_until(mp, c.recvq, sg, c.lock, waitreason::task_join, when)) return true;
  const bool late = c.closed.get();
  c.lock.unlock();
  return late;
}

}  // namespace detail

void scope::add() noexcept {
  lock_.lock();
  running_.set(running_.get() + 1);
  lock_.unlock();
}

void scope::leave() noexcept {
  detail::waitq released;
  lock_.lock();
  running_.set(running_.get() - 1);
  if (running_.get() == 0) released = std::exchange(waiters_, {});
  lock_.unlock();
  released.goready_all();
}

// Whoever fails is still counted: the scope stands until he leaves.
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
  detail::sudog sg(mp);
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
