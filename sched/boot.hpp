#pragma once
// The life of a scheduler: made, joined by its first M, taken apart.
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// args, osinit, hashinit, schedinit: makes the Ps of a scheduler that has no M yet. False: no memory; schedfree is due.
[[nodiscard]] bool schedinit(schedt &sched) noexcept;
// Makes the calling thread m0, wired to allp[0], or to none if threads from outside have already given every P an M.
// Pre: it is no M. Null: no memory.
m *attach_m0(schedt &sched) noexcept;
// Frees all that schedinit and its successors made. Pre: every M has ended. Returns the number of goroutines abandoned.
std::uint64_t schedfree(schedt &sched) noexcept;

HEDDLE_DETAIL_END
