#pragma once
// The life of a runtime, below the class that users have.
#include "heddle/stats.hpp"
#include "sched/newproc.hpp"

HEDDLE_DETAIL_BEGIN

// Runs the main goroutine to its end on the calling thread as m0, then stops and joins every other M.
void run_main(schedt &sched, newborn main, void (*startfn)(void *)) noexcept;
void start_main(schedt &sched);  // throws std::bad_alloc
// Stops and joins without a main.
void shut_down(schedt &sched) noexcept;

// stop_the_world, f(arg), start_the_world. Caller: any thread.
void with_world_stopped(schedt &sched, void (*f)(void *), void *arg);
void resize(schedt &sched, int n);  // throws std::bad_alloc
statistics figures(const schedt &sched) noexcept;

HEDDLE_DETAIL_END
