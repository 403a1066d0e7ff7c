#pragma once
// What a world may be told to do at one place of the shared source instead of what is written there, and what it may be
// asked to note down. This header includes no world.
#include <atomic>
#include <cstdint>

namespace verify {

// One memory order written in the source: a compare-exchange has two.
enum class access : std::uint8_t { load, store, rmw, cas_success, cas_failure, fence, light, heavy, wake };

// A mistake that the world makes on purpose.
enum class mistake : std::uint8_t {
  none,
  weaken,    // the order becomes another one; a fence with order relaxed is no fence
  split,     // a read-modify-write becomes a load and a store
  spurious,  // a strong compare-exchange may fail for no reason
  lost,      // a fence_light is left out, a fence_heavy is only a full fence, a wake does not happen
  doubled,   // a wake that happens twice
};

struct alteration {
  const char *file = "";  // from the top of the source tree
  int first_line = 0;     // an operation may take several lines; compilers differ in which of them they call its line
  int last_line = 0;
  access what = access::load;
  mistake how = mistake::none;
  std::memory_order order = std::memory_order_relaxed;
};

// Called for every operation that an execution makes.
using visitor = void (*)(const char *file, int line, access what, std::memory_order order);

}  // namespace verify
