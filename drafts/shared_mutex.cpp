// The slow halves of shared_mutex.
#include "heddle/shared_mutex.hpp"

#include <utility>

#include "heddle/runtime.hpp"

HEDDLE_BEGIN

bool shared_mutex::lock_until(bool shared, std::int64_t when) noexcept {
  detail::not_in_child(shared ? "shared_mutex::lock_shared" : "shared_mutex::lock");
  m *mp = getm();
  if (mp == nullptr) return detail::as_goroutine([this, shared, when] { return lock_until(shared, when); });
  const bool limited = when != timers::never;
  const bool late = limited && nanotime() >= when;
  lock_.lock();
  std::uint64_t state =
      state_.load(relaxed);  // relaxed: contended is as the last holder of lock_ left it, the CAS knows the rest
  while ((state & contended) == 0) {
    if (shared ? (state & writer) == 0 : state == 0) {
      // acquire: pairs with the unlocks. [RWMUTEX-1]  relaxed on failure: looks again.
      if (!state_.compare_exchange_weak(state, state + (shared ? reader : writer), acquire, relaxed)) continue;
      lock_.unlock();
      return true;
    }
    if (late) break;
    // relaxed: who unlocks sees it or fails us; what waiters are there he reads under lock_. relaxed on failure: looks
    // again.
    if (state_.compare_exchange_weak(state, state | contended, relaxed, relaxed)) break;
  }
  if (late) {
    lock_.unlock();
    return false;
  }
  detail::sudog sg(mp);
  detail::waitq &queue = shared ? readers_ : writers_;
  const waitreason why = shared ? waitreason::shared_mutex_lock_shared : waitreason::shared_mutex_lock;
  if (!limited) {
    detail::park_on(mp, queue, sg, lock_, why);
  } else if (!detail::park_on_until(mp, queue, sg, lock_, why, when)) {
    withdraw();
    return false;
  }
  return true;  // who readied us left it so
}

// The readers who wait; returns what they add to the state. Caller: holds lock_.
std::uint64_t shared_mutex::take_readers(detail::waitq &in) noexcept {
  std::uint64_t more = 0;
  while (detail::sudog *sg = readers_.dequeue()) {
    in.enqueue(sg);
    more += reader;
  }
  return more;
}

// Out of its queue, because its time is over: the readers who have waited behind a writer go on if he was the last. As long
// as contended is set somebody is on his way out of here, or waits. Caller: holds lock_.
void shared_mutex::withdraw() noexcept {
  detail::waitq in;
  for (;;) {
    std::uint64_t state = state_.load(relaxed);  // relaxed: contended changes under lock_, the CAS knows the rest
    if ((state & contended) == 0 || !writers_.empty()) break;
    if ((state & writer) != 0) {
      if (readers_.empty()) state_.fetch_sub(contended, relaxed);  // relaxed: the writer reads under lock_ who waits
      break;
    }
    if (state == contended) {
      // The last reader is on his way to hand it over. He must have been here before nobody needs it any more.
      if (!readers_.empty()) break;
      lock_.unlock();
      thread_yield();
      lock_.lock();
      continue;
    }
    // Readers have it. As one of them we need not fear that the last one comes for lock_. acquire: pairs with unlock, for those
    // whom we let in. [RWMUTEX-1]  relaxed on failure: looks again.
    if (!state_.compare_exchange_weak(state, state - contended + reader, acquire, relaxed)) continue;
    const std::uint64_t more = take_readers(in);
    state_.fetch_add(more - reader, relaxed);  // relaxed: they are told by goready; who comes now reads the writers' release
    break;
  }
  lock_.unlock();
  in.goready_all();
}

// To the writer who has waited longest, if there is one. Caller: holds lock_, nobody holds us.
g *shared_mutex::hand_to_writer() noexcept {
  detail::sudog *sg = writers_.dequeue();
  if (sg == nullptr) return nullptr;
  const bool more = !writers_.empty() || !readers_.empty();
  state_.store(more ? writer | contended : writer, relaxed);  // relaxed: contended until now, so it was ours to write
  return sg->gp;
}

void shared_mutex::unlock_slow() noexcept {
  detail::not_in_child("shared_mutex::unlock");
  for (;;) {
    lock_.lock();
    const std::uint64_t state = state_.load(relaxed);  // relaxed: under lock_, and ours but for a caller's mistake
    if ((state & writer) == 0) detail::misuse("unlock of unlocked shared_mutex");
    detail::waitq in;
    const std::uint64_t more = take_readers(in);
    if (more != 0) {
      // release: pairs with lock_shared, by readers who come now. [RWMUTEX-1]
      state_.store(writers_.empty() ? more : more | contended, release);
      lock_.unlock();
      return in.goready_all();  // what we did is visible to them by the hand-over
    }
    if (g *gp = hand_to_writer()) {
      lock_.unlock();
      return goready(gp);
    }
    // relaxed: under lock_; those who have run out of time read there that nobody waits.
    if ((state & contended) != 0) state_.fetch_sub(contended, relaxed);
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
  // Contended until now, and nobody had it: so it was ours to write.
  if (g *gp = hand_to_writer()) {
    lock_.unlock();
    return goready(gp);
  }
  // Every writer has run out of time, and perhaps everybody; whoever has not returned yet waits for lock_.
  detail::waitq in;
  // release: pairs with the locks. [RWMUTEX-1]
  state_.store(take_readers(in), release);
  lock_.unlock();
  in.goready_all();
}

HEDDLE_END
