#pragma once
// How a runtime is made.
#include <cstddef>
#include <cstdint>
#include <exception>
#include <stdexcept>

#include "heddle/detail/world.hpp"

HEDDLE_BEGIN

// How a runtime is made. Zero means "decide for me".
struct options {
  int procs = 0;  // how many goroutines run at once; 0: HEDDLE_PROCS, else GOMAXPROCS, else the CPUs that affinity and
                  // cgroup allow
  int threads_max = 0;         // 0: 10,000
  int threads_idle_max = 0;    // threads that stay although nothing is to be done for a second; 0: procs
  std::size_t stack_size = 0;  // bytes of address space per goroutine, guard page included; 0: 64 KiB
  // A goroutine that has run for 10 ms gives way at its next safepoint if others wait. false: it goes on until it waits or
  // yields. With one P nothing but the goroutines themselves decides then who runs next, however busy the machine is.
  bool preempt = true;
  // End the process with a report when every goroutine of run() waits for another, also in blocking(f). Nothing is reported
  // while the process has threads that are not the runtime's: what they send or start may help.
  bool detect_deadlock = true;
  // Called instead, on a thread of the runtime, once for each standstill; report is valid during the call. It may start or
  // ready goroutines, but not wait for one, nor stop the runtime: they may need its thread. If it returns they sleep on.
  void (*on_deadlock)(void *arg, const char *report) = nullptr;
  void *on_deadlock_arg = nullptr;
  // Adds to the report of a deadlock where each goroutine stands, as dump() does; or HEDDLE_DEBUG=dump=1.
  bool dump_on_deadlock = false;
  // When the runtime stops: a line to standard error for each place in the source that has started goroutines which have not
  // ended, and what they wait for; or HEDDLE_DEBUG=leak=1. Abandoning them is legal, hence off.
  bool leak_report = false;
  // Called instead, if there are any, on the thread that stops the runtime, when nothing of it runs any more; report is valid
  // during the call.
  void (*on_leak)(void *arg, const char *report) = nullptr;
  void *on_leak_arg = nullptr;
  // Called on the goroutine that an exception has left, with its number and name (empty if it has none), which are valid
  // during the call. It may wait. If it returns the goroutine ends as if its function had returned; after the main
  // goroutine's, run() returns 2. Null: the process ends with a message.
  void (*on_uncaught)(void *arg, const std::exception_ptr &error, std::uint64_t goid, const char *name) = nullptr;
  void *on_uncaught_arg = nullptr;
  bool log = true;  // lines to standard error about what the system does not grant
  // Lines to standard error about what the scheduler does, every so many milliseconds, and details for each P, thread and
  // goroutine; 0: HEDDLE_DEBUG=schedtrace=1000,scheddetail=1 in the environment, else none.
  int schedtrace_ms = 0;
  bool scheddetail = false;
};

// The options cannot be had, in words for the user.
struct HEDDLE_API config_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

HEDDLE_END
