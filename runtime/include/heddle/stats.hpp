#pragma once
// Figures of a runtime.
#include <cstdint>

#include "heddle/detail/world.hpp"

HEDDLE_BEGIN

// Figures of a runtime since it was made.
struct statistics {
  int procs = 0;
  int threads = 0;
  std::uint64_t goroutines = 0;  // alive now
  std::uint64_t spawned = 0;
  std::uint64_t executes = 0;  // switches into a goroutine
  std::uint64_t parks = 0;
  std::uint64_t steals = 0;  // successful ones
  std::uint64_t stolen = 0;  // goroutines moved by them
  std::uint64_t calls = 0;   // blocking(f), and retaken Ps
  std::uint64_t wakes = 0;   // threads woken or started for work
};

// Figures of the current runtime. Caller: a goroutine.
HEDDLE_API statistics stats() noexcept;

HEDDLE_END
