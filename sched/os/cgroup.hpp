#pragma once
// How much of the machine's time this process may have.
#include <cstdint>

#include "sched/world.hpp"

HEDDLE_DETAIL_BEGIN

// Returns the CPU quota of this process's cgroups in CPUs, rounded up, at least 2 as in Go: the least of its own and of
// those above it, of version 1 and of version 2. INT_MAX: there is none, or it cannot be read. root: a folder that
// stands for /, for tests.
std::int32_t cpus_by_cgroup(const char *root = "") noexcept;

HEDDLE_DETAIL_END
