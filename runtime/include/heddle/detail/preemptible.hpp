#pragma once
// What code that is compiled for the target heddle::preemptible calls.
#include <cstdint>

#include "heddle/detail/world.hpp"

HEDDLE_DETAIL_BEGIN

// Gives way, if the caller is a goroutine that has been asked to and may. pc: the place in its code. frame: the frame
// pointer there. Caller: runtime/os/preemptible/entry_x86_64.S, anywhere. Blocks: the g, until its turn.
HEDDLE_API void entered(std::uintptr_t pc, const void *frame) noexcept asm(HEDDLE_DETAIL_WORD(entered));
// The calling thread holds one std::mutex more, or one fewer.
HEDDLE_API void mutex_held(int change) noexcept;

HEDDLE_DETAIL_END
