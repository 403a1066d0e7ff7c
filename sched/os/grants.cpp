// What the system grants this process: CPUs, the asymmetric fence, random numbers.
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <algorithm>
#include <bit>
#include <cerrno>
#include <ctime>

#include "sched/os/cgroup.hpp"
#include "sched/os/fork.hpp"
#include "sched/world.hpp"

HEDDLE_DETAIL_BEGIN

std::atomic<bool> membarrier_registered{false};

namespace {

// The kernel refuses a mask that is shorter than its own, which has a bit for each CPU that the machine could have.
// This one is longer than any kernel's.
std::int32_t cpus_by_affinity() noexcept {
  unsigned long mask[1024];
  if (sched_getaffinity(0, sizeof mask, reinterpret_cast<cpu_set_t *>(mask)) != 0)
    return static_cast<std::int32_t>(std::max(sysconf(_SC_NPROCESSORS_ONLN), 1L));
  std::int32_t n = 0;
  for (const unsigned long word : mask) n += std::popcount(word);
  return std::max(n, 1);
}

// A membarrier that was granted at the start may be refused later, for instance by a sandbox that the program goes into.
// Then light fences must be full ones, and the heavy fence need be no more than that. But threads may be just between
// what they have written and what they read, with a light fence in between that was none. On x86 such a write is seen
// by all when it has left the store buffer, which takes less than microseconds, and at a switch to another thread at
// the latest. Light fences read the switch in program order after the write (fence_light). So when the switch has been
// seen by all, and the buffers of those who did not see it have run empty, all is as if there never was a membarrier.
std::atomic<int> switching{0};
std::atomic<bool> given_up{false};

void give_up_membarrier() noexcept {
  switching.fetch_add(1, std::memory_order_seq_cst);
  if (!given_up.exchange(true, std::memory_order_seq_cst))
    print_error("heddle: membarrier is refused now: fences cost more from here on\n");
  membarrier_registered.store(false, std::memory_order_seq_cst);
  const timespec long_enough{0, 1'000'000};
  nanosleep(&long_enough, nullptr);  // if a signal ends it early, it has taken longer than a store buffer needs
  switching.fetch_sub(1, std::memory_order_release);
}

bool membarrier(int command) noexcept {
  for (int tries = 0; tries < 10; ++tries) {
    if (syscall(SYS_membarrier, command, 0, 0) == 0) return true;
    if (errno != ENOMEM && errno != EINTR) return false;
    sched_yield();  // the kernel lacks memory for a moment
  }
  return false;
}

}  // namespace

void membarrier_all() noexcept {
  if (membarrier_registered.load(std::memory_order_acquire)) {
    if (!membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)) give_up_membarrier();
  } else {
    while (switching.load(std::memory_order_acquire) != 0) sched_yield();
  }
}

std::uint64_t random_seed() noexcept {
  std::uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed) seed = static_cast<std::uint64_t>(nanotime());
  return seed;
}

void osinit() noexcept {
  watch_forks();
  if (given_up.load(std::memory_order_seq_cst) || !membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)) return;
  membarrier_registered.store(true, std::memory_order_seq_cst);
  if (given_up.load(std::memory_order_seq_cst)) membarrier_registered.store(false, std::memory_order_seq_cst);
}

std::int32_t cpus_granted() noexcept { return std::min(cpus_by_affinity(), cpus_by_cgroup()); }

HEDDLE_DETAIL_END
