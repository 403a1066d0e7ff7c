#pragma once
// Birth and death of goroutines.
#include "heddle/detail/sched.hpp"
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// Takes a dead g, or makes one, and finds room for a closure: in it; a large one, or that of a goroutine which wants a stack of
// its own size, at the top of its stack. Caller: any thread. Blocks: nothing, or a page fault. Errors: gp is null when there is
// no memory for a stack.
// stack_size 0: the scheduler's default. Cost: no allocation once a free g exists. Source: newproc1, gfget, malg.
newborn newspawn(schedt &sched, std::size_t size, std::size_t align, std::size_t stack_size = 0) noexcept;
// Makes it runnable: into runnext of the caller's P; on a thread that is no M of this scheduler (which then is inside a
// foreign_call), into the inbox. Caller: the goroutine or thread that called newspawn. Owns: the g. Ordering: what the
// caller did before is visible to it.
void newproc(schedt &sched, newborn s, void (*startfn)(void *)) noexcept;
void unspawn(schedt &sched, newborn s) noexcept;
// gp has been made and never run: it gets its stack. Caller: mp, on g0, with a P. Errors: ends the process when the kernel has no
// memory of its own left; address space there is. Source: ours; Go has the stack from newproc on.
void firstrun(m *mp, g *gp) noexcept;
// Ends the calling goroutine; its closure has been destroyed. Caller: a g.
[[noreturn]] void goexit() noexcept;
// Copies gp's name, or as much of it as there is room for; an empty one if it has none. Caller: any thread, not with
// sched.lock. Blocks: nothing.
void copy_name(const g *gp, char *to, std::size_t size) noexcept;
// Pre: gp is the calling goroutine.
void set_name(g *gp, const char *name, std::size_t length) noexcept;
// gp no longer runs on mp.
inline void dropg(m *mp, g *gp) noexcept {
  gp->m.set(nullptr);
  mp->curg.store(nullptr, relaxed);  // relaxed: a hint for others
}
// Goroutines that have begun and not ended. Any thread; exact when quiet.
std::uint64_t gcount(const schedt &sched) noexcept;

HEDDLE_DETAIL_END
