// The os world's services on Linux: threads, futex, membarrier, clock, chance, what the system grants, and the ends.
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>

#include "queues/world.hpp"

namespace heddle {
inline namespace HEDDLE_WORLD {

std::atomic<bool> membarrier_registered{false};
std::atomic<bool> runtime_left_behind{false};

namespace {

// The M of this kernel thread. Local to this file and reached through two functions that are never inlined.
thread_local void *tls_m = nullptr;

std::atomic<int> runtimes{0};

// In the child, on the only thread that it has. Where no runtime lived nothing is lost, and the child may have its own.
void after_fork() noexcept {
  if (runtimes.load(std::memory_order_relaxed) == 0) return;
  runtime_left_behind.store(true, std::memory_order_relaxed);
  tls_m = nullptr;
}

long futex(atomic<std::uint32_t> &word, int operation, std::uint32_t value, const timespec *time = nullptr) noexcept {
  return syscall(SYS_futex, word.address(), operation | FUTEX_PRIVATE_FLAG, value, time, nullptr, 0);
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

namespace {

// Meanwhile the kernel ends this thread's sleeps on time: else later by its timer slack, 50 us, to end several at once.
class punctual {
 public:
  punctual() noexcept : slack_(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0)) {
    if (slack_ > 1) prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
  }
  ~punctual() {
    if (slack_ > 1) prctl(PR_SET_TIMERSLACK, static_cast<unsigned long>(slack_), 0, 0, 0);
  }
  punctual(const punctual &) = delete;
  punctual &operator=(const punctual &) = delete;

 private:
  int slack_;
};

}  // namespace

bool futex_sleep_for(atomic<std::uint32_t> &word, std::uint32_t expected, std::int64_t ns) noexcept {
  if (ns <= 0) return false;
  // FUTEX_WAIT takes a length of time, measured on nanotime()'s clock.
  const timespec time{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  std::optional<punctual> here;
  if (ns > 50'000) here.emplace();  // sysmon's shortest pauses had better be longer than shorter
  return futex(word, FUTEX_WAIT, expected, &time) == 0 || errno != ETIMEDOUT;
}

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

std::int32_t thread_count() noexcept {
  const int file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[1024];
  const ssize_t n = read(file, text, sizeof text - 1);
  close(file);
  if (n <= 0) return 0;
  text[n] = '\0';
  const char *at = std::strrchr(text, ')');  // the name may hold anything; num_threads is the 18th field after it
  int threads = 0;
  if (at == nullptr ||
      std::sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d", &threads) != 1)
    return 0;
#ifdef HEDDLE_TSAN
  --threads;  // TSan's own
#endif
  return threads;
}

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

void count_runtimes(int change) noexcept { runtimes.fetch_add(change, std::memory_order_relaxed); }

os_facts osinit() noexcept {
  // Without memory for the handler a fork goes unnoticed, and the child does what it did before: hang.
  [[maybe_unused]] static const int once = pthread_atfork(nullptr, nullptr, after_fork);
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
  if (!forked()) std::fflush(stdout);  // what a child has in its buffer is the parent's, who will write it
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
