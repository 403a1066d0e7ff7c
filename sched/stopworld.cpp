// Stopping all Ps (stop_the_world), having each P do something (for_each_p), and stopping the runtime: three requests
// with one protocol. Source: stopTheWorldWithSema, startTheWorldWithSema, gcstopm, forEachP of Go's proc.go; Go does
// all of it under sched.lock, together with the idle lists, which take no lock here.
//
// The asker (the party that makes a request):
//   A1 under sched.lock: set the count for this request, then set its bit in attention
//   A2 set every P's preempt flag
//   A3 heavy fence
//   A4 heed_unowned: see to every P that no M runs
//   A5 sleep until the count is 0
//
// Where a P is at any moment, and which party sees to it:
//   An M runs it. The M heeds attention at the top of find_runnable. A goroutine that runs meanwhile comes there from
//     its next safepoint: the flag that A2 sets is the P's and stays set, whichever M has the P, until take_preempt
//     clears it. The top of find_runnable follows take_preempt, and the M that takes the asker's request sees
//     attention: the request is a release, taking it is an acquire, and requests are RMWs, so that a later one
//     (sysmon's) passes an earlier one on. A flag that was taken before A2 is set again by A2. (ATTN-2)
//   It is on its way: one thread holds it, or it is in nextp, newmhandoff or lockedwait. A thread that holds it cannot
//     give way (B12) and passes it on or puts it on pidle. An M that gets it comes to the top of find_runnable, or, if
//     it has a goroutine already (one that is back from its call, or one that is locked to the M), to that goroutine's
//     next safepoint.
//   It is on pidle. The asker finds it in A4, or it was put later. Then the party that has put it passes a full fence
//     after that and reads attention: one of the two sees the other (ATTN-1, below). That party calls heed_unowned
//     before it takes any P back (drop_p): it might take another P, which has been seen to already, and leave its own.
//   A goroutine in a call has it. The asker finds it in A4, or the call began later: then entersyscall passes a light
//     fence after it has set the status, and reads attention (ATTN-1). The P is taken by the scan bit of the goroutine.
//     heed_unowned waits for a scan bit that another thread holds: that thread may want another P and leave this one.
//     If it takes this one, it holds it: the second case.
// A call or an idle P that ends before any party has come to it is the first case again: A2 was before A4.
//
//   ATTN-1:  Asker                         Party that puts a P on pidle     entersyscall
//            A1 set the bit in attention   put the P on pidle               status := syscall
//            A3 heavy fence                full fence                       light fence
//            A4 read pidle and the calls   read attention                   read attention
//
// Each P is counted once: the decrement of the count, the look at the bit and the P's move (or its safepointdue) are
// one step under sched.lock. The party that brings the count to 0 wakes the asker; the asker's own share keeps it from
// being woken before it sleeps (I28). The asker alone takes Ps out of the state gcstop and clears a bit. A party that
// acts on an attention that is over finds it cleared under the lock, before any P is idle or running again, or finds
// the bit of the next request, for which it then works. One asker at a time has worldsema: stops and safepoints are
// never asked for at once. A stop of the runtime needs no semaphore and counts nothing: Ms leave, and the Ps that they
// leave behind on pidle are stopped as any others.
//
// An asker may wait for a limited time only (dump does). Then it adds to the count, under the lock, what no countdown
// uses up, so that no party wakes it any more; unless the count is 0 already: then it waits for the wake that must come.
// A P that stops later stops as any other, and the start finds it in state gcstop, under the lock in which it clears the
// bit; a P that has not stopped is left alone. (I28, I29)
//
// A stop gives back what it takes from the delicate dance: spinning Ms are uncounted without a last look (heed), so the
// start wakes an M whatever work there is; promises made while no P was idle are read after the Ps have been put.
// for_each_p holds idle Ps for a moment, under the lock, and reads the promises made meanwhile after it has put them
// back.
#include <algorithm>
#include <mutex>

#include "sched/deadlock.hpp"
#include "sched/hog.hpp"
#include "sched/locked.hpp"
#include "sched/m.hpp"
#include "sched/status.hpp"
#include "sched/stopworld.hpp"
#include "sched/syscall.hpp"
#include "sched/sysmon.hpp"
#include "sched/wake.hpp"
#include "sched/yield.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

void set_attention(schedt &sched, std::uint32_t bits) noexcept {
  sched.attention.store(bits, relaxed);  // relaxed: under lock; the askers' fence orders it [ATTN-1]
}
std::uint32_t get_attention(const schedt &sched) noexcept {
  return sched.attention.load(relaxed);  // relaxed: under lock
}

