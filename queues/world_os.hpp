#pragma once
// The os world as the queues need it: sizes, fences, random numbers. All is inline, so that production pays nothing.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "heddle/detail/world.hpp"

HEDDLE_DETAIL_BEGIN

// Sizes and rates of production; the values and their sources are those of Go's runtime unless a note says otherwise.
struct geometry : spin_geometry {
  static constexpr std::uint32_t runq_capacity = 256;
  static constexpr std::uint32_t fairness_tick = 61;   // once in so many schedticks the global queue goes first
  static constexpr std::uint32_t runnext_streak = 16;  // ours: so often in a row runnext may win before the ring's turn
  static constexpr std::uint32_t steal_passes = 4;
  static constexpr std::uint32_t globrunq_batch = 128;  // most gs taken from the global queue at once
  static constexpr std::uint32_t gfree_max = 64;        // a P that holds so many dead gs gives gfree_batch of them away
  static constexpr std::uint32_t gfree_batch = 32;
  static constexpr std::uint32_t goid_batch = 16;
  static constexpr std::uint32_t gblock = 16;               // gs that are allocated at once
  static constexpr std::uint32_t spin_rounds = 96;          // ours: polls of a spinning M before it drops its P
  static constexpr std::uint32_t spin_pauses = 32;          // cpu_relax calls between two such polls (about 0.4 us)
  static constexpr std::int64_t spin_time = 40'000;         // nanoseconds: the time that all rounds take
  static constexpr std::uint32_t mutex_spins = 8;           // looks at a locked mutex before its goroutine parks
  static constexpr std::uint32_t mutex_spins_busy = 2;      // so many where others are ready to run
  static constexpr std::uint32_t mutex_first_pauses = 16;   // cpu_relax calls before the first look
  static constexpr std::uint32_t mutex_pauses = 100;        // and before each other look
  static constexpr std::int64_t mutex_starves = 1'000'000;  // nanoseconds of waiting after which a mutex is handed over
  static constexpr std::uint32_t runnext_pauses = 256;      // back-off before a thief takes a runnext (about 3 us)
  static constexpr std::int64_t sysmon_delay_min = 20'000;  // nanoseconds between two rounds of sysmon that find
  static constexpr std::int64_t sysmon_delay_max = 5'000'000;  // something to do, and after many that do not
  static constexpr std::uint32_t sysmon_rounds = 50;           // so many, before the pause grows
  static constexpr std::int64_t retry_delay_min = 1'000'000;   // between two requests for what the system
  static constexpr std::int64_t retry_delay_max = 32'000'000;  // has refused
  static constexpr std::uint32_t tick_shift = 12;              // a tick of the timing wheels is 2^12 ns
  static constexpr std::uint32_t wheel_bits = 6;               // of a tick, per level of a wheel
  static constexpr std::uint32_t timer_crowd = 8;              // where a P calls so many timers within
  static constexpr std::int64_t timer_window = 128'000;        // so many nanoseconds, the next ones wait
  static constexpr std::int64_t timer_hold = 500'000;          // so long, to be called together: half of Go's precision
  static constexpr std::int64_t stack_period =
      1'000'000'000;  // ours: a stack that is free for three of them is given back
  static constexpr std::int32_t procs_max = 1024;
  static constexpr std::int32_t threads_max = 10000;
#if defined(HEDDLE_ASAN) || defined(HEDDLE_TSAN)
  static constexpr std::size_t stack_size = 256 * 1024;  // instrumented frames are several times larger
#else
  static constexpr std::size_t stack_size = 64 * 1024;  // reserved, guard page included
#endif
};

// Returns what a field of another thread holds, for a report: it may be a moment old, or half of two values. Nothing is
// decided by it, and race detectors do not look at it.
template <class T>
__attribute__((noinline, no_sanitize("thread"))) T glimpse(const T &field) noexcept {
  return const_cast<const volatile T &>(field);
}
template <class T>
__attribute__((noinline, no_sanitize("thread"))) T glimpse(const plain<T> &field) noexcept {
  if constexpr (std::is_scalar_v<T>)
    return const_cast<const volatile T &>(field.value_);
  else
    return field.value_;
}

// A number that its owner counts and any thread may read: it has no order, no protocol decides by it, and it is no
// choice point for a checker.
class statistic {
 public:
  void add(std::uint64_t n = 1) noexcept {
    cell_.store(cell_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void set(std::uint64_t v) noexcept { cell_.store(v, std::memory_order_relaxed); }
  std::uint64_t get() const noexcept { return cell_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> cell_{0};
};

// True once osinit() has registered this process for membarrier(PRIVATE_EXPEDITED). It is a fact about kernel and
// process, so it is no member of a schedt. It is set before the first M starts, and cleared for good where the kernel
// refuses a membarrier later (sched/os/grants.cpp). While it is false, fence_light is a full fence.
extern std::atomic<bool> membarrier_registered;
void membarrier_all() noexcept;

inline void fence(std::memory_order o) noexcept {
#if defined(HEDDLE_TSAN) && defined(__x86_64__)
  // gcc's ThreadSanitizer knows no fences. The instruction itself tells it nothing, which is right here: no data is
  // published by a fence alone, so its reports stay true.
  if (o == std::memory_order_seq_cst) asm volatile("mfence" ::: "memory");
#else
  std::atomic_thread_fence(o);
#endif
}

inline void fence_light() noexcept {
  std::atomic_signal_fence(std::memory_order_seq_cst);  // what is read below is read after what was written before
  if (membarrier_registered.load(std::memory_order_relaxed)) [[likely]]
    std::atomic_signal_fence(std::memory_order_seq_cst);
  else
    fence(std::memory_order_seq_cst);
}

inline void fence_heavy() noexcept {
  fence(std::memory_order_seq_cst);
  membarrier_all();
  fence(std::memory_order_seq_cst);
}

inline void prefetch(const void *at) noexcept { __builtin_prefetch(at); }

// Returns a random number, 0 <= result < n. Only the owner may use the state (wyrand). Source: Go's cheaprandn.
inline std::uint32_t cheaprandn(std::uint64_t &state, std::uint32_t n) noexcept {
  state += 0xa0761d6478bd642full;
  __extension__ using wide_t = unsigned __int128;
  const auto wide = static_cast<wide_t>(state) * (state ^ 0xe7037ed1a0b428dbull);
  const auto mixed = static_cast<std::uint32_t>((wide >> 64) ^ wide);
  return static_cast<std::uint32_t>((static_cast<std::uint64_t>(mixed) * n) >> 32);
}

HEDDLE_DETAIL_END
