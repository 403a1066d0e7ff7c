#pragma once
// The os world: std::atomic, kernel threads, the real clock. Inline where production must pay nothing; the rest is in
// runtime/os_linux.cpp and runtime/stack.cpp.
#include <pthread.h>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#if defined(__SANITIZE_ADDRESS__)
#define HEDDLE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HEDDLE_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define HEDDLE_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HEDDLE_TSAN 1
#endif
#endif

namespace heddle {
inline namespace HEDDLE_WORLD {

// Sizes and rates of production; the values and their sources are those of Go's runtime unless a note says otherwise.
struct geometry {
  static constexpr std::uint32_t runq_capacity = 256;
  static constexpr std::uint32_t fairness_tick = 61;   // every so many schedticks the global queue goes first
  static constexpr std::uint32_t runnext_streak = 16;  // ours: runnext may win so often in a row before the ring's turn
  static constexpr std::uint32_t steal_passes = 4;
  static constexpr std::uint32_t globrunq_batch = 128;  // most gs taken from the global queue at once
  static constexpr std::uint32_t gfree_max = 64;        // a P that holds so many dead gs spills gfree_batch of them
  static constexpr std::uint32_t gfree_batch = 32;
  static constexpr std::uint32_t goid_batch = 16;
  static constexpr std::uint32_t gblock = 16;           // gs that are allocated at once
  static constexpr std::uint32_t spin_rounds = 96;      // ours: polls of a spinning M before it drops its P
  static constexpr std::uint32_t spin_pauses = 32;      // cpu_relax calls between two such polls (about 0.4 us)
  static constexpr std::int64_t spin_time = 40'000;     // nanoseconds: what that comes to
  static constexpr std::uint32_t backoff_min = 16;      // pauses of a spinlock's waiter, the first and the longest, in
  static constexpr std::uint32_t backoff_max = 256;     // cpu_relax calls (0.2 and 3 us)
  static constexpr std::uint32_t mutex_spins = 8;       // looks at a locked mutex before its goroutine parks
  static constexpr std::uint32_t mutex_spins_busy = 2;  // so many where others are ready to run
  static constexpr std::uint32_t mutex_first_pauses = 16;   // cpu_relax calls before the first look
  static constexpr std::uint32_t mutex_pauses = 100;        // and before each other
  static constexpr std::int64_t mutex_starves = 1'000'000;  // nanoseconds of waiting after which a mutex is handed over
  static constexpr std::uint32_t runnext_pauses = 256;      // back-off before a thief takes a runnext (about 3 us)
  static constexpr std::int64_t sysmon_delay_min = 20'000;  // nanoseconds between two rounds of sysmon that find
  static constexpr std::int64_t sysmon_delay_max = 10'000'000;  // something to do, and after many that do not
  static constexpr std::uint32_t sysmon_rounds = 50;            // so many, before the pause grows
  static constexpr std::uint32_t tick_shift = 12;               // a tick of the timing wheels is 2^12 ns
  static constexpr std::uint32_t wheel_bits = 6;                // of a tick, per level of a wheel
  static constexpr std::uint32_t timer_crowd = 8;               // so many timers of a P called within timer_window
  static constexpr std::int64_t timer_window = 128'000;         // nanoseconds, and the next wait
  static constexpr std::int64_t timer_hold = 500'000;  // so long, to be called together: half of Go's precision
  static constexpr std::int32_t procs_max = 1024;
  static constexpr std::int32_t threads_max = 10000;
#if defined(HEDDLE_ASAN) || defined(HEDDLE_TSAN)
  static constexpr std::size_t stack_size = 256 * 1024;  // instrumented frames are several times larger
#else
  static constexpr std::size_t stack_size = 64 * 1024;  // reserved, guard page included
#endif
};

inline constexpr std::size_t cacheline = 64;

template <class T>
class atomic {
 public:
  constexpr atomic(T v = T{}) noexcept : cell_(v) {}
  atomic(const atomic &) = delete;
  atomic &operator=(const atomic &) = delete;

  T load(std::memory_order o) const noexcept { return cell_.load(o); }
  void store(T v, std::memory_order o) noexcept { cell_.store(v, o); }
  T exchange(T v, std::memory_order o) noexcept { return cell_.exchange(v, o); }
  bool compare_exchange_weak(T &expected, T desired, std::memory_order ok, std::memory_order fail) noexcept {
    return cell_.compare_exchange_weak(expected, desired, ok, fail);
  }
  bool compare_exchange_strong(T &expected, T desired, std::memory_order ok, std::memory_order fail) noexcept {
    return cell_.compare_exchange_strong(expected, desired, ok, fail);
  }
  T fetch_add(T v, std::memory_order o) noexcept { return cell_.fetch_add(v, o); }
  T fetch_sub(T v, std::memory_order o) noexcept { return cell_.fetch_sub(v, o); }
  T peek() const noexcept { return cell_.load(std::memory_order_relaxed); }
  void *address() noexcept { return &cell_; }  // for futex only

 private:
  std::atomic<T> cell_;
};

template <class T>
class plain {
 public:
  constexpr plain(T v = T{}) noexcept : value_(v) {}
  plain(const plain &) = delete;
  plain &operator=(const plain &) = delete;

  T get() const noexcept { return value_; }
  void set(T v) noexcept { value_ = v; }

 private:
  template <class U>
  friend U glimpse(const plain<U> &) noexcept;
  T value_;
};

// What a field of another thread holds, for a report that may be a moment old or half of two: nothing is decided by it,
// and no race is looked for.
template <class T>
__attribute__((noinline, no_sanitize("thread"))) T glimpse(const T &field) noexcept {
  return const_cast<const volatile T &>(field);
}
template <class T>
__attribute__((noinline, no_sanitize("thread"))) T glimpse(const plain<T> &field) noexcept {
  return const_cast<const volatile T &>(field.value_);
}

// A figure that its owner counts and anyone may read: no order, no decision of a protocol, no choice point for a
// checker.
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

// The seam costs nothing: the wrappers have the layout of what they wrap (and bench/ compares generated code).
static_assert(sizeof(atomic<void *>) == sizeof(void *) && sizeof(atomic<std::uint32_t>) == 4);
static_assert(sizeof(plain<void *>) == sizeof(void *) && alignof(plain<char>) == 1);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<void *>::is_always_lock_free);

// True once osinit() has registered this process for membarrier(PRIVATE_EXPEDITED): a fact about kernel and process,
// set once before the first M starts and never cleared, hence no member of a schedt. While it is false light is a full
// fence.
extern std::atomic<bool> membarrier_registered;
void membarrier_all() noexcept;

inline void fence(std::memory_order o) noexcept {
#if defined(HEDDLE_TSAN) && defined(__x86_64__)
  // gcc's ThreadSanitizer knows no fences; the instruction itself tells it nothing, which is what we want: no
  // data is published by a fence alone here, so its reports stay true.
  if (o == std::memory_order_seq_cst) asm volatile("mfence" ::: "memory");
#else
  std::atomic_thread_fence(o);
#endif
}

inline void fence_light() noexcept {
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

inline void cpu_relax() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}
void thread_yield() noexcept;
inline void prefetch(const void *at) noexcept { __builtin_prefetch(at); }

// Sleeps while `word` holds `expected`; returns after a wake, on a changed value, or for no reason at all.
void futex_sleep(atomic<std::uint32_t> &word, std::uint32_t expected) noexcept;
// As futex_sleep, but for at most ns nanoseconds of nanotime(). False: the time is over; at once where ns <= 0.
bool futex_sleep_for(atomic<std::uint32_t> &word, std::uint32_t expected, std::int64_t ns) noexcept;
void futex_wake(atomic<std::uint32_t> &word) noexcept;  // wakes at most one sleeper

struct thread {
  pthread_t handle{};
};
// Starts fn(arg) on a new kernel thread. False when the system will not give us one.
[[nodiscard]] bool thread_start(thread &t, void (*fn)(void *), void *arg) noexcept;
void thread_join(thread &t) noexcept;

// Threads of this process, or 0 when the system does not say.
std::int32_t thread_count() noexcept;

// Never inlined: a compiler may keep a thread-local address in a register across a switch, and the g that comes back
// may be on another thread (reference hazard: thread-local caching).
[[gnu::noinline]] void *current_m() noexcept;
[[gnu::noinline]] void set_current_m(void *mp) noexcept;

std::int64_t nanotime() noexcept;  // monotonic
std::uint64_t random_seed() noexcept;

// 0 <= result < n. Owner-only state (wyrand); source: Go's cheaprandn.
inline std::uint32_t cheaprandn(std::uint64_t &state, std::uint32_t n) noexcept {
  state += 0xa0761d6478bd642full;
  __extension__ using wide_t = unsigned __int128;
  const auto wide = static_cast<wide_t>(state) * (state ^ 0xe7037ed1a0b428dbull);
  const auto mixed = static_cast<std::uint32_t>((wide >> 64) ^ wide);
  return static_cast<std::uint32_t>((static_cast<std::uint64_t>(mixed) * n) >> 32);
}

// A member of what is sorted by where it lies: different for any two objects alive.
class place {
 public:
  std::uintptr_t get() const noexcept { return reinterpret_cast<std::uintptr_t>(this); }
};

struct stack {
  char *lo = nullptr;  // lowest usable byte; the guard lies below it
  char *hi = nullptr;
  explicit operator bool() const noexcept { return hi != nullptr; }
};

// Stacks of one size from slabs of address space (64 MiB each), committed on touch, each with a guard page below; other
// sizes are mapped one by one. Size 0 means the default. Any thread may call.
// Errors: an empty stack when the system gives no address space, or has no memory for the guard.
class stackpool {
 public:
  stackpool(std::size_t stack_size, bool log) noexcept;
  ~stackpool();
  stackpool(const stackpool &) = delete;
  stackpool &operator=(const stackpool &) = delete;
  stack stackalloc(std::size_t size) noexcept;
  void stackfree(stack s) noexcept;
  // Sets address space aside for one more stack of the default size, so that there is some when it is asked for. False: there
  // is none. Does nothing where promises() is false.
  bool promise() noexcept;
  // May who has been promised a stack ask for it late? Not where guards take mappings, which run out.
  bool promises() const noexcept;
  // Bytes between lo and hi of a stack of this size; 0 means the default size.
  std::size_t usable(std::size_t size) const noexcept { return size == 0 ? usable_ : usable_of(size); }

