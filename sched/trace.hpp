#pragma once
// schedtrace and scheddetail: what the scheduler looks like now.
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// Prints one line about the whole scheduler, as Go's schedtrace; detail: also one line for each P, M and g. Caller: any
// thread; nothing stops for it.
void schedtrace(schedt &sched, bool detail) noexcept;

HEDDLE_DETAIL_END
