// The os world's services on Linux: threads, futex, membarrier, clock, chance, what the system grants, and the ends.
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "queues/world.hpp"

namespace heddle {
inline namespace HEDDLE_WORLD {

std::atomic<bool> membarrier_registered{false};

namespace {

// The M of this kernel thread. Local to this file and reached through two functions that are never inlined.
thread_local void *tls_m = nullptr;

long futex(atomic<std::uint32_t> &word, int operation, std::uint32_t value) noexcept {
  return syscall(SYS_futex, word.address(), operation | FUTEX_PRIVATE_FLAG, value, nullptr, nullptr, 0);
}

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

// The CPU quota of this process's cgroup in CPUs, rounded up, at least 2 as in Go; INT_MAX when there is none.
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

void thread_yield() noexcept { sched_yield(); }

void futex_sleep(atomic<std::uint32_t> &word, std::uint32_t expected) noexcept { futex(word, FUTEX_WAIT, expected); }

void futex_wake(atomic<std::uint32_t> &word) noexcept { futex(word, FUTEX_WAKE, 1); }

namespace {

struct start_args {
  void (*fn)(void *);
  void *arg;
};

void *thread_main(void *raw) {
  const start_args args = *static_cast<start_args *>(raw);
  std::free(raw);
  args.fn(args.arg);
  return nullptr;
}

}  // namespace

bool thread_start(thread &t, void (*fn)(void *), void *arg) noexcept {
  auto *args = static_cast<start_args *>(std::malloc(sizeof(start_args)));
  if (args == nullptr) return false;
  *args = {fn, arg};
  if (pthread_create(&t.handle, nullptr, thread_main, args) == 0) return true;
  std::free(args);
  return false;
}

void thread_join(thread &t) noexcept { pthread_join(t.handle, nullptr); }

void *current_m() noexcept {
  asm volatile("");  // keeps callers from treating two calls as one
  return tls_m;
}

void set_current_m(void *mp) noexcept {
  asm volatile("");
  tls_m = mp;
}

std::int64_t nanotime() noexcept {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

std::uint64_t random_seed() noexcept {
  std::uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed) seed = static_cast<std::uint64_t>(nanotime());
  return seed;
}

os_facts osinit() noexcept {
  if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0)
    membarrier_registered.store(true, std::memory_order_relaxed);
  const std::int32_t affinity = cpus_by_affinity();
  const std::int32_t cgroup = cpus_by_cgroup();
  return {affinity < cgroup ? affinity : cgroup, static_cast<std::size_t>(sysconf(_SC_PAGESIZE))};
}

void print_error(const char *text) noexcept {
  for (std::size_t left = std::strlen(text); left != 0;) {
    const ssize_t n = write(STDERR_FILENO, text, left);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text += n;
    left -= static_cast<std::size_t>(n);
  }
}

void exit_misuse() noexcept {
  std::fflush(stdout);
  _exit(2);
}

void invariant_broken(const char *id, const char *condition, const char *file, int line) noexcept {
  char text[512];
  std::snprintf(text, sizeof text, "fatal error: heddle: invariant %s is broken: %s (%s:%d); please report this\n", id,
                condition, file, line);
  print_error(text);
  std::abort();
}

}  // namespace HEDDLE_WORLD
}  // namespace heddle
