// Waiting for several channels. Source: selectgo in Go's select.go, in its three passes.
//
// A select holds the locks of all its channels at once. It takes them in the order of the channels' places in memory,
// and each once, so that no two selects wait for each other (I54).
//
// pass           the select                                    another party at one of its channels
// 1              has all locks; does a case that can be        has to wait for the lock
//                done, and is over
// 2              has all locks; enters the queue of each case  has to wait for the lock
// parks          frees the locks one by one (selparkcommit)    finds the select in a queue; the first that sets
//                                                              selectdone does that case, later ones pass the select
//                                                              over (I53)
// 3              has all locks; leaves the other queues, and   found it before the select had that lock, or finds it no
//                clears selectdone                             more (I56)
//
// Several of its cases may be found at the same time, under different locks: that is why selectdone decides. It stays
// set until the select has all locks again, because only then has the select left the other queues (I56; the seeded
// mistake b48 in verify/mutants/ clears it earlier).
#include "heddle/select.hpp"

#include <algorithm>
#include <memory>

#include "runtime/abandon.hpp"
#include "runtime/wait.hpp"
#include "runtime/waits.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

// The n cases that have a channel, as indexes in two orders: the random order in which they are tried, and that of
// locking. Set once, before the channels are locked.
struct selection {
  scase *cases;
  const std::uint16_t *poll;
  const std::uint16_t *by_lock;
  std::size_t n;

  hchan *locked(std::size_t i) const noexcept { return cases[by_lock[i]].c; }
  void sellock() const noexcept {
    for (std::size_t i = 0; i < n; ++i)
      if (i == 0 || locked(i) != locked(i - 1)) locked(i)->lock.lock();
  }
  void selunlock() const noexcept {
    for (std::size_t i = n; i-- > 0;)
      if (i == 0 || locked(i) != locked(i - 1)) locked(i)->lock.unlock();
  }
};

// Makes both orders. Every permutation is equally likely: as the order of trying the cases, and as the order in which
// the cases of one channel stand in its queue. Source: the "inside-out" shuffle in Go's select.go.
selection order(m *mp, scase *cases, std::uint16_t *orders, std::size_t n) noexcept {
  std::uint16_t *const poll = orders;
  std::uint16_t *const by_lock = orders + n;
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (cases[i].c == nullptr) continue;
    by_lock[count] = static_cast<std::uint16_t>(i);
    const std::uint32_t at = cheaprandn(mp->cheaprand, count + 1);
    poll[count] = poll[at];
    poll[at] = static_cast<std::uint16_t>(i);
    ++count;
  }
  const auto lies_before = [cases](std::uint16_t a, std::uint16_t b) {
    return cases[a].c->where.get() < cases[b].c->where.get();
  };
  std::sort(by_lock, by_lock + count, lies_before);
  const auto same = [cases](std::uint16_t a, std::uint16_t b) { return cases[a].c == cases[b].c; };
  if (std::adjacent_find(by_lock, by_lock + count, same) != by_lock + count) {
    std::copy(poll, poll + count, by_lock);  // only in this case, because a shuffled order takes longer to sort
    std::sort(by_lock, by_lock + count, lies_before);
  }
  return {cases, poll, by_lock, count};
}

bool ready_now(scase &s, g *&ready) noexcept {
  if (!s.send) return s.c->take(s.elem, ready);
  if (s.c->closed.get()) send_on_closed();
  return s.c->give(s.elem, ready);
}

// As soon as one lock is free, the select may be found and its goroutine run. It gets no further than to the locks that
// are still held, so its frame exists until the last of them is free. A channel has no more of its cases ahead when the
// next channel is another.
bool selparkcommit(g *, void *arg) noexcept {
  const selection s = *static_cast<const selection *>(arg);
  hchan *last = s.locked(0);
  for (std::size_t i = 1; i < s.n; ++i) {
    hchan *c = s.locked(i);
    if (c == last) continue;
    last->lock.unlock();
    last = c;
  }
  last->lock.unlock();
  return true;
}

waitq &queue_of(const scase &s) noexcept { return s.send ? s.c->sendq : s.c->recvq; }

}  // namespace

