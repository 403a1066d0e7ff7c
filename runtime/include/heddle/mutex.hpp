#pragma once
#include <chrono>
#include <cstdint>

#include "heddle/detail/deadline.hpp"
#include "heddle/detail/spinlock.hpp"
#include "heddle/detail/waitq.hpp"

HEDDLE_BEGIN

// Mutual exclusion among goroutines; may be held over anything that blocks one. Whoever comes while it is free has it,
// even if others wait: that keeps it busy. One who has waited for a millisecond and was beaten to it makes it starving,
// and from then on it is handed to whoever has waited longest, until that one has waited for less, or is the last. The
// states and who changes them: runtime/sync.cpp. Meets std TimedMutex, so std::lock_guard, std::unique_lock and
// std::scoped_lock work. Source: Go's sync.Mutex, std::timed_mutex.
class HEDDLE_API mutex {
 public:
  mutex() noexcept = default;
  mutex(const mutex &) = delete;
  mutex &operator=(const mutex &) = delete;

  // Caller: a goroutine; also any other thread. Blocks: the goroutine, or thread. Ordering: what all who held it before
  // did is visible. Cost: one CAS when free.
  void lock() noexcept {
    std::uint32_t expected = 0;
    // acquire: pairs with the unlocks; what earlier holders did. [MUTEX-1]  relaxed on failure: lock_slow looks again.
    if (!state_.compare_exchange_weak(expected, locked, detail::acquire, detail::relaxed)) return lock_slow();
    holder_.set(__builtin_frame_address(0));
  }
  // Not if somebody has it; also before those who wait. Caller: as lock. Blocks: nothing. Ordering: as lock.
  bool try_lock() noexcept {
    std::uint32_t state = 0;
    return try_lock_from(state, 0);  // no look first: false from an old value would say that somebody has it who had it
  }
  // As lock, for so long at most, or until then; not at all, but for one try, if the time is over. False: somebody else
  // has it. Caller, blocks: as lock. Ordering: true: as lock; false: none. The mutex may not be destroyed before this
  // returns. Cost: one CAS when free; a timer, where it waits. Source: std::timed_mutex.
  template <class Rep, class Period>
  bool try_lock_for(std::chrono::duration<Rep, Period> d) noexcept {
    return try_lock() || lock_until(detail::time_in(d));
  }
  // A clock that can be set is looked at again when its time should have come.
  template <class Clock, class Duration>
  bool try_lock_until(const std::chrono::time_point<Clock, Duration> &t) noexcept {
    return try_lock() || detail::until(t, [this](std::int64_t when) { return lock_until(when); });
  }
  // Caller: a goroutine or thread, any. Blocks: nothing; one that hands a starving mutex over gives way to who gets it.
  // The mutex may be destroyed by who gets it next. Errors: unlocking what is not locked is misuse. Cost: one CAS when
  // nobody waits.
  void unlock() noexcept {
    std::uint32_t expected = locked;
    // release: pairs with the locks. [MUTEX-1]  relaxed on failure: unlock_slow looks again.
    if (!state_.compare_exchange_weak(expected, 0, detail::release, detail::relaxed)) unlock_slow();
  }

 private:
  friend struct detail::onlooker;
  static constexpr std::uint32_t locked = 1, awake = 2, starving = 4, queued = 8;
  // From a state in which nobody has it; `role`: awake, if that is the caller. False: somebody was faster.
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
  detail::spinlock lock_;  // waiters_, and queued and starving in state_
  // Where the stack of who has it is: one store, of a register, is all that the holder pays.
  detail::plain<const void *> holder_{nullptr};
  detail::waitq waiters_;  // under lock_
};

HEDDLE_END
