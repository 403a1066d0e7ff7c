#pragma once
// The options with which a runtime is made.
#include <cstddef>
#include <cstdint>
#include <exception>
#include <stdexcept>

#include "heddle/detail/world.hpp"

HEDDLE_BEGIN

// How a runtime is made. A zero means that heddle chooses the value.
struct options {
  int procs = 0;  // how many goroutines run at once; 0: HEDDLE_PROCS, else GOMAXPROCS, else the CPUs that affinity and
                  // cgroup allow
  int threads_max = 0;         // the most threads; 0: 10,000
  int threads_idle_max = 0;    // threads that stay when there has been nothing to do for a second; 0: procs
  std::size_t stack_size = 0;  // bytes of address space per goroutine, with its guard page; 0: 64 KiB
  // True: a goroutine that has run for 10 ms gives way at its next safepoint if others wait. False: it runs until it
  // waits or yields; with one P only the goroutines themselves then decide which runs next, however busy the machine
  // is.
  bool preempt = true;
  // True: the process ends with a report when every goroutine of run() waits for another, also if it waits in
  // blocking(f). Nothing is reported while the process has threads that are not the runtime's, because those may still
  // send or start something.
  bool detect_deadlock = true;
  // If set, a deadlock calls this function and the process does not end. It is called on a thread of the runtime, once
  // for each standstill; report is valid during the call. It may start or ready goroutines, but may neither wait for
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
