// What sysmon does at a slow pace, also while nothing runs: it gives the memory of unused stacks back to the system, and
// looks again for a deadlock where other threads have kept it from being reported.
#include "sched/upkeep.hpp"

#include <algorithm>

#include "sched/deadlock.hpp"
#include "sched/newproc.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

// The dead gs that no P has keep their stacks for the next goroutines, which then take them without a lock. The stacks of
// those that no P has taken for a period go to the pool, which gives them back a period later.
void give_back(schedt &sched, std::int64_t now) noexcept {
  if (now - sched.gaveback < geometry::stack_period) return;
  sched.gaveback = now;
  strip_dead(sched);
  sched.stacks.give_back();
}

// How long after a standstill has begun sysmon asks for the first time whether the other threads are still there. Each
// pause after that is as long as the standstill is old, within these bounds.
constexpr std::int64_t company_first = 10'000'000, company_last = 10'000'000'000;

bool expects_company(const schedt &sched) noexcept {
  // relaxed: a hint: a party that sets it wakes sysmon. [DEAD-3] A thread from outside that has started a goroutine
  // ends the search for deadlocks.
  return sched.company.load(relaxed) != 0 && sched.injected.load(relaxed) == 0;
}

void visit_company(schedt &sched, std::int64_t now) noexcept {
  if (!expects_company(sched)) return;
  const std::uint64_t seen = sched.nmrunning.load(relaxed);  // relaxed: checkdead reads it again
  if (seen != sched.companyseen) {
    sched.companyseen = seen;
    sched.companysince = now;
    sched.companynext = now + company_first;
  }
  if (now < sched.companynext) return;
  sched.companynext = now + std::clamp(now - sched.companysince, company_first, company_last);
  if (awake_in(seen) == 0 && no_strangers(sched)) look_again(sched);
}

}  // namespace

void look_again(schedt &sched) noexcept {
  sched.company.store(0, relaxed);  // relaxed: ordered by the fence
  fence(seq_cst);                   // company against nmrunning; partner: in_company. [DEAD-3]
  checkdead(sched);
}

void keep_up(schedt &sched, std::int64_t now) noexcept {
  give_back(sched, now);
  visit_company(sched, now);
}

std::int64_t next_upkeep(const schedt &sched) noexcept {
  std::int64_t next = timers::never;
  if (geometry::stack_period != timers::never && (sched.gFree.has_stacks() || sched.stacks.unused()))
    next = sched.gaveback + geometry::stack_period;
  if (expects_company(sched))
    next = std::min(next, sched.companynext);  // over, if keep_up has not seen this standstill
  return next;
}

HEDDLE_DETAIL_END
