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

// A barrier without its completion function.
class HEDDLE_API barrier_core {
 public:
  explicit barrier_core(std::ptrdiff_t expected) noexcept;

  // Counts n arrivals in the current phase and returns the number of that phase. drop: from the next phase on, n fewer
  // arrivals are expected. Sets `last` to true if these arrivals complete the phase; the caller must call complete()
  // then.
  std::uint64_t arrive(std::ptrdiff_t n, bool drop, bool &last) noexcept;
  // Begins the next phase. Caller: the last to arrive, after the completion function has returned.
  void complete() noexcept;
  // Returns when `phase` is over. Caller: a goroutine, any thread. Blocks: the goroutine, or the thread.
  void wait(std::uint64_t phase) noexcept;

 private:
  friend struct onlooker;
  spinlock lock_;
  plain<std::ptrdiff_t> expected_;  // of the next phase; under lock_, as all fields here
  plain<std::ptrdiff_t> left_;      // of this phase; zero while it is being completed
  plain<std::uint64_t> phase_;
  waitq waiters_;  // wait for the end of this phase
};

struct no_completion {
  void operator()() const noexcept {}
};

}  // namespace detail

// Lets a number of goroutines wait for each other, phase after phase. When the last of a phase arrives, it calls the
// completion function; after that all of them go on. Source: std::barrier.
template <class Completion = detail::no_completion>
class barrier {
  static_assert(std::is_nothrow_invocable_v<Completion &>,
                "the completion function must be noexcept: no caller could be told of an exception");

 public:
  // The phase in which an arrival was counted.
  class arrival_token {
   public:
    arrival_token(arrival_token &&) noexcept = default;
    arrival_token &operator=(arrival_token &&) noexcept = default;

   private:
    friend barrier;
    explicit arrival_token(std::uint64_t phase) noexcept : phase_(phase) {}
    std::uint64_t phase_;  // raw: a value, the caller's
  };

  // The largest number of expected arrivals.
  [[nodiscard]] static constexpr std::ptrdiff_t max() noexcept { return std::numeric_limits<std::ptrdiff_t>::max(); }

  // Makes a barrier whose phases are complete after `expected` arrivals; f is its completion function. Errors: a
  // negative number is misuse.
  explicit barrier(std::ptrdiff_t expected, Completion f = Completion()) : core_(expected), completion_(std::move(f)) {}
  barrier(const barrier &) = delete;
  barrier &operator=(const barrier &) = delete;

  // Counts n arrivals without waiting. Caller: any thread. Blocks: as long as the completion function runs, if these
  // arrivals are the last of the phase. Ordering: what the caller did before is visible to the completion function, and
  // what the completion function did is visible to the waiters. Errors: misuse if n is zero or less, or more than the
  // arrivals still expected in this phase.
  [[nodiscard]] arrival_token arrive(std::ptrdiff_t n = 1) noexcept {
    bool last = false;
    return arrival_token(arrive(n, false, last));
  }
  // Returns when the token's phase is over. Caller: a goroutine; also any other thread; at the latest in the phase that
  // follows the token's. Blocks: the goroutine, or the thread.
  void wait(arrival_token &&token) noexcept { core_.wait(token.phase_); }
  // Arrives, and returns when the phase is over. Once all its calls have returned the barrier may be destroyed. Caller:
  // a goroutine; also any other thread. Blocks: the goroutine, or the thread. Ordering, errors: as arrive.
  void arrive_and_wait() noexcept {
    bool last = false;
    const std::uint64_t phase = arrive(1, false, last);
    if (!last) core_.wait(phase);
  }
  // Arrives in this phase, and is not expected any more from the next phase on. Caller, blocks, ordering, errors: as
  // arrive.
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
  // raw: the embedder's function; core_ orders its calls, and the suites' functions write plains.
  [[no_unique_address]] Completion completion_;
};

HEDDLE_END
