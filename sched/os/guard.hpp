#pragma once
// Pages below stacks that nothing may touch. sched/os/guard.cpp says of which kinds they are.
#include <sys/uio.h>
#include <cstddef>

#include "sched/world.hpp"

HEDDLE_DETAIL_BEGIN

std::size_t page_size() noexcept;
std::size_t guard_size() noexcept;  // bytes of the guard below each stack

inline constexpr std::size_t batch_most = 32;  // so many pieces of memory are advised at once at most

// Does what madvise does, for n pieces of memory of one size. False: it was not done for all of them.
bool advise_each(const iovec *pieces, std::size_t n, int advice) noexcept;
// As above, for the piece of `size` at `at` and those at each further `distance`.
bool advise_each(char *at, std::size_t distance, std::size_t size, std::size_t n, int advice) noexcept;

// True: the kernel has guards that need no mapping of their own.
bool has_light_guards() noexcept;

// The guards of one pool. Caller: any thread; `lay` is for one thread at a time for the same memory.
class guards {
 public:
  explicit guards(bool log) noexcept;
  ~guards();
  guards(const guards &) = delete;
  guards &operator=(const guards &) = delete;

  // Lays a guard at `at` and at each further `distance`, n in all. Returns how many of the first are laid.
  std::size_t lay(char *at, std::size_t distance, std::size_t n) noexcept;
  // Lays the guard of a stack that has a mapping of its own. False: the system has no memory for it.
  bool lay_alone(char *at) noexcept;
  // True: the kernel does one thing for several stacks.
  bool in_batches() const noexcept { return batches_.load(std::memory_order_relaxed); }
  // True: the kernel has light guards.
  bool light() const noexcept { return light_; }

 private:
  bool lay_light(char *at, std::size_t distance, std::size_t n) noexcept;
  void no_light_guards() noexcept;

  const bool light_;
  const bool log_;
  std::atomic<bool> batches_;
  std::atomic<bool> warned_{false};
  std::atomic<std::size_t> hard_{0};  // of those that the process may have
};

HEDDLE_DETAIL_END
