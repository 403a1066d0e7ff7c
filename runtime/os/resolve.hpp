#pragma once
// From a user's options to the scheduler's.
#include "heddle/options.hpp"
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// Turns options into those of the scheduler. The environment decides about zeros, else the system. Errors: throws
// config_error.
sched_options resolve(const options &o);

HEDDLE_DETAIL_END
