#pragma once
// Reports for people.
#include <string>

#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// Returns a text of all goroutines with their stacks. Stops the world. Caller: any thread. Errors: throws
// std::bad_alloc.
std::string dump_text(schedt &sched);
// Calls `line` for each line of where gp stands. Pre: gp does not run, and will not meanwhile.
void print_stack(const g *gp, void (*line)(void *arg, const char *text), void *arg) noexcept;
// Reports the goroutines that have not ended to on_leak or to standard error, if either is wanted. Pre: every M has
// ended.
void report_leaks(const schedt &sched) noexcept;

HEDDLE_DETAIL_END
