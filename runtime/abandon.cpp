// The end of a runtime and the objects that outlive it.
//
// A goroutine that waits when its runtime ends never runs again, and its stack goes with the runtime. What it waits for
// may be used on: by another runtime, or by any thread. So it must stand in no queue then. There are three ways to the
// queues of a goroutine:
//   waits in one queue    g::waitingon is its entry there
//   waits in a select     g::waitingon is the select, which knows its channels
//   condition_variable    g::condwaiters: it is in that queue before it parks, and while it unlocks the mutex
// A party that destroys an object while goroutines wait for it leaves none of them a way to it (~waitq): main may end,
// and its variables with it, while others wait for them.
//
// Threads outside and other runtimes go on meanwhile (LEAVE-1):
//   the end of the runtime                          a waker
//   N1 under the object's lock: takes the           K1 under the object's lock: takes the goroutine out
//      goroutine out, or finds that a waker has     K2 fills what it waits for
//   N2 it has: waits until the goroutine's          K3 goready: foreigners +1, status := runnable, inbox, foreigners -1
//      status is not waiting
//   N3 waits until foreigners is 0
// After N1 no waker finds the goroutine. One that has found it before is between K1 and the end of K3, gives no turn up
// there, and is waited for.
//
// A goroutine that was readied and did not run any more keeps what it was given: a value, a unit, a lock, a
// notification. But a waiter of a mutex that was readied to compete for it has nothing yet, and unlocks wake no other
// while it is expected: that role is passed on.
#include "runtime/abandon.hpp"

#include "heddle/condition_variable.hpp"
#include "heddle/detail/waitq.hpp"
#include "sched/status.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

bool waits(const g *gp) noexcept {
  // acquire: pairs with goready's store and the fence of its foreign_call: that the waker counts in foreigners.
  // [LEAVE-1]
  return gp->atomicstatus.load(acquire) == gstatus::waiting;
}

// N2. A goroutine that stays in the queues of this runtime alone (a sleep, a nil channel) is not meant.
void await_waker(const g *gp) noexcept {
  for (backoff turn; waits(gp);) turn.wait();
}

// N1 for a wait in one queue. False: its goroutine was not in the queue any more.
bool leave_queue(sudog &sg) noexcept {
  // The object may have gone. acquire: pairs with waitq::take_out: the waker's claim. [LEAVE-1]
  // Survives as relaxed (other architecture): the claim is the waker's last touch, and here it is over.
  if (sg.q.load(acquire) == nullptr) return false;
  spinlock &lock = *sg.lock.get();
  lock.lock();
  waitq *const q = sg.q.load(relaxed);  // relaxed: under the lock
  if (q != nullptr) q->remove(&sg);
  lock.unlock();
  return q != nullptr;
}

sudog &sudog_of(const g *gp) noexcept { return *static_cast<sudog *>(const_cast<void *>(gp->waitingon.get())); }

// A goroutine that has been readied, by a timer or by one channel of its select, may stand in other queues until it
// runs.
void leave(g *gp) noexcept {
  if (readgstatus(gp) == gstatus::dead) return;
  const waitreason reason = gp->waitreason.get();
  for (cond_waiter *w = gp->condwaiters.get(); w != nullptr; w = w->next())
    if (w->abandoned() && reason == waitreason::condition_variable_wait) await_waker(gp);
  const void *const on = gp->waitingon.get();
  if (on == nullptr || reason == waitreason::condition_variable_wait) return;  // the queue of such a wait is its own
  if (reason == waitreason::select) {
    select_abandoned(on);
    if (gp->selectdone.load(relaxed) != 0) await_waker(gp);  // relaxed: it was written under a lock that we have had
  } else if (!leave_queue(sudog_of(gp))) {
    await_waker(gp);
  }
}

}  // namespace

void leave_queues(schedt &sched) noexcept {
  each_g(sched, leave);
  // acquire: pairs with ~foreign_call. [STOP-2]
  // Survives as relaxed (other architecture): what the waker did is over when it counts no more.
  for (backoff turn; sched.foreigners.load(acquire) != 0;) turn.wait();
  each_g(sched, [](g *gp) {
    if (gp->waitingon.get() != nullptr && !waits(gp) && gp->waitreason.get() == waitreason::mutex_lock)
      mutex_abandoned(sudog_of(gp).lock.get());
    gp->waitingon.set(nullptr);
    gp->condwaiters.set(nullptr);
  });
}

HEDDLE_DETAIL_END
