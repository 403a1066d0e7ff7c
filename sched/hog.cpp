// How a P is taken from a goroutine that computes and never comes to a safepoint (a hog). Go interrupts such a
// goroutine by a signal and switches away from it, wherever it stands; in C++ that is not safe. Here the goroutine goes
// on computing, on its thread, without a P, and its P runs the others on another thread.
//
// To the scheduler all user code is a call: m.user is 1 while an M runs the code of its goroutine, and 0 while it is in
// the scheduler, where it may use its P. sysmon takes Ps:
//   the M                                        sysmon (retake_hog)
//   all that it does with its P
//   U1 user := 1
//                                                C1 claim := made
//   U2 user := 0                                 C2 heavy fence
//   U3 light fence                               C3 read user. 0: claim := none
//   U4 read claim; made: wait                    C4 1: unwire the P, claim := taken; handoffp
//
// One of U4 and C3 sees the other's store (HOG-1). If C3 reads 1, the M has come no further than to U4, where it waits:
// what C4 does to the M and its P, it does alone. U1 is a release and C3 an acquire, so the P comes with all that was
// done with it; C4's store is a release and U4 an acquire, so the M sees that it has no P any more (HOG-2).
// claim goes back to none by sysmon after C3, or by the M itself after C4: there is one taker at a time (HOG-3).
//
// A hog may call heddle: what does not give way works without a P, as it does inside blocking(f). It yields, parks and
// ends without a P, and at its next safepoint it gives way: C4 has m.asked point to a word that always says so. The
// goroutine waits for its turn in the global queue, and its M sleeps until there is a P for it (next_g).
//
// U2 to U4 are done where the P is used and no earlier: by the functions that have an in_scheduler, and for all that
// switch to g0 at one place, gogo, when they have switched.
//
// A goroutine in a call is in user code, too, but its P is taken by the scan bit (sched/syscall.cpp): C4 leaves an M
// with incall > 0 alone. incall changes in the scheduler only, and a thread that holds the scan bit lets go of it before it is 0.
//
// A party that stops the world waits for hogs, which have no P to be counted by: schedt::hogs is part of stopwait. Both
// change under sched.lock, and no P is taken while the world is being stopped, so the hogs that there are at A1
// (sched/stopworld.cpp) are those that count down in end_hog, each once. (HOG-4)
//
// For checkdead the M of a hog is awake: it will come back without help.
#include <mutex>

#include "sched/deadlock.hpp"
#include "sched/hog.hpp"
#include "sched/stopworld.hpp"
#include "sched/syscall.hpp"
#include "sched/wake.hpp"
#include "sched/yield.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

// Counts one more hog. False: the P must stay.
bool count_hog(schedt &sched) noexcept {
  const std::lock_guard hold(sched.lock);
  // relaxed: under lock
  if ((sched.attention.load(relaxed) & (attention_world | attention_stop)) != 0) return false;
  if (sched.hogs.get() >= sched.options.hogs_max) {
    sched.hogsrefused.add();
    return false;
  }
  sched.hogs.set(sched.hogs.get() + 1);
  sched.hogstaken.add();
  return true;
}

// Pre: mp's P is claimed and mp is in user code, so its fields stay as they are.
bool take_claimed(schedt &sched, struct p *pp, m *mp) noexcept {
  if (mp->incall != 0 || mp->p.get() != pp || !count_hog(sched)) return false;
  takep(pp, mp);
  mp->oldp = pp;
  mp->asked.store(&sched.always, relaxed);  // relaxed: seen at the next safepoint, if not now
  return true;
}

}  // namespace

void await_claim(m *mp) noexcept {
  // acquire: as in leave_user. [HOG-2]
  for (backoff turn; mp->claim.load(acquire) == claim_made;) turn.wait();
}

bool retake_hog(schedt &sched, struct p *pp) noexcept {
  m *mp = pp->m.load(acquire);  // acquire: pairs with wirep: mp as it was made, at least. [SYSCALL-2]
  if (mp == nullptr) return false;
  // relaxed: hints; only this thread makes claims
  if (mp->claim.load(relaxed) != claim_none || mp->user.load(relaxed) == 0) return false;
  sched.nmrunning.fetch_add(1, relaxed);  // relaxed: as in newm. It is counted as in retake_one. [DEAD-1]
  mp->claim.store(claim_made, relaxed);   // relaxed: ordered by the fence
  fence_heavy();                          // claim against user; partner: leave_user. [HOG-1]
  // acquire: pairs with enter_user: all that mp has done with its P. [HOG-2]
  const bool taken = mp->user.load(acquire) != 0 && take_claimed(sched, pp, mp);
  // release: pairs with leave_user: this thread's reads and writes of mp. [HOG-2]
  mp->claim.store(taken ? claim_taken : claim_none, release);
  if (taken) handoffp(sched, pp);
  leave_running(sched);
  return taken;
}

void end_hog(m *mp) noexcept {
  schedt &sched = *mp->sched;
  sched.lock.lock();
  mp->claim.store(claim_none, relaxed);  // relaxed: sysmon claims anew, whatever it reads
  sched.hogs.set(sched.hogs.get() - 1);
  const bool last = uncount_hog(sched);
  sched.lock.unlock();
  if (last) sched.stopnote.notewakeup();
}

HEDDLE_DETAIL_END
