#pragma once
// schedtrace and scheddetail.
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// Prints one line about all, as Go's schedtrace; detail: also one for each P, M and g. Any thread; nothing stops for it.
void schedtrace(schedt &sched, bool detail) noexcept;

HEDDLE_DETAIL_END
