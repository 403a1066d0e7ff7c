// Threads and their wiring to Ps. Source: newm, allocm, mstart, mexit, acquirep, releasep of Go's proc.go.
#include <mutex>
#include <new>

#include "sched/proc.hpp"
#include "sched/status.hpp"

HEDDLE_BEGIN

namespace {

// The end of an M while the runtime goes on. Its thread is joined by sysmon, or when the runtime stops.
void mexit(m *mp) noexcept {
  schedt &sched = *mp->sched;
  if (mp->p.get() != nullptr) handoffp(sched, releasep(mp));
  set_current_m(nullptr);
  // After the hand-off, or nobody would look after what it woke. acq_rel: as in sleepm. [DEAD-1]
  if (sched.nmrunning.fetch_sub(1, acq_rel) == 1) checkdead(sched);
  sched.mcount.fetch_sub(1, relaxed);  // relaxed: only threads_max counts them
  sched.freem.push(mp);                // the last touch
}

void mstart(void *arg) {
  m *mp = static_cast<m *>(arg);
  set_current_m(mp);
  fiber_attach_thread(mp->g0.fiber);
  struct p *pp = mp->nextp.get();
  mp->nextp.set(nullptr);
  acquirep(mp, pp);
  schedule(mp);
  if (mp->exiting) return mexit(mp);
  leave_p(mp);
  set_current_m(nullptr);
}

// No thread is cloned from one that a goroutine may have changed - its signal mask, its namespaces, its priority - or
// that is not ours (I41): sysmon clones it then.
bool tainted(const m *mp) noexcept { return mp == nullptr || mp->tainted || mp->incall != 0; }

bool newm1(schedt &sched, struct p *pp, bool spinning) noexcept {
  m *mp = sched.mfree.pop();
  if (mp == nullptr) mp = allocm(sched);
  if (mp == nullptr) return false;
  mp->nextp.set(pp);
  mp->spinning = spinning;
  mp->exiting = mp->tainted = false;
  // Listed by who starts it, not before: joinms may be looking, and joins whatever has been started.
  if (thread_start(mp->handle, mstart, mp)) {
    const std::lock_guard hold(sched.lock);
    mp->started = true;
    return true;
  }
  mp->nextp.set(nullptr);
  mp->spinning = false;
  sched.mfree.push(mp);
  return false;
}

}  // namespace

void acquirep(m *mp, struct p *pp) noexcept {
  HEDDLE_INV("I6", mp->p.get() == nullptr && pp->m.load(relaxed) == nullptr);  // relaxed: we hold pp
  mp->p.set(pp);
  pp->m.store(mp, release);  // release: pairs with block_exitsyscall: mp as it was made. [SYSCALL-2]
  setpstatus<pstatus::idle, pstatus::running>(pp);
}

struct p *releasep(m *mp) noexcept {
  struct p *pp = mp->p.get();
  HEDDLE_INV("I6", pp != nullptr && pp->m.load(relaxed) == mp);  // relaxed: own P
  mp->p.set(nullptr);
  pp->m.store(nullptr, relaxed);  // relaxed: a hint for those who do not hold pp
  setpstatus<pstatus::running, pstatus::idle>(pp);
  return pp;
}

// The runtime stops, or the thread has other things to do: mp's P, if it has one, goes idle, whatever is left in it.
void leave_p(m *mp) noexcept {
  schedt &sched = *mp->sched;
  if (mp->spinning) stop_spinning(mp);
  if (mp->p.get() == nullptr) return;
  sched.pidle.put(releasep(mp));
  fence(seq_cst);  // pidle against attention; partner: ask. [ATTN-1]
  after_idling(sched);
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
  mp->alllink = sched.allm.get();
  sched.allm.set(mp);
  return mp;
}

// Starts a thread for pp, or has the template thread do so. False: threads_max is reached or the system refuses; then nothing
// has changed. Caller: any thread that holds pp in its hands.
bool newm(schedt &sched, struct p *pp, bool spinning) noexcept {
  // Counted before it exists, so that checkdead never takes an M that is being born for a sleeping one (B10), and
  // threads_max holds. relaxed: an RMW carries the ends of the others on; ours comes later. [DEAD-1]
  sched.nmrunning.fetch_add(1, relaxed);
  if (sched.mcount.fetch_add(1, relaxed) < sched.options.threads_max) {  // relaxed: only their number counts
    if (sched.options.sysmon && tainted(getm())) {
      pp->startspinning = spinning;
      sched.newmhandoff.push(pp);
      // newmhandoff against sysmonwait and attention; partners: sysmon_sleep, the end of sysmon. [SYSMON-2, STOP-2]
      fence(seq_cst);
      if (stopping(sched)) take_back_handed_off(sched);                        // sysmon may have ended
      if (sched.sysmonwait.load(relaxed) != sysmon_awake) wake_sysmon(sched);  // relaxed: ordered by the fence
      return true;
    }
    if (newm1(sched, pp, spinning)) return true;
  }
  unnewm(sched);
  return false;
}

// The template thread's part of newm. pp is in its hands.
void start_clean_m(schedt &sched, struct p *pp) noexcept {
  const bool spinning = pp->startspinning;
  if (newm1(sched, pp, spinning)) return;
  unnewm(sched);
  if (put_back(sched, pp, spinning)) after_idling(sched);
}

// The runtime stops: Ps that wait for an M get none. Who stops the world may wait for them.
void take_back_handed_off(schedt &sched) noexcept {
  while (struct p *pp = sched.newmhandoff.pop()) {
    unnewm(sched);
    put_back(sched, pp, pp->startspinning);
  }
}

void unnewm(schedt &sched) noexcept {
  sched.mcount.fetch_sub(1, relaxed);     // relaxed: as in newm
  sched.nmrunning.fetch_sub(1, relaxed);  // relaxed: the caller is running, and comes to checkdead later. [DEAD-1]
}

bool joinm(schedt &sched, m *mp) noexcept {
  sched.lock.lock();
  const bool started = mp->started;
  sched.lock.unlock();
  if (!started) return false;
  thread_join(mp->handle);
  const std::lock_guard hold(sched.lock);
  mp->started = false;
  return true;
}

void joinms(schedt &sched) noexcept {
  while (sched.foreigners.load(acquire) != 0) thread_yield();  // acquire: pairs with ~foreign_call. [STOP-2]
  stop_sysmon(sched);
  // An M that is still running may start another, and says so before it ends; so nobody is left when a whole round has
  // found nobody.
  for (bool again = true; again;) {
    again = false;
    sched.lock.lock();
    m *const head = sched.allm.get();
    sched.lock.unlock();
    for (m *mp = head; mp != nullptr; mp = mp->alllink) again |= joinm(sched, mp);
  }
}

HEDDLE_END
