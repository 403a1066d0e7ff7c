#pragma once
// The life of a scheduler: made, joined by its first M, taken apart.
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// The steps args, osinit, hashinit, schedinit: makes the Ps of a scheduler that has no M yet. False: there is no
// memory, and schedfree must be called.
[[nodiscard]] bool schedinit(schedt &sched) noexcept;
// Makes the calling thread m0, wired to allp[0], or to no P if threads from outside have already given every P an M.
// Pre: the thread is no M. Null: there is no memory.
m *attach_m0(schedt &sched) noexcept;
// Frees all that schedinit and its successors made. Pre: every M has ended. Returns the number of abandoned goroutines.
std::uint64_t schedfree(schedt &sched) noexcept;

HEDDLE_DETAIL_END
