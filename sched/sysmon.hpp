#pragma once
// sysmon: the thread that watches the Ps.
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

inline constexpr std::uint32_t sysmon_awake = 0, sysmon_dozing = 1, sysmon_deep = 2;  // schedt::sysmonwait
// Starts the thread, if the options ask for one. Returns 0, or the error with which the system gives none.
[[nodiscard]] std::int32_t start_sysmon(schedt &sched) noexcept;
// Joins the thread, if it is not joined yet. Pre: stop() was called.
void stop_sysmon(schedt &sched) noexcept;
void wake_sysmon(schedt &sched) noexcept;
std::uint32_t retake(schedt &sched, std::int64_t now) noexcept;
bool start_handed_off(schedt &sched) noexcept;
void abandon_handed_off(schedt &sched) noexcept;
bool retire_m(schedt &sched) noexcept;

HEDDLE_DETAIL_END
