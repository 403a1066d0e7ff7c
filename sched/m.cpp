// Threads and how they are wired to Ps. Source: newm, allocm, mstart, mexit, acquirep, releasep of Go's proc.go.
#include <algorithm>
#include <cerrno>
#include <mutex>
#include <new>

#include "sched/deadlock.hpp"
#include "sched/m.hpp"
#include "sched/refused.hpp"
#include "sched/schedule.hpp"
#include "sched/status.hpp"
#include "sched/sysmon.hpp"
#include "sched/wake.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

void mstart(void *arg) {
  m *mp = static_cast<m *>(arg);
  set_current_m(mp, &mp->asked);
  fiber_attach_thread(mp->g0.fiber);
  struct p *pp = mp->nextp.get();
  mp->nextp.set(nullptr);
  acquirep(mp, pp);
  schedule(mp);
  if (mp->exiting.get()) return mexit(mp);
  leave_p(mp);
  set_current_m(nullptr);
}

// No thread is cloned from one that a goroutine may have changed (its signal mask, its namespaces, its priority), or
// that is not the runtime's (I41): sysmon clones it then.
bool tainted(const m *mp) noexcept { return mp == nullptr || mp->tainted.get() || mp->incall != 0; }

// Counts an M that is to be born, if there may be one more.
bool reserve_m(schedt &sched) noexcept {
  std::int32_t n = sched.mcount.load(relaxed);  // relaxed: validated by the CAS
  do {
    if (n >= sched.options.threads_max) return false;
    // relaxed: only their number counts; what follows from a full count is ordered by put_back's fence. [DANCE-5]
    // relaxed on failure: as the load.
  } while (!sched.mcount.compare_exchange_weak(n, n + 1, relaxed, relaxed));
  // Counts the M before it exists, so that checkdead never takes an M that is being born for a sleeping one (B10).
  count_awake(sched);
  return true;
}

bool newm1(schedt &sched, struct p *pp, bool spinning) noexcept {
  m *mp = sched.mfree.pop();
  if (mp == nullptr) mp = allocm(sched);
  if (mp == nullptr) {
    count_refusal(sched, "memory for a thread", ENOMEM);
    return false;
  }
  mp->nextp.set(pp);
  mp->spinning.set(spinning);
  mp->exiting.set(false);
  mp->tainted.set(false);
  // The thread that starts mp records that after the start, not before: joinms may be looking, and joins every M that
  // is recorded as started.
  const std::int32_t error = thread_start(mp->handle, mstart, mp);
  if (error == 0) {
    const std::lock_guard hold(sched.lock);
    mp->started.set(true);
    return true;
  }
  count_refusal(sched, "thread", error);
  mp->nextp.set(nullptr);
  mp->spinning.set(false);
  sched.mfree.push(mp);
  return false;
}

}  // namespace

void wirep(m *mp, struct p *pp) noexcept {
  mp->p.set(pp);
  mp->asked.store(&pp->preempt, relaxed);  // relaxed: seen at the next safepoint, if not now
  pp->m.store(mp, release);                // release: pairs with block_exitsyscall: mp as it was made. [SYSCALL-2]
}

void acquirep(m *mp, struct p *pp) noexcept {
  HEDDLE_INV("I6", mp->p.get() == nullptr && pp->m.load(relaxed) == nullptr);  // relaxed: this thread holds pp
  wirep(mp, pp);
  pp->since.set(nanotime());
  setpstatus<pstatus::idle, pstatus::running>(pp);
}

struct p *releasep(m *mp) noexcept {
  struct p *pp = mp->p.get();
  HEDDLE_INV("I6", pp != nullptr && pp->m.load(relaxed) == mp);  // relaxed: own P
  mp->p.set(nullptr);
  pp->m.store(nullptr, relaxed);  // relaxed: a hint for threads that do not hold pp
  setpstatus<pstatus::running, pstatus::idle>(pp);
  return pp;
}

// The runtime stops, or the thread has other things to do: puts mp's P on pidle, if mp has one, whatever is left in its
// queues.
void leave_p(m *mp) noexcept {
  schedt &sched = *mp->sched;
  if (mp->spinning.get()) stop_spinning(mp);
  if (mp->p.get() == nullptr) return;
  sched.pidle.put(releasep(mp));
  fence(seq_cst);  // pidle against attention; partner: stop_the_world. [ATTN-1]
  after_idling(sched);
}

// mp's thread will not come back: gives its P up. The P may hold what was put there without a wake-up, because this M
// would go on.
void abandon_p(m *mp) noexcept {
  if (stopping(*mp->sched)) return leave_p(mp);
  if (mp->p.get() != nullptr) handoffp(*mp->sched, releasep(mp));
}

m *allocm(schedt &sched, bool borrowed) noexcept {
  m *mp = new (std::nothrow) m();
  if (mp == nullptr) return nullptr;
  mp->sched = &sched;
  mp->borrowed = borrowed;
  mp->asked.store(&sched.always, relaxed);  // relaxed: other threads see mp later; it has no P yet
  mp->g0.sched.g = &mp->g0;
  const std::lock_guard hold(sched.lock);
  mp->id = sched.mnext.get();
  sched.mnext.set(mp->id + 1);
  mp->cheaprand = sched.seed + static_cast<std::uint64_t>(mp->id) * 0x9e3779b97f4a7c15u;
  mp->alllink.set(sched.allm.get());
  sched.allm.set(mp);
  return mp;
}

