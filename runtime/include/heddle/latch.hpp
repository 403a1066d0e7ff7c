#pragma once
#include <cstddef>
#include <limits>

#include "heddle/detail/spinlock.hpp"
#include "heddle/detail/waitq.hpp"

HEDDLE_BEGIN

// Counts down once; who waits goes on when it is at zero, and it stays there. Source: std::latch. (For a count that
// goes up again: wait_group.)
class HEDDLE_API latch {
 public:
  // The largest count.
  static constexpr std::ptrdiff_t max() noexcept { return std::numeric_limits<std::ptrdiff_t>::max(); }

  // Errors: a negative count is misuse.
  explicit latch(std::ptrdiff_t expected) noexcept;
  latch(const latch &) = delete;
  latch &operator=(const latch &) = delete;

  // Caller: any thread. Blocks: nothing. Ordering: what the caller did before is visible to who waits. Errors: a
  // negative n, or more than is left, is misuse.
  void count_down(std::ptrdiff_t n = 1) noexcept;
  // Whether the count is zero. Caller: any thread. Blocks: nothing. Ordering: if so, as after wait.
  bool try_wait() const noexcept;
  // Returns when the count is zero. Caller: a goroutine; also any other thread. Blocks: the goroutine, or thread. The
  // latch may be destroyed then, as soon as no other call of wait can begin.
  void wait() const noexcept;
  // count_down(n), then wait(), in one step: it may be destroyed when this returns, too.
  void arrive_and_wait(std::ptrdiff_t n = 1) noexcept;

 private:
  friend struct detail::onlooker;
  bool arrive(std::ptrdiff_t n) noexcept;  // lock_ is held; true: everybody has arrived, and it is held no more

  mutable detail::spinlock lock_;
  detail::plain<std::ptrdiff_t> left_;  // under lock_
  mutable detail::waitq waiters_;       // under lock_; empty when nobody is left
};

HEDDLE_END
