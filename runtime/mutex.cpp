// The slow half of mutex.
#include "heddle/mutex.hpp"

#include <cstddef>

#include "runtime/abandon.hpp"
#include "runtime/wait.hpp"
#include "sched/hog.hpp"
#include "sched/yield.hpp"

// Some members are not public; the offset of a member is still the same in every object.
#pragma GCC diagnostic ignored "-Winvalid-offsetof"

HEDDLE_BEGIN

using namespace detail;

namespace {

// Returns how many times a goroutine looks again before it parks. Zero if the holder has no P to run on. Few times if
// other goroutines wait for our P: then one look soon and one more, because parking and being readied cost about as
// much. Otherwise more, because without other work our M would only spin in search of work, and for longer. Source:
// sync_runtime_canSpin in Go's proc.go.
std::uint32_t looks(m *mp) noexcept {
  if (mp->incall != 0) return geometry::mutex_spins;
  if (mp->sched->gomaxprocs.load(relaxed) == 1) return 0;  // relaxed: a hint
  const in_scheduler here(mp);
  const struct p *pp = mp->p.get();  // a hog has none
  return pp == nullptr || pp->runq.runqempty() ? geometry::mutex_spins : geometry::mutex_spins_busy;
}

}  // namespace

// The mutex. The bits of its state:
//   locked    It has a holder.
//   awake     One of the goroutines that want it is up and competes for it, or is about to; an unlock then wakes no
//             other. The bit is a role: that of a waiter that has been readied to compete, or of a newcomer that spins.
//             It gives the role up in the step in which it locks or queues up.
//   queued    waiters_ is not empty. Changes under lock_.
//   starving  It is handed over; no other goroutine can take it. Changes under lock_.
//
// These are the states in which it can be, by the first letters of their bits, and the steps from each. Others are
// impossible (I58).
//   state    locks it     unlocks it               newcomer queues up   the awake one queues up, first in line
//   -        L            misuse                   -                    -
//   L        -            -                        LQ                   -
//   LQ       -            readies one: A, AQ       LQ (or spins: LAQ)   -
//   LA, LAQ  -            A, AQ                    LAQ                  LQ, LSQ if it starves
//   A, AQ    LA, LAQ      misuse                   -                    - (it locks: L, LQ)
//   LSQ      -            hands over: LSQ, LQ, L   LSQ                  -
// A hand-over leaves LQ if the new holder has waited for less than a millisecond, and L if it is the last waiter. So no
// wake-up is lost: where there is a waiter in the queue, either the mutex is locked, or one goroutine is awake. The
// awake one locks the mutex, or queues up while it is locked; the unlock after that sees that none is awake. And while
// the mutex starves, it is locked and none is awake.
//
// A waiter with a limit is claimed by the end of its time without lock_, and stays on waiters_ until it has taken lock_
// and left. Until then, or until an unlock has passed over it, `queued` says that there is a waiter although there is
// none:
//   party                                          what it does
//   an unlock that finds no waiter                 takes back `queued` and what goes with it, and frees the mutex
//   the late waiter, if it was the only one        takes back `queued` and what goes with it
//   a waiter that was readied, then lost the       gives its role up, as if it queued up
//     mutex to another goroutine, and is late
//   a waiter that the mutex was handed to          has the mutex, however late it is
//
// The step that frees the mutex is the unlocker's last access to it, because the goroutine that gets it next may
// destroy it. But while a waiter that the unlocker has taken off waiters_ and not readied yet is on its way to the
// mutex, it may not be destroyed.
bool mutex::spin(std::uint32_t looks, std::uint32_t &role) noexcept {
  std::uint32_t state = state_.load(relaxed);  // relaxed: the CAS says whether it still holds
  for (std::uint32_t i = 0; i < looks && (state & starving) == 0;) {
    if ((state & locked) == 0) {
      if (try_lock_from(state, role)) return true;
    } else if (role == 0 && (state & (queued | awake)) == queued) {
      // So the unlocker need not wake a waiter. relaxed: nothing is read through it; an unlock sees it, or makes this
      // CAS fail. relaxed on failure: looks again.
      if (state_.compare_exchange_weak(state, state | awake, relaxed, relaxed)) role = awake;
    } else {
      // The first look comes soon, for a holder that holds it for a moment. Later looks are seldom, because each takes
      // the cache line from a holder that locks and unlocks all the time.
      for (std::uint32_t k = i == 0 ? geometry::mutex_first_pauses : geometry::mutex_pauses; k != 0; --k) cpu_relax();
      ++i;
      state = state_.load(relaxed);  // relaxed: as above
    }
  }
  return false;
}

// Puts sg on the queue. True: it is on the queue, and lock_ is held. False: the caller has the mutex instead.
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
    // relaxed: an unlock sees it, or makes this CAS fail; which waiters there are the unlock reads under lock_. relaxed
    // on failure: looks again.
    if (state_.compare_exchange_weak(state, (state & ~role) | more, relaxed, relaxed)) break;
  }
  if (first)
    waiters_.enqueue_first(&sg);
  else
    waiters_.enqueue(&sg);
  return true;
}

// Clears those of `bits` that are set; they change under lock_, or are the caller's. Caller: holds lock_.
void mutex::drop(std::uint32_t bits) noexcept {
  bits &= state_.load(relaxed);     // relaxed: there is no later value of the bits that are asked for
  state_.fetch_sub(bits, relaxed);  // relaxed: nothing is read through it
}

