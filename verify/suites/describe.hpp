#pragma once
// A scheduler's objects by name, for reports: g1 is the first of allgs, m0 and p0 count as their ids do.
#include "sched/runtime2.hpp"
#include "verify/story/names.hpp"

namespace verify {

inline void describe_m(names &to, const heddle::detail::m &mp) {
  const auto id = static_cast<unsigned>(mp.id);
  to.memory(&mp, sizeof mp, "m%u", id);
  to.memory(&mp.g0, sizeof mp.g0, "m%u.g0", id);
  to.memory(&mp.park, sizeof mp.park, "m%u.park", id);
  for (unsigned i = 0; i < heddle::detail::harness::threads_limit; ++i)
    if (heddle::detail::harness::last_m(i) == &mp) to.thread(i, "m%u", id);
}

// May be called at any step of an execution, so the scheduler may be half made.
inline void describe_sched(names &to, const heddle::detail::schedt &sched) {
  constexpr unsigned many = 32;  // a list may be broken
  to.object("sched", sched);
  to.object("sched.lock", sched.lock);
  to.object("sched.runq", sched.runq);
  to.object("sched.inbox", sched.inbox);
  to.object("sched.gFree", sched.gFree);
  to.object("sched.pidle", sched.pidle);
  to.object("sched.midle", sched.midle);
  for (unsigned i = 0; i < static_cast<unsigned>(sched.allplen.peek()); ++i) {
    const heddle::detail::p &pp = *sched.allp[i].peek();
    to.memory(&pp, sizeof pp, "p%u", i);
    to.memory(&pp.runq, sizeof pp.runq, "p%u.runq", i);
    to.memory(&pp.gFree, sizeof pp.gFree, "p%u.gFree", i);
  }
  unsigned n = 0;
  for (const heddle::detail::g *gp = sched.allgs.peek(); gp != nullptr && n < many; gp = gp->alllink.peek())
    to.memory(gp, sizeof *gp, "g%u", ++n);
  n = 0;
  for (const heddle::detail::m *mp = sched.allm.peek(); mp != nullptr && n++ < many; mp = mp->alllink.peek())
    describe_m(to, *mp);
  using heddle::detail::gstatus;
  constexpr struct {
    gstatus status;
    const char *name;
  } states[] = {{gstatus::idle, "idle"},
                {gstatus::runnable, "runnable"},
                {gstatus::running, "running"},
                {gstatus::syscall, "syscall"},
                {gstatus::scansyscall, "syscall, P held by another"},
                {gstatus::waiting, "waiting"},
                {gstatus::dead, "dead"},
                {gstatus::deadextra, "dead extra"}};
  for (const auto &s : states) to.value("atomicstatus", static_cast<unsigned>(s.status), s.name);
}

}  // namespace verify
