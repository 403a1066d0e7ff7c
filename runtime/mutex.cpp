// The slow half of mutex.
#include "heddle/mutex.hpp"

#include "runtime/wait.hpp"
#include "sched/yield.hpp"

HEDDLE_BEGIN

using namespace detail;

namespace {

// How often one looks again before he parks. Not at all where the holder has no P to run on; soon and once more where others
// want ours, because to park and be readied costs about as much; and where nobody does our M would spin all the longer in
// search of work. Source: sync_runtime_canSpin.
std::uint32_t looks(m *mp) noexcept {
  if (mp->incall != 0) return geometry::mutex_spins;
  if (mp->sched->gomaxprocs.load(relaxed) == 1) return 0;  // relaxed: a hint
  return mp->p.get()->runq.runqempty() ? geometry::mutex_spins : geometry::mutex_spins_busy;
}

}  // namespace

// The mutex. Bits of its state:
//   locked    somebody has it.
//   awake     one of those who want it is up and competes, or is about to: an unlock wakes nobody else. That is a role:
//             of one who has been readied to compete, or of a newcomer who spins; he gives it up in the step in which
//             he locks or queues up.
//   queued    waiters_ is not empty. Changes under lock_.
//   starving  it is handed over; nobody else gets it. Changes under lock_.
//
// The states in which it can be, by their letters, and the steps from each; others are impossible (I58).
//   state    locks it     unlocks it               newcomer queues up   the awake one queues up, first in line
//   -        L            misuse                   -                    -
//   L        -            -                        LQ                   -
//   LQ       -            readies one: A, AQ       LQ (or spins: LAQ)   -
//   LA, LAQ  -            A, AQ                    LAQ                  LQ, LSQ if it starves
//   A, AQ    LA, LAQ      misuse                   -                    - (it locks: L, LQ)
//   LSQ      -            hands over: LSQ, LQ, L   LSQ                  -
// A hand-over leaves LQ if who gets it has waited for less than a millisecond, L if he is the last.
// So: where somebody is queued, it is locked or one is awake, and he locks it, or queues up while it is locked; whoever
// unlocks it then sees that nobody is awake: no wake-up is lost. And while it starves, it is locked and nobody is
// awake.
//
// Who waits with a limit is claimed by the end of his time without lock_, and is on waiters_ until he has locked it and
// gone. Until then, or until an unlock has come past him, `queued` says that somebody waits who does not: the unlock
// that finds nobody takes it back, and what goes with it, and frees the mutex; so does he, when he was the only one. One
// who was readied, and is beaten to it and late, gives up his role as if he queued up. One who was handed it has it,
// however late it is.
//
// The step that frees it is the unlocker's last touch, because whoever gets it then may destroy it; but as long as one
// whom he has taken off waiters_ and not readied yet is on his way to it, nobody may.
bool mutex::spin(std::uint32_t looks, std::uint32_t &role) noexcept {
  std::uint32_t state = state_.load(relaxed);  // relaxed: the CAS says whether it still holds
  for (std::uint32_t i = 0; i < looks && (state & starving) == 0;) {
    if ((state & locked) == 0) {
      if (try_lock_from(state, role)) return true;
    } else if (role == 0 && (state & (queued | awake)) == queued) {
      // The unlocker need not wake one. relaxed: nothing is read through it; who unlocks sees it, or fails us. relaxed
      // on failure: looks again.
      if (state_.compare_exchange_weak(state, state | awake, relaxed, relaxed)) role = awake;
    } else {
      // Soon, for one who holds it for a moment; then seldom: each look takes the line from one who comes back all the time.
      for (std::uint32_t k = i == 0 ? geometry::mutex_first_pauses : geometry::mutex_pauses; k != 0; --k) cpu_relax();
      ++i;
      state = state_.load(relaxed);  // relaxed: as above
    }
  }
  return false;
}

// True: it is on the queue and holds lock_; false: it has the mutex instead.
bool mutex::queue_up(detail::sudog &sg, std::uint32_t role, bool starves, bool first) noexcept {
  lock_.lock();
  const std::uint32_t more = queued | (starves ? starving : 0);
  std::uint32_t state = state_.load(relaxed);  // relaxed: the CAS says whether it still holds
  for (;;) {
    if ((state & locked) == 0) {
      if (!try_lock_from(state, role)) continue;
      lock_.unlock();
      return false;
    }
    // relaxed: who unlocks sees it or fails us; what waiters are there he reads under lock_. relaxed on failure: looks
    // again.
    if (state_.compare_exchange_weak(state, (state & ~role) | more, relaxed, relaxed)) break;
  }
  if (first)
    waiters_.enqueue_first(&sg);
  else
    waiters_.enqueue(&sg);
  return true;
}

// Takes those of the bits away that are set: they change under lock_, or are the caller's. Caller: holds lock_.
void mutex::drop(std::uint32_t bits) noexcept {
  bits &= state_.load(relaxed);     // relaxed: of what is asked for there is no later value
  state_.fetch_sub(bits, relaxed);  // relaxed: nothing is read through it
}

