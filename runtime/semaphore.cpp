// The slow halves of semaphore.
#include "heddle/semaphore.hpp"

#include "runtime/wait.hpp"

HEDDLE_BEGIN

using namespace detail;

semaphore::semaphore(std::ptrdiff_t units) noexcept : units_(units) {
  if (units < 0) detail::misuse("semaphore with a negative number of units");
}

// Takes a unit if there is one. Caller: holds lock_.
bool semaphore::take() noexcept {
  const std::ptrdiff_t units = units_.get();
  if (units != 0) units_.set(units - 1);
  return units != 0;
}

bool semaphore::try_acquire() noexcept {
  detail::not_in_child("semaphore::try_acquire");
  lock_.lock();
  const bool taken = take();
  lock_.unlock();
  return taken;
}

bool semaphore::acquire_until(std::int64_t when) noexcept {
  detail::not_in_child(when == never ? "semaphore::acquire" : "semaphore::try_acquire_until");
  m *mp = getm();
  if (mp == nullptr) return detail::as_goroutine([this, when] { return acquire_until(when); });
  lock_.lock();
  bool taken = take();
  if (!taken && !detail::is_over(when)) {
    detail::sudog sg(own_g(mp));
    // True: release has not counted the unit with which it readied us.
    if (detail::park_on_until(mp, waiters_, sg, lock_, waitreason::semaphore_acquire, when)) return true;
    taken = take();  // a release that came too late for us has counted its unit
  }
  lock_.unlock();
  return taken;
}

void semaphore::release(std::ptrdiff_t n) noexcept {
  detail::not_in_child("semaphore::release");
  if (n < 0) detail::misuse("semaphore released by a negative number of units");
  detail::waitq served;
  lock_.lock();
  for (; n != 0; --n) {
    detail::sudog *sg = waiters_.dequeue();
    if (sg == nullptr) break;
    served.append(sg);
  }
  const std::ptrdiff_t units = units_.get();
  if (n > std::numeric_limits<std::ptrdiff_t>::max() - units) detail::misuse("semaphore with too many units");
  units_.set(units + n);
  lock_.unlock();  // the last access: a goroutine that has a unit may destroy *this
  served.goready_all();
}

HEDDLE_END
