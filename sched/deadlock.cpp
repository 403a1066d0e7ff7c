// "all goroutines are asleep - deadlock!" Source: checkdead of Go's proc.go.
#include <cstdio>
#include <mutex>

#include "sched/proc.hpp"
#include "sched/status.hpp"

HEDDLE_BEGIN

const char *waitreason_text(waitreason r) noexcept {
  switch (r) {
    case waitreason::zero: return "unknown";
    case waitreason::chan_receive: return "chan receive";
    case waitreason::chan_send: return "chan send";
    case waitreason::mutex_lock: return "mutex lock";
    case waitreason::wait_group_wait: return "wait_group wait";
    case waitreason::test: return "test";
  }
  return "unknown";
}

// Every M that went idle put itself on midle (counted, release) after all that it ever did; an M that readies, starts
// or wakes anything is running and not counted. So when the count equals the number of Ms, nobody is left who could
// make a goroutine runnable, except threads that are no Ms: once one of them has started a goroutine here, nothing is
// reported.
void checkdead(schedt &sched) noexcept {
  const g *maing = sched.maing.load(relaxed);  // relaxed: where it is set late, threads outside were first (injected)
  if (!sched.options.detect_deadlock || maing == nullptr) return;
  // relaxed: the acquire in count() has made the Ms' own births visible; see newm.
  if (sched.midle.count() != sched.mcount.load(relaxed) || sched.injected.load(relaxed) != 0) return;
  const std::lock_guard hold(sched.lock);  // two Ms may come here at once; one reports
  if (sched.reported.get()) return;
  HEDDLE_INV("I14", !has_work(sched));
  sched.reported.set(true);
  print_error("fatal error: all goroutines are asleep - deadlock!\n");
  for (g *gp = sched.allgs.get(); gp != nullptr; gp = gp->alllink) {
    if (readgstatus(gp) != gstatus::waiting) continue;
    char line[96];
    std::snprintf(line, sizeof line, "\ngoroutine %llu [%s]%s", static_cast<unsigned long long>(gp->goid.get()),
                  waitreason_text(gp->waitreason.get()), gp == maing ? " (main)" : "");
    print_error(line);
  }
  print_error("\n");
  exit_misuse();
}

HEDDLE_END
