#pragma once
#include <optional>
#include <type_traits>
#include <utility>

#include "heddle/runtime.hpp"
#include "heddle/waitq.hpp"

HEDDLE_BEGIN

// Waits for a number of goroutines. Source: Go's sync.WaitGroup.
class wait_group {
 public:
  explicit wait_group(std::int64_t n = 0) noexcept : count_(n) {}
  wait_group(const wait_group &) = delete;
  wait_group &operator=(const wait_group &) = delete;

  // Caller: any thread. Blocks: nothing. Errors: a count below zero is misuse.
  void add(std::int64_t n) noexcept;
  // Ordering: what the caller did before is visible after the wait that this ends.
  void done() noexcept { add(-1); }
  // Returns when the count is zero. Caller: a goroutine. Blocks: the goroutine. The wait_group may be destroyed then.
  void wait() noexcept;

  // go(f), counted: add(1) now, done() when f returns.
  template <class F>
  void go(F &&f, source_location where = source_location::current()) {
    add(1);
    try {
      heddle::go(
          [this, f = std::optional<std::decay_t<F>>(std::forward<F>(f))]() mutable {
            (*f)();
            f.reset();  // before done: what f has captured is gone when wait returns
            done();
          },
          0, where);
    } catch (...) {
      done();
      throw;
    }
  }

 private:
  friend struct detail::onlooker;
  spinlock lock_;
  plain<std::int64_t> count_;  // under lock
  detail::waitq waiters_;      // under lock; not empty only while the count is not zero
};

HEDDLE_END
