// Kernel threads: how they are started, joined and counted; the M of each; and what a fork leaves of them.
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "sched/os/fork.hpp"
#include "sched/world.hpp"

HEDDLE_DETAIL_BEGIN

std::atomic<bool> runtime_left_behind{false};

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
}

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
  --threads;  // TSan's own thread
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

std::int32_t &user_code_depth() noexcept {
  asm volatile("");
  return tls_user_code;
}

void count_runtimes(int change) noexcept { runtimes.fetch_add(change, std::memory_order_relaxed); }

void watch_forks() noexcept { [[maybe_unused]] static const int once = pthread_atfork(nullptr, nullptr, after_fork); }

HEDDLE_DETAIL_END
