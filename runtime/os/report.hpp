#pragma once
// Reports for people.
#include <string>

#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// Returns a text of all goroutines with their stacks. Stops the world. Caller: any thread. Errors: throws
// std::bad_alloc. helper: the calling thread is one of the runtime's own.
std::string dump_text(schedt &sched, bool helper = false);
// Calls `line` for each line of where gp stands. Pre: gp does not run, and will not meanwhile.
void print_stack(const g *gp, line_fn line, void *arg) noexcept;
// Calls `line` for each frame of gp, from `frame` on, which is one of its frames or of a function that it has called.
// Pre: gp runs, on the calling thread. Caller: any thread, also in a signal handler.
void print_stack_from(const g *gp, const void *frame, line_fn line, void *arg) noexcept;
// Likewise for a goroutine that a signal has interrupted at `pc` with the frame pointer `frame`. Of very many frames it
// names the first and the last ones. It allocates nothing.
void print_interrupted_stack(const g *gp, std::uintptr_t pc, const void *frame, line_fn line, void *arg) noexcept;
// Prints which goroutines the end of a runtime waits for; left: for which it has not waited. Caller: the thread that
// ends the runtime.
void print_waiting(const schedt &sched, bool left);
// Reports the goroutines that have not ended to on_leak or to standard error, if either is wanted. Pre: every M has
// ended.
void report_leaks(const schedt &sched) noexcept;

HEDDLE_DETAIL_END
