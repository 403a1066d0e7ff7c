#pragma once
// Calls that block the thread: the other goroutines go on without it. Source: entersyscall, exitsyscall of Go's proc.go.
#include <utility>

#include "heddle/runtime.hpp"

HEDDLE_BEGIN

namespace detail {

// The calling goroutine is in a call for as long as this lives. Nests; only the outermost counts. On a thread that runs no
// goroutine it does nothing, nor where the goroutine may not lose its P: no_preempt, stop_the_world.
class call_scope {
 public:
  explicit call_scope(void (*enter)(m *)) noexcept : mp_(getm()) {
    if (mp_ != nullptr && mp_->incall == 0 && mp_->locks == 0)
      enter(mp_);
    else
      mp_ = nullptr;
  }
  ~call_scope() {
    if (mp_ == nullptr) return;
    not_in_child("the end of heddle::blocking");
    exitsyscall(mp_);  // the goroutine has kept its thread
  }
  call_scope(const call_scope &) = delete;
  call_scope &operator=(const call_scope &) = delete;

 private:
  m *mp_;
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
  const detail::call_scope call(entersyscall);
  return std::forward<F>(f)();
}

// As blocking, for calls that are known to last: the P goes at once. Cost: microseconds. Source: entersyscallblock.
template <class F>
decltype(auto) blocking_long(F &&f) {
  const detail::call_scope call(entersyscallblock);
  return std::forward<F>(f)();
}

HEDDLE_END
