#pragma once
// Conservation: at the end of an execution each g, m, p, stack and timer that was ever made is in exactly one place
// (CONSERVE-1). A thing that is lost makes no other check fail: it is only not used again. Sudogs and timers lie in frames:
// one that goes while it still stands in a list fails at once, in the relacy world's ~atomic.
#include <bit>

#include "sched/deadlock.hpp"
#include "sched/hog.hpp"
#include "sched/status.hpp"
#include "verify/suite.hpp"

namespace verify {

// Where things were found.
template <class T>
class places {
 public:
  void add(const T *x) {
    VERIFY_INV("CONSERVE-1", !has(x));  // in two places, or twice in one: such a list may have no end
    VERIFY_CHECK(n_ < most);
    all_[n_++] = x;
  }
  bool has(const T *x) const {
    for (int i = 0; i < n_; ++i)
      if (all_[i] == x) return true;
    return false;
  }
  int size() const { return n_; }

 private:
  static constexpr int most = 64;
  const T *all_[most] = {};
  int n_ = 0;
};

namespace conservation {

using heddle::detail::g;
using heddle::detail::gstatus;
using heddle::detail::m;
using heddle::detail::schedt;
using p = struct heddle::detail::p;

inline void add_all(places<g> &to, heddle::detail::gqueue<g> &from, bool dead) {
  while (g *gp = from.pop_front()) {
    VERIFY_INV("CONSERVE-1", (heddle::detail::readgstatus(gp) == gstatus::dead) == dead);
    to.add(gp);
  }
}

// Those of the global lists come in batches, each of one kind.
inline void add_global(places<g> &to, heddle::detail::gfree_global<g> &from) {
  from.age(std::numeric_limits<std::uint32_t>::max());
  for (auto batch = from.get_old(); !batch.empty(); batch = from.get_old()) {
    batch.for_each([](const g *gp) { VERIFY_INV("CONSERVE-1", gp->has_stack()); });
    add_all(to, batch, true);
  }
  for (auto batch = from.get(); !batch.empty(); batch = from.get()) {
    batch.for_each([](const g *gp) { VERIFY_INV("CONSERVE-1", !gp->has_stack()); });
    add_all(to, batch, true);
  }
}

// The dead ones are on a free list, those that can run in a run queue, and the others are where their status says.
inline void of_gs(schedt &sched) {
  places<g> dead, runnable, all;
  add_global(dead, sched.gFree);
  heddle::detail::gfree_global<g> none;
  heddle::detail::each_p(sched, [&](p &pp) {
    while (g *gp = pp.gFree.gfget(none)) {
      VERIFY_INV("CONSERVE-1", heddle::detail::readgstatus(gp) == gstatus::dead);
      dead.add(gp);
    }
    auto queue = pp.runq.runqdrain();
    add_all(runnable, queue, false);
  });
  while (g *gp = sched.runq.globrunqget()) runnable.add(gp);
  auto inbox = sched.inbox.drain(), stackless = sched.stackless.drain();
  add_all(runnable, inbox, false);
  add_all(runnable, stackless, false);

  std::uint32_t stacks = 0, lived_on = 0;
  heddle::detail::each_g(sched, [&](const g *gp) {
    const gstatus status = heddle::detail::readgstatus(gp);
    all.add(gp);
    VERIFY_INV("CONSERVE-1", dead.has(gp) == (status == gstatus::dead));
    // While the runtime stops, a goroutine that runs on one M only, which has gone, is dropped by the M that finds it.
    const bool dropped = gp->lockedm.get() != nullptr && heddle::detail::stopping(sched);
    VERIFY_INV("CONSERVE-1", runnable.has(gp) ? status == gstatus::runnable : status != gstatus::runnable || dropped);
    // What a goroutine leaves with its g is gone, or handed back.
    if (status == gstatus::dead)
      VERIFY_INV("CONSERVE-1", gp->waitingon.get() == nullptr && gp->condwaiters.get() == nullptr &&
                                   gp->selectdone.peek() == 0 && gp->memberof.get() == nullptr &&
                                   gp->locals.get() == nullptr && gp->timer.in.peek() == nullptr &&
                                   gp->lockedm.get() == nullptr && gp->m.get() == nullptr);
    if (!gp->has_stack()) return;
    const std::uint32_t its = heddle::detail::harness::bit_of(gp->stack.get());
    VERIFY_INV("CONSERVE-1", (stacks & its) == 0);
    stacks |= its;
    if (status != gstatus::dead && gp->sched.sp != nullptr) lived_on |= its;
  });
  VERIFY_INV("CONSERVE-1", static_cast<int>(sched.allglen.get()) == all.size());
  VERIFY_INV("CONSERVE-1", dead.size() + runnable.size() <= all.size());  // no other g is on a list
  VERIFY_INV("CONSERVE-1", heddle::detail::harness::stacks_out() == stacks);
  VERIFY_INV("CONSERVE-1", heddle::detail::harness::stacks_lived_on() == lived_on);
}

// Each M that was made is awake or asleep, which mcount counts, or has ended, and waits to be joined or to be used again.
inline void of_ms(schedt &sched) {
  places<m> ended, idle;
  const int counted = sched.midle.peek_count();
  while (m *mp = sched.mfree.pop()) ended.add(mp);
  while (m *mp = sched.freem.pop()) ended.add(mp);
  while (m *mp = sched.midle.get()) idle.add(mp);
  VERIFY_INV("CONSERVE-1", idle.size() == counted);
  int all = 0;
  for (m *mp = sched.allm.get(); mp != nullptr; mp = mp->alllink.get()) {
    ++all;
    VERIFY_INV("CONSERVE-1", !(ended.has(mp) && idle.has(mp)));
    if (ended.has(mp)) VERIFY_INV("CONSERVE-1", !mp->started.get() && mp->nextp.get() == nullptr);
  }
  VERIFY_INV("CONSERVE-1", sched.mcount.peek() + ended.size() == all);
  VERIFY_INV("CONSERVE-1", sched.hogs.get() == 0);
  for (m *mp = sched.allm.get(); mp != nullptr; mp = mp->alllink.get())
    VERIFY_INV("CONSERVE-1", mp->claim.peek() == heddle::detail::claim_none);
}

// Each P is idle, wired to the one M that names it, or dead.
inline void of_ps(schedt &sched) {
  places<p> idle, wired;
  const int counted = sched.pidle.peek_count();
  while (p *pp = sched.pidle.get()) idle.add(pp);
  VERIFY_INV("CONSERVE-1", idle.size() == counted && sched.newmhandoff.empty());
  for (m *mp = sched.allm.get(); mp != nullptr; mp = mp->alllink.get()) {
    if (p *pp = mp->p.get()) wired.add(pp);
    if (p *pp = mp->nextp.get()) wired.add(pp);
  }
  heddle::detail::each_p(sched, [&](p &pp) {
    const bool dead = pp.status.peek() == heddle::detail::pstatus::dead;
    VERIFY_INV("CONSERVE-1", dead == (pp.id >= sched.gomaxprocs.peek()));
    VERIFY_INV("CONSERVE-1", dead + idle.has(&pp) + wired.has(&pp) == 1);
    if (dead) VERIFY_INV("CONSERVE-1", pp.runq.runqempty() && pp.gFree.size() == 0);
  });
}

// A timer that a wheel holds says so, and nothing is left of those that have gone.
inline void of_timers(schedt &sched) {
  heddle::detail::each_p(sched, [](p &pp) {
    int n = 0;
    pp.timers.for_each([&](const heddle::detail::runtime_timer *t) {
      ++n;
      VERIFY_INV("CONSERVE-1", t->in.peek() == &pp.timers);
    });
    // Or an M would wake for nothing, for ever.
    VERIFY_INV("CONSERVE-1", n != 0 || pp.timers.wake_time() == heddle::detail::timers::never);
  });
}

}  // namespace conservation

// Caller: after(), when all threads have ended, before schedfree. Takes all lists of `sched` apart.
inline void check_conservation(heddle::detail::schedt &sched) {
  conservation::of_gs(sched);
  conservation::of_ms(sched);
  conservation::of_ps(sched);
  conservation::of_timers(sched);
}

}  // namespace verify
