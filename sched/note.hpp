#pragma once
// One-shot sleep and wake-up of one M. Source: note of Go's lock_futex.go, with a third state that spares the waker the
// system call when the sleeper has not gone to sleep yet.
#include "queues/world.hpp"

HEDDLE_BEGIN

// clear -> (sleeping ->) signalled -> clear. Exactly one notewakeup per notesleep (I38); the owner clears.
class note {
 public:
  // Caller: any thread, once. Blocks: nothing. All it did before is visible to the sleeper when notesleep returns.
  void notewakeup() noexcept {
    // release: pairs with notesleep's acquire; nextp above all. [NOTE-1]
    const std::uint32_t old = key_.exchange(signalled, release);
    HEDDLE_INV("I38", old != signalled);
    // Survives as doubled (equivalent): a sleeper looks at the key again, and the key is still what it was.
    if (old == sleeping) futex_wake(key_);
  }

  // Caller: the owner. Blocks: the M.
  void notesleep() noexcept {
    std::uint32_t old = clear;
    // acquire: not needed on success, nothing was said yet, but g++ warns of a failure order beyond it. [NOTE-1]
    // acquire on failure: pairs with notewakeup. [NOTE-1]
    // Survives as relaxed (equivalent): the value that succeeds is our own noteclear's.
    if (!key_.compare_exchange_strong(old, sleeping, acquire, acquire)) return;
    while (key_.load(acquire) != signalled) futex_sleep(key_, sleeping);  // acquire: pairs with notewakeup. [NOTE-1]
  }

  // Caller: the owner, after notesleep and before anyone can know that it may be woken again.
  void noteclear() noexcept { key_.store(clear, relaxed); }  // relaxed: published by the push onto midle

 private:
  static constexpr std::uint32_t clear = 0, signalled = 1, sleeping = 2;
  atomic<std::uint32_t> key_;
};

HEDDLE_END
