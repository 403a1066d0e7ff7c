// What a goroutine may ask about its thread.
#include "heddle/thread.hpp"

HEDDLE_BEGIN

void lock_os_thread() noexcept {
  detail::current_sched("heddle::lock_os_thread");
  lock_os_thread(getm());
}

void unlock_os_thread() noexcept {
  detail::current_sched("heddle::unlock_os_thread");
  unlock_os_thread(getm());
}

void safepoint() noexcept {
  m *mp = getm();
  if (mp != nullptr)
    safepoint(mp);
  else
    detail::not_in_child("heddle::safepoint");
}

no_preempt::no_preempt() noexcept {
  detail::current_sched("heddle::no_preempt");
  acquirem(getm());
}

no_preempt::~no_preempt() {
  detail::not_in_child("the end of a no_preempt");
  releasem(getm());
}

HEDDLE_END
