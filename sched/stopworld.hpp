#pragma once
// Attention: how the world is stopped, how each P is made to do something, and how the runtime ends.
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

void preemptone(struct p *pp) noexcept;
bool uncount_hog(schedt &sched) noexcept;
void heed_unowned(schedt &sched) noexcept;
bool heed(m *mp) noexcept;
bool stop_the_world(schedt &sched, std::int64_t when = never) noexcept;
void start_the_world(schedt &sched) noexcept;
void for_each_p(schedt &sched, void (*fn)(void *, struct p *), void *arg) noexcept;
// Tells every M to leave the schedule loop. Caller: any thread, any number of times.
void stop(schedt &sched) noexcept;
void semacquire(schedt &sched) noexcept;
void semrelease(schedt &sched) noexcept;
void semstop(schedt &sched) noexcept;

HEDDLE_DETAIL_END
