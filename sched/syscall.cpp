// Long calls: the M stays in the call with its g, the P may go. Source: entersyscall, exitsyscall, entersyscallblock,
// setBlockOnExitSyscall of Go's proc.go (1.26).
//
// The P stays wired while the call is short. The g's status is the lock: from entersyscall's last step on, whoever sets the
// scan bit on it may take the P; exitsyscall waits for the bit to go and then looks whether it still has its P.
//   entersyscall: E1 all that the M did with its P    E2 status := syscall    E3 light fence, read attention
//   taker:        T1 scan bit on    T2 g and M and P still belong together    T3 unwire the P    T4 scan bit off
//   exitsyscall:  X1 status := running, once the bit is off    X2 read m.p
// E2 is a release and T1 an acquire: the P comes with all that was done with it. T4 is a release and X1 an acquire: X2 sees
// T3. (SYSCALL-1)
#include "sched/syscall.hpp"
#include "sched/m.hpp"
#include "sched/newproc.hpp"
#include "sched/status.hpp"
#include "sched/switch/switch.hpp"
#include "sched/wake.hpp"
#include "sched/yield.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

// The P it had, if that is in another call now; else an idle one. Ordered like that because its cache is warm.
struct p *find_p(m *mp) noexcept {
  if (g *occupant = block_exitsyscall(mp->oldp)) {
    struct p *pp = mp->oldp;
    takep(pp, occupant->m.get());
    resume_exitsyscall(occupant);
    return pp;
  }
  return pidleget(*mp->sched);
}

// There is no P: the g waits like any other, and the M goes to sleep in the schedule loop.
g *exitsyscall_no_p(m *mp, g *gp) noexcept {
  schedt &sched = *mp->sched;
  dropg(mp, gp);
  casgstatus<gstatus::running, gstatus::runnable>(gp);
  sched.runq.globrunqput(gp);  // from here on gp may run elsewhere; what the M is locked to it knows itself (B16)
  wakep(sched);
  return nullptr;
}

}  // namespace

// The goroutine's thread may stay away from here on: its P can be taken. Until exitsyscall it does nothing that needs a P.
// Caller: a g that is not in a call. Blocks: nothing. Cost: a store and a load. Source: reentersyscall.
void entersyscall(m *mp) noexcept {
  g *gp = mp->curg.load(relaxed);  // relaxed: own M
  mp->oldp = mp->p.get();
  ++mp->incall;
  HEDDLE_INV("I23", gp->atomicstatus.load(relaxed) == gstatus::running);  // relaxed: own g
  // release: pairs with block_exitsyscall; all that was done with the P. [SYSCALL-1]
  gp->atomicstatus.store(gstatus::syscall, release);
  fence_light();  // the status against attention; partner: the heavy fence of the asker. [ATTN-1]
  if (mp->sched->attention.load(relaxed) != 0) after_idling(*mp->sched);  // relaxed: ordered by the fence
}

// As entersyscall, and the P goes at once: for calls that are known to last.
void entersyscallblock(m *mp) noexcept {
  g *gp = mp->curg.load(relaxed);  // relaxed: own M
  struct p *pp = releasep(mp);
  mp->oldp = pp;
  ++mp->incall;
  HEDDLE_INV("I23", gp->atomicstatus.load(relaxed) == gstatus::running);  // relaxed: own g
  // release: as in entersyscall: who still takes pp for ours finds out by reading gp and us. [SYSCALL-1]
  gp->atomicstatus.store(gstatus::syscall, release);
  handoffp(*mp->sched, pp);
}

// Back to where a P is needed: the old one if it is still there or is to be had, else an idle one, else the g waits in the
// global queue. Caller: as entersyscall; it may be on another M afterwards. Blocks: the g.
void exitsyscall(m *mp) noexcept {
  g *gp = mp->curg.load(relaxed);  // relaxed: own M
  gstatus status = gstatus::syscall;
  // acquire: pairs with resume_exitsyscall: we see what became of the P. [SYSCALL-1]
  // relaxed on failure: somebody has the scan bit, for a few instructions.
  while (!gp->atomicstatus.compare_exchange_weak(status, gstatus::running, acquire, relaxed)) {
    status = gstatus::syscall;
    cpu_relax();
  }
  --mp->incall;
  if (mp->p.get() == nullptr) {
    struct p *pp = find_p(mp);
    if (pp == nullptr) return mcall(mp, exitsyscall_no_p);
    acquirep(mp, pp);
  }
  mp->p.get()->syscalltick.add();
  safepoint(mp);
}

// Takes the scan bit of the g whose call keeps pp, so that it cannot return; waits while another one has the bit. Null: pp
// is in no call. Caller: any thread; resume_exitsyscall must follow soon, and no lock be taken in between that a holder of a
// scan bit may wait for (I24: nobody waits for a lock with the bit set). Source: setBlockOnExitSyscall.
g *block_exitsyscall(struct p *pp) noexcept {
  for (;;) {
    // Hints, validated below; Ms and gs are type-stable.
    m *mp = pp->m.load(acquire);  // acquire: pairs with acquirep: it is made, at least. [SYSCALL-2]
    if (mp == nullptr) return nullptr;
    g *gp = mp->curg.load(acquire);  // acquire: pairs with execute: likewise. [SYSCALL-2]
    if (gp == nullptr) return nullptr;
    gstatus status = gp->atomicstatus.load(relaxed);  // relaxed: validated by the CAS
    if (status == gstatus::scansyscall) {
      cpu_relax();
      continue;
    }
    if (status != gstatus::syscall) return nullptr;
    // acquire: pairs with entersyscall's store: gp, its M and their P as they were then. [SYSCALL-1]
    // relaxed on failure: look again.
    if (!gp->atomicstatus.compare_exchange_weak(status, gstatus::scansyscall, acquire, relaxed)) continue;
    if (gp->m.get() == mp && mp->p.get() == pp) return gp;
    resume_exitsyscall(gp);  // the P went elsewhere before we had the bit
    return nullptr;
  }
}

void resume_exitsyscall(g *gp) noexcept {
  // release: pairs with exitsyscall: what we did to the P; and with the next block_exitsyscall. [SYSCALL-1]
  gp->atomicstatus.store(gstatus::syscall, release);
}

// mp's g is in a call and will wait there for another goroutine: its P goes now, unless somebody has taken it already. That
// goroutine may be on it, and for checkdead an M that sleeps has no P. Caller: own M.
void hand_own_p_on(m *mp) noexcept {
  g *gp = mp->curg.load(relaxed);  // relaxed: own M
  gstatus status = gstatus::syscall;
  // acquire: pairs with resume_exitsyscall: we see what became of the P. [SYSCALL-1]
  // relaxed on failure: somebody has the scan bit, for a few instructions.
  while (!gp->atomicstatus.compare_exchange_weak(status, gstatus::scansyscall, acquire, relaxed)) {
    status = gstatus::syscall;
    cpu_relax();
  }
  struct p *pp = mp->p.get();
  if (pp != nullptr) takep(pp, mp);
  resume_exitsyscall(gp);
  if (pp != nullptr) handoffp(*mp->sched, pp);
}

// Pre: the caller has the scan bit of mp's g. Post: pp is in the caller's hands.
void takep(struct p *pp, m *mp) noexcept {
  HEDDLE_INV("I6", mp->p.get() == pp);
  mp->p.set(nullptr);
  pp->m.store(nullptr, relaxed);  // relaxed: as in releasep
  setpstatus<pstatus::running, pstatus::idle>(pp);
  pp->syscalltick.add();
}

HEDDLE_DETAIL_END
