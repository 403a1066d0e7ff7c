// Long calls: the M stays in the call with its g; its P may go. Source: entersyscall, exitsyscall, entersyscallblock,
// setBlockOnExitSyscall of Go's proc.go (1.26).
//
// The P stays wired to the M while the call is short. The g's status is the lock: from entersyscall's last step on, a
// thread that sets the scan bit on it may take the P; exitsyscall waits for the bit to go and then looks whether the M
// still has its P.
//   the M (entersyscall, exitsyscall)             the taker (sysmon, an asker, another M)
//   E1 all that the M did with its P
//   E2 status := syscall
//   E3 light fence, read attention
//                                                 T1 set the scan bit
//                                                 T2 check that g, M and P still belong together
//                                                 T3 unwire the P
//                                                 T4 clear the scan bit
//   X1 status := running, once the bit is clear
//   X2 read m.p
// E2 is a release and T1 an acquire: the P comes with all that was done with it. T4 is a release and X1 an acquire: X2
// sees T3. (SYSCALL-1)
#include "sched/syscall.hpp"
#include "sched/hog.hpp"
#include "sched/m.hpp"
#include "sched/newproc.hpp"
#include "sched/status.hpp"
#include "sched/switch/switch.hpp"
#include "sched/wake.hpp"
#include "sched/yield.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

// The P that the M had, if that is in another call now; else an idle one. In this order because the old P's cache is
// warm.
struct p *find_p(m *mp) noexcept {
  if (g *occupant = block_exitsyscall(mp->oldp)) {
    struct p *pp = mp->oldp;
    takep(pp, occupant->m.get());
    resume_exitsyscall(occupant);
    return pp;
  }
  return pidleget(*mp->sched);
}

// There is no P: the g waits in the global queue like any other, and the M goes to sleep in the schedule loop.
g *exitsyscall_no_p(m *mp, g *gp) noexcept {
  schedt &sched = *mp->sched;
  dropg(mp, gp);
  casgstatus<gstatus::running, gstatus::runnable>(gp);
  sched.runq.globrunqput(gp);  // from here on gp may run elsewhere; the M itself knows what is locked to it (B16)
  wakep(sched);
  return nullptr;
}

}  // namespace

// The calling goroutine's thread may stay away from here on: its P can be taken. Until exitsyscall it does nothing that
// needs a P. Caller: a g that is not in a call. Blocks: nothing. Cost: a store and a load. Source: reentersyscall of
// Go's proc.go.
void entersyscall(m *mp) noexcept {
  const in_scheduler here(mp);
  g *gp = mp->curg.load(relaxed);  // relaxed: own M
  if (mp->p.get() != nullptr)
    mp->oldp = mp->p.get();
  else
    end_hog(mp);
  ++mp->incall;
  HEDDLE_INV("I23", gp->atomicstatus.load(relaxed) == gstatus::running);  // relaxed: own g
  // release: pairs with block_exitsyscall; all that was done with the P. [SYSCALL-1]
  gp->atomicstatus.store(gstatus::syscall, release);
  fence_light();  // the status against attention; partner: the heavy fence of the asker. [ATTN-1]
  if (mp->sched->attention.load(relaxed) != 0) after_idling(*mp->sched);  // relaxed: ordered by the fence
}

// Does what entersyscall does, and hands the P on at once: for calls that are known to last.
void entersyscallblock(m *mp) noexcept {
  const in_scheduler here(mp);
  if (mp->p.get() == nullptr) return entersyscall(mp);  // a hog
  g *gp = mp->curg.load(relaxed);                       // relaxed: own M
  struct p *pp = releasep(mp);
  mp->oldp = pp;
  ++mp->incall;
  HEDDLE_INV("I23", gp->atomicstatus.load(relaxed) == gstatus::running);  // relaxed: own g
  // release: as in entersyscall: a thread that still takes pp for this M's finds out by reading gp and mp. [SYSCALL-1]
  gp->atomicstatus.store(gstatus::syscall, release);
  handoffp(*mp->sched, pp);
}