// Out of waiters_, because its time is over. Caller: holds lock_.
void mutex::withdraw() noexcept {
  if (waiters_.empty()) drop(queued | starving);
  lock_.unlock();
}

// Gives the role up while somebody has the mutex: who unlocks it sees to those who wait. True: it was free, and is ours.
bool mutex::give_up(std::uint32_t role) noexcept {
  std::uint32_t state = state_.load(relaxed);  // relaxed: the CAS says whether it still holds
  while (role != 0) {
    if ((state & locked) == 0) {
      if (try_lock_from(state, role)) return true;
      continue;
    }
    // relaxed: nothing is read through it; who unlocks sees it, or fails us. relaxed on failure: looks again.
    if (state_.compare_exchange_weak(state, state & ~role, relaxed, relaxed)) role = 0;
  }
  return false;
}

bool mutex::lock_until(std::int64_t when) noexcept {
  detail::not_in_child(when == never ? "mutex::lock" : "mutex::try_lock_until");
  m *mp = getm();
  if (mp == nullptr) return detail::as_goroutine([this, when] { return lock_until(when); });
  safepoint(mp);  // one who locks and unlocks all the time on the only P, faster than those whom he readies
  mp = getm();
  std::uint32_t role = 0;
  std::int64_t since = 0;  // when it first queued up
  while (!spin(looks(mp), role)) {
    const std::int64_t now = nanotime();
    if (now >= when) return give_up(role);
    const bool first = since != 0;  // whoever was readied and beaten to it does not lose his place
    if (!first) since = now;
    detail::sudog sg(own_g(mp), &since);
    sg.isSelect = when != never;
    if (!queue_up(sg, role, now - since >= geometry::mutex_starves, first)) return true;
    sg.gp->waitingon.set(&waiters_);
    if (!detail::parked_until(mp, waiters_, sg, lock_, waitreason::mutex_lock, when)) {
      withdraw();
      return false;
    }
    if (sg.success.get()) return true;  // handed over: it has been left locked
    role = awake;
    mp = getm();
  }
  return true;
}

// To one who will compete for it. False: look again.
bool mutex::wake_one() noexcept {
  std::uint32_t state = locked | queued;
  // The role, until it is somebody's. relaxed: nothing is read through it. relaxed on failure: the caller looks again.
  // Survives as split (equivalent): one who spins and takes it in between is awake beside the one whom we ready.
  if (!state_.compare_exchange_weak(state, state | awake, relaxed, relaxed)) return false;
  lock_.lock();
  detail::sudog *sg = waiters_.dequeue();
  if (sg == nullptr) {
    drop(awake | queued);  // the role is ours
    lock_.unlock();
    return false;
  }
  g *gp = sg->gp;
  // release: pairs with the locks. [MUTEX-1]
  // Survives as split (equivalent): with the mutex, the role and lock_ ours nobody else changes it.
  state_.fetch_sub(waiters_.empty() ? locked | queued : locked, release);
  lock_.unlock();
  goready(gp);
  return true;
}

// To the one who has waited longest. False: look again.
bool mutex::hand_over() noexcept {
  lock_.lock();
  detail::sudog *sg = waiters_.dequeue();
  if (sg == nullptr) {
    drop(starving | queued);
    lock_.unlock();
    return false;
  }
  const std::int64_t waited = nanotime() - *static_cast<const std::int64_t *>(sg->elem);
  const std::uint32_t over = waiters_.empty() ? starving | queued : waited < geometry::mutex_starves ? starving : 0;
  // relaxed: while it starves nobody gets it but by a hand-over.
  // Survives as split (equivalent): and it changes under lock_ only.
  state_.fetch_sub(over, relaxed);
  g *gp = sg->gp;
  holder_.set(sg);
  sg->success.set(true);
  lock_.unlock();
  goready(gp);  // what we did is visible to it by the hand-over
  // It runs now, and not when we are done. Not where nobody may give way: a timer's function, no_preempt.
  if (m *mp = getm(); mp != nullptr && mp->locks == 0) goyield(mp);
  return true;
}

void mutex::unlock_slow() noexcept {
  detail::not_in_child("mutex::unlock");
  for (;;) {
    std::uint32_t state = state_.load(relaxed);  // relaxed: ours; what others change the CAS or lock_ says
    if ((state & locked) == 0) detail::misuse("unlock of unlocked mutex");
    if ((state & (queued | awake)) == queued) {
      if ((state & starving) != 0 ? hand_over() : wake_one()) return;
      continue;
    }
    // Nobody waits, or one is awake. release: pairs with the locks. [MUTEX-1]  relaxed on failure: looks again.
    if (state_.compare_exchange_weak(state, state & ~locked, release, relaxed)) return;
  }
}

HEDDLE_END
