#pragma once
// Goroutines: started, counted, numbered. Source: the go statement, runtime.Gosched, runtime.NumGoroutine of Go.
#include <cstddef>
#include <cstdint>
#include <utility>

#include "heddle/detail/spawn.hpp"
#include "heddle/source_location.hpp"

HEDDLE_BEGIN

// Starts a goroutine that runs f(). Caller: a goroutine. Blocks: nothing. Owns: a copy of f, until f has returned.
// Ordering: what the caller did before is visible to f. Errors: throws std::bad_alloc when there is no memory for a
// stack; what leaves f is for options::on_uncaught, else it ends the process. stack_size: bytes, 0 for the runtime's.
// where: what reports say of where it was started. Cost: tens of nanoseconds.
template <class F>
void go(F &&f, std::size_t stack_size = 0, source_location where = source_location::current()) {
  detail::go_on("heddle::go", std::forward<F>(f), stack_size, where);
}

// Lets the other goroutines of this P's queue run first. Caller: a goroutine. Blocks: the goroutine, until its turn. Cost: tens of
// nanoseconds. Source: goyield.
HEDDLE_API void yield() noexcept;
// Lets all goroutines that can run on this P go first, those of the global queue as well: for one that waits by looking. Caller: a
// goroutine. Blocks: the goroutine, until its turn. Source: runtime.Gosched.
HEDDLE_API void gosched() noexcept;

// Goroutines of the current runtime that have begun and not ended. Caller: a goroutine. Ordering: none; who wants to see what
// they did waits with a wait_group.
HEDDLE_API std::uint64_t num_goroutine() noexcept;
// The number of the calling goroutine; 1 is main. Caller: a goroutine.
HEDDLE_API std::uint64_t goid() noexcept;

HEDDLE_END
