#pragma once
// What the runtime layer calls: starting, parking and readying goroutines, and a scheduler's life from boot to stop.
#include <algorithm>

#include "sched/runtime2.hpp"

HEDDLE_BEGIN

namespace detail {
// Misuse: `who` was called on a thread that runs no goroutine; in the child of a fork no thread does. runtime/runtime.cpp
[[noreturn]] void no_goroutine(const char *who) noexcept;
// Misuse: it would wait or yield where it may not.
[[noreturn]] void may_not_wait() noexcept;
}  // namespace detail

// --- boot.cpp ---

// args, osinit, hashinit, schedinit: makes the Ps of a scheduler that has no M yet. False: no memory; schedfree is due.
[[nodiscard]] bool schedinit(schedt &sched) noexcept;
// Makes the calling thread m0, wired to allp[0], or to none if threads from outside have already given every P an M.
// Pre: it is no M. Null: no memory.
m *attach_m0(schedt &sched) noexcept;
// Frees all that schedinit and its successors made. Pre: every M has ended. Returns the number of goroutines abandoned.
std::uint64_t schedfree(schedt &sched) noexcept;

// --- newproc.cpp ---

// A goroutine in the making: the caller constructs the closure at `closure`, then calls newproc or, if that failed,
// unspawn.
struct newborn {
  g *gp = nullptr;
  void *closure = nullptr;
};
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

// --- park.cpp ---

// Parks the calling goroutine until a goready. unlockf(gp, lock) runs on g0 after the status has become waiting; it
// releases what makes gp visible to a waker, and from then on nothing of gp may be touched (I26). If it returns false,
// gp goes on at once. A null unlockf parks without condition. Caller: a g. Blocks: the g.
// Inside blocking(f), or on an extra M, it parks the thread: the M, too, is blocked, its P is not.
void gopark(bool (*unlockf)(g *, void *), void *lock, waitreason reason, m *mp = getm()) noexcept;
// As gopark, until `when` at the latest (nanotime()). True: somebody has found it in a queue and readied it; false: the time is
// over. Whoever readies it has set its selectdone first, as waitq::dequeue does where isSelect is set, and nobody readies it who
// finds that set. It stays set: the caller leaves the queues that he is still in, then resets it.
// unlockf: releases a lock that the caller takes before he leaves the frame; it always returns true.
// Caller, blocks: as gopark. At the runtime's end the goroutine is abandoned like any other; a thread waits out its time.
// Cost: a timer; for a thread a timed sleep.
[[nodiscard]] bool gopark_until(bool (*unlockf)(g *, void *), void *lock, waitreason reason, m *mp,
                                std::int64_t when) noexcept;
// Makes a parked goroutine runnable; next: into runnext, so that it runs as soon as the caller leaves.
// Caller: any thread, exactly once per park. Blocks: nothing. Ordering: what the caller did before is visible to gp.
void goready(g *gp, bool next = true) noexcept;
// To the tail of this P's ring. Caller: a g. Blocks: the g, until its turn.
void goyield(m *mp = getm()) noexcept;
// To the tail of the global queue, behind all that is queued anywhere on this P; only a fairness tick may bring it
// forward. Caller: a g.
void gosched(m *mp = getm()) noexcept;
// Between the two no safepoint of the calling goroutine gives way. They nest. Caller: a g; it may not park in between.
void acquirem(m *mp) noexcept;
void releasem(m *mp) noexcept;
// Gives way if somebody has asked for this P: sysmon after a slice, or who stops the world. Caller: a g.
// Blocks: the g, if so. Cost: two loads.
inline void safepoint(m *mp) noexcept {
  if (mp->incall != 0 || mp->locks != 0) return;
  const struct p *pp = mp->p.get();
  if (pp != nullptr && pp->preempt.load(relaxed) != 0) gosched(mp);  // relaxed: seen at the next safepoint, if not now
}
// For gopark: releases the spinlock at `lock`.
bool parkunlock(g *gp, void *lock) noexcept;

// --- schedule.cpp, find_runnable.cpp ---

