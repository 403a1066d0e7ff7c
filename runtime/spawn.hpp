#pragma once
// Starting goroutines in a runtime that is named, rather than in the caller's; heddle/detail/spawn.hpp has what users
// call.
#include "heddle/detail/spawn.hpp"
#include "sched/newproc.hpp"
#include "sched/wake.hpp"

HEDDLE_DETAIL_BEGIN

// Returns the scheduler of the calling goroutine; without one it is misuse in the name of `who`.
schedt &current_sched(const char *who) noexcept;

// As begin_go, in the runtime of sched. Caller: any thread.
newborn room_for(schedt &sched, std::size_t size, std::size_t align, std::size_t stack_size, source_location where,
                 membership member);
// As end_go, from a thread that need not be one of sched's.
void start_from_outside(schedt &sched, newborn s, void (*start)(void *)) noexcept;

template <class F>
newborn prepare(schedt &sched, F &&f, std::size_t stack_size, source_location where = {}, membership member = {}) {
  using closure = std::decay_t<F>;
  return build(room_for(sched, sizeof(closure), alignof(closure), stack_size, where, member), std::forward<F>(f));
}
template <class F>
void go_on(schedt &sched, F &&f, std::size_t stack_size, source_location where, membership member = {}) {
  newproc(sched, prepare(sched, std::forward<F>(f), stack_size, where, member), &invoke<std::decay_t<F>>);
}
template <class F>
void go_from_outside(schedt &sched, F &&f, std::size_t stack_size, source_location where = {}) {
  start_from_outside(sched, prepare(sched, std::forward<F>(f), stack_size, where), &invoke<std::decay_t<F>>);
}

HEDDLE_DETAIL_END
