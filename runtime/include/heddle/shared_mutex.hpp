#pragma once
#include <chrono>
#include <cstdint>

#include "heddle/detail/deadline.hpp"
#include "heddle/detail/spinlock.hpp"
#include "heddle/detail/waitq.hpp"

HEDDLE_BEGIN

// A lock for one writer or any number of readers. A waiting writer keeps new readers out. The readers that have waited
// for a writer to end all go before the next writer. Writers among themselves are served first come, first served. So
// neither readers nor writers starve. A reader that locks it a second time may deadlock with a waiting writer: the
// writer waits for the reader's first lock, and the second waits for the writer. It meets the requirements of the C++
// library's SharedTimedMutex: std::shared_lock and std::unique_lock work. Source: Go's sync.RWMutex,
// std::shared_timed_mutex.
class HEDDLE_API shared_mutex {
 public:
  shared_mutex() noexcept = default;
  shared_mutex(const shared_mutex &) = delete;
  shared_mutex &operator=(const shared_mutex &) = delete;

  // Locks it for a writer. Caller: a goroutine; also any other thread. Blocks: the goroutine, or the thread. Ordering:
  // what all earlier holders did is visible. Cost: one CAS if it is free.
  void lock() noexcept {
    std::uint64_t expected = 0;
    // acquire: pairs with the unlocks; what earlier holders did. [RWMUTEX-1]  relaxed on failure: lock_slow looks
    // again.
    if (!state_.compare_exchange_weak(expected, writer, detail::acquire, detail::relaxed)) return lock_slow(false);
    holder_.set(__builtin_frame_address(0));
  }
  // Locks it for a writer if no other holds it or waits for it; returns whether it did. Caller: as lock. Blocks:
  // nothing. Ordering: true: as lock; false: none. Cost: one CAS.
  [[nodiscard]] bool try_lock() noexcept {
    std::uint64_t expected = 0;
    // acquire: as in lock. [RWMUTEX-1]  relaxed on failure: another holds it or waits for it.
    if (!state_.compare_exchange_strong(expected, writer, detail::acquire, detail::relaxed)) return false;
    holder_.set(__builtin_frame_address(0));
    return true;
  }
  // As lock, but waits at most for the given time, or until the given moment; if the time is over already it tries
  // once. Returns false if it did not get the lock. A writer whose time is over holds up no reader: readers that waited
  // only for this writer go on. The shared_mutex may not be destroyed before this returns. Caller, blocks: as lock.
  // Ordering: true: as lock; false: none. Cost: one CAS if it is free; a timer if it waits. Source:
  // std::shared_timed_mutex.
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> d) noexcept {
    return try_lock() || lock_until(false, detail::time_in(d));
  }
  // As try_lock_for. A clock that can be set is read again when its time should have come.
  template <class Clock, class Duration>
  [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Duration> &t) noexcept {
    return try_lock() || detail::until(t, [this](std::int64_t when) { return lock_until(false, when); });
  }
  // Unlocks it for a writer. Caller: any goroutine or thread. Blocks: nothing. Ordering: what the caller did before is
  // visible to the next holders. Errors: unlocking what no writer has locked is misuse.
  void unlock() noexcept {
    std::uint64_t expected = writer;
    // release: pairs with the locks. [RWMUTEX-1]  relaxed on failure: unlock_slow looks again.
    if (!state_.compare_exchange_weak(expected, 0, detail::release, detail::relaxed)) unlock_slow();
  }

  // Locks it for a reader. Caller, blocks: as lock. Ordering: what the earlier writers did is visible. Cost: one CAS if
  // no writer holds it or waits.
  void lock_shared() noexcept {
    if (!try_lock_shared()) lock_slow(true);
  }
  // Locks it for a reader if no writer holds it or waits for it; returns whether it did. Caller, blocks: as try_lock.
  // Ordering: true: as lock_shared; false: none. Cost: one CAS, more beside other readers.
  [[nodiscard]] bool try_lock_shared() noexcept {
    std::uint64_t state = state_.load(detail::relaxed);  // relaxed: the CAS says whether it still holds
    while ((state & (writer | contended)) == 0) {
      // acquire: pairs with unlock; what the writers did. [RWMUTEX-1]  relaxed on failure: looks again.
      if (state_.compare_exchange_weak(state, state + reader, detail::acquire, detail::relaxed)) return true;
    }
    return false;
  }
  // As lock_shared, with a limit as that of try_lock_for and try_lock_until.
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_shared_for(std::chrono::duration<Rep, Period> d) noexcept {
    return try_lock_shared() || lock_until(true, detail::time_in(d));
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool try_lock_shared_until(const std::chrono::time_point<Clock, Duration> &t) noexcept {
    return try_lock_shared() || detail::until(t, [this](std::int64_t when) { return lock_until(true, when); });
  }
  // Unlocks it for a reader. Caller: any goroutine or thread. Blocks: nothing. Ordering: what the caller did before is
  // visible to the next writer. Errors: unlocking what no reader has locked is misuse.
  void unlock_shared() noexcept {
    // acq_rel: pairs with lock, and with itself in the other readers: the last reader, which hands the lock to a
    // writer, passes on what they did. [RWMUTEX-1]
    const std::uint64_t before = state_.fetch_sub(reader, detail::acq_rel);
    if (before - reader == contended || before < reader) unlock_shared_slow(before);
  }

 private:
  friend struct detail::onlooker;
  // state_ has two bits, and above them the number of readers that hold it. contended: there are waiters, or there have
  // been, or the last reader is about to hand over to a waiter. contended changes under lock_ only; while it is set the
  // lock is taken only by a hand-over. While readers hold the lock, contended is set only for a writer that waits or
  // whose time has just run out.
  static constexpr std::uint64_t writer = 1, contended = 2, reader = 4;
  void lock_slow(bool shared) noexcept { lock_until(shared, detail::never); }
  bool lock_until(bool shared, std::int64_t when) noexcept;
  void withdraw() noexcept;
  void unlock_slow() noexcept;
  void unlock_shared_slow(std::uint64_t before) noexcept;
  detail::g *hand_to_writer() noexcept;
  std::uint64_t take_readers(detail::waitq &in) noexcept;

  detail::atomic<std::uint64_t> state_;
  detail::spinlock lock_;
  detail::plain<const void *> holder_{nullptr};  // an address on the writer's stack, as in mutex
  detail::waitq readers_;                        // under lock_, as writers_
  detail::waitq writers_;
};

HEDDLE_END
