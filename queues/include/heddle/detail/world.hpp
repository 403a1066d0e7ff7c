#pragma once
// The world: everything that a thread does to another thread, to the clock or to the kernel. It passes through here, so
// that one source is compiled unchanged for production (the os world) and for the model checker (the relacy world,
// verify/world_relacy.hpp). queues/README.md has the table of worlds.
//
// A world has three parts, one for each layer of the source. Within HEDDLE_DETAIL_BEGIN and HEDDLE_DETAIL_END it
// defines
//
// for the public headers (this file):
//   atomic<T>            load, store, exchange, compare_exchange_weak/strong (both orders), fetch_add, fetch_sub;
//                        every operation names its order; peek() reads the newest value outside the protocol (reports)
//   plain<T>             get, set: data that a protocol protects; race-checked outside production, free inside it
//   place                where an object lies, to sort by
//   cpu_relax            one turn of a spin loop; thread_yield: lets another thread have this CPU
//   thread_nap           sleeps for a short time
//   section_begin, section_end          around what a thread does while it holds a spinlock
//   spin_geometry        how long a thread waits in which way for another's step
//   nanotime             the clock
//   forked               whether a fork has left a runtime's threads behind
//   print_error          prints to standard error
//   exit_misuse          reports a mistake of the embedder, and ends the process (status 2)
//   exit_reported        ends the process after a report
//   invariant_broken     ends the process after a mistake of heddle (abort)
//
// for queues/ (queues/world.hpp):
//   geometry             sizes and rates; a world shrinks sizes, never logic
//   fence, fence_light, fence_heavy     see queues/world.hpp
//   statistic            add, set, get: an owner's counter that any thread may read, outside every protocol
//   glimpse              reads a field of another thread, for reports that nothing depends on
//   prefetch             says that the caller will read there soon
//   cheaprandn           random numbers
//
// for sched/ (sched/world.hpp):
//   futex_sleep, futex_sleep_for, futex_wake    what a note (sched/note.hpp) sleeps on, without or with a limit of time
//   thread, thread_start, thread_join, thread_join_until   start and end of an M
//   thread_count         all threads of the process, heddle's and others
//   current_m, set_current_m            the M of this thread; and its m::asked, for code that is compiled to look there
//   user_code_depth                     a thread-local number, for threads that are no Ms
//   random_seed          a random number, once per scheduler
//   stack, stackpool     stack memory
//   persistent           memory for what lives as long as a runtime
//   fiber and its hooks  what a switch carries beyond registers: errno, exception state, sanitizer state
//   signal_stack         where a thread handles signals
//   on_report_stack      calls a function that needs more stack than the caller may have
//   osinit               asks the system for what every runtime needs
//
// HEDDLE_WORLD_HEADER names a header that defines all of it, and HEDDLE_ABI the namespace of that world; without them
// it is the os world.

#include <atomic>

// Whether this is compiled with AddressSanitizer, or with ThreadSanitizer.
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

// The inline namespace of the library's ABI. With it two copies of heddle of different versions, and objects of two
// worlds, never link together by accident; nor do objects with a sanitizer and objects without it, which would give the
// same structures different sizes. The linker's message has the name in it.
#ifndef HEDDLE_ABI
#if defined(HEDDLE_ASAN)
#define HEDDLE_ABI v0_1_asan
#elif defined(HEDDLE_TSAN)
#define HEDDLE_ABI v0_1_tsan
#else
#define HEDDLE_ABI v0_1  // the version without its patch number: heddle/version.hpp
#endif
#endif

// Marks what a shared library of heddle exports; the rest of it is hidden. A static library exports everything.
#ifdef HEDDLE_SHARED
#define HEDDLE_API __attribute__((visibility("default")))
#else
#define HEDDLE_API
#endif

#if defined(HEDDLE_PREEMPTIBLE) && !defined(HEDDLE_SHARED)
#error "heddle::preemptible needs heddle as a shared library: configure it with -DBUILD_SHARED_LIBS=ON"
#endif

#define HEDDLE_BEGIN \
  namespace heddle { \
  inline namespace HEDDLE_ABI {
#define HEDDLE_END \
  }                \
  }
// The namespace of what no user names: all of queues/ and sched/, and what public headers need of them.
#define HEDDLE_DETAIL_BEGIN \
  HEDDLE_BEGIN              \
  namespace detail {
#define HEDDLE_DETAIL_END \
  }                       \
  HEDDLE_END

HEDDLE_DETAIL_BEGIN
// The memory orders, with short names because every atomic operation writes one.
inline constexpr std::memory_order relaxed = std::memory_order_relaxed;
inline constexpr std::memory_order acquire = std::memory_order_acquire;
inline constexpr std::memory_order release = std::memory_order_release;
inline constexpr std::memory_order acq_rel = std::memory_order_acq_rel;
inline constexpr std::memory_order seq_cst = std::memory_order_seq_cst;
HEDDLE_DETAIL_END

#ifdef HEDDLE_WORLD_HEADER
#include HEDDLE_WORLD_HEADER
#else
#include "heddle/detail/world_os.hpp"
#endif

// Checks an invariant of docs/invariants.md, in every build. It must be O(1), and the caller must own what it reads.
#define HEDDLE_INV(id, cond) ((cond) ? (void)0 : ::heddle::detail::invariant_broken(id, #cond, __FILE__, __LINE__))
