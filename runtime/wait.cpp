// Parking on a waitq, and the claim by which a waiter is found only once.
#include "runtime/wait.hpp"

HEDDLE_DETAIL_BEGIN

bool waitq::claim(sudog *sg) noexcept {
  // relaxed: what the winner reads and writes is under the lock that the select held when it enqueued sg, and goready
  // hands it over.
  g *const gp = sg->gp.get();
  if (gp->selectdone.exchange(1, relaxed) != 0) return false;
  gp->param.set(sg);
  sg->isSelect.set(false);  // it is ours now, also in another queue
  return true;
}

void waitq::orphan() noexcept {
  while (sudog *sg = head_.get()) {
    take_out(sg);
    g *const gp = sg->gp.get();
    if (gp->waitingon.get() == sg) gp->waitingon.set(nullptr);
    sg->gp.set(nullptr);
  }
}

bool parked_until(m *mp, waitq &q, sudog &sg, spinlock &lock, waitreason reason, std::int64_t when) noexcept {
  sg.lock.set(&lock);
  if (!sg.isSelect.get()) {
    gopark(parkunlock, &lock, reason, mp);
    return true;
  }
  if (!gopark_until(parkunlock, &lock, reason, mp, when)) {
    lock.lock();
    q.remove(&sg);                              // no waker has it, but a waker may have passed over it
    sg.gp.get()->selectdone.store(0, relaxed);  // relaxed: a party that finds it from now on takes the lock
    return false;
  }
  sg.gp.get()->selectdone.store(0, relaxed);  // relaxed: it is in no queue, and its next wait is found under a lock
  return true;
}

void block_forever(waitreason reason) noexcept {
  const auto park = [reason] { gopark(nullptr, nullptr, reason); };
  for (;;) as_goroutine(park);
}

void as_goroutine(void (*f)(void *), void *arg) {
  as_goroutine([=] { f(arg); });
}

HEDDLE_DETAIL_END
