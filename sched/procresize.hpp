#pragma once
// Changes the number of Ps.
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

[[nodiscard]] bool allp_reserve(schedt &sched, std::int32_t n) noexcept;
void procresize(schedt &sched, std::int32_t n) noexcept;
[[nodiscard]] bool set_procs(schedt &sched, std::int32_t n) noexcept;

HEDDLE_DETAIL_END
