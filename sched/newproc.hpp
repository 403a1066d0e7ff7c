#pragma once
// Birth and death of goroutines.
#include "heddle/detail/sched.hpp"
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// Takes a dead g, or makes one, and finds room for a closure: in the g; a large closure, or that of a goroutine that
// wants a stack of its own size, goes to the top of the goroutine's stack. stack_size 0: the scheduler's default.
// Caller: any thread. Blocks: nothing but a page fault. Errors: gp is null when there is no memory for a stack. Cost:
// no allocation once a free g exists. Source: newproc1, gfget, malg of Go's proc.go.
newborn newspawn(schedt &sched, std::size_t size, std::size_t align, std::size_t stack_size = 0) noexcept;
// Makes the g runnable: puts it into runnext of the caller's P; on a thread that is no M of this scheduler (which then
// must be inside a foreign_call), into the inbox. Caller: the goroutine or thread that called newspawn. Owns: the g.
// Ordering: what the caller did before is visible to the new goroutine.
void newproc(schedt &sched, newborn s, void (*startfn)(void *)) noexcept;
void unspawn(schedt &sched, newborn s) noexcept;
// Gives gp, which was made and has never run, its stack. False: the kernel has no memory for its guard (address space
// there is), and gp waits on stackless until it has. Caller: mp, on g0, with a P. Source: ours; in Go a goroutine has
// its stack from newproc on.
[[nodiscard]] bool firstrun(m *mp, g *gp) noexcept;
// Gives the stacks of dead gs that no P keeps to the pool. One batch at a time, so that no goroutine that begins
// meanwhile finds none. Caller: any thread.
void strip_dead(schedt &sched) noexcept;
// Ends the calling goroutine; its closure has been destroyed. Caller: a g.
[[noreturn]] void goexit() noexcept;
// Records that gp no longer runs on mp.
inline void dropg(m *mp, g *gp) noexcept {
  gp->m.set(nullptr);
  mp->curg.store(nullptr, relaxed);  // relaxed: a hint for others
}
// Returns how many goroutines have begun and not ended. Caller: any thread. Exact when none begins or ends meanwhile.
std::uint64_t gcount(const schedt &sched) noexcept;

HEDDLE_DETAIL_END
