// semaphore.
#include "heddle/semaphore.hpp"

#include <limits>

#include "heddle/runtime.hpp"

HEDDLE_BEGIN

semaphore::semaphore(std::ptrdiff_t units) noexcept : units_(units) {
  if (units < 0) detail::misuse("semaphore with a negative number of units");
}

bool semaphore::try_acquire() noexcept {
  detail::not_in_child("semaphore::try_acquire");
  lock_.lock();
  const std::ptrdiff_t units = units_.get();
  if (units != 0) units_.set(units - 1);
  lock_.unlock();
  return units != 0;
}

void semaphore::acquire() noexcept {
  detail::not_in_child("semaphore::acquire");
  m *mp = getm();
  if (mp == nullptr) return detail::as_goroutine([this] { acquire(); });
  lock_.lock();
  if (const std::ptrdiff_t units = units_.get(); units != 0) {
    units_.set(units - 1);
    lock_.unlock();
    return;
  }
  detail::sudog sg(mp);
  detail::park_on(mp, waiters_, sg, lock_, waitreason::semaphore_acquire);
  // Ours: release has not counted the unit that it readied us with.
}

void semaphore::release(std::ptrdiff_t n) noexcept {
  detail::not_in_child("semaphore::release");
  if (n < 0) detail::misuse("semaphore released by a negative number of units");
  detail::waitq served;
  lock_.lock();
  for (; n != 0; --n) {
    detail::sudog *sg = waiters_.dequeue();
    if (sg == nullptr) break;
    served.enqueue(sg);
  }
  const std::ptrdiff_t units = units_.get();
  if (n > std::numeric_limits<std::ptrdiff_t>::max() - units) detail::misuse("semaphore with too many units");
  units_.set(units + n);
  lock_.unlock();  // the last touch: whoever has a unit may destroy us
  served.goready_all();
}

HEDDLE_END
