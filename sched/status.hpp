#pragma once
// The legal moves of a g, as a table, and the one function that makes them. Source: casgstatus; go-scheduler 1.7.
#include "sched/runtime2.hpp"

HEDDLE_BEGIN

struct gmove {
  gstatus from, to;
};

// Each move has one party that owns the g at that moment, so it is a store and not a CAS: the g has come to that party
// through a queue, a lock or a switch, which orders the store before it.
inline constexpr gmove gmoves[] = {
    {gstatus::idle, gstatus::dead},         // creator: malg, before allgadd
    {gstatus::dead, gstatus::runnable},     // creator: newproc1
    {gstatus::runnable, gstatus::running},  // the M that dequeued it: execute
    {gstatus::running, gstatus::runnable},  // own M: gosched, goyield
    {gstatus::running, gstatus::waiting},   // own M on g0: park_m, before unlockf
    {gstatus::waiting, gstatus::runnable},  // waker: ready; own M: park_m when unlockf declines
    {gstatus::running, gstatus::dead},      // own M on g0: goexit0
};

constexpr bool legal(gstatus from, gstatus to) noexcept {
  for (const gmove &move : gmoves)
    if (move.from == from && move.to == to) return true;
  return false;
}

// Moves gp. From and To are checked against the table at compile time, the present status at run time (I23, I25).
template <gstatus From, gstatus To>
inline void casgstatus(g *gp) noexcept {
  static_assert(legal(From, To));
  // relaxed: the caller owns gp; gp's hand-over has made the last store visible. relaxed store: handed over with gp.
  HEDDLE_INV("I23", gp->atomicstatus.load(relaxed) == From);
  gp->atomicstatus.store(To, relaxed);
}

inline gstatus readgstatus(const g *gp) noexcept { return gp->atomicstatus.peek(); }

HEDDLE_END
