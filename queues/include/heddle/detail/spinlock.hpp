#pragma once
// A lock for critical sections of a few dozen instructions that never block. Unlocking is a plain release store.
#include "heddle/detail/backoff.hpp"

HEDDLE_DETAIL_BEGIN

// Misuse where the calling thread is in user code under a lock (enter_user_code): it might wait for itself. The
// scheduler defines it.
HEDDLE_API void not_in_user_code() noexcept;

// Mutual exclusion by test and test-and-set. Meets std BasicLockable and Lockable. Caller: any thread; the thread that
// locks must unlock, on the same M. Blocks: the M: it spins with growing pauses, then gives its CPU away between tries,
// and sleeps at last.
class spinlock {
 public:
  void lock() noexcept {
    section_begin();
    for (backoff turn; !take(); turn.wait()) not_in_user_code();
  }

  bool try_lock() noexcept {
    section_begin();
    if (take()) return true;
    section_end();
    return false;
  }

  void unlock() noexcept {
    // release: pairs with take's exchange by the next holder. [LOCK-1]
    locked_.store(0, release);
    section_end();
  }

 private:
  bool take() noexcept {
    // relaxed: revalidated by the exchange.
    if (locked_.load(relaxed) != 0) return false;
    // acquire: pairs with unlock's store; all that earlier holders wrote is visible. [LOCK-1]
    return locked_.exchange(1, acquire) == 0;
  }

  atomic<std::uint32_t> locked_;
};

HEDDLE_DETAIL_END