constexpr std::int32_t beyond_count = 1 << 30;  // more Ps and hogs than there can be

bool counted_down(plain<std::int32_t> &count) noexcept {
  count.set(count.get() - 1);
  HEDDLE_INV("I28", count.get() >= 0);
  return count.get() == 0;
}

// Under lock, the caller holds pp: calls safepointfn if it is due on pp. True: it was the last call.
bool run_safepoint(schedt &sched, struct p *pp) noexcept {
  if (!pp->safepointdue.get()) return false;
  pp->safepointdue.set(false);
  sched.safepointfn.get()(sched.safepointarg.get(), pp);
  return counted_down(sched.safepointwait);
}

// Under lock. Takes all idle Ps, linked.
struct p *take_idle(schedt &sched) noexcept {
  struct p *list = nullptr;
  while (struct p *pp = sched.pidle.get()) {
    pp->link.set(list);
    list = pp;
  }
  return list;
}

// The counts that have come to 0. One thread's: a value.
struct finished {
  bool world = false, safepoint = false;
};

void wake_asker(schedt &sched, finished f) noexcept {
  if (f.world) sched.stopnote.notewakeup();
  if (f.safepoint) sched.safepointnote.notewakeup();
}

finished heed_idle(schedt &sched, bool world) noexcept {
  finished f;
  for (struct p *pp = take_idle(sched), *next; pp != nullptr; pp = next) {
    next = pp->link.get();
    if (world) {
      setpstatus<pstatus::idle, pstatus::gcstop>(pp);
      f.world |= counted_down(sched.stopwait);
    } else {
      f.safepoint |= run_safepoint(sched, pp);
      sched.pidle.put(pp);
    }
  }
  return f;
}

finished heed_calls(schedt &sched, bool world) noexcept {
  finished f;
  const std::int32_t n = sched.gomaxprocs.load(acquire);  // acquire: pairs with procresize [PROCS-1]
  for (std::int32_t i = 0; i < n; ++i) {
    struct p *pp = sched.allp[i].get();
    g *gp = block_exitsyscall(pp);
    if (gp == nullptr) continue;
    if (world) {
      takep(pp, pp->m.load(relaxed));  // relaxed: the scan bit keeps it
      setpstatus<pstatus::idle, pstatus::gcstop>(pp);
      f.world |= counted_down(sched.stopwait);
    } else {
      f.safepoint |= run_safepoint(sched, pp);
    }
    resume_exitsyscall(gp);
  }
  return f;
}

// Asks every goroutine that runs, other than the asker, to give way.
void preemptall(schedt &sched, const struct p *own) noexcept {
  const std::int32_t n = sched.gomaxprocs.load(acquire);  // acquire: pairs with procresize [PROCS-1]
  for (std::int32_t i = 0; i < n; ++i)
    if (sched.allp[i].get() != own) preemptone(sched.allp[i].get());
}

// The asker waits no longer. True: all have stopped all the same, and the last one is about to wake it. False: no party
// will wake it any more.
bool all_stopped_late(schedt &sched) noexcept {
  const std::lock_guard hold(sched.lock);
  if (sched.stopwait.get() == 0) return true;
  sched.stopwait.set(sched.stopwait.get() + beyond_count);
  return false;
}

// Begins a request: the caller has worldsema, does not give way, and keeps its P, if it has one, until end_asking.
m *begin_asking(schedt &sched) noexcept {
  m *mp = getm();
  leave_user(mp);
  if (mp->incall == 0 && mp->p.get() == nullptr) gosched(mp);  // a hog; in a call p may change
  semacquire(sched);
  mp = getm();
  acquirem(mp);
  return mp;
}

// Ends a request. It does so before anything else may be asked for: what was asked for has ended, or the next request
// would find it half done (B15). And it does so before the goroutine may give way, or others would wait for the
// semaphore as long as the goroutine waits for its turn (B55).
void end_asking(schedt &sched, m *mp) noexcept {
  semrelease(sched);
  leave_running(sched);
  releasem(mp);
  if (sched.options.hogs_max != 0) enter_user(getm());
}

}  // namespace

// A hog has come back. Caller: its M, under lock. True: it was the last that the asker waited for, and the caller must
// wake the asker. [HOG-4]
bool uncount_hog(schedt &sched) noexcept {
  return (get_attention(sched) & attention_world) != 0 && counted_down(sched.stopwait);
}

