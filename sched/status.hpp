#pragma once
// The legal moves of a g and of a P, as tables, and the functions that make them. Source: casgstatus of Go's proc.go
// and the status constants of Go's runtime2.go.
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// A row of a table. Set once: the tables are constants.
template <class Status>
struct move {
  Status from, to;
};

// In each move but those to and from scansyscall and that from syscall to running one party owns the g at that moment,
// so the move is a store and not a CAS: the g has come to that party through a queue, a lock or a switch, which orders
// the store before it.
inline constexpr move<gstatus> gmoves[] = {
    {gstatus::idle, gstatus::dead},            // creator: malg, before allgadd
    {gstatus::idle, gstatus::deadextra},       // needm, before another thread knows of it
    {gstatus::dead, gstatus::runnable},        // creator: newproc1
    {gstatus::runnable, gstatus::running},     // the M that dequeued it: execute
    {gstatus::running, gstatus::runnable},     // own M: gosched, goyield, exitsyscall_no_p
    {gstatus::running, gstatus::waiting},      // own M on g0: park_m, before unlockf
    {gstatus::waiting, gstatus::runnable},     // waker: ready; own M: park_m when unlockf declines
    {gstatus::running, gstatus::dead},         // own M on g0: goexit0
    {gstatus::deadextra, gstatus::syscall},    // needm
    {gstatus::syscall, gstatus::deadextra},    // dropm: an extra M has no P that another thread could want
    {gstatus::running, gstatus::syscall},      // own M: entersyscall, its last step
    {gstatus::syscall, gstatus::running},      // own M: exitsyscall, before it knows whether it still has a P
    {gstatus::syscall, gstatus::scansyscall},  // a thread that wants its P: block_exitsyscall
    {gstatus::scansyscall, gstatus::syscall},  // the same: resume_exitsyscall
};

// Each is made by the P's owner: the M it is wired to, the thread that holds it, or the thread with the scan bit of its
// g in a call.
inline constexpr move<pstatus> pmoves[] = {
    {pstatus::idle, pstatus::running},    // acquirep
    {pstatus::running, pstatus::idle},    // releasep, takep
    {pstatus::running, pstatus::gcstop},  // gcstopm; the party that stops the world: its own, and those in calls
    {pstatus::idle, pstatus::gcstop},  // the party that stops the world, or a thread that finds it stopping: from pidle
    {pstatus::gcstop, pstatus::idle},  // start_the_world
    {pstatus::gcstop, pstatus::running},  // start_the_world: the caller's own
    {pstatus::gcstop, pstatus::dead},     // procresize: surplus
    {pstatus::dead, pstatus::gcstop},     // procresize: new, or used again
};

template <class Status, std::size_t N>
constexpr bool legal(const move<Status> (&moves)[N], Status from, Status to) noexcept {
  for (const move<Status> &move : moves)
    if (move.from == from && move.to == to) return true;
  return false;
}

// Moves gp. From and To are checked against the table at compile time, the present status at run time (I23, I25).
template <gstatus From, gstatus To>
inline void casgstatus(g *gp) noexcept {
  static_assert(legal(gmoves, From, To));
  static_assert(From != gstatus::syscall || To == gstatus::deadextra, "others race for it: trycasgstatus");
  // relaxed: the caller owns gp; gp's hand-over has made the last store visible. relaxed store: handed over with gp.
  HEDDLE_INV("I23", gp->atomicstatus.load(relaxed) == From);
  gp->atomicstatus.store(To, relaxed);
}

template <pstatus From, pstatus To>
inline void setpstatus(p *pp) noexcept {
  static_assert(legal(pmoves, From, To));
  // relaxed: the caller owns pp, and pp is handed over like a g. relaxed store: reports read it, and nothing through
  // it.
  HEDDLE_INV("I7", pp->status.load(relaxed) == From);
  pp->status.store(To, relaxed);
}

inline gstatus readgstatus(const g *gp) noexcept { return gp->atomicstatus.peek(); }
// True: it has parked, or is in a call. For reports: it may be otherwise a moment later.
inline bool is_waiting(const g *gp) noexcept {
  const gstatus status = readgstatus(gp);
  return status == gstatus::waiting || status == gstatus::syscall;
}

HEDDLE_DETAIL_END
