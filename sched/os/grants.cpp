// What the system grants this process: CPUs, the asymmetric fence, random numbers.
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "sched/os/fork.hpp"
#include "sched/world.hpp"

HEDDLE_DETAIL_BEGIN

std::atomic<bool> membarrier_registered{false};

namespace {

std::int32_t cpus_by_affinity() noexcept {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return 1;
}

bool read_first_line(const char *path, char *line, std::size_t size) noexcept {
  std::FILE *file = std::fopen(path, "re");
  if (file == nullptr) return false;
  const bool ok = std::fgets(line, static_cast<int>(size), file) != nullptr;
  std::fclose(file);
  return ok;
}

// Returns the CPU quota of this process's cgroup in CPUs, rounded up, at least 2 as in Go; INT_MAX when there is none.
std::int32_t cpus_by_cgroup() noexcept {
  char line[PATH_MAX];
  char path[PATH_MAX + 64] = "";
  if (std::FILE *file = std::fopen("/proc/self/cgroup", "re")) {
    while (std::fgets(line, sizeof line, file) != nullptr) {
      if (std::strncmp(line, "0::", 3) != 0) continue;
      line[std::strcspn(line, "\n")] = '\0';
      std::snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", line + 3);
    }
    std::fclose(file);
  }
  long long quota = -1, period = 0;
  if (path[0] != '\0' && read_first_line(path, line, sizeof line)) {
    if (std::sscanf(line, "%lld %lld", &quota, &period) != 2) quota = -1;  // "max 100000": no quota
  } else if (read_first_line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", line, sizeof line)) {
    quota = std::atoll(line);
    period = read_first_line("/sys/fs/cgroup/cpu/cpu.cfs_period_us", line, sizeof line) ? std::atoll(line) : 0;
  }
  if (quota <= 0 || period <= 0) return INT_MAX;
  const long long cpus = (quota + period - 1) / period;
  return cpus < 2 ? 2 : static_cast<std::int32_t>(cpus < INT_MAX ? cpus : INT_MAX);
}

}  // namespace

void membarrier_all() noexcept {
  if (membarrier_registered.load(std::memory_order_relaxed))
    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

std::uint64_t random_seed() noexcept {
  std::uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed) seed = static_cast<std::uint64_t>(nanotime());
  return seed;
}

os_facts osinit() noexcept {
  watch_forks();
  if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0)
    membarrier_registered.store(true, std::memory_order_relaxed);
  const std::int32_t affinity = cpus_by_affinity();
  const std::int32_t cgroup = cpus_by_cgroup();
  return {affinity < cgroup ? affinity : cgroup, static_cast<std::size_t>(sysconf(_SC_PAGESIZE))};
}

HEDDLE_DETAIL_END
