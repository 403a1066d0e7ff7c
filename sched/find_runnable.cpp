// Where an M looks for work, and in which order: the table is in sched/README.md. Source: findRunnable, stealWork of
// Go's proc.go.
#include "sched/schedule.hpp"
#include "sched/stopworld.hpp"
#include "sched/wake.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

// Returns the oldest g of the inbox; the rest goes to the ring, and what does not fit there to the global queue.
g *take_inbox(m *mp) noexcept {
  schedt &sched = *mp->sched;
  gqueue<g> q = sched.inbox.drain();
  g *gp = q.pop_front();
  if (q.empty()) return gp;
  mp->p.get()->runq.runqputbatch(q);
  if (!q.empty()) sched.runq.globrunqputbatch(q);
  if (!mp->spinning.get())
    wakep(sched);  // more than this M can run at once (B56); a spinning M does it in resetspinning
  return gp;
}

// The fairness tick. Returns the oldest g of the global queue, after the inbox was moved to its tail. So neither
// starves the other, however busy they are: a g that calls gosched for ever keeps the global queue filled, a thread
// from outside keeps the inbox filled.
g *take_global(m *mp) noexcept {
  schedt &sched = *mp->sched;
  gqueue<g> q = sched.inbox.drain();
  const bool moved = !q.empty();
  if (moved) sched.runq.globrunqputbatch(q);
  g *gp = sched.runq.globrunqget();
  if (moved && !mp->spinning.get() && !sched.runq.empty()) wakep(sched);  // as in take_inbox
  return gp;
}

g *take_local(struct p *pp, bool &inherit) noexcept {
  // Nothing else bounds it by time slices: two goroutines that ready each other through runnext would starve the ring
  // (B35).
  g *gp = pp->runq.runqget(inherit, pp->streak.get() < geometry::runnext_streak);
  pp->streak.set(inherit ? pp->streak.get() + 1 : 0);
  return gp;
}

// True: a thief may have victim's runnext. It may only if the victim's M has run nothing new for a while: then the
// victim computes, and the g would wait for it. A victim that gets on runs the g itself, sooner and with a warm cache.
// (Ours: Go's runqgrab takes it after the pause in any case.)
bool runnext_is_stuck(const struct p &victim) noexcept {
  const std::uint64_t before = victim.executes();
  for (std::uint32_t i = 0; i < geometry::runnext_pauses; ++i) cpu_relax();
  return victim.executes() == before;
}

g *steal_from(struct p *pp, struct p &victim, bool last_pass) noexcept {
  const bool runnext = last_pass && !victim.runq.stealable() && victim.runq.has_runnext() && runnext_is_stuck(victim);
  if (!runnext && !victim.runq.stealable()) return nullptr;
  g *gp = pp->runq.runqsteal(victim.runq, runnext);
  if (gp != nullptr) {
    pp->steals.add();
    pp->stolen.add(1 + pp->runq.size());
  }
  return gp;
}

std::uint32_t procs(const schedt &sched) noexcept {
  return static_cast<std::uint32_t>(
      sched.gomaxprocs.load(relaxed));  // relaxed: an M with a P has acquired it, and it stays meanwhile
}

// Looks at every other P in each pass; start and step are chosen independently (B9).
g *steal_work(m *mp) noexcept {
  schedt &sched = *mp->sched;
  struct p *own = mp->p.get();
  const std::uint32_t n = procs(sched);
  for (std::uint32_t pass = 0; pass < geometry::steal_passes; ++pass) {
    if (pass + 1 == geometry::steal_passes && timer_due(sched)) {
      checkalltimers(mp);
      bool inherit = false;
      if (g *gp = own->runq.runqget(inherit)) return gp;
    }
    std::uint32_t at = cheaprandn(mp->cheaprand, n);
    const std::uint32_t step = sched.coprimes[cheaprandn(mp->cheaprand, sched.ncoprimes.get())].get();
    for (std::uint32_t i = 0; i < n; ++i, at = (at + step) % n) {
      struct p *victim = sched.allp[at].get();
      if (victim == own) continue;
      if (g *gp = steal_from(own, *victim, pass + 1 == geometry::steal_passes)) return gp;
    }
  }
  return nullptr;
}

// Waits a little for work to turn up before the M drops its P: a wake-up costs both sides more than this. Bounded.
bool spin(m *mp) noexcept {
  schedt &sched = *mp->sched;
  for (std::uint32_t round = 0; round < mp->spins; ++round) {
    for (std::uint32_t i = 0; i < geometry::spin_pauses; ++i) cpu_relax();
    // relaxed: a hint, looked at again at the top. Not for safepoints: this P has had its call here, and the asker may
    // wait long for others.
    if ((sched.attention.load(relaxed) & ~attention_safepoint) != 0 || has_work(sched)) return true;
  }
  return false;
}

void sleep_until_work(m *mp) noexcept {
  const std::int64_t since = nanotime();
  stopm(mp);
  mp->spins = spins_after(mp->spins, nanotime() - since);
}

bool may_spin(const m *mp) noexcept {
  const schedt &sched = *mp->sched;
  if (mp->spinning.get()) return true;
  // At most as many spin as half of the busy Ps: more thieves only disturb each other.
  const std::int32_t spinning = sched.nmspinning.load(relaxed);  // relaxed: a hint
  return 2 * spinning < static_cast<std::int32_t>(procs(sched)) - sched.pidle.count();
}

}  // namespace

bool has_work(schedt &sched) noexcept {
  if (!sched.runq.empty() || !sched.inbox.empty()) return true;
  // Without a P, the world may be stopped and resized meanwhile: Ps are never freed, and Ps that a look with an old
  // count misses have been given work after the look (B8). acquire: pairs with procresize [PROCS-1]
  const std::int32_t n = sched.gomaxprocs.load(acquire);
  for (std::int32_t i = 0; i < n; ++i)
    if (!sched.allp[i].get()->runq.runqempty()) return true;
  return timer_due(sched);
}

g *find_runnable(m *mp, bool &inherit) noexcept {
  schedt &sched = *mp->sched;
  inherit = false;
  for (;;) {
    // relaxed: heed looks again under the lock; an M that misses it here sees it when it drops its P. [ATTN-1]
    if (sched.attention.load(relaxed) != 0 && !heed(mp)) return nullptr;
    struct p *pp = mp->p.get();
    checktimers(mp, pp->timers);
    if (pp->schedtick.get() % geometry::fairness_tick == 0) {
      if (sched.psgone.get()) checkgonetimers(mp);  // there may be no M that looks for more work than it has
      if (g *gp = take_global(mp)) return gp;
    }
    if (g *gp = take_local(pp, inherit)) return gp;
    if (g *gp = sched.runq.globrunqgetbatch(pp->runq, procs(sched))) return gp;
    if (g *gp = take_inbox(mp)) return gp;
    if (may_spin(mp)) {
      if (!mp->spinning.get()) become_spinning(mp);
      if (g *gp = steal_work(mp)) return gp;
      if (spin(mp)) continue;
    }
    if (drop_p(mp)) continue;
    sleep_until_work(mp);
    if (mp->p.get() == nullptr) return nullptr;
  }
}

HEDDLE_DETAIL_END
