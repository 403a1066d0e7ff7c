// worldsema: one party at a time may stop the world, run for_each_p or resize. It is a semaphore of one, handed on
// directly to the party that has waited longest, so that no other overtakes it. Source: semacquire, semrelease1 with
// handoff (Go's sema.go), worldsema (Go's proc.go).
//
// A goroutine that is to have it next and is abandoned with its runtime would keep it for ever from a thread that the
// end of the runtime waits for: one from outside, or one in a call. So a stop takes it away from a goroutine that was
// handed it and has not taken it yet; from then on only such threads get it.
#include <mutex>

#include "sched/park.hpp"
#include "sched/stopworld.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

// True: gp, which waits for the semaphore or was handed it, will never run again.
bool abandoned(const schedt &sched, const g *gp) noexcept {
  if (!stopping(sched) || gp->home != &sched) return false;
  // relaxed: under semalock, or gp moves from runnable to running, which is the same here
  const auto status = static_cast<std::uint32_t>(gp->atomicstatus.load(relaxed));
  return (status & ~static_cast<std::uint32_t>(gstatus::scan)) != static_cast<std::uint32_t>(gstatus::syscall);
}

// Under semalock. Hands the semaphore on. Returns the g that the caller must ready, or null.
g *hand_on(schedt &sched) noexcept {
  g *next = sched.worldwaiters.pop_front();
  while (next != nullptr && abandoned(sched, next)) next = sched.worldwaiters.pop_front();
  sched.worldheir.set(next);
  sched.worldsema.set(next != nullptr);
  return next;
}

}  // namespace

// Caller: a g, also inside blocking(f), or an extra M. Blocks: the g, not its P: the holder of the semaphore may be
// waiting for that P (B65).
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

// The runtime stops: takes the semaphore from an abandoned goroutine. Pre: attention says so.
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