std::size_t selectgo(scase *cases, std::uint16_t *orders, std::size_t n, bool block) noexcept {
  not_in_child("heddle::select");
  m *mp = getm();
  if (mp == nullptr) return as_goroutine([=] { return selectgo(cases, orders, n, block); });
  if (mp->extra)
    mp->cheaprand = static_cast<std::uint64_t>(nanotime());  // this M was made for this call and has no
                                                             // random state of its own
  const selection all = order(mp, cases, orders, n);
  if (all.n == 0) {
    if (block) block_forever(waitreason::select_no_cases);
    return no_case;
  }
  all.sellock();

  // Pass 1: do a case that can be done now.
  for (std::size_t i = 0; i < all.n; ++i) {
    g *ready = nullptr;
    if (!ready_now(cases[all.poll[i]], ready)) continue;
    all.selunlock();
    if (ready != nullptr) goready(ready);
    return all.poll[i];
  }
  if (!block) {
    all.selunlock();
    return no_case;
  }

  // Pass 2: enter the queues of all cases.
  g *gp = own_g(mp);
  for (std::size_t i = 0; i < all.n; ++i) {
    scase &s = cases[all.by_lock[i]];
    s.sg.gp.set(gp);
    s.sg.elem.set(s.elem);
    s.sg.isSelect.set(true);
    queue_of(s).enqueue(&s.sg);
  }
  selection parking = all;
  gp->waitingon.set(&parking);
  gopark(selparkcommit, &parking, waitreason::select, mp);

  // Pass 3: leave the queues of the other cases.
  all.sellock();
  gp->selectdone.store(0, relaxed);  // relaxed: a party that finds the next select has taken a lock that we hold now
  const void *const served = gp->param.get();
  std::size_t done = no_case;
  for (std::size_t i = 0; i < all.n; ++i) {
    scase &s = cases[all.by_lock[i]];
    if (&s.sg == served)
      done = all.by_lock[i];
    else
      queue_of(s).remove(&s.sg);
  }
  HEDDLE_INV("I53", done != no_case);
  if (g *none = nullptr; !cases[done].sg.success.get())
    ready_now(cases[done], none);  // the channel was closed: does the case as if it had been closed before
  all.selunlock();
  return done;
}

void select_abandoned(const void *selecting) noexcept {
  const selection &s = *static_cast<const selection *>(selecting);
  for (std::size_t i = 0; i < s.n; ++i) {
    scase &one = s.cases[s.by_lock[i]];
    // acquire: pairs with waitq::take_out: the waker's claim. [LEAVE-1]
    if (one.sg.q.load(acquire) == nullptr) continue;
    one.c->lock.lock();
    queue_of(one).remove(&one.sg);
    one.c->lock.unlock();
  }
}

bool select_waits(const void *selecting, std::size_t i, const hchan *&c, bool &send) noexcept {
  const selection &s = *static_cast<const selection *>(selecting);
  if (i >= s.n) return false;
  const scase *one = s.cases;
  while (one->c == nullptr || i-- != 0) ++one;
  c = one->c;
  send = one->send;
  return true;
}

// The places of a select's cases that receive into variables which hold values. When they are settled no lock is held.
// One thread's.
struct places {
  std::span<const select_case> cases;
  scase *comms;
  std::size_t made = 0;  // the first so many cases have theirs, if they need one
  std::size_t done = no_case;

  void make() {
    for (; made < cases.size(); ++made) {
      const select_case &from = cases[made];
      if (from.place_ == nullptr || from.c_ == nullptr) continue;
      if (void *place = from.place_->make(from.elem_)) comms[made].elem = place;
    }
  }
  ~places() {
    for (std::size_t i = 0; i < made; ++i)
      if (void *place = comms[i].elem; place != cases[i].elem_)
        cases[i].place_->settle(place, cases[i].elem_, i == done);
  }
};

std::size_t select_among(std::span<const select_case> cases, bool block) {
  const std::size_t n = cases.size();
  const auto go_among = [&](scase *comms, std::uint16_t *orders) {
    for (std::size_t i = 0; i < n; ++i) comms[i].set(cases[i]);
    places all{cases, comms};
    all.make();
    return all.done = selectgo(comms, orders, n, block);
  };
  if (n <= select_in_frame) {
    scase comms[select_in_frame];
    std::uint16_t orders[2 * select_in_frame];
    return go_among(comms, orders);
  }
  if (n > select_max) misuse("select of more than 65,536 cases");
  const auto comms = std::make_unique<scase[]>(n);
  const auto orders = std::make_unique<std::uint16_t[]>(2 * n);
  return go_among(comms.get(), orders.get());
}

HEDDLE_DETAIL_END
