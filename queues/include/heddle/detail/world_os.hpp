#pragma once
// The os world as the public headers need it: std::atomic, and what the inline parts of channels and locks call. The
// rest is in queues/world_os.hpp (fences, random numbers, sizes) and sched/os/world_os.hpp (threads, stacks).
#include <atomic>
#include <cstddef>
#include <cstdint>

HEDDLE_DETAIL_BEGIN

// heddle defines the one of these that says how it was compiled, and each program asks for the one that says how the
// program was: where they differ, the linker's message names it.
#if defined(HEDDLE_ASAN)
HEDDLE_API extern const char heddle_is_compiled_with_asan;
[[gnu::used]] inline const char *const compiled_alike = &heddle_is_compiled_with_asan;
#elif defined(HEDDLE_TSAN)
HEDDLE_API extern const char heddle_is_compiled_with_tsan;
[[gnu::used]] inline const char *const compiled_alike = &heddle_is_compiled_with_tsan;
#else
HEDDLE_API extern const char heddle_is_compiled_without_asan_and_tsan;
[[gnu::used]] inline const char *const compiled_alike = &heddle_is_compiled_without_asan_and_tsan;
#endif

inline constexpr std::size_t cacheline = 64;

// How a thread waits for another thread's step (backoff.hpp).
struct spin_geometry {
  static constexpr std::uint32_t backoff_min = 16;  // the first and the longest pause in cpu_relax calls: 0.2 and 3 us
  static constexpr std::uint32_t backoff_max = 256;
  static constexpr std::uint32_t backoff_yields = 32;  // so often it gives its CPU away before it sleeps
  static constexpr std::int64_t nap_min = 20'000;      // the first and the longest sleep, in nanoseconds
  static constexpr std::int64_t nap_max = 1'000'000;
};

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
class plain;
template <class T>
T glimpse(const plain<T> &) noexcept;  // queues/world_os.hpp

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

// The world costs nothing: the wrappers have the layout of what they wrap (and bench/ compares generated code).
static_assert(sizeof(atomic<void *>) == sizeof(void *) && sizeof(atomic<std::uint32_t>) == 4);
static_assert(sizeof(plain<void *>) == sizeof(void *) && alignof(plain<char>) == 1);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<void *>::is_always_lock_free);

inline void cpu_relax() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}
// How many spinlocks this thread holds, or is about to: meanwhile nothing may switch it to another goroutine
// (sched/os/entry.cpp). The variable is in sched/os/threads.cpp. In assembler: a compiler may keep the address of a
// thread-local variable across a switch, after which the thread is another.
#define HEDDLE_DETAIL_WORD_2(abi, name) "heddle_" #abi "_" #name
#define HEDDLE_DETAIL_WORD_1(abi, name) HEDDLE_DETAIL_WORD_2(abi, name)
#define HEDDLE_DETAIL_WORD(name) HEDDLE_DETAIL_WORD_1(HEDDLE_ABI, name)
inline void section_begin() noexcept {
  std::uintptr_t offset;
  asm volatile("movq " HEDDLE_DETAIL_WORD(sections) "@gottpoff(%%rip), %0\n\taddl $1, %%fs:(%0)"
               : "=r"(offset)
               :
               : "cc", "memory");
}
inline void section_end() noexcept {
  std::uintptr_t offset;
  asm volatile("movq " HEDDLE_DETAIL_WORD(sections) "@gottpoff(%%rip), %0\n\tsubl $1, %%fs:(%0)"
               : "=r"(offset)
               :
               : "cc", "memory");
}

HEDDLE_API void thread_yield() noexcept;
HEDDLE_API void thread_nap(std::int64_t ns) noexcept;

// A member of what is sorted by its address: different for any two objects that live.
class place {
 public:
  std::uintptr_t get() const noexcept { return reinterpret_cast<std::uintptr_t>(this); }
};

HEDDLE_API std::int64_t nanotime() noexcept;  // monotonic

// True for good in the child of a fork that was made while a runtime lived. Of all threads the child has only the one
// that forked, current_m() is null on it, and whatever the other threads held stays held.
HEDDLE_API extern std::atomic<bool> runtime_left_behind;
inline bool forked() noexcept { return runtime_left_behind.load(std::memory_order_relaxed); }

// Prints a line to standard error, without allocating.
HEDDLE_API void print_error(const char *text) noexcept;
// Ends the process after a mistake of the embedder. Prints "fatal error: " and the parts of what went wrong; once there
// has been a runtime also the calling goroutine, where it was started, and its stack; then calls options::on_fatal with
// all of that, writes out stdout, and exits with status 2, or aborts if HEDDLE_DEBUG has crash=1. In the child of a fork
// it prints the first line only and exits. Allocates nothing from the heap, except what names of functions need.
[[noreturn]] HEDDLE_API void exit_misuse(const char *a, const char *b = "", const char *c = "",
                                         const char *d = "") noexcept;
// Ends the process as exit_misuse does, when the report has been printed already. on_fatal may be null.
[[noreturn]] HEDDLE_API void exit_reported(void (*on_fatal)(void *arg, const char *report), void *arg,
                                           const char *report) noexcept;
// Reports the invariant's id, the condition and the place as exit_misuse does, and aborts.
[[noreturn]] HEDDLE_API void invariant_broken(const char *id, const char *condition, const char *file,
                                              int line) noexcept;

HEDDLE_DETAIL_END
