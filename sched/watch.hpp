#pragma once
// The watch over timers while Ms sleep.
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// Makes sure that sysmon is awake when the first timer is due, if no other thread is. Pre: a full fence since the
// change.
void watch_timers(schedt &sched) noexcept;
// Has an M run the timers that are due. Looks at a wheel only if its wake_time has come: that may be too early a time.
// False: no timer is due as far as this thread has seen. Caller: sysmon, or an M on midle.
bool wake_for_timers(schedt &sched, std::int64_t now) noexcept;
// Called by an M on midle that is about to sleep. Returns the time at which the M must look at timers; never: other
// threads do. Pre: a full fence since the M was put on midle.
std::int64_t take_watch(schedt &sched) noexcept;
// Sleeps as long as mp has the watch. True: mp's note is signalled. False: others look at timers now. Blocks: the M.
bool sleep_on_watch(m *mp, std::int64_t until) noexcept;
// When sysmon must wake: at `latest`, or earlier for a timer. Pre: a full fence since sysmonuntil was set.
std::int64_t sysmon_until(const schedt &sched, std::int64_t latest) noexcept;

HEDDLE_DETAIL_END
