#pragma once
// What the runtime layer calls: starting, parking and readying goroutines, and a scheduler's life from boot to stop.
#include "sched/runtime2.hpp"

HEDDLE_BEGIN

// --- boot.cpp ---

// args, osinit, hashinit, schedinit: makes the Ps of a scheduler that has no M yet. False: no memory.
[[nodiscard]] bool schedinit(schedt &sched) noexcept;
// Makes the calling thread m0, wired to allp[0], or to none if threads from outside have already given every P an M.
// Pre: it is no M. Null: no memory.
m *attach_m0(schedt &sched) noexcept;
// Frees all that schedinit and its successors made. Pre: every M has ended. Returns the number of goroutines abandoned.
std::uint64_t schedfree(schedt &sched) noexcept;

// --- newproc.cpp ---

// A goroutine in the making: the caller constructs the closure at `closure`, then calls newproc or, if that failed,
// unspawn.
struct spawn {
  g *gp = nullptr;
  void *closure = nullptr;
};
// Takes a dead g with a stack (a free one first) and finds room for a closure at the top of it.
// Caller: any thread. Blocks: nothing, or a page fault. Errors: gp is null when there is no memory for a stack.
// stack_size 0: the scheduler's default. Cost: no allocation once a free g exists. Source: newproc1, gfget, malg.
spawn newspawn(schedt &sched, std::size_t size, std::size_t align, std::size_t stack_size = 0) noexcept;
// Makes it runnable: into runnext of the caller's P; on a thread that is no M of this scheduler (which then is inside a
// foreign_call), into the inbox. Caller: the goroutine or thread that called newspawn. Owns: the g. Ordering: what the
// caller did before is visible to it.
void newproc(schedt &sched, spawn s, void (*startfn)(void *)) noexcept;
void unspawn(schedt &sched, spawn s) noexcept;
// Ends the calling goroutine; its closure has been destroyed. Caller: a g.
[[noreturn]] void goexit() noexcept;
// Goroutines that have begun and not ended. Any thread; exact when quiet.
std::uint64_t gcount(const schedt &sched) noexcept;

// --- park.cpp ---

// Parks the calling goroutine until a goready. unlockf(gp, lock) runs on g0 after the status has become waiting; it
// releases what makes gp visible to a waker, and from then on nothing of gp may be touched (I26). If it returns false,
// gp goes on at once. A null unlockf parks without condition. Caller: a g. Blocks: the g.
void gopark(bool (*unlockf)(g *, void *), void *lock, waitreason reason) noexcept;
// Makes a parked goroutine runnable; next: into runnext, so that it runs as soon as the caller leaves.
// Caller: any thread, exactly once per park. Blocks: nothing. Ordering: what the caller did before is visible to gp.
void goready(g *gp, bool next = true) noexcept;
// To the tail of this P's ring. Caller: a g. Blocks: the g, until its turn.
void goyield(m *mp = getm()) noexcept;
// To the tail of the global queue, behind all that is queued anywhere on this P; only a fairness tick may bring it
// forward. Caller: a g.
void gosched(m *mp = getm()) noexcept;
// For gopark: releases the spinlock at `lock`.
bool parkunlock(g *gp, void *lock) noexcept;

// --- schedule.cpp, find_runnable.cpp ---

// The loop of an M on g0: find a g, run it, do what it asked for; returns when the runtime stops. Pre: mp has a P.
void schedule(m *mp) noexcept;
// The next g for mp's P, sleeping when there is none; null when the runtime stops. sched/README.md has the table of
// the sources of work in the order in which it looks.
g *find_runnable(m *mp, bool &inherit) noexcept;
// True when some queue holds a g. Any thread; what a caller must not miss needs a fence before the call.
bool has_work(schedt &sched) noexcept;

// --- wake.cpp ---

void wakep(schedt &sched) noexcept;
void become_spinning(m *mp) noexcept;
void resetspinning(m *mp) noexcept;
void startm(schedt &sched, struct p *pp, bool spinning) noexcept;
void stopm(m *mp) noexcept;
// Gives up mp's P because it found nothing. True: something turned up, mp has a P again and is spinning.
bool drop_p(m *mp) noexcept;
// Tells every M to leave the schedule loop. Any thread, any number of times.
void stop(schedt &sched) noexcept;

// The presence of a thread that is no M inside the scheduler: while one is here, the scheduler is not taken apart.
// open(): the runtime is not stopping, so what the thread submits may wake an M. Any thread.
class foreign_call {
 public:
  explicit foreign_call(schedt &sched) noexcept;
  ~foreign_call();
  foreign_call(const foreign_call &) = delete;
  foreign_call &operator=(const foreign_call &) = delete;
  bool open() const noexcept { return open_; }

 private:
  schedt &sched_;
  bool open_;
};

// --- m.cpp ---

void acquirep(m *mp, struct p *pp) noexcept;
struct p *releasep(m *mp) noexcept;
// An M that owns nothing yet, on no list. Null: no memory.
m *allocm(schedt &sched) noexcept;
// Onto allm. Pre: mp's thread runs, so that it can be joined.
void allmadd(schedt &sched, m *mp) noexcept;
// Starts a thread for pp. False: threads_max is reached or the system refuses; then nothing has changed.
[[nodiscard]] bool newm(schedt &sched, struct p *pp, bool spinning) noexcept;
// Joins the threads of all Ms but m0; not twice. Pre: stop() was called. Caller: a thread that is no M, or m0 out of
// its loop.
void joinms(schedt &sched) noexcept;

// --- deadlock.cpp ---

// Called by an M that has just gone idle as the last one. Reports and ends the process if goroutines are left.
void checkdead(schedt &sched) noexcept;

HEDDLE_END
