#pragma once
// Calls that block the thread, and how their Ps are taken. The protocol is in sched/syscall.cpp.
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

void entersyscall(m *mp) noexcept;
void entersyscallblock(m *mp) noexcept;
void exitsyscall(m *mp) noexcept;
bool regain_p(m *mp) noexcept;
g *block_exitsyscall(struct p *pp) noexcept;
void resume_exitsyscall(g *gp) noexcept;
void takep(struct p *pp, m *mp) noexcept;
void hand_own_p_on(m *mp) noexcept;

HEDDLE_DETAIL_END
