#pragma once
// How a goroutine is made from a function: first room for it, then the function in that room, and then it may run.
#include <cstddef>
#include <exception>
#include <new>
#include <type_traits>
#include <utility>

#include "heddle/detail/sched.hpp"
#include "heddle/source_location.hpp"

HEDDLE_DETAIL_BEGIN

// The task or scope whose end waits for the end of a goroutine, or null; and what tells it that the goroutine has been
// abandoned with its runtime. One thread's: an argument.
struct membership {
  const void *of = nullptr;
  void (*abandoned)(const void *of) noexcept = nullptr;
};
inline membership membership_of(const void *of, void (*abandoned)(const void *of) noexcept) noexcept {
  return {of, abandoned};
}
// The calling goroutine is about to tell its task or scope of its end.
HEDDLE_API void end_membership() noexcept;

// Makes room for a goroutine of the caller's runtime, and for its function. Caller: a goroutine; elsewhere it is misuse
// in the name of `who`. Errors: throws std::bad_alloc.
HEDDLE_API newborn begin_go(const char *who, std::size_t size, std::size_t align, std::size_t stack_size,
                            source_location where, membership member);
// Makes the goroutine runnable; it will call start(closure).
HEDDLE_API void end_go(newborn s, void (*start)(void *)) noexcept;
// Takes the room back, because the function could not be constructed.
HEDDLE_API void undo_go(newborn s) noexcept;
// Reports an exception that has left the calling goroutine, or a scope. Returns only if the embedder's on_uncaught
// does.
HEDDLE_API void uncaught(const std::exception_ptr &error) noexcept;

// Calls f(), as the last thing that the calling goroutine does for the user.
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

// Constructs the closure in the g or on the goroutine's own stack, so nothing is allocated once a free g exists.
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
void go_on(const char *who, F &&f, std::size_t stack_size, source_location where, membership member = {}) {
  using closure = std::decay_t<F>;
  const newborn s = begin_go(who, sizeof(closure), alignof(closure), stack_size, where, member);
  end_go(build(s, std::forward<F>(f)), &invoke<closure>);
}

HEDDLE_DETAIL_END
