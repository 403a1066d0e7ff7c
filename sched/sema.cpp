// worldsema: one at a time may stop the world, run for_each_p or resize. A semaphore of one, handed on directly to who waits
// longest, so that nobody overtakes. Source: semacquire, semrelease1 with handoff, worldsema of Go's proc.go.
//
// A goroutine that is to have it next and is abandoned with its runtime would keep it for ever from a thread that is joined or
// counted: one outside, or one in a call. So a stop takes it away from a goroutine that has not taken it yet, and from then on
// only threads get it.
#include <mutex>

#include "sched/park.hpp"
#include "sched/stopworld.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

// Will gp, which waits for the semaphore or is to have it, never run again?
bool abandoned(const schedt &sched, const g *gp) noexcept {
  if (!stopping(sched) || gp->home != &sched) return false;
  // relaxed: under semalock, or gp moves from runnable to running, which is the same here
  const auto status = static_cast<std::uint32_t>(gp->atomicstatus.load(relaxed));
  return (status & ~static_cast<std::uint32_t>(gstatus::scan)) != static_cast<std::uint32_t>(gstatus::syscall);
}

// Under semalock. Returns who is to be readied.
g *hand_on(schedt &sched) noexcept {
  g *next = sched.worldwaiters.pop_front();
  while (next != nullptr && abandoned(sched, next)) next = sched.worldwaiters.pop_front();
  sched.worldheir.set(next);
  sched.worldsema.set(next != nullptr);
  return next;
}

}  // namespace

// Caller: a g, also inside blocking(f), or an extra M. Blocks: the g, not its P: who has the semaphore may be waiting for that
// (B65).
void semacquire(schedt &sched) noexcept {
  sched.semalock.lock();
  if (!sched.worldsema.get()) {
    sched.worldsema.set(true);
    return sched.semalock.unlock();
  }
  g *gp = getm()->curg.load(relaxed);  // relaxed: own M
  sched.worldwaiters.push_back(gp);
  gopark(parkunlock, &sched.semalock, waitreason::stop_the_world);
  sched.semalock.lock();
  const bool ours = sched.worldheir.get() == gp;
  if (ours) sched.worldheir.set(nullptr);
  sched.semalock.unlock();
  if (!ours) gopark(nullptr, nullptr, waitreason::stop_the_world);  // for good: the runtime stops
}

void semrelease(schedt &sched) noexcept {
  sched.semalock.lock();
  g *next = hand_on(sched);
  sched.semalock.unlock();
  if (next != nullptr) goready(next);
}

// The runtime stops. Pre: attention says so.
void semstop(schedt &sched) noexcept {
  g *next = nullptr;
  {
    const std::lock_guard hold(sched.semalock);
    const g *heir = sched.worldheir.get();
    if (heir != nullptr && abandoned(sched, heir)) next = hand_on(sched);
  }
  if (next != nullptr) goready(next);
}

HEDDLE_DETAIL_END
