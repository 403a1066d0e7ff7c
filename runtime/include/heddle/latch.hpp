#pragma once
#include <cstddef>
#include <limits>

#include "heddle/detail/spinlock.hpp"
#include "heddle/detail/waitq.hpp"

HEDDLE_BEGIN

// Counts down once; the waiters go on when the count is zero, and it stays zero. Source: std::latch. (For a count that
// goes up again: wait_group.)
class HEDDLE_API latch {
 public:
  // The largest count.
  [[nodiscard]] static constexpr std::ptrdiff_t max() noexcept { return std::numeric_limits<std::ptrdiff_t>::max(); }

  // Makes a latch with this count. Errors: a negative count is misuse.
  explicit latch(std::ptrdiff_t expected) noexcept;
  latch(const latch &) = delete;
  latch &operator=(const latch &) = delete;

  // Lowers the count by n, and ends all waits when it is zero. Caller: any thread. Blocks: nothing. Ordering: what the
  // caller did before is visible to the waiters after their wait. Errors: a negative n, or an n above the count, is
  // misuse.
  void count_down(std::ptrdiff_t n = 1) noexcept;
  // Returns whether the count is zero. Caller: any thread. Blocks: nothing. Ordering: if it returns true, as after
  // wait.
  [[nodiscard]] bool try_wait() const noexcept;
  // Returns when the count is zero. The latch may be destroyed then, as soon as no other call of wait can begin.
  // Caller: a goroutine; also any other thread. Blocks: the goroutine, or the thread. Ordering: what was done before
  // each count_down is visible.
  void wait() const noexcept;
  // Does count_down(n) and then wait(), in one step. The latch may be destroyed when this returns, too. Caller, blocks:
  // as wait. Ordering, errors: as count_down and wait.
  void arrive_and_wait(std::ptrdiff_t n = 1) noexcept;

 private:
  friend struct detail::onlooker;
  bool arrive(std::ptrdiff_t n) noexcept;  // pre: lock_ is held; true: the count is zero, and lock_ is released

  mutable detail::spinlock lock_;
  detail::plain<std::ptrdiff_t> left_;  // under lock_
  mutable detail::waitq waiters_;       // under lock_; empty when the count is zero
};

HEDDLE_END
