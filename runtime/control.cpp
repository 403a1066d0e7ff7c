// The life of a main goroutine, stopping the world, changing the number of Ps. Every world compiles this file.
#include "runtime/control.hpp"

#include <new>

#include "heddle/blocking.hpp"
#include "heddle/runtime.hpp"
#include "runtime/abandon.hpp"
#include "runtime/spawn.hpp"
#include "runtime/wait.hpp"
#include "sched/boot.hpp"
#include "sched/deadlock.hpp"
#include "sched/locked.hpp"
#include "sched/m.hpp"
#include "sched/procresize.hpp"
#include "sched/schedule.hpp"
#include "sched/status.hpp"
#include "sched/stopworld.hpp"

HEDDLE_BEGIN

namespace detail {

statistics figures(const schedt &sched) noexcept {
  statistics s;
  s.procs = sched.gomaxprocs.peek();
  s.threads = sched.mcount.peek();
  s.goroutines = gcount(sched);
  s.spawned = sched.injected.peek() + sched.spawnedincalls.peek();
  s.wakes = wakes_in(sched.nmrunning.peek());
  s.refusals = sched.refusals.peek();
  s.hogs = sched.hogstaken.get();
  s.hogs_refused = sched.hogsrefused.get();
  each_p(sched, [&s](const struct p &pp) {
    s.spawned += pp.spawned.get();
    s.executes += pp.executes();
    s.parks += pp.parks.get();
    s.steals += pp.steals.get();
    s.stolen += pp.stolen.get();
    s.calls += pp.syscalltick.get();
  });
  return s;
}

void start_main(schedt &sched) {
  if (attach_m0(sched) == nullptr) throw std::bad_alloc();
}

void run_main(schedt &sched, newborn main, void (*startfn)(void *)) noexcept {
  m *mp = sched.m0;
  const signal_stack for_signals;
  sched.maing.store(main.gp, relaxed);  // relaxed: handed over with the main goroutine
  newproc(sched, main, startfn);
  schedule(mp);  // from here on it is an M like any other
  if (mp->exiting.get()) wedge(mp);
  leave_p(mp);
  set_current_m(nullptr);
  joinms(sched);
  leave_queues(sched);
}

void release_members(const schedt &sched) noexcept {
  each_g(sched, [](const g *gp) {
    const void *const of = readgstatus(gp) != gstatus::dead ? gp->memberof.get() : nullptr;
    if (of != nullptr) gp->abandoned.get()(of);
  });
}

namespace {

// Calls f(), which stops sched's world. A goroutine of another runtime does that in a blocking call, because it may not
// be abandoned with sched's world stopped when its own runtime stops. As for a thread outside, sched is not taken apart
// meanwhile.
template <class F>
void ask(schedt &sched, F &&f) {
  as_goroutine([&] {
    if (getm()->sched == &sched) return f();
    const call_scope call(false);
    const foreign_call here(sched, true);
    f();
  });
}

}  // namespace

void with_world_stopped(schedt &sched, void (*f)(void *), void *arg, std::int64_t when) {
  not_in_child("stop_the_world");
  ask(sched, [&] {
    stop_the_world(sched, when);
    struct restart {  // also if f throws
      schedt &sched;
      ~restart() {
        not_in_child("the end of stop_the_world");
        start_the_world(sched);
      }
    } const at_the_end{sched};
    f(arg);
  });
}

void resize(schedt &sched, int n) {
  not_in_child("set_procs");
  if (n < 1 || n > geometry::procs_max) misuse("set_procs: want a number of Ps from 1 to 1024");
  bool ok = false;
  ask(sched, [&] { ok = set_procs(sched, n); });
  if (!ok) throw std::bad_alloc();
}

bool shut_down(schedt &sched, std::int64_t until) noexcept {
  not_in_child("runtime::shutdown");
  if (getm() != nullptr) misuse("runtime::shutdown called on a goroutine");
  if (!stopping(sched)) stop(sched);
  if (!joinms(sched, until)) return false;
  leave_queues(sched);
  return true;
}

void with_world_stopped(void (*f)(void *), void *arg) {
  with_world_stopped(current_sched("heddle::stop_the_world"), f, arg);
}

}  // namespace detail

int procs() noexcept {
  return detail::current_sched("heddle::procs")
      .gomaxprocs.load(detail::relaxed);  // relaxed: the number does not change while the caller has its P
}

void set_procs(int n) { detail::resize(detail::current_sched("heddle::set_procs"), n); }

statistics stats() noexcept { return detail::figures(detail::current_sched("heddle::stats")); }

HEDDLE_END