 private:
  struct impl;
  static std::size_t usable_of(std::size_t size) noexcept;
  stack guarded(char *at, std::size_t whole) noexcept;
  std::size_t size_;
  std::size_t usable_;
  impl *impl_;
};

// Memory for what lives as long as this does: it goes as a whole. Any thread.
class persistent {
 public:
  persistent() noexcept;
  ~persistent();
  persistent(const persistent &) = delete;
  persistent &operator=(const persistent &) = delete;
  // Aligned to a cache line, zero; null: the system gives none. Blocks: nothing. Cost: a lock, and a system call for many.
  void *persistentalloc(std::size_t size) noexcept;

 private:
  struct impl;
  impl *impl_;
};

// What a switch carries besides registers. The hooks are called by the one function that switches (sched/switch.hpp).
struct fiber {
  void *eh[2] = {};             // __cxa_eh_globals: caught exceptions, and the count of uncaught ones
  int error = 0;                // errno
  void **thread_eh = nullptr;   // g0 only: where this thread keeps the two
  int *thread_error = nullptr;  // g0 only
#ifdef HEDDLE_ASAN
  void *fake_stack = nullptr;
  const void *bottom = nullptr;
  std::size_t size = 0;
#endif
#ifdef HEDDLE_TSAN
  void *tsan = nullptr;
#endif
};
void fiber_attach_thread(fiber &g0) noexcept;    // g0 of a new M learns its thread's stack and slots
void fiber_create(fiber &f, stack s) noexcept;   // before a g first runs
void fiber_destroy(fiber &f, stack s) noexcept;  // after a g last ran, from another stack

inline void fiber_resume(fiber &g0, fiber &to) noexcept {  // on g0, before switching into a g
  g0.thread_eh[0] = to.eh[0];
  g0.thread_eh[1] = to.eh[1];
  *g0.thread_error = to.error;
}
inline void fiber_suspend(fiber &g0, fiber &from) noexcept {  // on g0, after a g switched back
  from.eh[0] = g0.thread_eh[0];
  from.eh[1] = g0.thread_eh[1];
  from.error = *g0.thread_error;
}
// Around the register switch itself; free unless a sanitizer listens.
#if defined(HEDDLE_ASAN) || defined(HEDDLE_TSAN)
void fiber_leave(fiber &from, fiber &to, bool dies) noexcept;
void fiber_arrive(fiber &self) noexcept;
#else
inline void fiber_leave(fiber &, fiber &, bool) noexcept {}
inline void fiber_arrive(fiber &) noexcept {}
#endif

struct os_facts {
  std::int32_t cpus;  // this process may use: affinity, then cgroup quota
  std::size_t page_size;
};
os_facts osinit() noexcept;  // also registers for membarrier and for forks; cheap to repeat

// True for good in the child of a fork that was made while a runtime lived: of all its threads only the one that forked is
// there, current_m() is null on it, and whatever the others held stays held.
extern std::atomic<bool> runtime_left_behind;
inline bool forked() noexcept { return runtime_left_behind.load(std::memory_order_relaxed); }
void count_runtimes(int change) noexcept;  // those that live: +1, -1

// A line to standard error in one write, without allocating.
void print_error(const char *text) noexcept;
// Misuse by the embedder, after the report has been printed: runs the fatal hook and ends the process with status 2.
[[noreturn]] void exit_misuse() noexcept;
// Prints the invariant's id, the condition and the place, without allocating, and aborts.
[[noreturn]] void invariant_broken(const char *id, const char *condition, const char *file, int line) noexcept;

}  // namespace HEDDLE_WORLD
}  // namespace heddle
