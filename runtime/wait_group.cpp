// The slow halves of wait_group.
#include "heddle/wait_group.hpp"

#include "runtime/wait.hpp"

HEDDLE_BEGIN

using namespace detail;

wait_group::wait_group(std::int64_t n) noexcept : count_(n) {
  if (n < 0) detail::misuse("negative wait_group counter");
}

void wait_group::add(std::int64_t n) noexcept {
  detail::not_in_child("wait_group::add");
  detail::waitq released;
  lock_.lock();
  std::int64_t count = 0;
  const bool over = __builtin_add_overflow(count_.get(), n, &count);
  if (over && n > 0) detail::misuse("wait_group counter larger than an std::int64_t");
  if (over || count < 0) detail::misuse("negative wait_group counter");
  count_.set(count);
  if (count == 0) released = waiters_.dequeue_all();
  lock_.unlock();  // if the count is zero, the last access: a wait may return and destroy *this
  released.goready_all();
}

bool wait_group::wait_to(std::int64_t when) noexcept {
  detail::not_in_child(when == never ? "wait_group::wait" : "wait_group::wait_until");
  m *mp = getm();
  if (mp == nullptr) return detail::as_goroutine([this, when] { return wait_to(when); });
  lock_.lock();
  if (count_.get() != 0 && !detail::is_over(when)) {
    detail::sudog sg(own_g(mp));
    if (detail::park_on_until(mp, waiters_, sg, lock_, waitreason::wait_group_wait, when)) return true;
  }
  const bool over = count_.get() == 0;
  lock_.unlock();
  return over;
}

HEDDLE_END
