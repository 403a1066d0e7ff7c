#pragma once
// What a person asks a runtime for.
#include <string>

#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// All goroutines with their stacks. Stops the world. Caller: any thread. Errors: throws std::bad_alloc.
std::string dump_text(schedt &sched);
// Says line by line where gp stands, which does not run, and will not meanwhile.
void print_stack(const g *gp, void (*line)(void *arg, const char *text), void *arg) noexcept;
// Those that have not ended, to on_leak or to standard error, if either is wanted. Pre: every M has ended.
void report_leaks(const schedt &sched) noexcept;

HEDDLE_DETAIL_END