// The loop of an M on g0: find a g, run it, do what it asked for; returns when the runtime stops. Pre: mp has a P.
void schedule(m *mp) noexcept;
// The next g for mp's P, sleeping when there is none; null when the runtime stops. sched/README.md has the table of
// the sources of work in the order in which it looks.
g *find_runnable(m *mp, bool &inherit) noexcept;
// How often an M that has slept for so many nanoseconds looks for work before it sleeps again; it was `spins` times. For
// longer than it would have spun: it has spun in vain, and does half as much of it; else it had better have spun, and does
// twice as much. So work that comes at long intervals, as from timers, costs little more than itself, also where one in
// three of the sleeps is short, as with two Ms that wake each other for it.
constexpr std::uint32_t spins_after(std::uint32_t spins, std::int64_t slept) noexcept {
  const std::uint32_t more = std::min(2 * spins, geometry::spin_rounds);
  return slept < geometry::spin_time ? more : (spins + 1) / 2;
}
// True when some queue holds a g. Any thread; what a caller must not miss needs a fence before the call.
bool has_work(schedt &sched) noexcept;

// The runtime stops: what a P still has is abandoned. relaxed: for what follows from it; who must not miss it has a fence.
inline bool stopping(const schedt &sched) noexcept { return (sched.attention.load(relaxed) & attention_stop) != 0; }

// --- wake.cpp ---

void wakep(schedt &sched) noexcept;
// An idle P, or null. Any thread; who has it holds it in his hands and hands it on soon.
struct p *pidleget(schedt &sched) noexcept;
void leave_idle(schedt &sched) noexcept;
void become_spinning(m *mp) noexcept;
void stop_spinning(m *mp) noexcept;
void resetspinning(m *mp) noexcept;
enum class birth { begun, full, refused };  // of an M: no if threads_max is reached, or the system refuses
void startm(schedt &sched, struct p *pp, bool spinning) noexcept;
bool put_back(schedt &sched, struct p *pp, bool spinning, birth why) noexcept;
void handoffp(schedt &sched, struct p *pp) noexcept;
void after_idling(schedt &sched) noexcept;
void stopm(m *mp) noexcept;
void sleepm(m *mp, std::int64_t until = timers::never) noexcept;
void wakem(schedt &sched, m *mp) noexcept;
// Gives up mp's P because it found nothing. True: something turned up, mp has a P again and is spinning.
bool drop_p(m *mp) noexcept;

// The presence of a thread that is no M inside the scheduler: while one is here, the scheduler is not taken apart.
// open(): the runtime is not stopping, so what the thread submits may wake an M. vouched: the caller sees to it that the
// scheduler exists. He is not waited for where he comes after the stop: threads that come again and again would keep the runtime
// from ending. Any thread.
class foreign_call {
 public:
  explicit foreign_call(schedt &sched, bool vouched = false) noexcept;
  ~foreign_call();
  foreign_call(const foreign_call &) = delete;
  foreign_call &operator=(const foreign_call &) = delete;
  bool open() const noexcept { return open_; }

 private:
  schedt &sched_;
  bool open_;
  bool counted_;
};

// --- m.cpp ---

// The part of acquirep that leaves pp's status as it is.
void wirep(m *mp, struct p *pp) noexcept;
void acquirep(m *mp, struct p *pp) noexcept;
struct p *releasep(m *mp) noexcept;
void leave_p(m *mp) noexcept;
void abandon_p(m *mp) noexcept;
// An M that owns nothing yet and has no thread; on allm. Null: no memory.
m *allocm(schedt &sched) noexcept;
[[nodiscard]] birth newm(schedt &sched, struct p *pp, bool spinning) noexcept;
void mexit(m *mp) noexcept;
void start_clean_m(schedt &sched, struct p *pp) noexcept;
void unnewm(schedt &sched) noexcept;
// Waits for the end of mp's thread; false: it has none, or who has started it has not said so yet.
bool joinm(schedt &sched, m *mp) noexcept;
// Joins sysmon and the threads of all Ms but m0; not twice. Pre: stop() was called. Caller: a thread that is no M, or m0
// out of its loop.
void joinms(schedt &sched) noexcept;

// --- syscall.cpp ---

void entersyscall(m *mp) noexcept;
void entersyscallblock(m *mp) noexcept;
void exitsyscall(m *mp) noexcept;
g *block_exitsyscall(struct p *pp) noexcept;
void resume_exitsyscall(g *gp) noexcept;
void takep(struct p *pp, m *mp) noexcept;
void hand_own_p_on(m *mp) noexcept;

// --- locked.cpp ---

