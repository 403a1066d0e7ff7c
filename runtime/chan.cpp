// What channels do that does not depend on the type of their values.
#include "heddle/detail/hchan.hpp"

#include "queues/gqueue.hpp"
#include "runtime/wait.hpp"

HEDDLE_DETAIL_BEGIN

void chansend_nil() noexcept { block_forever(waitreason::chan_send_nil); }
void chanrecv_nil() noexcept { block_forever(waitreason::chan_receive_nil); }
void send_on_closed() noexcept { misuse("send on closed channel"); }

bool chansend(hchan &c, void *from, std::int64_t when) noexcept {
  m *mp = getm();
  if (mp == nullptr) {
    c.lock.unlock();
    return as_goroutine([&c, from, when] { return chansend_until(c, from, when); });
  }
  sudog sg(own_g(mp), from);
  if (!park_on_until(mp, c.sendq, sg, c.lock, waitreason::chan_send, when)) {
    c.lock.unlock();
    return false;
  }
  if (!sg.success.get()) send_on_closed();
  return true;
}

bool chansend_until(hchan &c, void *from, std::int64_t when) noexcept {
  c.lock.lock();
  g *ready = nullptr;
  if (c.closed.get()) send_on_closed();
  if (!c.give(from, ready)) return chansend(c, from, when);
  unlock_and_ready(c, ready);
  return true;
}

bool chanrecv(hchan &c, void *to, std::int64_t when) noexcept {
  m *mp = getm();
  if (mp == nullptr) {
    c.lock.unlock();
    return as_goroutine([&c, to, when] { return chanrecv_until(c, to, when); });
  }
  sudog sg(own_g(mp), to);
  if (park_on_until(mp, c.recvq, sg, c.lock, waitreason::chan_receive, when)) return true;
  c.lock.unlock();
  return false;
}

bool chanrecv_until(hchan &c, void *to, std::int64_t when) noexcept {
  c.lock.lock();
  g *ready = nullptr;
  if (!c.take(to, ready)) return chanrecv(c, to, when);
  unlock_and_ready(c, ready);
  return true;
}

// Source: closechan in Go's chan.go. All waiters are taken out in the critical section that closes the channel: outside
// the lock a queue may not be walked, because a select that another channel has served leaves it.
void close(hchan &c) noexcept {
  gqueue<g> released;
  c.lock.lock();
  if (c.closed.get()) misuse("close of closed channel");
  c.closed.set(true);
  while (sudog *sg = c.recvq.dequeue()) released.push_back(sg->gp.get());
  while (sudog *sg = c.sendq.dequeue()) released.push_back(sg->gp.get());
  c.lock.unlock();
  while (g *gp = released.pop_front()) goready(gp);
}

HEDDLE_DETAIL_END
