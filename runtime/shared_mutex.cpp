// The slow halves of shared_mutex.
#include "heddle/shared_mutex.hpp"

#include <utility>

#include "heddle/runtime.hpp"

HEDDLE_BEGIN

void shared_mutex::lock_slow(bool shared) noexcept {
  detail::not_in_child(shared ? "shared_mutex::lock_shared" : "shared_mutex::lock");
  m *mp = getm();
  if (mp == nullptr) return detail::as_goroutine([this, shared] { lock_slow(shared); });
  lock_.lock();
  std::uint64_t state =
      state_.load(relaxed);  // relaxed: contended is as the last holder of lock_ left it, the CAS knows the rest
  while ((state & contended) == 0) {
    if (shared ? (state & writer) == 0 : state == 0) {
      // acquire: pairs with the unlocks. [RWMUTEX-1]  relaxed on failure: looks again.
      if (!state_.compare_exchange_weak(state, state + (shared ? reader : writer), acquire, relaxed)) continue;
      if (!shared) holder_.set(__builtin_frame_address(0));
      lock_.unlock();
      return;
    }
    // relaxed: who unlocks sees it or fails us; what waiters are there he reads under lock_. relaxed on failure: looks
    // again.
    if (state_.compare_exchange_weak(state, state | contended, relaxed, relaxed)) break;
  }
  detail::sudog sg(mp);
  detail::park_on(mp, shared ? readers_ : writers_, sg, lock_,
                  shared ? waitreason::shared_mutex_lock_shared : waitreason::shared_mutex_lock);
  // Ours: who readied us left it so.
}

// To the writer who has waited longest, if there is one. Caller: holds lock_, nobody holds us.
g *shared_mutex::hand_to_writer() noexcept {
  detail::sudog *sg = writers_.dequeue();
  if (sg == nullptr) return nullptr;
  holder_.set(sg);
  const bool more = !writers_.empty() || !readers_.empty();
  state_.store(more ? writer | contended : writer, relaxed);  // relaxed: contended until now, so it was ours to write
  return sg->gp;
}

g *shared_mutex::holder(const schedt &sched) const noexcept {
  return (state_.peek() & writer) == 0 ? nullptr : detail::on_whose_stack(sched, glimpse(holder_));
}

void shared_mutex::unlock_slow() noexcept {
  detail::not_in_child("shared_mutex::unlock");
  for (;;) {
    lock_.lock();
    if ((state_.load(relaxed) & writer) == 0)
      detail::misuse("unlock of unlocked shared_mutex");  // relaxed: only a caller's mistake makes it so
    if (!readers_.empty()) {
      detail::waitq in;
      std::uint64_t state = writers_.empty() ? 0 : contended;
      while (detail::sudog *sg = readers_.dequeue()) {
        in.enqueue(sg);
        state += reader;
      }
      state_.store(state, release);  // release: pairs with lock_shared, by readers who come now. [RWMUTEX-1]
      lock_.unlock();
      return in.goready_all();  // what we did is visible to them by the hand-over
    }
    if (g *gp = hand_to_writer()) {
      lock_.unlock();
      return goready(gp);
    }
    lock_.unlock();
    std::uint64_t expected = writer;
    // release: pairs with the locks. [RWMUTEX-1]  relaxed on failure: somebody waits now, or for no reason: look again.
    if (state_.compare_exchange_weak(expected, 0, release, relaxed)) return;
  }
}

void shared_mutex::unlock_shared_slow(std::uint64_t before) noexcept {
  detail::not_in_child("shared_mutex::unlock_shared");
  if (before < reader) detail::misuse("unlock_shared of unlocked shared_mutex");
  lock_.lock();
  g *gp = hand_to_writer();
  lock_.unlock();
  HEDDLE_INV("RW-EXCL", gp != nullptr);  // readers held it: whoever waits, waits for a writer who waits
  goready(gp);
}

HEDDLE_END
