// Birth and death of goroutines. Source: newproc, newproc1, malg, gfget, gfput, goexit of Go's proc.go.
#include <algorithm>
#include <cerrno>
#include <mutex>
#include <new>
#include <utility>

#include "sched/hog.hpp"
#include "sched/locals.hpp"
#include "sched/newproc.hpp"
#include "sched/refused.hpp"
#include "sched/schedule.hpp"
#include "sched/status.hpp"
#include "sched/stopworld.hpp"
#include "sched/switch/switch.hpp"
#include "sched/wake.hpp"

HEDDLE_DETAIL_BEGIN

extern "C" [[noreturn]] void heddle_goroutine_entry(g *gp);

namespace {

// Pre: sched.lock is held.
void allgadd(schedt &sched, g *gp) noexcept {
  g *last = sched.allgtail.get();
  // release: pairs with the threads that walk the list: gp as it was made. [ALLG-1]
  (last != nullptr ? last->alllink : sched.allgs).store(gp, release);
  sched.allgtail.set(gp);
  sched.allglen.set(sched.allglen.get() + 1);
  // Sixteen offsets of a cache line within one page: equal offsets in every stack would compete for the same sets of
  // the cache.
  gp->color = sched.allglen.get() % 16 * 64;
}

// Makes a block of gs, all dead. Returns the first; the others are for later calls. Each has the address space for its
// stack set aside: when it needs a stack, there is one.
g *malg(schedt &sched) noexcept {
  std::uint32_t n = 0;
  while (n < geometry::gblock && sched.stacks.promise()) ++n;
  void *const block = n != 0 ? sched.persistent.persistentalloc(n * sizeof(g)) : nullptr;
  if (block == nullptr) return nullptr;
  gqueue<g> made;
  const std::lock_guard hold(sched.lock);
  for (std::uint32_t i = 0; i < n; ++i) {
    g *const gp = new (static_cast<char *>(block) + i * sizeof(g)) g();
    gp->home = &sched;
    casgstatus<gstatus::idle, gstatus::dead>(gp);
    allgadd(sched, gp);
    made.push_back(gp);
  }
  g *const first = made.pop_front();
  sched.gFree.put(made);
  return first;
}

g *gfget(schedt &sched, struct p *pp) noexcept {
  if (pp != nullptr) return pp->gFree.gfget(sched.gFree);
  gqueue<g> batch = sched.gFree.get();
  g *gp = batch.pop_front();
  sched.gFree.put(batch);
  return gp;
}

// Gives gp's stack back, unless it is of the size `usable`.
void keep_stack_of(schedt &sched, g *gp, std::size_t usable) noexcept {
  const struct stack s = gp->stack.get();
  if (!s || static_cast<std::size_t>(s.hi - s.lo) == usable) return;
  sched.stacks.stackfree(s);
  gp->stack.set({});
}

void gfput(schedt &sched, struct p *pp, g *gp) noexcept {
  keep_stack_of(sched, gp, sched.stacks.usable(0));  // another size would surprise the next user of the g
  if (pp != nullptr) {
    pp->gFree.gfput(gp, sched.gFree);
  } else {
    gqueue<g> one;
    one.push_back(gp);
    sched.gFree.put(one);
  }
}

std::uint64_t next_goid(schedt &sched, struct p *pp) noexcept {
  // relaxed: only the numbers must differ.
  if (pp == nullptr) return sched.goidgen.fetch_add(1, relaxed) + 1;
  std::uint64_t last = pp->goidcache.get();
  if (last == pp->goidcacheend.get()) {
    last = sched.goidgen.fetch_add(geometry::goid_batch, relaxed);
    pp->goidcacheend.set(last + geometry::goid_batch);
  }
  pp->goidcache.set(last + 1);
  return last + 1;
}

g *goexit0(m *mp, g *gp) noexcept {
  schedt &sched = *mp->sched;
  casgstatus<gstatus::running, gstatus::dead>(gp);
  dropg(mp, gp);
  if (mp->lockedg.get() != nullptr) {  // what it did to its thread ends with it: the M stays tainted until then (B42)
    gp->lockedm.set(nullptr);
    mp->lockedExt = 0;
    mp->exiting.set(true);  // schedule leaves its loop and forgets the g
  }
  fiber_destroy(gp->fiber, gp->stack.get());
  struct p *pp = mp->p.get();
  if (pp != nullptr)
    pp->exited.add();
  else
    sched.exitedhogs.fetch_add(1, relaxed);           // relaxed: a number for gcount
  const bool main = gp == sched.maing.load(relaxed);  // relaxed: written before the main goroutine was handed over
  gfput(sched, pp, gp);
  if (main) stop(sched);
  return nullptr;
}

// Returns room for `size` bytes at the top of gp's stack.
char *top_of(const g *gp, std::size_t size, std::size_t align) noexcept {
  char *const at = gp->stack.get().hi - gp->color - size;
  return at - reinterpret_cast<std::uintptr_t>(at) % std::max<std::size_t>(align, 16);
}

// Makes gp begin at sp: frames grow down from there.
void stand_at(g *gp, void *sp) noexcept {
  gp->sched.sp = sp;
  fiber_create(gp->fiber, gp->stack.get());
}

// Returns the stack of the goroutine that ended here last, which is warm in the cache, or another.
struct stack getstack(schedt &sched, struct p *pp) noexcept {
  struct stack s;
  if (g *dead = pp->gFree.gfget(sched.gFree)) {
    s = dead->stack.get();
    dead->stack.set({});
    pp->gFree.gfput(dead, sched.gFree);
  }
  return s ? s : sched.stacks.stackalloc(0);
}

}  // namespace

