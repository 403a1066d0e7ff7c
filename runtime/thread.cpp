// What a goroutine may ask about its thread.
#include "heddle/thread.hpp"

#include "runtime/spawn.hpp"
#include "sched/locked.hpp"
#include "sched/yield.hpp"

HEDDLE_BEGIN

void lock_os_thread() noexcept {
  detail::current_sched("heddle::lock_os_thread");
  detail::lock_os_thread(detail::getm());
}

void unlock_os_thread() noexcept {
  detail::current_sched("heddle::unlock_os_thread");
  detail::unlock_os_thread(detail::getm());
}

void safepoint() noexcept {
  detail::m *mp = detail::getm();
  if (mp != nullptr)
    detail::safepoint(mp);
  else
    detail::not_in_child("heddle::safepoint");
}

no_preempt::no_preempt() noexcept {
  detail::current_sched("heddle::no_preempt");
  detail::acquirem(detail::getm());
}

no_preempt::~no_preempt() {
  detail::not_in_child("the end of a no_preempt");
  detail::releasem(detail::getm());
}

HEDDLE_END
