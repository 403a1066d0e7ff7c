// A signal handler may do next to nothing; so it wakes a thread, which stops the world and looks.
#include "runtime/os/sigquit.hpp"

#include <csignal>
#include <mutex>
#include <new>

#include "runtime/os/report.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

atomic<std::uint32_t> asked;  // how often; the threads sleep on it
atomic<std::int32_t> watchers;
std::mutex installing;
struct sigaction before;

void wake_watchers() noexcept {
  asked.fetch_add(1, release);  // release: pairs with watch: over_
  for (std::int32_t n = watchers.load(relaxed); n > 0; --n) futex_wake(asked);
}

void on_sigquit(int) {
  const int error = errno;
  wake_watchers();
  errno = error;
}

}  // namespace

sigquit_watch::sigquit_watch(schedt &sched) noexcept : sched_(sched), seen_(asked.load(acquire)) {
  started_ = thread_start(thread_, watch, this) == 0;
  if (!started_) {
    print_error("heddle: no thread for HEDDLE_DEBUG=sigquit=1: ignored\n");
    return;
  }
  sched.options.helpers = 1;
  const std::lock_guard hold(installing);
  if (watchers.fetch_add(1, relaxed) != 0) return;  // relaxed: under the lock
  struct sigaction ours = {};
  ours.sa_handler = on_sigquit;
  ours.sa_flags = SA_RESTART | SA_ONSTACK;
  sigaction(SIGQUIT, &ours, &before);
}

sigquit_watch::~sigquit_watch() {
  if (!started_) return;
  over_.store(true, std::memory_order_relaxed);
  wake_watchers();
  thread_join(thread_);
  const std::lock_guard hold(installing);
  if (watchers.fetch_sub(1, relaxed) == 1) sigaction(SIGQUIT, &before, nullptr);  // relaxed: under the lock
}

void sigquit_watch::watch(void *self) {
  auto &w = *static_cast<sigquit_watch *>(self);
  while (!w.over_.load(std::memory_order_relaxed)) {
    futex_sleep(asked, w.seen_);
    const std::uint32_t now = asked.load(acquire);  // acquire: pairs with wake_watchers: over_
    if (now == w.seen_ || w.over_.load(std::memory_order_relaxed)) continue;
    w.seen_ = now;
    try {
      print_error(("\nheddle: SIGQUIT\n" + dump_text(w.sched_, true)).c_str());
    } catch (const std::bad_alloc &) {
      print_error("heddle: SIGQUIT: no memory for a dump\n");
    }
  }
}

HEDDLE_DETAIL_END