void preemptone(struct p *pp) noexcept {
  // release: pairs with take_preempt: the M that takes the request sees its reason. An RMW, so that the M sees it also
  // where another party has asked for the same P later. [ATTN-2]
  pp->preempt.exchange(1, release);
}

// Does what attention asks for to every P that no M runs. Caller: any thread that holds no lock: the asker after A3, or
// a party that has left a P to no M, after its fence. Blocks: only on the lock and on a scan bit, each for a few
// instructions.
void heed_unowned(schedt &sched) noexcept {
  finished f;
  {
    const std::lock_guard hold(sched.lock);
    const std::uint32_t attention = get_attention(sched);
    const bool world = (attention & attention_world) != 0;
    if ((attention & (attention_world | attention_safepoint)) != 0) {
      const finished idle = heed_idle(sched, world), calls = heed_calls(sched, world);
      f = {idle.world || calls.world, idle.safepoint || calls.safepoint};
    }
    if ((attention & attention_stop) != 0) {
      sched.midle.drain([&sched](m *mp) { wakem(sched, mp); });
      for (m *mp = sched.allm.get(); mp != nullptr; mp = mp->alllink.get()) stop_lockedm(mp);
    }
  }
  // pidle, where heed_idle put Ps back, against needspinning; partner: promise. The callers read it. [DANCE-3]
  fence(seq_cst);
  wake_asker(sched, f);
}

// Does what attention asks of an M with a P at the top of find_runnable. False: the M must leave the schedule loop.
bool heed(m *mp) noexcept {
  schedt &sched = *mp->sched;
  for (;;) {
    finished f;
    {
      const std::lock_guard hold(sched.lock);
      const std::uint32_t attention = get_attention(sched);
      if ((attention & attention_world) != 0) {
        if (mp->spinning.get())
          stop_spinning(mp);  // owes no last look: start_the_world looks for work after this (I13)
        setpstatus<pstatus::idle, pstatus::gcstop>(releasep(mp));
        f.world = counted_down(sched.stopwait);
      } else if ((attention & attention_stop) != 0) {
        return false;
      } else if ((attention & attention_safepoint) != 0) {
        f.safepoint = run_safepoint(sched, mp->p.get());
      }
    }
    wake_asker(sched, f);
    if (mp->p.get() != nullptr) return true;
    stopm(mp);
    if (mp->p.get() == nullptr) return false;
    // With this P mp has come from the bottom of the loop, and something may have been asked for again. relaxed: as in
    // find_runnable. [ATTN-1]
    if (sched.attention.load(relaxed) == 0) return true;
  }
}

// The asker's part. Returns when every P is in state gcstop; the caller's own stays wired to its M. Caller: a
// goroutine, also inside blocking(f); a thread that is no M, as an extra M. It may not park until start_the_world.
// Blocks: the M. Errors: none; a goroutine that never comes to a safepoint makes it wait, until `when` at the latest.
// False: that time is over. Goroutines that compute go on; each P that is in no such one's hands is in state gcstop, and
// no goroutine begins to run before start_the_world.
bool stop_the_world(schedt &sched, std::int64_t when) noexcept {
  m *mp = begin_asking(sched);
  struct p *own = own_p(sched, mp);
  sched.nmrunning.fetch_add(1,
                            relaxed);  // relaxed: as in newm; no deadlock is reported meanwhile [DEAD-1]
  {
    const std::lock_guard hold(sched.lock);
    sched.stopwait.set(sched.gomaxprocs.load(relaxed) + sched.hogs.get() + 1);  // relaxed: worldsema
    set_attention(sched, get_attention(sched) | attention_world);
    if (own != nullptr) {
      setpstatus<pstatus::running, pstatus::gcstop>(own);
      counted_down(sched.stopwait);
    }
  }
  preemptall(sched, own);
  fence_heavy();  // attention against pidle and the calls; partners: entersyscall, putting a P on pidle. [ATTN-1]
  heed_unowned(sched);
  sched.lock.lock();
  const bool all = counted_down(sched.stopwait);
  sched.lock.unlock();
  if (all) return true;
  if (when == never) {
    sched.stopnote.notesleep();
  } else if (!sched.stopnote.notetsleep(std::max<std::int64_t>(when - nanotime(), 0))) {
    if (!all_stopped_late(sched)) return false;
    sched.stopnote.notesleep();
  }
  sched.stopnote.noteclear();
  return true;
}

