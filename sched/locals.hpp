#pragma once
// What belongs to one goroutine: its name and its local values.
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// Copies gp's name, or as much of it as there is room for; an empty name if it has none. Caller: any thread that does
// not hold sched.lock. Blocks: nothing.
void copy_name(const g *gp, char *to, std::size_t size) noexcept;
// Pre: gp is the calling goroutine.
void set_name(g *gp, const char *name, std::size_t length) noexcept;
// Destroys the local values of gp and takes its name away. Caller: gp, right before its end; destructors may wait, and
// make new local values.
void shed(g *gp) noexcept;

HEDDLE_DETAIL_END
