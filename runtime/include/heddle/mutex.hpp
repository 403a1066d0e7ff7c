#pragma once
#include "heddle/waitq.hpp"

HEDDLE_BEGIN

// Mutual exclusion among goroutines; may be held over anything that blocks one. First come, first served: unlock hands
// it to the goroutine that has waited longest. Meets std Lockable, so std::lock_guard and std::unique_lock work.
class mutex {
 public:
  mutex() noexcept = default;
  mutex(const mutex &) = delete;
  mutex &operator=(const mutex &) = delete;

  // Caller: a goroutine. Blocks: the goroutine. Cost: one CAS when free.
  void lock() noexcept {
    std::uint32_t expected = free;
    // acquire: pairs with unlock's CAS; what earlier holders did. [MUTEX-1]  relaxed on failure: lock_slow looks again.
    if (!state_.compare_exchange_weak(expected, locked, acquire, relaxed)) lock_slow();
  }
  bool try_lock() noexcept {
    std::uint32_t expected = free;
    // acquire: as in lock. [MUTEX-1]  relaxed on failure: somebody else has it.
    return state_.compare_exchange_strong(expected, locked, acquire, relaxed);
  }
  // Caller: a goroutine, any. Blocks: nothing. Errors: unlocking what is not locked is misuse.
  void unlock() noexcept {
    std::uint32_t expected = locked;
    // release: pairs with lock's CAS and lock_slow's exchange. [MUTEX-1]  relaxed on failure: unlock_slow looks again.
    if (!state_.compare_exchange_weak(expected, free, release, relaxed)) unlock_slow();
  }

 private:
  static constexpr std::uint32_t free = 0, locked = 1,
                                 contended = 2;  // contended: locked, and waiters_ may not be empty
  void lock_slow() noexcept;
  void unlock_slow() noexcept;

  atomic<std::uint32_t> state_;
  spinlock lock_;          // waiters_, and the move from contended to free
  detail::waitq waiters_;  // under lock_
};

HEDDLE_END
