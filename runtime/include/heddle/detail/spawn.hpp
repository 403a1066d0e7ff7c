#pragma once
// How a goroutine is made from a function: room for it, the function in it, and then it may run.
#include <cstddef>
#include <exception>
#include <new>
#include <type_traits>
#include <utility>

#include "heddle/detail/sched.hpp"
#include "heddle/source_location.hpp"

HEDDLE_DETAIL_BEGIN

// Room for a goroutine of the caller's runtime, and for its function. Caller: a goroutine; misuse in the name of `who`
// elsewhere. Errors: throws std::bad_alloc. memberof: the task or scope whose end waits for its end, or null.
HEDDLE_API newborn begin_go(const char *who, std::size_t size, std::size_t align, std::size_t stack_size,
                            source_location where, const void *memberof);
// It may run: start(closure) on it.
HEDDLE_API void end_go(newborn s, void (*start)(void *)) noexcept;
// Its function could not be constructed.
HEDDLE_API void undo_go(newborn s) noexcept;
// An exception has left the calling goroutine, or a scope: reports it, and returns only if the embedder says so.
HEDDLE_API void uncaught(const std::exception_ptr &error) noexcept;

// f(), as the last that the calling goroutine does for its user.
template <class F>
void call_guarded(F &&f) noexcept {
  try {
    f();
  } catch (...) {
    uncaught(std::current_exception());
  }
}

template <class F>
void invoke(void *closure) {
  F &f = *static_cast<F *>(closure);
  call_guarded(f);
  not_in_child("the end of a goroutine");
  f.~F();
}

// The closure is built in the g or on the goroutine's own stack: nothing is allocated once a free g exists.
template <class F>
newborn build(newborn s, F &&f) {
  try {
    ::new (s.closure) std::decay_t<F>(std::forward<F>(f));
  } catch (...) {
    undo_go(s);
    throw;
  }
  return s;
}

template <class F>
void go_on(const char *who, F &&f, std::size_t stack_size, source_location where, const void *memberof = nullptr) {
  using closure = std::decay_t<F>;
  const newborn s = begin_go(who, sizeof(closure), alignof(closure), stack_size, where, memberof);
  end_go(build(s, std::forward<F>(f)), &invoke<closure>);
}

HEDDLE_DETAIL_END