newborn newspawn(schedt &sched, std::size_t size, std::size_t align, std::size_t stack_size) noexcept {
  m *mp = getm();
  const in_scheduler here(mp);
  struct p *pp = own_p(sched, mp);
  g *gp = gfget(sched, pp);
  if (gp == nullptr) gp = malg(sched);
  if (gp == nullptr) return {};
  if (stack_size == 0 && size <= sizeof gp->closure && align <= 16 && sched.stacks.promises()) return {gp, gp->closure};
  const std::size_t wanted = sched.stacks.usable(stack_size);
  keep_stack_of(sched, gp, wanted);
  if (!gp->stack.get()) gp->stack.set(sched.stacks.stackalloc(stack_size));
  if (!gp->stack.get() || size + align + 1024 + gp->color > wanted) {
    gfput(sched, pp, gp);
    return {};
  }
  return {gp, top_of(gp, size, align)};
}

void strip_dead(schedt &sched) noexcept {
  sched.lock.lock();
  const std::uint32_t all = sched.allglen.get();
  sched.lock.unlock();
  for (std::uint32_t n = 0; n < all;) {  // others may put more meanwhile: those are for the next time
    gqueue<g> with = sched.gFree.get_old(), without;
    if (with.empty()) break;
    while (g *gp = with.pop_front()) {
      sched.stacks.stackfree(gp->stack.get());
      gp->stack.set({});
      without.push_back(gp);
      ++n;
    }
    sched.gFree.put(without);
  }
  sched.gFree.age(all);
}

void unspawn(schedt &sched, newborn s) noexcept {
  m *mp = getm();
  const in_scheduler here(mp);
  gfput(sched, own_p(sched, mp), s.gp);
}

void newproc(schedt &sched, newborn s, void (*startfn)(void *)) noexcept {
  m *mp = getm();
  if (mp == nullptr || mp->locks != 0) not_in_user_code();
  const in_scheduler here(mp);
  struct p *pp = own_p(sched, mp);
  g *gp = s.gp;
  gp->startfn.set(startfn);
  gp->sched.ctxt = s.closure;
  gp->sched.g = gp;
  gp->sched.pc = reinterpret_cast<void *>(&heddle_gostart);
  gp->sched.bp = nullptr;
  gp->sched.sp = nullptr;  // firstrun sets it
  gp->user = sched.options.hogs_max != 0;
  const bool main = gp == sched.maing.load(relaxed);  // relaxed: this thread's own store, if gp is the main one
  gp->goid.set(main ? 1 : next_goid(sched, pp));
  if (s.closure != gp->closure) stand_at(gp, s.closure);
  casgstatus<gstatus::dead, gstatus::runnable>(gp);
  if (pp != nullptr) {
    pp->spawned.add();
    put_local(sched, pp, gp, true);
  } else {
    if (mp != nullptr && mp->sched == &sched)
      sched.spawnedincalls.fetch_add(1, relaxed);  // relaxed: a number for gcount
    else
      sched.injected.fetch_add(1, relaxed);  // relaxed: likewise; and a hint for checkdead that others may start some
    sched.inbox.push(gp);
  }
  if (pp == nullptr) {
    // relaxed: as in foreign_call
    if (!stopping(sched)) wakep(sched);
  } else if (!main) {  // main runs on this M; no other is needed yet
    wakep(sched);      // and no safepoint: callers may hold a lock of their thread's
  }
}

// Most goroutines end before another one of their creator's begins: a thousand that wait for their turn need one stack
// between them, which is warm in the cache. So a goroutine gets its stack now.
bool firstrun(m *mp, g *gp) noexcept {
  schedt &sched = *mp->sched;
  if (!gp->stack.get()) gp->stack.set(getstack(sched, mp->p.get()));
  if (!gp->stack.get()) {
    count_refusal(sched, "memory for the guard of a stack", errno);
    sched.stackless.push(gp);
    ask_again(sched);
    return false;
  }
  stand_at(gp, top_of(gp, 0, 16));
  return true;
}

extern "C" void heddle_goroutine_entry(g *gp) {
  fiber_arrive(gp->fiber);
  gp->startfn.get()(gp->sched.ctxt);
  if (gp->decorated.get()) shed(gp);
  goexit();
}

void goexit() noexcept { mcall_last(getm(), goexit0); }

std::uint64_t gcount(const schedt &sched) noexcept {
  // The ended ones first: a goroutine that has ended by then has begun before, so the difference does not wrap.
  std::uint64_t begun = 0, ended = sched.exitedhogs.peek();
  // Counts also at Ps that a resize has taken away: what they counted stays.
  each_p(sched, [&](const struct p &pp) { ended += pp.exited.get(); });
  each_p(sched, [&](const struct p &pp) { begun += pp.spawned.get(); });
  begun += sched.injected.peek() + sched.spawnedincalls.peek();
  return begun > ended ? begun - ended : 0;
}

HEDDLE_DETAIL_END
