#pragma once
// The seam between heddle and the world it runs in. Everything that a thread does to another thread, to the clock or to
// the kernel passes through here, so that one source is compiled unchanged for production (the os world) and for the
// model checker (the relacy world, verify/world_relacy.hpp). See queues/README.md for the table of worlds.
//
// A world header defines, inside `namespace heddle { inline namespace HEDDLE_WORLD {`:
//
//   atomic<T>            load, store, exchange, compare_exchange_weak/strong (both orders), fetch_add, fetch_sub;
//                        every operation names its order; peek() reads the newest value outside the protocol (reports)
//   plain<T>             get, set: data that a protocol protects; race-checked outside production, free inside it
//   glimpse              a field of another thread, for reports that nothing depends on
//   statistic            add, set, get: an owner's counter that anyone may read, outside every protocol
//   fence, fence_light, fence_heavy     see below
//   cpu_relax            one turn of a spin loop; thread_yield: let another thread have this CPU
//   prefetch             we shall read there soon
//   futex_sleep, futex_sleep_for, futex_wake    what a note (sched/note.hpp) sleeps on, for good or for a time
//   thread, thread_start, thread_join   start of an M
//   thread_count         all threads of the process, ours and others
//   current_m, set_current_m            the one thread-local pointer
//   nanotime, random_seed, cheaprandn   time and chance
//   place                where an object lies, to sort by
//   stack, stackpool     stack memory
//   persistent           memory for what lives as long as a runtime
//   fiber and its hooks  what a switch carries beyond registers: errno, exception state, sanitizer state
//   geometry             sizes and rates; a world shrinks sizes, never logic
//   osinit               what the system grants this process
//   forked               whether a fork has left a runtime's threads behind
//   print_error, exit_misuse, invariant_broken     the ends: the embedder's mistake (status 2), ours (abort)
//
// fence_light() and fence_heavy() are the two sides of an asymmetric store-load fence (C++ paper P1202). A light fence
// orders nothing by itself; a heavy fence makes every other thread pass a full fence at some point during the call, and
// is itself a full fence before and after. So for a store-load pair on each side, light on the frequent side and heavy
// on the side that is about to sleep forbid that both loads miss both stores.

#include <atomic>

#ifndef HEDDLE_WORLD_HEADER
#define HEDDLE_WORLD_HEADER "queues/world_os.hpp"
#define HEDDLE_WORLD os
#endif

namespace heddle {
// The orders, spelled short because every atomic operation writes one.
inline constexpr std::memory_order relaxed = std::memory_order_relaxed;
inline constexpr std::memory_order acquire = std::memory_order_acquire;
inline constexpr std::memory_order release = std::memory_order_release;
inline constexpr std::memory_order acq_rel = std::memory_order_acq_rel;
inline constexpr std::memory_order seq_cst = std::memory_order_seq_cst;
}  // namespace heddle

#include HEDDLE_WORLD_HEADER

// Opens and closes the versioned namespace, so that objects of two worlds never link together by accident.
#define HEDDLE_BEGIN \
  namespace heddle { \
  inline namespace HEDDLE_WORLD {
#define HEDDLE_END \
  }                \
  }

// An invariant of docs/invariants.md, checked in every build: O(1), and what it reads must be owned by the caller.
#define HEDDLE_INV(id, cond) ((cond) ? (void)0 : ::heddle::invariant_broken(id, #cond, __FILE__, __LINE__))
