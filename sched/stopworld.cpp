// Stopping all Ps (stop_the_world), having each P do something (for_each_p), and stopping the runtime: three questions
// with one protocol. Source: stopTheWorldWithSema, startTheWorldWithSema, gcstopm, forEachP of Go's proc.go; there under
// sched.lock with the idle lists, which take no lock here.
//
//   Asker:  A1 under sched.lock: what is counted for him, then his bit in attention    A2 every P's preempt flag
//           A3 heavy fence    A4 heed_unowned: every P that nobody runs    A5 sleeps until the count is 0
//
// Where a P is at any moment, and who sees to it:
//   An M runs it. The M heeds attention at the top of find_runnable. A goroutine that runs meanwhile comes there from its
//     next safepoint: A2's flag is the P's and stays, whichever M has the P, until take_preempt. That is followed by the
//     top, and who takes the asker's request sees attention: release, acquire, and requests are RMWs, so that a later one,
//     of sysmon, passes an earlier one on. A flag that was taken before A2 is set again by A2. (ATTN-2)
//   It is on its way: in somebody's hands, in nextp, newmhandoff or lockedwait. Who has it in his hands cannot give way
//     (B12) and passes it on or puts it. An M that gets it comes to the top, or, if it has a goroutine already - one back
//     from its call, one that is locked to it - to that one's next safepoint.
//   It is on pidle. The asker finds it in A4, or it was put later. Then who has put it has a full fence after that and then
//     reads attention; with A1, A3 and A4 one of the two sees the other (ATTN-1). He calls heed_unowned before he takes any
//     P back (drop_p): he might take another one, which has been seen to, and leave his own.
//   A goroutine in a call has it. The asker finds it in A4, or the call began later: then entersyscall has a light fence
//     after the status and reads attention, and A3 is heavy (ATTN-1). It is taken by the scan bit of the goroutine.
//     heed_unowned waits for a scan bit that another one holds: he may want another P and leave this one. If he takes this
//     one, it is in his hands.
// A call or an idle P that ends before anybody has come is the first case again: A2 was before A4.
//
// Each P is counted once: the count, the look at the bit and the P's move (or its safepointdue) are one step under
// sched.lock. Who brings the count to 0 wakes the asker; the asker's own share keeps him from being woken before he sleeps
// (I28). Ps leave the state gcstop, and a bit is cleared, by the asker alone. Who acts on an attention that is over finds
// it cleared under the lock, before any P is idle or running again, or finds the next one's, for whom he then works.
// One asker at a time has worldsema: stops and safepoints are never asked for at once. A stop of the runtime needs no
// semaphore and counts nothing: Ms leave, and the Ps that they leave behind on pidle are stopped as any others.
//
// What a stop takes from the delicate dance it gives back: spinning Ms are uncounted without a last look (heed), so the
// start wakes one whatever there is; promises made while no P was idle are read after the Ps have been put. for_each_p has
// idle Ps in its hands for a moment, under the lock, and reads the promises made meanwhile after it has put them back.
#include <mutex>

#include "sched/deadlock.hpp"
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

bool counted_down(plain<std::int32_t> &count) noexcept {
  count.set(count.get() - 1);
  HEDDLE_INV("I28", count.get() >= 0);
  return count.get() == 0;
}

// Under lock, pp in our hands: whoever asked for a safepoint gets it. True: it was the last one.
bool run_safepoint(schedt &sched, struct p *pp) noexcept {
  if (!pp->safepointdue.get()) return false;
  pp->safepointdue.set(false);
  sched.safepointfn(sched.safepointarg, pp);
  return counted_down(sched.safepointwait);
}

// Under lock. All idle Ps, linked.
struct p *take_idle(schedt &sched) noexcept {
  struct p *list = nullptr;
  while (struct p *pp = sched.pidle.get()) {
    pp->link = list;
    list = pp;
  }
  return list;
}

// Which counts have come to 0.
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
    next = pp->link;
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

// Asks every goroutine that runs to give way, but the asker.
void preemptall(schedt &sched, const struct p *own) noexcept {
  const std::int32_t n = sched.gomaxprocs.load(acquire);  // acquire: pairs with procresize [PROCS-1]
  for (std::int32_t i = 0; i < n; ++i)
    if (sched.allp[i].get() != own) preemptone(sched.allp[i].get());
}

// Before anything else may be asked: what was asked for has ended, or the next one would find it half done (B15). And not
// later than the goroutine may give way, or others wait for the semaphore as long as it waits for its turn (B55).
void end_asking(schedt &sched, m *mp) noexcept {
  semrelease(sched);
  leave_running(sched);
  releasem(mp);
}

}  // namespace

void preemptone(struct p *pp) noexcept {
  // release: pairs with take_preempt: who takes the request sees why. An RMW, so that he sees it also where another one
  // has asked for the same P later. [ATTN-2]
  pp->preempt.exchange(1, release);
}

// Does to every P that nobody runs what attention asks for. Caller: any thread, holding nothing; the asker after A3, who
// made a P unowned after his fence. Blocks: nothing but the lock and a scan bit, each for a few instructions.
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
      for (m *mp = sched.allm.get(); mp != nullptr; mp = mp->alllink) stop_lockedm(mp);
    }
  }
  // pidle, where heed_idle put Ps back, against needspinning; partner: promise. The callers look at it. [DANCE-3]
  fence(seq_cst);
  wake_asker(sched, f);
}

