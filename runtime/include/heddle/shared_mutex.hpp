#pragma once
#include <chrono>
#include <cstdint>

#include "heddle/detail/deadline.hpp"
#include "heddle/detail/spinlock.hpp"
#include "heddle/detail/waitq.hpp"

HEDDLE_BEGIN

// One writer or any number of readers. A writer who waits keeps new readers out; the readers who have waited for a
// writer to end all go before the next writer; writers among themselves are served first come, first served. So neither
// starves. Meets std SharedTimedMutex: std::shared_lock, std::unique_lock. A reader who locks it again may wait for a
// writer who waits for him. Source: Go's sync.RWMutex, std::shared_timed_mutex.
class HEDDLE_API shared_mutex {
 public:
  shared_mutex() noexcept = default;
  shared_mutex(const shared_mutex &) = delete;
  shared_mutex &operator=(const shared_mutex &) = delete;

  // For a writer. Caller: a goroutine; also any other thread. Blocks: the goroutine, or thread. Ordering: what all who
  // held it before did is visible. Cost: one CAS when free.
  void lock() noexcept {
    std::uint64_t expected = 0;
    // acquire: pairs with the unlocks; what earlier holders did. [RWMUTEX-1]  relaxed on failure: lock_slow looks
    // again.
    if (!state_.compare_exchange_weak(expected, writer, detail::acquire, detail::relaxed)) return lock_slow(false);
    holder_.set(__builtin_frame_address(0));
  }
  // For a writer: not if somebody has it or waits for it. Caller: as lock. Blocks: nothing. Ordering: true: as lock;
  // false: none. Cost: one CAS.
  bool try_lock() noexcept {
    std::uint64_t expected = 0;
    // acquire: as in lock. [RWMUTEX-1]  relaxed on failure: somebody else has it.
    if (!state_.compare_exchange_strong(expected, writer, detail::acquire, detail::relaxed)) return false;
    holder_.set(__builtin_frame_address(0));
    return true;
  }
  // As lock, for so long at most, or until then; not at all, but for one try, if the time is over. False: somebody else
  // has it. A writer whose time is over holds nobody back: readers who waited for him alone go on. Caller, blocks: as
  // lock. The shared_mutex may not be destroyed before this returns. Ordering: true: as lock; false: none. Cost: one CAS
  // when free; a timer, where it waits. Source: std::shared_timed_mutex.
  template <class Rep, class Period>
  bool try_lock_for(std::chrono::duration<Rep, Period> d) noexcept {
    return try_lock() || lock_until(false, detail::time_in(d));
  }
  // A clock that can be set is looked at again when its time should have come.
  template <class Clock, class Duration>
  bool try_lock_until(const std::chrono::time_point<Clock, Duration> &t) noexcept {
    return try_lock() || detail::until(t, [this](std::int64_t when) { return lock_until(false, when); });
  }
  // Caller: a goroutine or thread, any. Blocks: nothing. Errors: unlocking what no writer has locked is misuse.
  void unlock() noexcept {
    std::uint64_t expected = writer;
    // release: pairs with the locks. [RWMUTEX-1]  relaxed on failure: unlock_slow looks again.
    if (!state_.compare_exchange_weak(expected, 0, detail::release, detail::relaxed)) unlock_slow();
  }

  // For a reader. Caller, blocks: as lock. Ordering: what the writers before did is visible. Cost: one CAS when no
  // writer holds it or waits.
  void lock_shared() noexcept {
    if (!try_lock_shared()) lock_slow(true);
  }
  // For a reader: not if a writer has it or waits for it. Caller, blocks: as try_lock. Ordering: true: as lock_shared;
  // false: none. Cost: one CAS, more beside other readers.
  bool try_lock_shared() noexcept {
    std::uint64_t state = state_.load(detail::relaxed);  // relaxed: the CAS says whether it still holds
    while ((state & (writer | contended)) == 0) {
      // acquire: pairs with unlock; what the writers did. [RWMUTEX-1]  relaxed on failure: looks again.
      if (state_.compare_exchange_weak(state, state + reader, detail::acquire, detail::relaxed)) return true;
    }
    return false;
  }
  // As lock_shared, with a limit as try_lock_for and try_lock_until have one.
  template <class Rep, class Period>
  bool try_lock_shared_for(std::chrono::duration<Rep, Period> d) noexcept {
    return try_lock_shared() || lock_until(true, detail::time_in(d));
  }
  template <class Clock, class Duration>
  bool try_lock_shared_until(const std::chrono::time_point<Clock, Duration> &t) noexcept {
    return try_lock_shared() || detail::until(t, [this](std::int64_t when) { return lock_until(true, when); });
  }
  // Caller: a goroutine or thread, any. Blocks: nothing. Errors: unlocking what no reader has locked is misuse.
  void unlock_shared() noexcept {
    // acq_rel: pairs with lock, and with itself in the other readers: the last, who hands it to a writer, passes on what
    // they did. [RWMUTEX-1]
    const std::uint64_t before = state_.fetch_sub(reader, detail::acq_rel);
    if (before - reader == contended || before < reader) unlock_shared_slow(before);
  }

 private:
  friend struct detail::onlooker;
  // The readers who hold it are counted above two bits. contended: somebody waits, or has waited, or the last reader is
  // on his way to who does; it changes under lock_ only. While it is set nobody gets in but by a hand-over. While readers
  // hold it, it is set only for a writer who waits, or whose time is just over.
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
  detail::plain<const void *> holder_{nullptr};  // the writer: where his stack is, as in mutex
  detail::waitq readers_;                        // under lock_, as the other
  detail::waitq writers_;
};

HEDDLE_END
