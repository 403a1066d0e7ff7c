#pragma once
// Calls that block the thread, while the other goroutines go on. Source: entersyscall and exitsyscall in Go's proc.go.
#include <utility>

#include "heddle/detail/world.hpp"

HEDDLE_BEGIN

namespace detail {

// Begins a blocking call: until it ends, the calling goroutine's P (its permit to run, see runtime) may go to another
// thread. lasting: the P goes at once. Calls nest; only the outermost counts. Returns false, and does nothing, on a
// thread that runs no goroutine and where the goroutine may not lose its P (inside no_preempt or stop_the_world).
HEDDLE_API bool begin_call(bool lasting) noexcept;
// Ends the blocking call. The goroutine has stayed on its thread. Pre: begin_call has returned true.
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

// Calls f, which may block its thread, and returns what f returns. It is for a read, a sleep, a lock of another
// library, or a long computation that reaches no safepoint. When the call lasts (20 us to 10 ms, sooner the more work
// waits) the goroutine's P, its permit to run goroutines (see runtime), goes to another thread. During the call f stays
// on its own thread, and blocks it whatever f waits for, also for channels and mutexes of heddle. Goroutines that f
// starts or readies are queued as if a thread outside the runtime had done so. The end of the runtime waits for f.
// Calls nest. Caller: any thread; on a thread that runs no goroutine, and while the goroutine has a no_preempt or has
// stopped the world, it only calls f. Blocks: the goroutine, after f, until it has a P again. Errors: what f throws.
// Cost: tens of nanoseconds if the goroutine still has its P when f returns.
template <class F>
decltype(auto) blocking(F &&f) {
  const detail::call_scope call(false);
  return std::forward<F>(f)();
}

// As blocking, for calls that are known to last: the P goes to another thread at once. Cost: microseconds. Source:
// entersyscallblock in Go's proc.go.
template <class F>
decltype(auto) blocking_long(F &&f) {
  const detail::call_scope call(true);
  return std::forward<F>(f)();
}

HEDDLE_END
