// worldsema: one at a time may stop the world, run for_each_p or resize. A semaphore of one, handed on directly to who waits
// longest, so that nobody overtakes. Source: semacquire, semrelease1 with handoff, worldsema of Go's proc.go.
#include "sched/proc.hpp"

HEDDLE_BEGIN

// Caller: a g, also inside blocking(f), or an extra M. Blocks: the g, not its P: who has the semaphore may be waiting for that
// (B65).
void semacquire(schedt &sched) noexcept {
  sched.semalock.lock();
  if (!sched.worldsema.get()) {
    sched.worldsema.set(true);
    return sched.semalock.unlock();
  }
  sched.worldwaiters.push_back(getm()->curg.load(relaxed));  // relaxed: own M
  gopark(parkunlock, &sched.semalock, waitreason::stop_the_world);
}

void semrelease(schedt &sched) noexcept {
  sched.semalock.lock();
  g *next = sched.worldwaiters.pop_front();
  if (next == nullptr) sched.worldsema.set(false);
  sched.semalock.unlock();
  if (next != nullptr) goready(next);
}

HEDDLE_END