void lock_os_thread(m *mp) noexcept;
void unlock_os_thread(m *mp) noexcept;
g *stoplockedm(m *mp) noexcept;
void startlockedm(m *mp, g *gp) noexcept;
void stop_lockedm(m *mp) noexcept;
void wedge(m *mp) noexcept;

// --- sysmon.cpp ---

inline constexpr std::uint32_t sysmon_awake = 0, sysmon_dozing = 1, sysmon_deep = 2;  // schedt::sysmonwait
// False: no thread.
[[nodiscard]] bool start_sysmon(schedt &sched) noexcept;
// Pre: stop() was called.
void stop_sysmon(schedt &sched) noexcept;
void wake_sysmon(schedt &sched) noexcept;
std::uint32_t retake(schedt &sched, std::int64_t now) noexcept;
bool start_handed_off(schedt &sched) noexcept;
void abandon_handed_off(schedt &sched) noexcept;
bool retire_m(schedt &sched) noexcept;

// --- stopworld.cpp, sema.cpp, procresize.cpp ---

void preemptone(struct p *pp) noexcept;
void heed_unowned(schedt &sched) noexcept;
bool heed(m *mp) noexcept;
void stop_the_world(schedt &sched) noexcept;
void start_the_world(schedt &sched) noexcept;
void for_each_p(schedt &sched, void (*fn)(void *, struct p *), void *arg) noexcept;
// Tells every M to leave the schedule loop. Any thread, any number of times.
void stop(schedt &sched) noexcept;
void semacquire(schedt &sched) noexcept;
void semrelease(schedt &sched) noexcept;
void semstop(schedt &sched) noexcept;
[[nodiscard]] bool allp_reserve(schedt &sched, std::int32_t n) noexcept;
void procresize(schedt &sched, std::int32_t n) noexcept;
[[nodiscard]] bool set_procs(schedt &sched, std::int32_t n) noexcept;

// f(pp) for each P that was ever made, in use or not. Any thread; for reports.
template <class F>
void each_p(const schedt &sched, F &&f) {
  const std::int32_t n = sched.allplen.load(acquire);  // acquire: pairs with allp_reserve [PROCS-1]
  for (std::int32_t i = 0; i < n; ++i) f(*sched.allp[i].get());
}

// --- trace.cpp ---

// Prints one line about all, as Go's schedtrace; detail: also one for each P, M and g. Any thread; nothing stops for it.
void schedtrace(schedt &sched, bool detail) noexcept;

// --- deadlock.cpp ---

namespace detail {
// What the i-th thing is that gp waits for, in words, or false: there is none, or no more. Pre: gp has parked and stays so, and
// so does what it waits for. runtime/waits.cpp
bool waits_for(const schedt &sched, const g *gp, std::size_t i, char *text, std::size_t size) noexcept;
// A goroutine without which gp can't go on: it has what gp waits for, or gp waits for its end. Of several the first, or the
// next after `after`; null: none, or none that is known. Pre: likewise.
g *holder_for(const schedt &sched, const g *gp, const g *after) noexcept;
}  // namespace detail

// Where reports go, some lines at a time.
struct text_sink {
  void (*write)(void *arg, const char *text);
  void *arg;
};
// Says of each goroutine that waits what for, and draws circles of those who wait for each other. Caller: nobody else does at the
// time. Pre: as waits_for, for all.
void print_standstill(const schedt &sched, text_sink out) noexcept;

// What nmrunning says: how many Ms are awake, and how often one has been woken or started. In one word: whoever finds it as it
// was, with nobody awake, knows that no M has been awake in between.
inline constexpr std::uint64_t one_wake = 1 << 24;  // more Ms than the kernel has threads
constexpr std::int32_t awake_in(std::uint64_t nmrunning) noexcept {
  return static_cast<std::int32_t>(nmrunning % one_wake);
}
constexpr std::uint64_t wakes_in(std::uint64_t nmrunning) noexcept { return nmrunning / one_wake; }

// Called by whoever has just found that nobody is awake. Reports, and ends the process or calls the embedder.
void checkdead(schedt &sched) noexcept;
// One more M is awake: who wakes or starts it calls this before it can go on.
void count_awake(schedt &sched) noexcept;
// One M less that runs, or one who was counted as such for the time. Caller: any thread, holding nothing.
void leave_running(schedt &sched) noexcept;

HEDDLE_END
