#pragma once
#include <chrono>
#include <cstdint>

#include "heddle/detail/deadline.hpp"
#include "heddle/detail/spinlock.hpp"
#include "heddle/detail/waitq.hpp"

HEDDLE_BEGIN

// Mutual exclusion among goroutines. A goroutine may hold it while it does anything that blocks the goroutine. A
// newcomer may take a free mutex ahead of waiters; this keeps throughput high. When a waiter that has waited for a
// millisecond finds that another took the mutex, it makes the mutex starving. From then on an unlock hands the mutex to
// the waiter that has waited longest, until the new holder has waited for less than a millisecond, or is the last
// waiter. runtime/mutex.cpp shows the states and which party changes them. It meets the requirements of the C++
// library's TimedMutex, so std::lock_guard, std::unique_lock and std::scoped_lock work. Source: Go's sync.Mutex,
// std::timed_mutex.
class HEDDLE_API mutex {
 public:
  mutex() noexcept = default;
  mutex(const mutex &) = delete;
  mutex &operator=(const mutex &) = delete;

  // Takes the mutex; waits while another holds it. Caller: a goroutine; also any other thread. Blocks: the goroutine,
  // or the thread. Ordering: what all earlier holders did while they held it is visible. Cost: one CAS if it is free.
  void lock() noexcept {
    std::uint32_t expected = 0;
    // acquire: pairs with the unlocks; what earlier holders did. [MUTEX-1]  relaxed on failure: lock_slow looks again.
    if (!state_.compare_exchange_weak(expected, locked, detail::acquire, detail::relaxed)) return lock_slow();
    holder_.set(__builtin_frame_address(0));
  }
  // Takes the mutex if it is free, also ahead of waiters; returns whether it did. Caller: as lock. Blocks: nothing.
  // Ordering: true: as lock; false: none.
  [[nodiscard]] bool try_lock() noexcept {
    std::uint32_t state = 0;
    return try_lock_from(state, 0);  // no load first: an old value would show a holder that has gone
  }
  // As lock, but waits at most for the given time, or until the given moment; if the time is over already it tries
  // once. Returns false if it did not get the mutex. The mutex may not be destroyed before this returns. Caller,
  // blocks: as lock. Ordering: true: as lock; false: none. Cost: one CAS if it is free; a timer if it waits. Source:
  // std::timed_mutex.
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> d) noexcept {
    return try_lock() || lock_until(detail::time_in(d));
  }
  // As try_lock_for. A clock that can be set is read again when its time should have come.
  template <class Clock, class Duration>
  [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Duration> &t) noexcept {
    return try_lock() || detail::until(t, [this](std::int64_t when) { return lock_until(when); });
  }
  // Releases the mutex. The goroutine that takes it next may destroy it. Caller: any goroutine or thread. Blocks:
  // nothing; a caller that hands a starving mutex over gives way to the goroutine that gets it. Ordering: what the
  // caller did before is visible to the next holders. Errors: unlocking a mutex that is not locked is misuse. Cost: one
  // CAS if there is no waiter.
  void unlock() noexcept {
    std::uint32_t expected = locked;
    // release: pairs with the locks. [MUTEX-1]  relaxed on failure: unlock_slow looks again.
    if (!state_.compare_exchange_weak(expected, 0, detail::release, detail::relaxed)) unlock_slow();
  }

 private:
  friend struct detail::onlooker;
  friend void detail::mutex_abandoned(detail::spinlock *lock) noexcept;
  static constexpr std::uint32_t locked = 1, awake = 2, starving = 4, queued = 8;
  // Takes the mutex from a state without a holder. role: awake, if the caller is the waiter that was woken. False:
  // another was faster.
  bool try_lock_from(std::uint32_t &state, std::uint32_t role) noexcept {
    do {
      // acquire: as in lock. [MUTEX-1]  relaxed on failure: looks again.
      if (state_.compare_exchange_weak(state, (state | locked) & ~role, detail::acquire, detail::relaxed)) {
        holder_.set(__builtin_frame_address(0));
        return true;
      }
    } while ((state & locked) == 0);
    return false;
  }
  bool spin(std::uint32_t looks, std::uint32_t &role) noexcept;
  bool queue_up(detail::sudog &sg, std::uint32_t role, bool starves, bool first) noexcept;
  void lock_slow() noexcept { lock_until(detail::never); }
  bool lock_until(std::int64_t when) noexcept;
  bool give_up(std::uint32_t role) noexcept;
  void drop(std::uint32_t bits) noexcept;
  void withdraw() noexcept;
  void unlock_slow() noexcept;
  bool wake_one() noexcept;
  bool hand_over() noexcept;

  detail::atomic<std::uint32_t> state_;
  detail::spinlock lock_;  // guards waiters_, and the bits queued and starving of state_
  // An address on the holder's stack. The holder pays only one store, of a register, for it.
  detail::plain<const void *> holder_{nullptr};
  detail::waitq waiters_;  // under lock_
};

HEDDLE_END
