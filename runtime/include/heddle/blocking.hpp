#pragma once
// Calls that block the thread: the other goroutines go on without it. Source: entersyscall, exitsyscall of Go's proc.go.
#include <utility>

#include "heddle/detail/world.hpp"

HEDDLE_BEGIN

namespace detail {

// A call begins: the calling goroutine's P may go to another thread. Nests; only the outermost counts. On a thread that runs no
// goroutine it does nothing, nor where the goroutine may not lose its P: no_preempt, stop_the_world. Returns whether it did.
// lasting: the P goes at once.
HEDDLE_API bool begin_call(bool lasting) noexcept;
// The goroutine has kept its thread. Pre: begin_call has returned true.
HEDDLE_API void end_call() noexcept;

class call_scope {
 public:
  explicit call_scope(bool lasting) noexcept : begun_(begin_call(lasting)) {}
  ~call_scope() {
    if (begun_) end_call();
  }
  call_scope(const call_scope &) = delete;
  call_scope &operator=(const call_scope &) = delete;

 private:
  const bool begun_;
};

}  // namespace detail

// Returns f(), which may block its thread: a read, a sleep, a lock of another library, long computation that reaches no
// safepoint. When it lasts (20 us to 10 ms, sooner the more there is to do) the P goes to another thread; meanwhile f keeps
// its own, whatever it waits for, also for channels and mutexes of heddle. What f starts or readies goes on like from a
// thread outside. The runtime's end waits for f. Caller: any thread; on one that runs no goroutine, and while the goroutine
// has a no_preempt or has stopped the world, it is just f(). Blocks: the g, after f, until it has a P again. Errors: what f
// throws. Nests. Cost: tens of nanoseconds when the P is still there.
template <class F>
decltype(auto) blocking(F &&f) {
  const detail::call_scope call(false);
  return std::forward<F>(f)();
}

// As blocking, for calls that are known to last: the P goes at once. Cost: microseconds. Source: entersyscallblock.
template <class F>
decltype(auto) blocking_long(F &&f) {
  const detail::call_scope call(true);
  return std::forward<F>(f)();
}

HEDDLE_END
