#pragma once
// What goroutines wait for, in words, and which goroutine has it: for sched_options::waits_for and holder_for.
#include "sched/runtime2.hpp"

HEDDLE_BEGIN

class mutex;
class shared_mutex;

namespace detail {

class hchan;

// Writes into `text` what the i-th thing is that gp waits for; false: there is none, or no more. Pre: gp has parked and
// stays so, and so does what it waits for.
bool waits_for(const schedt &sched, const g *gp, std::size_t i, char *text, std::size_t size) noexcept;
// Returns a goroutine without which gp cannot go on: it has what gp waits for, or gp waits for its end. Of several,
// returns the first, or the next after `after`; null: there is none, or none is known. Pre: as above.
g *holder_for(const schedt &sched, const g *gp, const g *after) noexcept;

// Returns the goroutine of `sched` that has the mutex (as a writer), or is about to run with it; null: none has it, or
// a thread has. If the goroutine that locked it has ended, returns the one that has its stack now. The answer may be
// old a moment later. Caller: any thread, while `sched` exists.
g *holder_of(const schedt &sched, const mutex &mu) noexcept;
g *holder_of(const schedt &sched, const shared_mutex &mu) noexcept;

// Finds the i-th case that a parked select waits for; false: it has no more. It is for reports.
bool select_waits(const void *selecting, std::size_t i, const hchan *&c, bool &send) noexcept;

}  // namespace detail

HEDDLE_END