// Ends a wait whose time is over; the waiter is off waiters_. Caller: holds lock_.
void mutex::withdraw() noexcept {
  if (waiters_.empty()) drop(queued | starving);
  lock_.unlock();
}

// Gives the role up while another has the mutex; the unlock of that one sees to the waiters. True: the mutex was free,
// and is ours.
bool mutex::give_up(std::uint32_t role) noexcept {
  std::uint32_t state = state_.load(relaxed);  // relaxed: the CAS says whether it still holds
  while (role != 0) {
    if ((state & locked) == 0) {
      if (try_lock_from(state, role)) return true;
      continue;
    }
    // relaxed: nothing is read through it; an unlock sees it, or makes this CAS fail. relaxed on failure: looks again.
    if (state_.compare_exchange_weak(state, state & ~role, relaxed, relaxed)) role = 0;
  }
  return false;
}

bool mutex::lock_until(std::int64_t when) noexcept {
  detail::not_in_child(when == never ? "mutex::lock" : "mutex::try_lock_until");
  m *mp = getm();
  if (mp == nullptr) return detail::as_goroutine([this, when] { return lock_until(when); });
  safepoint(mp);  // for a goroutine that locks and unlocks all the time on the only P, faster than the waiters that it
                  // readies
  mp = getm();
  std::uint32_t role = 0;
  std::int64_t since = 0;  // when the goroutine first queued up
  while (!spin(looks(mp), role)) {
    const std::int64_t now = nanotime();
    if (now >= when) return give_up(role);
    const bool first = since != 0;  // a waiter that was readied and lost the mutex to another does not lose its place
    if (!first) since = now;
    detail::sudog sg(own_g(mp), &since);
    sg.isSelect.set(when != never);
    if (!queue_up(sg, role, now - since >= geometry::mutex_starves, first)) return true;
    sg.gp.get()->waitingon.set(&sg);
    if (!detail::parked_until(mp, waiters_, sg, lock_, waitreason::mutex_lock, when)) {
      withdraw();
      return false;
    }
    if (sg.success.get()) return true;  // handed over: it has been left locked for us
    role = awake;
    mp = getm();
  }
  return true;
}

void detail::mutex_abandoned(detail::spinlock *lock) noexcept {
  auto &mu = *reinterpret_cast<mutex *>(reinterpret_cast<char *>(lock) - offsetof(mutex, lock_));
  if ((mu.state_.load(relaxed) & mutex::awake) != 0 && mu.give_up(mutex::awake))  // relaxed: the CAS looks again
    mu.unlock();
}

// Wakes one waiter, which will compete for the mutex. False: look again.
bool mutex::wake_one() noexcept {
  std::uint32_t state = locked | queued;
  // Sets the role, until a goroutine has it. relaxed: nothing is read through it. relaxed on failure: the caller looks
  // again.
  // Survives as split (equivalent): a spinner that takes the role in between is awake beside the waiter that we ready.
  if (!state_.compare_exchange_weak(state, state | awake, relaxed, relaxed)) return false;
  lock_.lock();
  detail::sudog *sg = waiters_.dequeue();
  if (sg == nullptr) {
    drop(awake | queued);  // the role is ours
    lock_.unlock();
    return false;
  }
  g *gp = sg->gp.get();
  // release: pairs with the locks. [MUTEX-1]
  // Survives as split (equivalent): while the mutex, the role and lock_ are ours, no other goroutine changes it.
  state_.fetch_sub(waiters_.empty() ? locked | queued : locked, release);
  lock_.unlock();
  goready(gp);
  return true;
}

// Hands the mutex to the waiter that has waited longest. False: look again.
bool mutex::hand_over() noexcept {
  lock_.lock();
  detail::sudog *sg = waiters_.dequeue();
  if (sg == nullptr) {
    drop(starving | queued);
    lock_.unlock();
    return false;
  }
  const std::int64_t waited = nanotime() - *static_cast<const std::int64_t *>(sg->elem.get());
  const std::uint32_t over = waiters_.empty() ? starving | queued : waited < geometry::mutex_starves ? starving : 0;
  // relaxed: while it starves, no goroutine gets it but by a hand-over.
  // Survives as split (equivalent): and it changes under lock_ only.
  state_.fetch_sub(over, relaxed);
  g *gp = sg->gp.get();
  holder_.set(sg);
  sg->success.set(true);
  lock_.unlock();
  goready(gp);  // what we did is visible to it by the hand-over
  // Lets it run now, and not only when we are done; but not where the caller may not give way, as in a timer's function
  // and under no_preempt.
  if (m *mp = getm(); mp != nullptr && mp->locks == 0) goyield(mp);
  return true;
}

void mutex::unlock_slow() noexcept {
  detail::not_in_child("mutex::unlock");
  for (;;) {
    std::uint32_t state = state_.load(relaxed);  // relaxed: locked is ours; what others change, the CAS or lock_ finds
    if ((state & locked) == 0) detail::misuse("unlock of unlocked mutex");
    if ((state & (queued | awake)) == queued) {
      if ((state & starving) != 0 ? hand_over() : wake_one()) return;
      continue;
    }
    // There is no waiter, or one is awake. release: pairs with the locks. [MUTEX-1]  relaxed on failure: looks again.
    if (state_.compare_exchange_weak(state, state & ~locked, release, relaxed)) return;
  }
}

HEDDLE_END
