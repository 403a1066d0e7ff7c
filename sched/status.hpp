#pragma once
// The legal moves of a g and of a P, as tables, and the functions that make them. Source: casgstatus and the status
// constants of Go's runtime2.go; go-scheduler 1.7, 1.8.
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

template <class Status>
struct move {
  Status from, to;
};

// Each move but the last three has one party that owns the g at that moment, so it is a store and not a CAS: the g has
// come to that party through a queue, a lock or a switch, which orders the store before it.
inline constexpr move<gstatus> gmoves[] = {
    {gstatus::idle, gstatus::dead},            // creator: malg, before allgadd
    {gstatus::idle, gstatus::deadextra},       // needm, before anybody knows of it
    {gstatus::dead, gstatus::runnable},        // creator: newproc1
    {gstatus::runnable, gstatus::running},     // the M that dequeued it: execute
    {gstatus::running, gstatus::runnable},     // own M: gosched, goyield, exitsyscall_no_p
    {gstatus::running, gstatus::waiting},      // own M on g0: park_m, before unlockf
    {gstatus::waiting, gstatus::runnable},     // waker: ready; own M: park_m when unlockf declines
    {gstatus::running, gstatus::dead},         // own M on g0: goexit0
    {gstatus::deadextra, gstatus::syscall},    // needm
    {gstatus::syscall, gstatus::deadextra},    // dropm: an extra M has no P that anybody could want
    {gstatus::running, gstatus::syscall},      // own M: entersyscall, its last step
    {gstatus::syscall, gstatus::running},      // own M: exitsyscall, before it knows whether it still has a P
    {gstatus::syscall, gstatus::scansyscall},  // who wants its P: block_exitsyscall
    {gstatus::scansyscall, gstatus::syscall},  // the same: resume_exitsyscall
};

// Each by the P's owner: the M it is wired to, who has it in his hands, or who holds the scan bit of its g in a call.
inline constexpr move<pstatus> pmoves[] = {
    {pstatus::idle, pstatus::running},    // acquirep
    {pstatus::running, pstatus::idle},    // releasep, takep
    {pstatus::running, pstatus::gcstop},  // gcstopm; who stops the world: its own, and those in calls
    {pstatus::idle, pstatus::gcstop},     // who stops the world, or finds it stopping: from pidle
    {pstatus::gcstop, pstatus::idle},     // start_the_world
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
  // relaxed: the caller owns pp, and it is handed over like a g. relaxed store: reports read it, and nothing by it.
  HEDDLE_INV("I7", pp->status.load(relaxed) == From);
  pp->status.store(To, relaxed);
}

inline gstatus readgstatus(const g *gp) noexcept { return gp->atomicstatus.peek(); }
// Has it parked, or is it in a call? For reports: it may be otherwise a moment later.
inline bool is_waiting(const g *gp) noexcept {
  const gstatus status = readgstatus(gp);
  return status == gstatus::waiting || status == gstatus::syscall;
}

HEDDLE_DETAIL_END
