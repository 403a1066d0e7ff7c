#pragma once
// One-shot sleep and wake-up of one M. Source: note of Go's lock_futex.go, with a third state that spares the waker the
// system call when the sleeper has not gone to sleep yet.
#include <limits>

#include "sched/world.hpp"

HEDDLE_DETAIL_BEGIN

// The states: clear -> signalled -> clear; clear -> sleeping -> signalled -> clear; and sleeping -> clear when the time
// of a notetsleep is over. There is one notewakeup, before or after the time is over, until the owner clears the note
// (I38).
class note {
 public:
  // Caller: any thread, once. Blocks: nothing. Ordering: all that the caller did before is visible to the owner when
  // notesleep returns, or when notetsleep returns true.
  void notewakeup() noexcept {
    // release: pairs with the acquires of notesleep and notetsleep: above all m.nextp, which the caller has set.
    // [NOTE-1]
    const std::uint32_t old = key_.exchange(signalled, release);
    HEDDLE_INV("I38", old != signalled);
    // Survives as doubled (equivalent): a sleeper looks at the key again, and the key is still what it was.
    if (old == sleeping) futex_wake(key_);
  }

  // Caller: the owner. Blocks: the M.
  void notesleep() noexcept {
    std::uint32_t old = clear;
    // acquire: not needed on success, as nothing was published yet, but g++ warns of a failure order beyond it.
    // [NOTE-1]
    // acquire on failure: pairs with notewakeup. [NOTE-1]
    // Survives as relaxed (equivalent): the value that succeeds is this thread's own noteclear's.
    if (!key_.compare_exchange_strong(old, sleeping, acquire, acquire)) return;
    while (key_.load(acquire) != signalled) futex_sleep(key_, sleeping);  // acquire: pairs with notewakeup. [NOTE-1]
  }

  // Caller: the owner. Blocks: the M, for ns nanoseconds at most. True: signalled, as after notesleep. False: the time
  // is over and the note is clear; a notewakeup that comes later is kept for the next sleep.
  bool notetsleep(std::int64_t ns) noexcept {
    std::uint32_t old = clear;
    // acquire: as in notesleep. [NOTE-1]
    // acquire on failure: pairs with notewakeup. [NOTE-1]
    // Survives as relaxed (equivalent): the value that succeeds is this thread's own noteclear's, or the one below.
    if (!key_.compare_exchange_strong(old, sleeping, acquire, acquire)) return true;
    const std::int64_t now = nanotime(), last = std::numeric_limits<std::int64_t>::max();
    const std::int64_t end = ns > last - now ? last : now + ns;
    for (std::int64_t left = ns; futex_sleep_for(key_, sleeping, left); left = end - nanotime())
      if (key_.load(acquire) == signalled) return true;  // acquire: pairs with notewakeup. [NOTE-1]
    old = sleeping;
    // Only this thread moves the key from sleeping to clear: when it is not sleeping now, it was signalled, in time
    // after all.
    // acquire: as above, nothing was published yet. [NOTE-1]
    // acquire on failure: pairs with notewakeup. [NOTE-1]
    // Survives as relaxed (equivalent): the value that succeeds is the one above.
    return !key_.compare_exchange_strong(old, clear, acquire, acquire);
  }

  // Caller: the owner, after notesleep and before any thread can know that it may wake the owner again.
  void noteclear() noexcept { key_.store(clear, relaxed); }  // relaxed: published by the push onto midle

 private:
  static constexpr std::uint32_t clear = 0, signalled = 1, sleeping = 2;
  atomic<std::uint32_t> key_;
};

HEDDLE_DETAIL_END
