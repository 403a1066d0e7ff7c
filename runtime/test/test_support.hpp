#pragma once
// What the tests of runtime/ share: starting a runtime of so many Ps, leaving a thread, telling threads apart,
// beginning together, and what the sanitizers change.
#include <gtest/gtest.h>

#include <sys/syscall.h>
#include <unistd.h>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <thread>
#include <utility>

#include "heddle/heddle.hpp"
#include "runtime/spawn.hpp"
#include "runtime/wait.hpp"
#include "runtime/waits.hpp"
#include "sched/schedule.hpp"
#include "sched/status.hpp"
#include "sched/stopworld.hpp"
#include "sched/sysmon.hpp"
#include "sched/yield.hpp"

#ifdef HEDDLE_ASAN
#include <sanitizer/lsan_interface.h>
#endif

namespace heddle_test {

#ifdef HEDDLE_ASAN
inline constexpr bool asan = true;
#else
inline constexpr bool asan = false;
#endif
#ifdef HEDDLE_TSAN
inline constexpr bool tsan = true;
#else
inline constexpr bool tsan = false;
#endif

// Now and then ThreadSanitizer keeps a thread of its own in a forked child. The runtime there takes it for one of the
// program's and reports no deadlock. Therefore a death test's child is a program that is started anew.
class death_tests_start_anew : public testing::Environment {
  void SetUp() override { testing::GTEST_FLAG(death_test_style) = "threadsafe"; }
};
inline testing::Environment *const death_tests =
    tsan ? testing::AddGlobalTestEnvironment(new death_tests_start_anew) : nullptr;

// Returns options with so many Ps and nothing else out of the ordinary.
inline heddle::options with_procs(int procs) {
  heddle::options o;
  o.procs = procs;
  o.log = false;
  return o;
}

// Gives a moment to goroutines that have done their work and have some steps left to their end: what they own would be
// abandoned with them, which LeakSanitizer is right to call a leak. It does not wait for long, because some tests leave
// goroutines behind.
struct settling {
  ~settling() {
    if (!asan) return;
    const auto over = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
    while (heddle::num_goroutine() > 1 && std::chrono::steady_clock::now() < over)
      heddle::sleep_for(std::chrono::microseconds(100));
  }
};

// LeakSanitizer keeps silent about what the thread allocates while one of these lives: it is meant to be abandoned.
class abandoned_on_purpose {
 public:
#ifdef HEDDLE_ASAN
  abandoned_on_purpose() { __lsan_disable(); }
  ~abandoned_on_purpose() { __lsan_enable(); }
#else
  abandoned_on_purpose() = default;
  ~abandoned_on_purpose() {}
#endif
  abandoned_on_purpose(const abandoned_on_purpose &) = delete;
  abandoned_on_purpose &operator=(const abandoned_on_purpose &) = delete;
};

// Wraps f, which stays where it is, to be run as main.
template <class F>
auto and_settle(F &f) {
  return [&f]() -> decltype(auto) {
    const settling after_f;
    return f();
  };
}

template <class F>
int run_on(int procs, F &&f) {
  return heddle::run(and_settle(f), with_procs(procs));
}

// As run_on(1, f), for tests about which goroutine runs next: on a busy machine time slices would end.
template <class F>
int run_in_order(F &&f) {
  heddle::options o = with_procs(1);
  o.preempt = false;
  return heddle::run(and_settle(f), o);
}

// Returns the kernel's number of the calling thread. It is never inlined, and makes a system call each time: after a
// switch a goroutine may be on another thread, and a compiler may keep what it learnt about the old one (pthread_self
// is declared const).
[[gnu::noinline]] inline long thread_id() {
  asm volatile("");
  return syscall(SYS_gettid);
}

// Returns on another thread than that on which it was called. Caller: a goroutine of a runtime with two Ps or more. A
// second goroutine keeps the P busy meanwhile, so that some other M must take the caller from the global queue. If the
// second goroutine went elsewhere, or the fairness tick brought the caller straight back, it tries again. The second
// goroutine may be left behind at the end of a run, so it owns nothing.
inline void migrate() {
  static std::atomic<unsigned> tickets{0}, over{0};
  for (const long from = thread_id(); thread_id() == from;) {
    const unsigned ticket = tickets.fetch_add(1, std::memory_order_relaxed) + 1;
    heddle::go([ticket] {
      while (over.load(std::memory_order_relaxed) < ticket) heddle::detail::cpu_relax();
    });
    heddle::gosched();
    for (unsigned last = over.load(std::memory_order_relaxed);
         last < ticket && !over.compare_exchange_weak(last, ticket, std::memory_order_relaxed);) {
    }
  }
}

// Waits on a plain thread, or on a goroutine that owns its P, until done() holds; false after ten seconds.
template <class F>
bool wait_until(F &&done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return true;
}

// Opens when all have come and two of them are there on different threads, or, if they have all come on one thread,
// when its patience is over. Without it, goroutines that start one after the other from one P's queue would be through
// before another P has taken any.
class start_gate {
 public:
  start_gate(unsigned expected, std::chrono::nanoseconds patience) : expected_(expected), patience_(patience) {}
  template <class F>
  void pass(F &&give_way) {
    if (came_.fetch_add(1, std::memory_order_acq_rel) + 1 == expected_)
      until_.store(now() + patience_.count(), std::memory_order_relaxed);
    while (!open_.load(std::memory_order_acquire)) {
      const long here = thread_id(), before = last_.exchange(here, std::memory_order_relaxed);
      if (came_.load(std::memory_order_acquire) == expected_ &&
          ((before != 0 && before != here) || now() >= until_.load(std::memory_order_relaxed))) {
        open_.store(true, std::memory_order_release);
        return;
      }
      for (int i = 0; i < 20 && !open_.load(std::memory_order_relaxed); ++i) heddle::detail::cpu_relax();
      if (!open_.load(std::memory_order_relaxed)) give_way();
    }
  }

 private:
  static std::int64_t now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

  const unsigned expected_;
  const std::chrono::nanoseconds patience_;
  std::atomic<unsigned> came_{0};
  std::atomic<long> last_{0};
  std::atomic<std::int64_t> until_{std::numeric_limits<std::int64_t>::max()};
  std::atomic<bool> open_{false};
};

// A value that counts how many of its kind exist; move-only.
struct counted {
  explicit counted(int v = 0) noexcept : value(v) { alive.fetch_add(1, std::memory_order_relaxed); }
  counted(counted &&other) noexcept : value(std::exchange(other.value, -1)) {
    alive.fetch_add(1, std::memory_order_relaxed);
  }
  counted &operator=(counted &&other) noexcept {
    value = std::exchange(other.value, -1);
    return *this;
  }
  ~counted() { alive.fetch_sub(1, std::memory_order_relaxed); }

  int value;
  static inline std::atomic<int> alive{0};
};

// Ends a child of a death test without destructors and exit handlers.
[[noreturn]] inline void child_exit(int status) { _exit(status); }

}  // namespace heddle_test
