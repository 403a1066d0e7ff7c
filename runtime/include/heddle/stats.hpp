#pragma once
// Figures of a runtime.
#include <cstdint>

#include "heddle/detail/world.hpp"

HEDDLE_BEGIN

// What a runtime has done since it was made, and how large it is. raw: a value, the caller's.
struct statistics {
  int procs = 0;                   // Ps, that is, how many goroutines may run at the same time
  int threads = 0;                 // threads of the runtime
  std::uint64_t goroutines = 0;    // goroutines that have been started and have not ended
  std::uint64_t spawned = 0;       // goroutines that have been started
  std::uint64_t executes = 0;      // switches into a goroutine
  std::uint64_t parks = 0;         // how often a goroutine has parked, that is, has begun to wait
  std::uint64_t steals = 0;        // how often an M has taken goroutines from another P's queue
  std::uint64_t stolen = 0;        // goroutines that were moved by those steals
  std::uint64_t calls = 0;         // calls of blocking(f), and Ps taken from goroutines in such calls
  std::uint64_t hogs = 0;          // how often a P was taken from a goroutine that computed
  std::uint64_t hogs_refused = 0;  // how often it was not, because options.hogs_max goroutines computed without one
  std::uint64_t wakes = 0;         // threads woken or started because there was work
  std::uint64_t refusals = 0;  // how often the system has refused a thread, or memory for a stack; it is asked again
};

// Returns the figures of the current runtime. Caller: a goroutine.
[[nodiscard]] HEDDLE_API statistics stats() noexcept;

HEDDLE_END
