#pragma once
// What the inline halves of the public headers need of the scheduler. Here a goroutine is only a pointer.
#include <cstdint>
#include <limits>

#include "heddle/detail/world.hpp"

HEDDLE_DETAIL_BEGIN

struct g;  // a goroutine: sched/runtime2.hpp

// A time that does not come, in nanoseconds of nanotime().
inline constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

// A goroutine in the making. The caller constructs the closure at `closure`, then calls newproc or, if the construction
// failed, unspawn. One thread's: its creator.
struct newborn {
  g *gp = nullptr;
  void *closure = nullptr;
};

// Makes a parked goroutine runnable. next: puts it into runnext, the slot that goes before the P's queue, so that it
// runs as soon as the caller leaves its M. Caller: any thread, exactly once per park. Blocks: nothing. Ordering: what
// the caller did before is visible to gp.
HEDDLE_API void goready(g *gp, bool next = true) noexcept;
// Waits until nanotime() is `until`. Caller: any thread. Blocks: the g; inside blocking(f) and on a thread that is no
// M, the thread.
HEDDLE_API void timesleep(std::int64_t until) noexcept;

// A value that belongs to one goroutine, and to the task_local `key`. raw: handed over with the g, as g::locals is, which
// leads here and is plain.
struct goroutine_local {
  goroutine_local *next = nullptr;  // an older value of the same goroutine
  const void *key = nullptr;
  void (*destroy)(goroutine_local *self) noexcept = nullptr;
};

// --- user code under a lock: sched/fatal.cpp ---
//
// Destructors, functions and all else of the embedder's run where the thread holds no lock of heddle's, with one
// exception: where a value passes through a channel, its move, and the destructor of what the move has left, run under
// the channel's lock. Between these two calls heddle may not be called. What waits, gives way, readies or starts a
// goroutine, or finds a lock taken, says so and ends the process (not_in_user_code in spinlock.hpp).
HEDDLE_API void enter_user_code() noexcept;
HEDDLE_API void leave_user_code() noexcept;

// --- misuse: sched/fatal.cpp ---

// Prints what the caller of heddle did wrong, and ends the process with exit status 2.
[[noreturn]] HEDDLE_API void misuse(const char *what) noexcept;
// Misuse: the function that `who` names was called in the child of a fork that has left a runtime behind, where only
// exec and _exit are possible. Ends the process.
[[noreturn]] HEDDLE_API void in_child(const char *who) noexcept;
inline void not_in_child(const char *who) noexcept {
  if (forked()) [[unlikely]]
    in_child(who);
}

HEDDLE_DETAIL_END
