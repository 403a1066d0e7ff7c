#pragma once
// What goroutines wait for, in words, and who has it: for sched_options::waits_for and holder_for.
#include "sched/runtime2.hpp"

HEDDLE_BEGIN

class mutex;
class shared_mutex;

namespace detail {

class hchan;

// What the i-th thing is that gp waits for, in words, or false: there is none, or no more. Pre: gp has parked and stays so, and
// so does what it waits for.
bool waits_for(const schedt &sched, const g *gp, std::size_t i, char *text, std::size_t size) noexcept;
// A goroutine without which gp can't go on: it has what gp waits for, or gp waits for its end. Of several the first, or the
// next after `after`; null: none, or none that is known. Pre: likewise.
g *holder_for(const schedt &sched, const g *gp, const g *after) noexcept;

// The goroutine of `sched` that has the mutex (as a writer), or is about to run with it; null: nobody, or a thread. Where the one
// that locked it has ended, the one that has its stack now. It may be another a moment later. Caller: any thread, while `sched`
// exists.
g *holder_of(const schedt &sched, const mutex &mu) noexcept;
g *holder_of(const schedt &sched, const shared_mutex &mu) noexcept;

// The i-th case that a parked select waits for; false: it has no more. For reports.
bool select_waits(const void *selecting, std::size_t i, const hchan *&c, bool &send) noexcept;

}  // namespace detail

HEDDLE_END
