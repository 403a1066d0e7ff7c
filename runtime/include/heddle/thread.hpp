#pragma once
// What a goroutine may ask about the thread under it, and about being moved. Source: LockOSThread of Go's proc.go.
#include "heddle/detail/world.hpp"

HEDDLE_BEGIN

// From here on the calling goroutine runs on this thread only, and nothing else runs on it, until as many
// unlock_os_thread. A goroutine that ends locked takes its thread with it: what it did to the thread - its signal mask,
// its namespaces, its priority - is seen by nobody else, nor by threads started later. options::threads_max must leave
// a thread for the others while all locked ones wait, or there is a deadlock, and a report of it. Caller: a goroutine.
// Blocks: nothing. Cost: nothing now, two thread switches each time it has parked.
HEDDLE_API void lock_os_thread() noexcept;
// Undoes one lock_os_thread; does nothing without one. Caller: a goroutine.
HEDDLE_API void unlock_os_thread() noexcept;

// Gives way if this goroutine has run for 10 ms, or if someone wants to stop the world: a loop that computes for long
// without channels, mutexes, go() or yield() calls it now and then. Caller: a goroutine; does nothing elsewhere.
// Blocks: the g, until its turn. Cost: a few nanoseconds.
HEDDLE_API void safepoint() noexcept;

// While one lives the goroutine does not give way at safepoints; a request that came meanwhile is met when the last one
// goes. It may not park: a channel, a mutex, a yield. They nest. Caller: a goroutine.
class HEDDLE_API no_preempt {
 public:
  no_preempt() noexcept;
  ~no_preempt();
  no_preempt(const no_preempt &) = delete;
  no_preempt &operator=(const no_preempt &) = delete;
};

HEDDLE_END
