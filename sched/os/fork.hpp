#pragma once
// What a fork leaves behind.
#include "sched/world.hpp"

HEDDLE_DETAIL_BEGIN

// From now on forked() is true in the child of a fork that was made while a runtime lived. If there is no memory for
// the handler, a fork goes unnoticed, and the child hangs in the first call that waits. Caller: any thread, any number
// of times.
void watch_forks() noexcept;

HEDDLE_DETAIL_END
