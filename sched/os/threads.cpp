// Kernel threads: how they are started, joined and counted; the M of each; and what a fork leaves of them.
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <limits>

#include "sched/os/fork.hpp"
#include "sched/world.hpp"

HEDDLE_DETAIL_BEGIN

std::atomic<bool> runtime_left_behind{false};

HEDDLE_API thread_local std::int32_t sections asm(HEDDLE_DETAIL_WORD(sections)) = 0;

namespace {

// What a thread that runs no goroutine is asked: nothing.
constinit const atomic<std::uint32_t> nothing{0};
constinit const atomic<const atomic<std::uint32_t> *> asked_nothing{&nothing};

}  // namespace

// Of this thread's M. Read by runtime/os/preemptible/entry_x86_64.S.
HEDDLE_API thread_local const void *asked_here asm(HEDDLE_DETAIL_WORD(asked)) = &asked_nothing;

namespace {

// The M of this kernel thread. Local to this file and reached through two functions that are never inlined.
thread_local void *tls_m = nullptr;
thread_local std::int32_t tls_user_code = 0;

std::atomic<int> runtimes{0};

// Runs in the child of a fork, on the only thread that it has. If no runtime lived, nothing is lost, and the child may
// have its own.
void after_fork() noexcept {
  if (runtimes.load(std::memory_order_relaxed) == 0) return;
  runtime_left_behind.store(true, std::memory_order_relaxed);
  tls_m = nullptr;
  asked_here = &asked_nothing;
}

struct start_args {
  void (*fn)(void *);
  void *arg;
};

void *thread_main(void *raw) {
  const start_args args = *static_cast<start_args *>(raw);
  std::free(raw);
  const signal_stack for_signals;
  args.fn(args.arg);
  return nullptr;
}

}  // namespace

void thread_yield() noexcept { sched_yield(); }

std::int32_t thread_start(thread &t, void (*fn)(void *), void *arg) noexcept {
  auto *args = static_cast<start_args *>(std::malloc(sizeof(start_args)));
  if (args == nullptr) return ENOMEM;
  *args = {fn, arg};
  const int error = pthread_create(&t.handle, nullptr, thread_main, args);
  if (error != 0) std::free(args);
  return error;
}

void thread_join(thread &t) noexcept { pthread_join(t.handle, nullptr); }

bool thread_join_until(thread &t, std::int64_t when) noexcept {
  if (when == std::numeric_limits<std::int64_t>::max()) {
    thread_join(t);
    return true;
  }
  for (;;) {
    const std::int64_t left = std::max<std::int64_t>(when - nanotime(), 0);
    timespec time;  // of a clock that may be set meanwhile: so the loop
    clock_gettime(CLOCK_REALTIME, &time);
    time.tv_sec += left / 1'000'000'000;
    time.tv_nsec += left % 1'000'000'000;
    if (time.tv_nsec >= 1'000'000'000) ++time.tv_sec, time.tv_nsec -= 1'000'000'000;
    if (pthread_timedjoin_np(t.handle, nullptr, &time) == 0) return true;
    if (nanotime() >= when) return false;
  }
}

// The kernel counts the threads as links of the folder that lists them, besides the two that each folder has. This
// takes one system call and no descriptor, of which the process may have none left.
std::int32_t thread_count() noexcept {
  struct stat folder = {};
  if (stat("/proc/self/task", &folder) != 0 || folder.st_nlink < 3) return -1;
  // The kernel counts an ended thread out under a lock; what is read below is read after the count.
  fence(acquire);
  auto threads = static_cast<std::int32_t>(folder.st_nlink - 2);
#ifdef HEDDLE_TSAN
  --threads;  // TSan's own thread
#endif
  return threads;
}

void *current_m() noexcept {
  asm volatile("");  // keeps callers from treating two calls as one
  return tls_m;
}

void set_current_m(void *mp, const void *asked) noexcept {
  asm volatile("");
  tls_m = mp;
  asked_here = asked != nullptr ? asked : &asked_nothing;
}

std::int32_t sections_held() noexcept {
  asm volatile("");
  return sections;
}

std::int32_t &user_code_depth() noexcept {
  asm volatile("");
  return tls_user_code;
}

void count_runtimes(int change) noexcept { runtimes.fetch_add(change, std::memory_order_relaxed); }

void watch_forks() noexcept { [[maybe_unused]] static const int once = pthread_atfork(nullptr, nullptr, after_fork); }

HEDDLE_DETAIL_END
