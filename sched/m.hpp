#pragma once
// Threads: made, given a P, ended and joined.
#include "sched/runtime2.hpp"
#include "sched/wake.hpp"

HEDDLE_DETAIL_BEGIN

// The part of acquirep that leaves pp's status as it is.
void wirep(m *mp, struct p *pp) noexcept;
void acquirep(m *mp, struct p *pp) noexcept;
struct p *releasep(m *mp) noexcept;
void leave_p(m *mp) noexcept;
void abandon_p(m *mp) noexcept;
// Makes an M that owns nothing yet and has no thread, and lists it in allm. Null: no memory.
m *allocm(schedt &sched, bool borrowed = false) noexcept;
[[nodiscard]] birth newm(schedt &sched, struct p *pp, bool spinning) noexcept;
void mexit(m *mp) noexcept;
void start_clean_m(schedt &sched, struct p *pp) noexcept;
void unnewm(schedt &sched) noexcept;
// Waits for the end of mp's thread. False: it has none, or the thread that started it has not recorded that yet.
bool joinm(schedt &sched, m *mp) noexcept;
// After so many nanoseconds the end of a runtime says what it waits for.
inline constexpr std::int64_t wait_untold = 1'000'000'000;
// Says that, once. Pre: options.tell_waiting is set. Caller: the thread that ends the runtime, sysmon.
void tell_waiting(schedt &sched) noexcept;
// Joins sysmon and the threads of all Ms but m0. Pre: stop() was called. Caller: a thread that is no M, or m0 after it
// has left its loop; one at a time. False: the time is over, and there are threads left; it may be called again.
bool joinms(schedt &sched, std::int64_t until = never) noexcept;

HEDDLE_DETAIL_END
