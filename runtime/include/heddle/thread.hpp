#pragma once
// A goroutine's bond to the thread under it, and safepoints. Source: LockOSThread in Go's proc.go.
#include "heddle/detail/world.hpp"

HEDDLE_BEGIN

// Locks the calling goroutine to its thread: from here on it runs on this thread only, and nothing else runs on this
// thread, until unlock_os_thread has been called as often. A goroutine that ends locked takes its thread with it: what
// it did to the thread (its signal mask, its namespaces, its priority) reaches no other goroutine, and no thread that
// is started later. options::threads_max must leave a thread for the others while all locked goroutines wait; otherwise
// there is a deadlock, and a report of it. Caller: a goroutine. Blocks: nothing. Cost: nothing now, two thread switches
// each time it has parked.
HEDDLE_API void lock_os_thread() noexcept;
// Undoes one lock_os_thread; does nothing if there is none to undo. Caller: a goroutine.
HEDDLE_API void unlock_os_thread() noexcept;

// Gives way if this goroutine has run for 10 ms, or if the world is to be stopped. A loop that computes for long
// without channels, mutexes, go() or yield() should call it now and then: it then takes turns with the others, and a
// party that stops the world need not wait for it. Caller: a goroutine; it does nothing elsewhere. Blocks: the
// goroutine, until its turn. Cost: a few nanoseconds.
HEDDLE_API void safepoint() noexcept;

// While a no_preempt lives, its goroutine does not give way at safepoints; it gives way when the last one is destroyed,
// if that was asked for meanwhile. The goroutine may not park (on a channel or a mutex, or by yield). They nest.
// Caller: a goroutine.
class HEDDLE_API no_preempt {
 public:
  [[nodiscard]] no_preempt() noexcept;
  ~no_preempt();
  no_preempt(const no_preempt &) = delete;
  no_preempt &operator=(const no_preempt &) = delete;
};

HEDDLE_END
