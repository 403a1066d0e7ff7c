// The slow halves of shared_mutex.
#include "heddle/shared_mutex.hpp"

#include <utility>

#include "runtime/wait.hpp"

HEDDLE_BEGIN

using namespace detail;

namespace {

const char *name_of(bool shared, bool limited) noexcept {
  if (limited) return shared ? "shared_mutex::try_lock_shared_until" : "shared_mutex::try_lock_until";
  return shared ? "shared_mutex::lock_shared" : "shared_mutex::lock";
}

}  // namespace

bool shared_mutex::lock_until(bool shared, std::int64_t when) noexcept {
  detail::not_in_child(name_of(shared, when != never));
  m *mp = getm();
  if (mp == nullptr) return detail::as_goroutine([this, shared, when] { return lock_until(shared, when); });
  const bool late = detail::is_over(when);
  lock_.lock();
  std::uint64_t state =
      state_.load(relaxed);  // relaxed: contended is as the last holder of lock_ left it; the CAS finds the rest
  while ((state & contended) == 0) {
    if (shared ? (state & writer) == 0 : state == 0) {
      // acquire: pairs with the unlocks. [RWMUTEX-1]  relaxed on failure: looks again.
      if (!state_.compare_exchange_weak(state, state + (shared ? reader : writer), acquire, relaxed)) continue;
      if (!shared) holder_.set(__builtin_frame_address(0));
      lock_.unlock();
      return true;
    }
    if (late) break;
    // relaxed: an unlock sees it, or makes this CAS fail; which waiters there are the unlock reads under lock_. relaxed
    // on failure: looks again.
    if (state_.compare_exchange_weak(state, state | contended, relaxed, relaxed)) break;
  }
  if (late) {
    lock_.unlock();
    return false;
  }
  detail::sudog sg(own_g(mp));
  // True: it is ours; the party that readied us left it so.
  if (detail::park_on_until(mp, shared ? readers_ : writers_, sg, lock_,
                            shared ? waitreason::shared_mutex_lock_shared : waitreason::shared_mutex_lock, when))
    return true;
  withdraw();
  return false;
}

// Takes out the waiting readers, to be let in; returns what they add to the state. Caller: holds lock_.
std::uint64_t shared_mutex::take_readers(detail::waitq &in) noexcept {
  std::uint64_t more = 0;
  while (detail::sudog *sg = readers_.dequeue()) {
    in.append(sg);
    more += reader;
  }
  return more;
}

// Ends a wait whose time is over; the waiter is off its queue. If readers hold the lock and the last waiting writer has
// left, the readers that waited behind that writer are let in. Nothing is left to do where a writer holds the lock, or
// where the last reader is on its way here: those see the waiters. Caller: holds lock_.
void shared_mutex::withdraw() noexcept {
  detail::waitq in;
  std::uint64_t state = state_.load(relaxed);  // relaxed: the bits are as lock_ says; the CAS finds the reader count
  while ((state & (writer | contended)) == contended && writers_.empty() && state >= reader) {
    // We count as one more reader, so that none of them is the last, which would look for a writer. acquire: pairs with
    // unlock, for those that we let in. [RWMUTEX-1]  relaxed on failure: looks again.
    if (!state_.compare_exchange_weak(state, state - contended + reader, acquire, relaxed)) continue;
    // relaxed: a reader that comes now sees what writers and readers did from their own releases.
    state_.fetch_add(take_readers(in) - reader, relaxed);
    break;
  }
  lock_.unlock();
  in.goready_all();
}

// Hands the lock to the writer that has waited longest; null: there is none. Caller: holds lock_; there is no holder.
g *shared_mutex::hand_to_writer() noexcept {
  detail::sudog *sg = writers_.dequeue();
  if (sg == nullptr) return nullptr;
  holder_.set(sg);
  const bool more = !writers_.empty() || !readers_.empty();
  state_.store(more ? writer | contended : writer, relaxed);  // relaxed: contended until now, so it was ours to write
  return sg->gp.get();
}

void shared_mutex::unlock_slow() noexcept {
  detail::not_in_child("shared_mutex::unlock");
  for (;;) {
    lock_.lock();
    if ((state_.load(relaxed) & writer) == 0)
      detail::misuse("unlock of unlocked shared_mutex");  // relaxed: only a caller's mistake makes it so
    detail::waitq in;
    if (const std::uint64_t more = take_readers(in); more != 0) {
      // release: pairs with lock_shared, by readers that come now. [RWMUTEX-1]
      state_.store(writers_.empty() ? more : more | contended, release);
      lock_.unlock();
      return in.goready_all();  // what we did is visible to them by the hand-over
    }
    if (g *gp = hand_to_writer()) {
      lock_.unlock();
      return goready(gp);
    }
    // There is no waiter any more. relaxed: the bits are ours and lock_'s.
    state_.store(writer, relaxed);
    lock_.unlock();
    std::uint64_t expected = writer;
    // release: pairs with the locks. [RWMUTEX-1]  relaxed on failure: there is a waiter now, or it failed for no
    // reason: look again.
    if (state_.compare_exchange_weak(expected, 0, release, relaxed)) return;
  }
}

void shared_mutex::unlock_shared_slow(std::uint64_t before) noexcept {
  detail::not_in_child("shared_mutex::unlock_shared");
  if (before < reader) detail::misuse("unlock_shared of unlocked shared_mutex");
  lock_.lock();
  g *gp = hand_to_writer();
  // The time of the waiting writers has just run out. As if we were one of them, we let in the waiters behind them, if
  // there are any. relaxed: contended until now, so it was ours to write.
  if (gp == nullptr) state_.store(writer | contended, relaxed);
  lock_.unlock();
  if (gp == nullptr) return unlock_slow();
  goready(gp);
}

HEDDLE_END
