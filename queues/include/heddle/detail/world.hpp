#pragma once
// The boundary between heddle and the world that it runs in. Everything that a thread does to another thread, to the clock or
// to the kernel passes through here, so that one source is compiled unchanged for production (the os world) and for the model
// checker (the relacy world, verify/world_relacy.hpp). queues/README.md has the table of worlds.
//
// A world has three parts, each for one room of the house. Within HEDDLE_DETAIL_BEGIN and HEDDLE_DETAIL_END it defines
//
// for the public headers (this file):
//   atomic<T>            load, store, exchange, compare_exchange_weak/strong (both orders), fetch_add, fetch_sub;
//                        every operation names its order; peek() reads the newest value outside the protocol (reports)
//   plain<T>             get, set: data that a protocol protects; race-checked outside production, free inside it
//   place                where an object lies, to sort by
//   cpu_relax            one turn of a spin loop; thread_yield: lets another thread have this CPU
//   spin_geometry        how long a spinlock pauses
//   nanotime             the clock
//   forked               whether a fork has left a runtime's threads behind
//   print_error, exit_misuse, invariant_broken     the ends: the embedder's mistake (status 2), ours (abort)
//
// for queues/ (queues/world.hpp):
//   geometry             sizes and rates; a world shrinks sizes, never logic
//   fence, fence_light, fence_heavy     see queues/world.hpp
//   statistic            add, set, get: an owner's counter that anyone may read, outside every protocol
//   glimpse              a field of another thread, for reports that nothing depends on
//   prefetch             the caller will read there soon
//   cheaprandn           chance
//
// for sched/ (sched/world.hpp):
//   futex_sleep, futex_sleep_for, futex_wake    what a note (sched/note.hpp) sleeps on, without or with a limit of time
//   thread, thread_start, thread_join   start of an M
//   thread_count         all threads of the process, ours and others
//   current_m, set_current_m            the one thread-local pointer
//   random_seed          chance, once per scheduler
//   stack, stackpool     stack memory
//   persistent           memory for what lives as long as a runtime
//   fiber and its hooks  what a switch carries beyond registers: errno, exception state, sanitizer state
//   osinit               what the system grants this process
//
// HEDDLE_WORLD_HEADER names a header that defines all of it, and HEDDLE_ABI the namespace of that world; without them it is the
// os world.

#include <atomic>

// The inline namespace of the library's ABI. Two copies of heddle of different versions, and objects of two worlds, never link
// together by accident.
#ifndef HEDDLE_ABI
#define HEDDLE_ABI v0_1  // the version without its patch number: heddle/version.hpp
#endif

// What a shared library of heddle lets others call; the rest of it is hidden. In a static one all is.
#ifdef HEDDLE_SHARED
#define HEDDLE_API __attribute__((visibility("default")))
#else
#define HEDDLE_API
#endif

#define HEDDLE_BEGIN \
  namespace heddle { \
  inline namespace HEDDLE_ABI {
#define HEDDLE_END \
  }                \
  }
// What no user names: all of queues/ and sched/, and what public headers need of it.
#define HEDDLE_DETAIL_BEGIN \
  HEDDLE_BEGIN              \
  namespace detail {
#define HEDDLE_DETAIL_END \
  }                       \
  HEDDLE_END

HEDDLE_DETAIL_BEGIN
// The orders, spelled short because every atomic operation writes one.
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

// An invariant of docs/invariants.md, checked in every build: O(1), and what it reads must be owned by the caller.
#define HEDDLE_INV(id, cond) ((cond) ? (void)0 : ::heddle::detail::invariant_broken(id, #cond, __FILE__, __LINE__))
