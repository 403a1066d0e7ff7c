#pragma once
// The life of a runtime, below the class that users have.
#include "heddle/stats.hpp"
#include "sched/newproc.hpp"

HEDDLE_DETAIL_BEGIN

// Runs the main goroutine to its end, with the calling thread as m0, the first M; then stops and joins every other M.
void run_main(schedt &sched, newborn main, void (*startfn)(void *)) noexcept;
void start_main(schedt &sched);  // makes m0; throws std::bad_alloc
// Stops and joins every M of a runtime that has no main goroutine. False: it is `until`, and some have not ended; it may
// be called again.
bool shut_down(schedt &sched, std::int64_t until = never) noexcept;

// Tells tasks and scopes which of their goroutines have been abandoned. Caller: has ended sched, and reported on it.
void release_members(const schedt &sched) noexcept;

// Stops the world, calls f(arg), and starts the world again. Goroutines that have come to no safepoint until `when` run
// on meanwhile. Caller: any thread.
void with_world_stopped(schedt &sched, void (*f)(void *), void *arg, std::int64_t when = never);
void resize(schedt &sched, int n);  // sets the number of Ps; throws std::bad_alloc
statistics figures(const schedt &sched) noexcept;

HEDDLE_DETAIL_END
