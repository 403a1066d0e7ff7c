// The slow half of task.
#include "heddle/task.hpp"

#include <cstdio>
#include <stdexcept>

#include "runtime/wait.hpp"

HEDDLE_DETAIL_BEGIN

void no_task(const char *who) noexcept {
  char what[128];
  std::snprintf(what, sizeof what, "%s: the task has no goroutine, or its result has been taken", who);
  misuse(what);
}

void task_abandoned(const void *channel) noexcept {
  auto &c = static_cast<task_core &>(*static_cast<hchan *>(const_cast<void *>(channel)));
  if (c.error == nullptr)
    c.error =
        std::make_exception_ptr(std::runtime_error("heddle: the task's goroutine was abandoned with its runtime"));
  close(c);
}

bool task_done(task_core &c) noexcept {
  not_in_child("task::done");
  c.lock.lock();
  const bool done = c.closed.get();
  c.lock.unlock();
  return done;
}

// The goroutine's last access to c is the unlock in close: a joiner that sees c closed may free it.
void task_join(task_core &c) noexcept {
  not_in_child("task::join");
  m *mp = getm();
  if (mp == nullptr) return as_goroutine([&c] { task_join(c); });
  c.lock.lock();
  if (c.closed.get()) return c.lock.unlock();
  sudog sg(own_g(mp));
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
  sudog sg(own_g(mp));
  if (park_on_until(mp, c.recvq, sg, c.lock, waitreason::task_join, when)) return true;
  const bool late = c.closed.get();
  c.lock.unlock();
  return late;
}

HEDDLE_DETAIL_END