// Ends the stop. Caller: the party that has stopped the world, perhaps after procresize.
void start_the_world(schedt &sched) noexcept {
  m *mp = getm();
  struct p *own = own_p(sched, mp), *stopped = nullptr, *with_work = nullptr;
  const std::int32_t n = sched.gomaxprocs.load(relaxed);  // relaxed: worldsema
  {
    const std::lock_guard hold(sched.lock);
    const std::uint32_t rest = get_attention(sched) & ~attention_world;
    set_attention(sched, rest);
    sched.stopwait.set(0);
    for (std::int32_t i = 0; i < n; ++i) {
      struct p *pp = sched.allp[i].get();
      if (pp == own) continue;
      // This request is over; a stop of the runtime is not, if one was asked for, and Ps may be new since that.
      pp->preempt.store(rest, relaxed);                           // relaxed: under lock
      if (pp->status.load(relaxed) != pstatus::gcstop) continue;  // relaxed: under lock
      pp->link.set(stopped);
      stopped = pp;
    }
  }
  if (own != nullptr) setpstatus<pstatus::gcstop, pstatus::running>(own);
  for (struct p *pp = stopped, *next; pp != nullptr; pp = next) {
    next = pp->link.get();
    setpstatus<pstatus::gcstop, pstatus::idle>(pp);
    if (pp->runq.runqempty()) {
      sched.pidle.put(pp);
    } else {
      pp->link.set(with_work);
      with_work = pp;
    }
  }
  // Lists all of them before the first M starts: it would steal from those that wait for theirs (B33).
  for (struct p *pp = with_work, *next; pp != nullptr; pp = next) {
    next = pp->link.get();
    if (stopping(sched))
      sched.pidle.put(pp);  // a thread from outside may be all that is left here: it starts no M (STOP-2)
    else
      startm(sched, pp, false);
  }
  // pidle against needspinning and attention; partners: promise, stop. [DANCE-3, ATTN-1]
  fence(seq_cst);
  after_idling(sched);
  if (!stopping(sched)) wakep(sched);  // for the work that spinning Ms have left undone (I13)
  end_asking(sched, mp);
}

// Runs fn(arg, pp) once for each P, on a thread that holds that P at the moment, with sched.lock held: fn must be short
// and may not call this function. Ps that run, go idle, or make calls meanwhile go on. Caller, Blocks: as
// stop_the_world.
void for_each_p(schedt &sched, void (*fn)(void *, struct p *), void *arg) noexcept {
  m *mp = begin_asking(sched);
  struct p *own = own_p(sched, mp);
  sched.nmrunning.fetch_add(1, relaxed);  // relaxed: as in stop_the_world [DEAD-1]
  {
    const std::lock_guard hold(sched.lock);
    const std::int32_t n = sched.gomaxprocs.load(relaxed);  // relaxed: worldsema
    sched.safepointfn.set(fn);
    sched.safepointarg.set(arg);
    sched.safepointwait.set(n + 1);
    for (std::int32_t i = 0; i < n; ++i) sched.allp[i].get()->safepointdue.set(true);
    set_attention(sched, get_attention(sched) | attention_safepoint);
    if (own != nullptr) run_safepoint(sched, own);
  }
  preemptall(sched, own);
  fence_heavy();  // as in stop_the_world. [ATTN-1]
  heed_unowned(sched);
  after_idling(sched);
  sched.lock.lock();
  const bool all = counted_down(sched.safepointwait);
  sched.lock.unlock();
  if (!all) {
    sched.safepointnote.notesleep();
    sched.safepointnote.noteclear();
  }
  {
    const std::lock_guard hold(sched.lock);
    set_attention(sched, get_attention(sched) & ~attention_safepoint);
  }
  end_asking(sched, mp);
}

void stop(schedt &sched) noexcept {
  {
    const std::lock_guard hold(sched.lock);
    set_attention(sched, get_attention(sched) | attention_stop);
  }
  // attention against midle, foreigners and sysmonwait; partners: stopm, foreign_call, sysmon_sleep.
  // [ATTN-1, STOP-2, SYSMON-2]
  fence(seq_cst);
  preemptall(sched, nullptr);  // reaches also goroutines that do nothing but pass safepoints
  heed_unowned(sched);
  semstop(sched);
  if (sched.sysmonwait.load(relaxed) != sysmon_awake) wake_sysmon(sched);  // relaxed: ordered by the fence
}

HEDDLE_DETAIL_END
