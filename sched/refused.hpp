#pragma once
// What the system has refused, and that it is asked for again.
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// Counts a refusal, and says once, in words, what the system does not give. error: an errno value. Caller: any thread.
void count_refusal(schedt &sched, const char *what, std::int32_t error) noexcept;
// Has sysmon ask again. Caller: a thread that has put away what waits for the answer: a P on pidle with a promise made,
// or a g on stackless. Does nothing in a scheduler without sysmon. Blocks: nothing.
void ask_again(schedt &sched) noexcept;
// Asks again, if it is time. Returns whether it did. Caller: sysmon.
bool retry_refused(schedt &sched, std::int64_t now) noexcept;
// Returns when retry_refused has something to do: 0, at once; never, if nothing is refused. Caller: sysmon.
std::int64_t retry_time(const schedt &sched) noexcept;

HEDDLE_DETAIL_END