// What attention asks of an M with a P at the top of find_runnable. False: it leaves the schedule loop.
bool heed(m *mp) noexcept {
  schedt &sched = *mp->sched;
  for (;;) {
    finished f;
    {
      const std::lock_guard hold(sched.lock);
      const std::uint32_t attention = get_attention(sched);
      if ((attention & attention_world) != 0) {
        if (mp->spinning) stop_spinning(mp);  // owes nothing: start_the_world looks for work after this (I13)
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
    // With this P we come from the bottom, and something may be asked again. relaxed: as in find_runnable. [ATTN-1]
    if (sched.attention.load(relaxed) == 0) return true;
  }
}

// The asker's part. Blocks: the M. Returns when every P is in state gcstop; the caller's own stays wired to it.
// Caller: a goroutine, also inside blocking(f); a thread that is no M, as an extra M. It may not park until
// start_the_world. Errors: none; a goroutine that never comes to a safepoint makes it wait.
void stop_the_world(schedt &sched) noexcept {
  semacquire(sched);
  m *mp = getm();
  acquirem(mp);
  struct p *own = own_p(sched, mp);
  sched.nmrunning.fetch_add(1,
                            relaxed);  // relaxed: as in newm: no deadlock while a thread from outside is at it [DEAD-1]
  {
    const std::lock_guard hold(sched.lock);
    sched.stopwait.set(sched.gomaxprocs.load(relaxed) + 1);  // relaxed: worldsema
    set_attention(sched, get_attention(sched) | attention_world);
    if (own != nullptr) {
      setpstatus<pstatus::running, pstatus::gcstop>(own);
      counted_down(sched.stopwait);
    }
  }
  preemptall(sched, own);
  fence_heavy();  // attention against pidle and the calls; partners: entersyscall, whoever puts a P. [ATTN-1]
  heed_unowned(sched);
  sched.lock.lock();
  const bool all = counted_down(sched.stopwait);
  sched.lock.unlock();
  if (!all) {
    sched.stopnote.notesleep();
    sched.stopnote.noteclear();
  }
}

// Caller: who has stopped it, perhaps after procresize.
void start_the_world(schedt &sched) noexcept {
  m *mp = getm();
  struct p *own = own_p(sched, mp), *with_work = nullptr;
  const std::int32_t n = sched.gomaxprocs.load(relaxed);  // relaxed: worldsema
  {
    const std::lock_guard hold(sched.lock);
    const std::uint32_t rest = get_attention(sched) & ~attention_world;
    set_attention(sched, rest);
    // What we asked for is over; what a stop of the runtime asks for is not, and Ps may be new since.
    for (std::int32_t i = 0; i < n; ++i)
      if (sched.allp[i].get() != own) sched.allp[i].get()->preempt.store(rest, relaxed);  // relaxed: under lock
  }
  if (own != nullptr) setpstatus<pstatus::gcstop, pstatus::running>(own);
  for (std::int32_t i = n - 1; i >= 0; --i) {
    struct p *pp = sched.allp[i].get();
    if (pp == own) continue;
    setpstatus<pstatus::gcstop, pstatus::idle>(pp);
    if (pp->runq.runqempty()) {
      sched.pidle.put(pp);
    } else {
      pp->link = with_work;
      with_work = pp;
    }
  }
  // All of them before the first M starts: it would steal from those that wait for theirs (B33).
  for (struct p *pp = with_work, *next; pp != nullptr; pp = next) {
    next = pp->link;
    if (stopping(sched))
      sched.pidle.put(pp);  // a thread from outside may be all that is left here: it starts no M (STOP-2)
    else
      startm(sched, pp, false);
  }
  // pidle against needspinning and attention; partners: promise, stop. [DANCE-3, ATTN-1]
  fence(seq_cst);
  after_idling(sched);
  if (!stopping(sched)) wakep(sched);  // what spinning Ms have left undone (I13)
  end_asking(sched, mp);
}

// Runs fn(arg, pp) once for each P, on a thread that holds it at that moment, with sched.lock held: fn must be short and
// may not come back here. Ps that run, or go idle, or make calls meanwhile go on. Caller, blocks: as stop_the_world.
void for_each_p(schedt &sched, void (*fn)(void *, struct p *), void *arg) noexcept {
  semacquire(sched);
  m *mp = getm();
  acquirem(mp);
  struct p *own = own_p(sched, mp);
  sched.nmrunning.fetch_add(1, relaxed);  // relaxed: as in stop_the_world [DEAD-1]
  {
    const std::lock_guard hold(sched.lock);
    const std::int32_t n = sched.gomaxprocs.load(relaxed);  // relaxed: worldsema
    sched.safepointfn = fn;
    sched.safepointarg = arg;
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
  preemptall(sched, nullptr);  // also goroutines that come to nothing but safepoints
  heed_unowned(sched);
  semstop(sched);
  if (sched.sysmonwait.load(relaxed) != sysmon_awake) wake_sysmon(sched);  // relaxed: ordered by the fence
}

HEDDLE_DETAIL_END
