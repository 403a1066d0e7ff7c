#pragma once
// The world as sched/ needs it; heddle/detail/world.hpp has the table.
#include "queues/world.hpp"

#ifndef HEDDLE_WORLD_HEADER
#include "sched/os/world_os.hpp"
#endif
