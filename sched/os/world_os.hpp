#pragma once
// The os world as the scheduler needs it: kernel threads, futex, stacks, what a switch carries. What must cost
// production nothing is inline; the rest is in the files beside this one.
#include <pthread.h>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "heddle/detail/world.hpp"

HEDDLE_DETAIL_BEGIN

// Sleeps while `word` holds `expected`; returns after a wake, on a changed value, or for no reason at all.
void futex_sleep(atomic<std::uint32_t> &word, std::uint32_t expected) noexcept;
// Sleeps as futex_sleep does, but for at most ns nanoseconds of nanotime(). False: the time is over; at once if ns <=
// 0.
bool futex_sleep_for(atomic<std::uint32_t> &word, std::uint32_t expected, std::int64_t ns) noexcept;
void futex_wake(atomic<std::uint32_t> &word) noexcept;  // wakes at most one sleeper

struct thread {
  pthread_t handle{};
};
// Starts fn(arg) on a new kernel thread. Returns 0, or the error (an errno value) with which the system gives none.
[[nodiscard]] std::int32_t thread_start(thread &t, void (*fn)(void *), void *arg) noexcept;
void thread_join(thread &t) noexcept;
bool thread_join_until(thread &t, std::int64_t when) noexcept;  // false: it is `when` and t has not ended

// Returns the number of threads of this process, or -1 when the system does not say (no /proc, a sandbox).
// Ordering: what a thread did that has ended is visible to a caller that does not count it any more. Cost: one system
// call.
std::int32_t thread_count() noexcept;

// Never inlined: a compiler may keep a thread-local address in a register across a switch, and the g that comes back
// may be on another thread.
[[gnu::noinline]] void *current_m() noexcept;
[[gnu::noinline]] void set_current_m(void *mp, const void *asked = nullptr) noexcept;
// How many spinlocks this thread holds: section_begin.
[[gnu::noinline]] std::int32_t sections_held() noexcept;
// How deep a thread that is no M is in user code under a lock (enter_user_code).
[[gnu::noinline]] std::int32_t &user_code_depth() noexcept;

std::uint64_t random_seed() noexcept;

struct stack {
  char *lo = nullptr;  // lowest usable byte; the guard lies below it
  char *hi = nullptr;
  explicit operator bool() const noexcept { return hi != nullptr; }
};

// Stacks of one size come from slabs of address space (64 MiB each), committed on touch, each stack with a guard below
// it; stacks of other sizes are mapped one by one. Size 0 means the default. Caller: any thread. Errors: an empty stack
// when the system gives no address space, or has no memory for the guard.
class stackpool {
 public:
  stackpool(std::size_t stack_size, bool log) noexcept;
  ~stackpool();
  stackpool(const stackpool &) = delete;
  stackpool &operator=(const stackpool &) = delete;
  stack stackalloc(std::size_t size) noexcept;
  void stackfree(stack s) noexcept;
  // Sets address space aside for one more stack of the default size, so that a later stackalloc finds some. False:
  // there is none. Does nothing where promises() is false.
  bool promise() noexcept;
  // True if a promised stack may be allocated at the first run; false where guards consume mappings, of which the
  // kernel allows a limited number.
  bool promises() const noexcept;
  // Bytes between lo and hi of a stack of this size; 0 means the default size.
  std::size_t usable(std::size_t size) const noexcept { return size == 0 ? usable_ : usable_of(size); }
  static std::size_t guard() noexcept;  // bytes of the guard below each stack

  // Gives the memory of stacks back to the system that have been free since the last call but one. Caller: one thread
  // at a time. Cost: a system call for 32 stacks.
  void give_back() noexcept;
  // True: a later give_back will have something to do.
  bool unused() const noexcept;

 private:
  struct impl;
  static std::size_t usable_of(std::size_t size) noexcept;
  std::size_t size_;
  std::size_t usable_;
  impl *impl_;
};

// Calls fn(arg) on a stack of 512 KiB, however little of its own the caller has left; where the system has no memory for
// one, on a stack of 128 KiB in reserve, and if that is taken, on the caller's. Caller: any thread, also in a signal
// handler; fn may not park. Blocks: nothing. Cost: microseconds.
void on_report_stack(void (*fn)(void *arg), void *arg) noexcept;

// While it lives, the thread that made it handles signals on a stack apart, if the handler wants that (SA_ONSTACK). A
// thread that has such a stack already keeps it. Caller: the thread that made it ends it. Errors: none; the thread has
// no such stack where the system has no memory.
class signal_stack {
 public:
  signal_stack() noexcept;
  ~signal_stack();
  signal_stack(const signal_stack &) = delete;
  signal_stack &operator=(const signal_stack &) = delete;

 private:
  void *at_ = nullptr;
};

// Memory for what lives as long as this object: it is freed as a whole. Caller: any thread.
class persistent {
 public:
  persistent() noexcept;
  ~persistent();
  persistent(const persistent &) = delete;
  persistent &operator=(const persistent &) = delete;
  // Returns zeroed memory, aligned to a cache line. Null: the system gives none. Blocks: nothing. Cost: a lock, and one
  // system call for many calls.
  void *persistentalloc(std::size_t size) noexcept;

 private:
  struct impl;
  impl *impl_;
};

// What a switch carries besides registers. Only the functions that switch call the hooks (sched/switch/switch.hpp).
struct fiber {
  void *eh[2] = {};             // __cxa_eh_globals: caught exceptions, and the count of uncaught ones
  int error = 0;                // errno
  void **thread_eh = nullptr;   // g0 only: where this thread keeps the two words
  int *thread_error = nullptr;  // g0 only
#ifdef HEDDLE_ASAN
  void *fake_stack = nullptr;
  const void *bottom = nullptr;
  std::size_t size = 0;
#endif
#ifdef HEDDLE_TSAN
  void *tsan = nullptr;
#endif
};
void fiber_attach_thread(fiber &g0) noexcept;    // g0 of a new M learns its thread's stack and slots
void fiber_create(fiber &f, stack s) noexcept;   // before a g first runs
void fiber_destroy(fiber &f, stack s) noexcept;  // after a g last ran, from another stack

inline void fiber_resume(fiber &g0, fiber &to) noexcept {  // on g0, before switching into a g
  g0.thread_eh[0] = to.eh[0];
  g0.thread_eh[1] = to.eh[1];
  *g0.thread_error = to.error;
}
inline void fiber_suspend(fiber &g0, fiber &from) noexcept {  // on g0, after a g switched back
  from.eh[0] = g0.thread_eh[0];
  from.eh[1] = g0.thread_eh[1];
  from.error = *g0.thread_error;
}
// Around the register switch itself; free unless a sanitizer listens.
#if defined(HEDDLE_ASAN) || defined(HEDDLE_TSAN)
void fiber_leave(fiber &from, fiber &to, bool dies) noexcept;
void fiber_arrive(fiber &self) noexcept;
#else
inline void fiber_leave(fiber &, fiber &, bool) noexcept {}
inline void fiber_arrive(fiber &) noexcept {}
#endif

void osinit() noexcept;                // registers for membarrier and forks; may be repeated
std::int32_t cpus_granted() noexcept;  // to this process: by affinity, and by cgroup quota

void count_runtimes(int change) noexcept;  // of living runtimes: +1, -1

HEDDLE_DETAIL_END