// Ends a call, to where a P is needed: takes the old P if the M still has it or can get it, else an idle one; if there
// is none the g waits in the global queue. Caller: a g that is in a call; it may be on another M afterwards. Blocks:
// the g.
void exitsyscall(m *mp) noexcept {
  const bool user = leave_user(mp);
  g *gp = mp->curg.load(relaxed);  // relaxed: own M
  gstatus status = gstatus::syscall;
  // acquire: pairs with resume_exitsyscall: this M sees what became of the P. [SYSCALL-1]
  // relaxed on failure: another thread has the scan bit, for a few instructions.
  for (backoff turn; !gp->atomicstatus.compare_exchange_weak(status, gstatus::running, acquire, relaxed); turn.wait())
    status = gstatus::syscall;
  --mp->incall;
  if (mp->p.get() != nullptr || regain_p(mp)) {
    mp->p.get()->syscalltick.add();
    safepoint(mp);
  }
  if (user) enter_user(getm());
}

// Gets a P for mp's goroutine, which has none: its old one, an idle one, or it waits for one in the global queue.
// True: mp has it. False: the goroutine has waited, and may be on another M. Caller: own M, in the scheduler. Blocks:
// the g.
bool regain_p(m *mp) noexcept {
  if (struct p *pp = find_p(mp)) {
    acquirep(mp, pp);
    return true;
  }
  mcall(mp, exitsyscall_no_p);
  return false;
}

// Takes the scan bit of the g whose call keeps pp, so that the g cannot return; waits while another thread has the bit.
// Null: pp is in no call. Caller: any thread; it must call resume_exitsyscall soon, and must take no lock in between
// that the holder of a scan bit may wait for (I24: no thread waits for a lock while it holds the bit). Source:
// setBlockOnExitSyscall of Go's proc.go.
g *block_exitsyscall(struct p *pp) noexcept {
  for (backoff turn;;) {
    // Hints, validated below; Ms and gs are type-stable.
    m *mp = pp->m.load(acquire);  // acquire: pairs with acquirep: mp as it was made, at least. [SYSCALL-2]
    if (mp == nullptr) return nullptr;
    g *gp = mp->curg.load(acquire);  // acquire: pairs with execute: gp as it was made, at least. [SYSCALL-2]
    if (gp == nullptr) return nullptr;
    gstatus status = gp->atomicstatus.load(relaxed);  // relaxed: validated by the CAS
    if (status == gstatus::scansyscall) {
      turn.wait();
      continue;
    }
    if (status != gstatus::syscall) return nullptr;
    // acquire: pairs with entersyscall's store: gp, its M and their P as they were then. [SYSCALL-1]
    // relaxed on failure: looks again.
    if (!gp->atomicstatus.compare_exchange_weak(status, gstatus::scansyscall, acquire, relaxed)) continue;
    if (gp->m.get() == mp && mp->p.get() == pp) return gp;
    resume_exitsyscall(gp);  // the P went elsewhere before this thread had the bit
    return nullptr;
  }
}

void resume_exitsyscall(g *gp) noexcept {
  // release: pairs with exitsyscall: what this thread did to the P; and with the next block_exitsyscall. [SYSCALL-1]
  gp->atomicstatus.store(gstatus::syscall, release);
}

// mp's g is in a call and will wait there for another goroutine: hands its P on now, unless another thread has taken
// the P already. That other goroutine may be queued on the P, and checkdead assumes that an M that sleeps has no P.
// Caller: own M.
void hand_own_p_on(m *mp) noexcept {
  const in_scheduler here(mp);
  g *gp = mp->curg.load(relaxed);  // relaxed: own M
  gstatus status = gstatus::syscall;
  // acquire: pairs with resume_exitsyscall: this M sees what became of the P. [SYSCALL-1]
  // relaxed on failure: another thread has the scan bit, for a few instructions.
  for (backoff turn; !gp->atomicstatus.compare_exchange_weak(status, gstatus::scansyscall, acquire, relaxed);
       turn.wait())
    status = gstatus::syscall;
  struct p *pp = mp->p.get();
  if (pp != nullptr) takep(pp, mp);
  resume_exitsyscall(gp);
  if (pp != nullptr) handoffp(*mp->sched, pp);
}

// Pre: the caller has the scan bit of mp's g. Post: the caller holds pp.
void takep(struct p *pp, m *mp) noexcept {
  HEDDLE_INV("I6", mp->p.get() == pp);
  mp->p.set(nullptr);
  pp->m.store(nullptr, relaxed);  // relaxed: as in releasep
  setpstatus<pstatus::running, pstatus::idle>(pp);
  pp->syscalltick.add();
}

HEDDLE_DETAIL_END
