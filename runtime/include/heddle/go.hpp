#pragma once
// Starting, counting and numbering goroutines. Source: Go's go statement, runtime.Gosched, runtime.NumGoroutine.
#include <cstddef>
#include <cstdint>
#include <utility>

#include "heddle/detail/spawn.hpp"
#include "heddle/source_location.hpp"

HEDDLE_BEGIN

// Starts a goroutine that runs f(). Caller: a goroutine. Blocks: nothing. Owns: a copy of f, until f has returned.
// Ordering: what the caller did before is visible to f. Errors: throws std::bad_alloc if there is no memory for a
// stack; an exception that leaves f goes to options::on_uncaught, and without one ends the process. stack_size: bytes,
// 0 for the runtime's. where: the place that reports name as the one where it was started. Cost: tens of nanoseconds.
template <class F>
void go(F &&f, std::size_t stack_size = 0, source_location where = source_location::current()) {
  detail::go_on("heddle::go", std::forward<F>(f), stack_size, where);
}

// Lets the other goroutines in the queue of the caller's P (see runtime) run first. Caller: a goroutine. Blocks: the
// goroutine, until its turn. Cost: tens of nanoseconds. Source: goyield in Go's proc.go.
HEDDLE_API void yield() noexcept;
// Lets all goroutines that can run on the caller's P go first, also those of the global queue. It is for a goroutine
// that waits by looking again and again. Caller: a goroutine. Blocks: the goroutine, until its turn. Source:
// runtime.Gosched.
HEDDLE_API void gosched() noexcept;

// Returns how many goroutines of the current runtime have been started and have not ended. Caller: a goroutine.
// Ordering: none; to see what they did, wait with a wait_group.
[[nodiscard]] HEDDLE_API std::uint64_t num_goroutine() noexcept;
// Returns the number of the calling goroutine; the main goroutine is 1. Caller: a goroutine.
[[nodiscard]] HEDDLE_API std::uint64_t goid() noexcept;

HEDDLE_END