// Ends an M while the runtime goes on. Its thread is joined by sysmon, or when the runtime stops.
void mexit(m *mp) noexcept {
  schedt &sched = *mp->sched;
  sched.mcount.fetch_sub(1, relaxed);  // relaxed: ordered by the fence. First: the P's next M may be its successor
  abandon_p(mp);
  fence(seq_cst);  // mcount against needspinning; partner: put_back, where an M was one too many. [DANCE-5]
  after_idling(sched);
  set_current_m(nullptr);
  leave_running(sched);  // after the hand-off, or no thread would look after what it woke
  sched.freem.push(mp);  // the last touch
  leave_idle(sched);     // sysmon must not sleep deep beside it, as checkdead waits for the join
}

// Starts a thread for pp, or has the template thread (sysmon) do so. Unless it returns begun, nothing has changed.
// Caller: any thread that holds pp.
birth newm(schedt &sched, struct p *pp, bool spinning) noexcept {
  if (!reserve_m(sched)) return birth::full;
  if (sched.options.sysmon && tainted(getm())) {
    pp->startspinning.set(spinning);
    sched.newmhandoff.push(pp);
    fence(seq_cst);  // newmhandoff against sysmonwait and attention; partners: sysmon_sleep, sysmon's end. [SYSMON-2]
    if (stopping(sched))
      abandon_handed_off(sched);
    else if (sched.sysmonwait.load(relaxed) != sysmon_awake)  // relaxed: ordered by the fence
      wake_sysmon(sched);
    return birth::begun;
  }
  if (newm1(sched, pp, spinning)) return birth::begun;
  unnewm(sched);
  return birth::refused;
}

// The template thread's part of newm. Caller: a thread that holds pp.
void start_clean_m(schedt &sched, struct p *pp) noexcept {
  const bool spinning = pp->startspinning.get();
  if (newm1(sched, pp, spinning)) return;
  unnewm(sched);
  if (put_back(sched, pp, spinning, birth::refused)) after_idling(sched);
}

void unnewm(schedt &sched) noexcept {
  sched.mcount.fetch_sub(1, relaxed);     // relaxed: as in newm
  sched.nmrunning.fetch_sub(1, relaxed);  // relaxed: the caller is running, and comes to checkdead later. [DEAD-1]
}

namespace {

// How long the end of a runtime has taken, and may take. One thread's.
class patience {
 public:
  patience(schedt &sched, std::int64_t until) noexcept : sched_(sched), until_(until), next_(until) {
    if (sched.options.tell_waiting != nullptr) next_ = std::min(until, nanotime() + wait_untold);
  }
  std::int64_t next() const noexcept { return next_; }
  // The time next() has come: tells once what is waited for. False: there is no more time.
  bool go_on() noexcept {
    if (next_ == until_) return false;
    tell_waiting(sched_);
    next_ = until_;
    return true;
  }
  void wait_for_foreigners() noexcept {
    // acquire: pairs with ~foreign_call. [STOP-2]
    for (backoff turn; !over_ && sched_.foreigners.load(acquire) != 0;) {
      turn.wait();
      if (next_ != never && nanotime() >= next_) over_ = !go_on();
    }
  }
  bool join(m *mp) noexcept {
    while (!over_ && !thread_join_until(mp->handle, next_)) over_ = !go_on();
    return !over_;
  }
  bool over() const noexcept { return over_; }

 private:
  schedt &sched_;
  const std::int64_t until_;
  std::int64_t next_;
  bool over_ = false;
};

// Joins mp's thread, if it has one. True: it had, and has been joined.
template <class Join>
bool join_started(schedt &sched, m *mp, Join &&join) noexcept {
  sched.lock.lock();
  const bool started = mp->started.get();
  sched.lock.unlock();
  if (!started || !join()) return false;
  const std::lock_guard hold(sched.lock);
  mp->started.set(false);
  return true;
}

}  // namespace

void tell_waiting(schedt &sched) noexcept {
  // relaxed: one of the threads tells, no matter which.
  if (sched.toldwaiting.exchange(1, relaxed) == 0) sched.options.tell_waiting(sched, false);
}

bool joinm(schedt &sched, m *mp) noexcept {
  return join_started(sched, mp, [mp] {
    thread_join(mp->handle);
    return true;
  });
}

bool joinms(schedt &sched, std::int64_t until) noexcept {
  patience so_far(sched, until);
  so_far.wait_for_foreigners();
  stop_sysmon(sched);
  // An M that is still running may start another, and records that before it ends; so no thread is left when a whole
  // round has found none.
  for (bool again = true; again && !so_far.over();) {
    again = false;
    sched.lock.lock();
    m *const head = sched.allm.get();
    sched.lock.unlock();
    for (m *mp = head; mp != nullptr; mp = mp->alllink.get())
      again |= join_started(sched, mp, [&so_far, mp] { return so_far.join(mp); });
  }
  so_far.wait_for_foreigners();  // one of the threads just joined may have woken an M in a call
  if (so_far.over() && sched.options.tell_waiting != nullptr) sched.options.tell_waiting(sched, true);
  return !so_far.over();
}

HEDDLE_DETAIL_END
