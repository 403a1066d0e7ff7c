// What channels do that does not depend on their type.
#include "heddle/chan.hpp"

HEDDLE_BEGIN

namespace detail {

void block_forever(waitreason reason) noexcept {
  const auto park = [reason] { gopark(nullptr, nullptr, reason); };
  for (;;) as_goroutine(park);
}

// Source: closechan. All who wait are taken out in the critical section that closes: outside the lock a queue may not be
// walked, because a select that another channel has served leaves it.
void close(hchan &c) noexcept {
  gqueue<g> released;
  c.lock.lock();
  if (c.closed.get()) misuse("close of closed channel");
  c.closed.set(true);
  while (sudog *sg = c.recvq.dequeue()) released.push_back(sg->gp);
  while (sudog *sg = c.sendq.dequeue()) released.push_back(sg->gp);
  c.lock.unlock();
  while (g *gp = released.pop_front()) goready(gp);
}

}  // namespace detail

HEDDLE_END
