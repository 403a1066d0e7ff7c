#pragma once
#include <cstddef>

#include "heddle/waitq.hpp"

HEDDLE_BEGIN

// Counts units that can be had. First come, first served: while somebody waits a released unit is his, so nobody who
// comes later can take it (Go's semrelease with handoff; without its yield: the releaser goes on, and who got the unit
// is the next to run there). Source: Go's sema.go, std::counting_semaphore.
class semaphore {
 public:
  // Errors: fewer than none is misuse.
  explicit semaphore(std::ptrdiff_t units) noexcept;
  semaphore(const semaphore &) = delete;
  semaphore &operator=(const semaphore &) = delete;

  // Takes a unit. Caller: a goroutine; also any other thread. Blocks: the goroutine, or thread, until a unit is his.
  // Ordering: what was done before the release that gave it is visible. May destroy the semaphore when no other call of
  // acquire is under way and nobody will release. Cost: one short lock.
  void acquire() noexcept;
  // Takes a unit if there is one now. Caller: as acquire. Blocks: nothing. Ordering: as acquire.
  bool try_acquire() noexcept;
  // Gives n units back, or new ones: to those who wait, oldest first, each one unit. Caller: any thread, also one that
  // took none. Blocks: nothing. Errors: a negative n is misuse, and more units in all than a ptrdiff_t counts. Cost:
  // one short lock, and a goready for each that is served.
  void release(std::ptrdiff_t n = 1) noexcept;

 private:
  friend struct detail::onlooker;
  spinlock lock_;
  plain<std::ptrdiff_t> units_;  // under lock_; zero while somebody waits
  detail::waitq waiters_;        // under lock_
};

HEDDLE_END
