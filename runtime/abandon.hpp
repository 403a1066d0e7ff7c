#pragma once
// What the goroutines that a runtime abandons leave behind in objects that outlive it.
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

class spinlock;

// Takes every goroutine of sched out of the queues in which it stands. Caller: the thread that ends the runtime; every
// M has ended. Blocks: the thread, until wakers on other threads, which have taken such a goroutine out of a queue
// already, no longer touch it: some hundred nanoseconds.
void leave_queues(schedt &sched) noexcept;

// The parts of it that know a kind of object. Pre: as above.
//
// Takes gp out of the queues of its select.
void select_abandoned(const void *selecting) noexcept;
// A goroutine was readied to compete for the mutex with this lock and will not: lets another compete for it.
void mutex_abandoned(spinlock *lock) noexcept;

HEDDLE_DETAIL_END
