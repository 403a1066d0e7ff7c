#pragma once
// The options with which a runtime is made.
#include <cstddef>
#include <cstdint>
#include <exception>
#include <stdexcept>

#include "heddle/detail/world.hpp"

HEDDLE_BEGIN

// How a runtime is made. A zero means that heddle chooses the value. raw: a value, the caller's.
struct options {
  int procs = 0;  // how many goroutines run at once; 0: HEDDLE_PROCS, else GOMAXPROCS, else the CPUs that affinity and
                  // cgroup allow
  int threads_max = 0;       // the most threads; 0: 10,000
  int threads_idle_max = 0;  // threads that stay when there has been nothing to do for a second; 0: procs
  // Bytes of stack per goroutine, of which the lowest 4 KiB cannot be used; at least 16 KiB; 0: 64 KiB. It is address
  // space; memory comes with use. A guard of 60 KiB more lies below each stack. The main goroutine may have more:
  // runtime::run.
  std::size_t stack_size = 0;
  // True: a goroutine that has run for 10 ms gives way at its next safepoint if others wait. False: it runs until it
  // waits or yields; with one P only the goroutines themselves then decide which runs next, however busy the machine
  // is.
  bool preempt = true;
  // Where preempt is true and a goroutine comes to no safepoint for a millisecond more, while others wait for a P, it
  // computes on without its P, and the P runs the others on another thread. So many goroutines at most compute like this
  // at once, each on a thread of its own besides those of the Ps; what waits behind more of them waits on, and
  // stats().hogs_refused counts it. Negative: no P is taken from a goroutine that computes. 0: 64.
  int hogs_max = 0;
  // True: the process ends with a report when every goroutine of run() waits for another, also if it waits in
  // blocking(f). Nothing is reported while the process has threads that are not the runtime's, because those may still
  // send or start something.
  bool detect_deadlock = true;
  // If set, a deadlock calls this function and the process does not end. It is called on a thread of the runtime, once
  // for each standstill, on a stack of 512 KiB; report is valid during the call. It may start or ready goroutines, but may neither wait for
  // one nor stop the runtime, because they may need its thread. When it returns, the goroutines wait on.
  void (*on_deadlock)(void *arg, const char *report) = nullptr;
  void *on_deadlock_arg = nullptr;
  // Adds to the report of a deadlock where each goroutine stands, as dump() does; HEDDLE_DEBUG=dump=1 does the same.
  bool dump_on_deadlock = false;
  // When the runtime stops, prints to standard error one line for each place in the source that started goroutines
  // which have not ended, and what they wait for; HEDDLE_DEBUG=leak=1 does the same. It is off by default because
  // abandoning goroutines is legal.
  bool leak_report = false;
  // If set, the leak report goes to this function and not to standard error. It is called only if there are such
  // goroutines, on the thread that stops the runtime, when nothing of the runtime runs any more; report is valid during
  // the call.
  void (*on_leak)(void *arg, const char *report) = nullptr;
  void *on_leak_arg = nullptr;
  // Called when an exception leaves the function of a goroutine, on that goroutine, with its number and its name (empty
  // if it has none). error and name are valid during the call. The function may wait. When it returns, the goroutine
  // ends as if its own function had returned; if it was the main goroutine, run() returns 2. Null: the process ends
  // with a message.
  void (*on_uncaught)(void *arg, const std::exception_ptr &error, std::uint64_t goid, const char *name) = nullptr;
  void *on_uncaught_arg = nullptr;
  // Called before the process ends because heddle was misused, an exception has left a goroutine (without on_uncaught),
  // an invariant is broken, or all goroutines wait for each other (without on_deadlock). report is what has been printed
  // to standard error, up to 16 KiB: what has happened, the number and the name of the goroutine, where it was started,
  // and its stack. It is called on the thread on which that happened, with a stack of 512 KiB; where that thread runs
  // no goroutine, that of the runtime that was made last is called. It may not call heddle. When it returns, the process
  // ends with status 2 (a broken invariant: by abort); with HEDDLE_DEBUG=crash=1 always by abort, for a core. It is not
  // called for a stack overflow, which ends the process by its signal, nor in the child of a fork.
  void (*on_fatal)(void *arg, const char *report) = nullptr;
  void *on_fatal_arg = nullptr;
  bool log = true;  // prints to standard error what the system does not grant
  // Every so many milliseconds, prints what the scheduler does to standard error; scheddetail adds a line for each P,
  // thread and goroutine. 0: as HEDDLE_DEBUG=schedtrace=1000,scheddetail=1 in the environment says, else nothing.
  int schedtrace_ms = 0;
  bool scheddetail = false;
};

// Thrown for options that the system or heddle cannot grant; what() says why in words for the user.
struct HEDDLE_API config_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

HEDDLE_END
