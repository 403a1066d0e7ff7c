#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <type_traits>
#include <utility>

#include "heddle/detail/spinlock.hpp"
#include "heddle/detail/waitq.hpp"

HEDDLE_BEGIN

namespace detail {

// What a barrier is without its completion function.
class HEDDLE_API barrier_core {
 public:
  explicit barrier_core(std::ptrdiff_t expected) noexcept;

  // Counts n arrivals in the phase that this returns; drop: so many fewer are expected from the next on. last: they
  // complete the phase, and the caller must call complete().
  std::uint64_t arrive(std::ptrdiff_t n, bool drop, bool &last) noexcept;
  // The next phase begins. Caller: the last to arrive, when the completion function has returned.
  void complete() noexcept;
  // Returns when the phase is over. Caller: a goroutine, any thread. Blocks: the g, or thread.
  void wait(std::uint64_t phase) noexcept;

 private:
  friend struct onlooker;
  spinlock lock_;
  plain<std::ptrdiff_t> expected_;  // under lock_, as all here; of the next phase
  plain<std::ptrdiff_t> left_;      // of this one; zero while it is being completed
  plain<std::uint64_t> phase_;
  waitq waiters_;  // for the end of this phase
};

struct no_completion {
  void operator()() const noexcept {}
};

}  // namespace detail

// A number of goroutines that wait for each other, phase after phase; between two of them the last to arrive calls the
// completion function, and all go on after it. Source: std::barrier.
template <class Completion = detail::no_completion>
class barrier {
  static_assert(std::is_nothrow_invocable_v<Completion &>,
                "nobody could be told: the completion function must be noexcept");

 public:
  // The phase that somebody arrived in.
  class arrival_token {
   public:
    arrival_token(arrival_token &&) noexcept = default;
    arrival_token &operator=(arrival_token &&) noexcept = default;

   private:
    friend barrier;
    explicit arrival_token(std::uint64_t phase) noexcept : phase_(phase) {}
    std::uint64_t phase_;
  };

  // The largest number.
  static constexpr std::ptrdiff_t max() noexcept { return std::numeric_limits<std::ptrdiff_t>::max(); }

  // Errors: a negative number is misuse.
  explicit barrier(std::ptrdiff_t expected, Completion f = Completion()) : core_(expected), completion_(std::move(f)) {}
  barrier(const barrier &) = delete;
  barrier &operator=(const barrier &) = delete;

  // Counts n arrivals without waiting. Caller: any thread. Blocks: as the completion function, if they are the last of
  // the phase. Ordering: what the caller did before is visible to the completion function, and what that did to who
  // waits. Errors: no arrival, or more than are still expected in this phase, is misuse.
  [[nodiscard]] arrival_token arrive(std::ptrdiff_t n = 1) noexcept {
    bool last = false;
    return arrival_token(arrive(n, false, last));
  }
  // Returns when the token's phase is over. Caller: a goroutine; also any other thread; no later than in the phase
  // after it. Blocks: the goroutine, or thread.
  void wait(arrival_token &&token) noexcept { core_.wait(token.phase_); }
  // Arrives, and returns when the phase is over. Caller: a goroutine; also any other thread. Blocks: the goroutine, or
  // thread. When everybody has returned from it the barrier may be destroyed. Ordering, errors: as arrive.
  void arrive_and_wait() noexcept {
    bool last = false;
    const std::uint64_t phase = arrive(1, false, last);
    if (!last) core_.wait(phase);
  }
  // Arrives, and is not expected any more from the next phase on. Caller, blocks, ordering, errors: as arrive.
  void arrive_and_drop() noexcept {
    bool last = false;
    arrive(1, true, last);
  }

 private:
  std::uint64_t arrive(std::ptrdiff_t n, bool drop, bool &last) noexcept {
    const std::uint64_t phase = core_.arrive(n, drop, last);
    if (last) {
      std::invoke(completion_);
      core_.complete();
    }
    return phase;
  }

  detail::barrier_core core_;
  [[no_unique_address]] Completion completion_;
};

HEDDLE_END
