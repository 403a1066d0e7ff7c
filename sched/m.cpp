// Threads and their wiring to Ps. Source: newm, allocm, mstart, mexit, acquirep, releasep of Go's proc.go.
#include <mutex>
#include <new>

#include "sched/proc.hpp"

HEDDLE_BEGIN

namespace {

void mstart(void *arg) {
  m *mp = static_cast<m *>(arg);
  schedt &sched = *mp->sched;
  set_current_m(mp);
  fiber_attach_thread(mp->g0.fiber);
  struct p *pp = mp->nextp.get();
  mp->nextp.set(nullptr);
  acquirep(mp, pp);
  schedule(mp);
  if (mp->p != nullptr) sched.pidle.put(releasep(mp));  // the runtime stops: every P ends up here (I7)
  set_current_m(nullptr);
}

}  // namespace

void acquirep(m *mp, struct p *pp) noexcept {
  HEDDLE_INV("I6", mp->p == nullptr && pp->m.get() == nullptr && pp->status == pstatus::idle);
  mp->p = pp;
  pp->m.set(mp);
  pp->status = pstatus::running;
}

struct p *releasep(m *mp) noexcept {
  struct p *pp = mp->p;
  HEDDLE_INV("I6", pp != nullptr && pp->m.get() == mp && pp->status == pstatus::running);
  mp->p = nullptr;
  pp->m.set(nullptr);
  pp->status = pstatus::idle;
  return pp;
}

m *allocm(schedt &sched) noexcept {
  m *mp = new (std::nothrow) m();
  if (mp == nullptr) return nullptr;
  mp->sched = &sched;
  mp->g0.sched.g = &mp->g0;
  const std::lock_guard hold(sched.lock);
  mp->id = sched.mnext.get();
  sched.mnext.set(mp->id + 1);
  mp->cheaprand = sched.seed + static_cast<std::uint64_t>(mp->id) * 0x9e3779b97f4a7c15u;
  return mp;
}

void allmadd(schedt &sched, m *mp) noexcept {
  const std::lock_guard hold(sched.lock);
  mp->alllink = sched.allm.get();
  sched.allm.set(mp);
}

bool newm(schedt &sched, struct p *pp, bool spinning) noexcept {
  // Counted before it exists, so that checkdead never takes an M that is being born for a sleeping one (B10).
  // relaxed: checkdead reads it after it has acquired midle's count, which the creator's own idling comes before.
  if (sched.mcount.fetch_add(1, relaxed) >= sched.options.threads_max) {
    sched.mcount.fetch_sub(1, relaxed);  // relaxed: as above
    return false;
  }
  m *mp = allocm(sched);
  if (mp != nullptr) {
    mp->nextp.set(pp);
    mp->spinning = spinning;
    if (thread_start(mp->handle, mstart, mp)) {
      allmadd(sched, mp);  // not before: joinms may be looking, and joins whatever is there
      return true;
    }
    delete mp;
  }
  sched.mcount.fetch_sub(1, relaxed);  // relaxed: as above
  return false;
}

void joinms(schedt &sched) noexcept {
  while (sched.foreigners.load(acquire) != 0) thread_yield();  // acquire: pairs with ~foreign_call. [STOP-2]
  // Ms that are still running may start others, which then stand before what has been joined; whoever starts an M lists
  // it before he ends, so nobody is left when all that are listed have been joined.
  for (m *joined = nullptr;;) {
    sched.lock.lock();
    m *head = sched.allm.get();
    sched.lock.unlock();
    if (head == joined) return;
    for (m *mp = head; mp != joined; mp = mp->alllink)
      if (mp != sched.m0) thread_join(mp->handle);
    joined = head;
  }
}

HEDDLE_END
