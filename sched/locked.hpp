#pragma once
// Goroutines that are locked to their thread. The states are in sched/locked.cpp.
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

void lock_os_thread(m *mp) noexcept;
void unlock_os_thread(m *mp) noexcept;
g *stoplockedm(m *mp) noexcept;
void startlockedm(m *mp, g *gp) noexcept;
void stop_lockedm(m *mp) noexcept;
void wedge(m *mp) noexcept;

HEDDLE_DETAIL_END
