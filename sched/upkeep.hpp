#pragma once
// What sysmon does at a slow pace: see sched/upkeep.cpp.
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// Caller: sysmon, at each of its rounds. Cost: some loads, when nothing is due.
void keep_up(schedt &sched, std::int64_t now) noexcept;
// Returns when keep_up has something to do, though nothing of the runtime runs. Caller: sysmon.
std::int64_t next_upkeep(const schedt &sched) noexcept;
// Looks for a deadlock where other threads have kept it from being reported. Caller: sysmon, when they have gone.
void look_again(schedt &sched) noexcept;

HEDDLE_DETAIL_END
