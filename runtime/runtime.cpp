// What a goroutine may ask of its runtime, and the life of a main goroutine. Every world compiles this.
#include "heddle/runtime.hpp"

HEDDLE_BEGIN

namespace detail {

void misuse(const char *what) noexcept {
  print_error("fatal error: ");
  print_error(what);
  print_error("\n");
  exit_misuse();
}

void uncaught() noexcept {
  print_error("fatal error: an exception has left a goroutine: ");
  try {
    throw;
  } catch (const std::exception &e) {
    print_error(e.what());
  } catch (...) {
    print_error("not a std::exception");
  }
  print_error("\n");
  exit_misuse();
}

schedt &current_sched(const char *who) noexcept {
  m *mp = getm();
  if (mp == nullptr) {
    print_error("fatal error: ");
    print_error(who);
    print_error(" called on a thread that runs no goroutine\n");
    exit_misuse();
  }
  return *mp->sched;
}

statistics figures(const schedt &sched) noexcept {
  statistics s;
  s.procs = sched.gomaxprocs;
  s.threads = sched.mcount.peek();
  s.goroutines = gcount(sched);
  s.spawned = sched.injected.peek();
  for (std::int32_t i = 0; i < sched.gomaxprocs; ++i) {
    const struct p &pp = sched.allp[i];
    s.spawned += pp.spawned.get();
    s.executes += pp.executes.get();
    s.parks += pp.parks.get();
    s.steals += pp.steals.get();
    s.stolen += pp.stolen.get();
  }
  return s;
}

void start_main(schedt &sched) {
  if (attach_m0(sched) == nullptr) throw std::bad_alloc();
}

void run_main(schedt &sched, spawn main, void (*startfn)(void *)) noexcept {
  m *mp = sched.m0;
  sched.maing.store(main.gp, relaxed);  // relaxed: handed over with the main goroutine
  newproc(sched, main, startfn);
  if (mp->p == nullptr) stopm(mp);  // an M like any other
  if (mp->p != nullptr) schedule(mp);
  if (mp->p != nullptr) sched.pidle.put(releasep(mp));
  set_current_m(nullptr);
  joinms(sched);
}

void shut_down(schedt &sched) noexcept {
  if (getm() != nullptr) misuse("runtime::shutdown called on a goroutine");
  stop(sched);
  joinms(sched);
}

}  // namespace detail

void yield() noexcept {
  m *mp = getm();
  if (mp == nullptr) detail::misuse("heddle::yield called on a thread that runs no goroutine");
  goyield(mp);
}

int procs() noexcept { return detail::current_sched("heddle::procs").gomaxprocs; }

std::uint64_t num_goroutine() noexcept { return gcount(detail::current_sched("heddle::num_goroutine")); }

statistics stats() noexcept { return detail::figures(detail::current_sched("heddle::stats")); }

std::uint64_t goid() noexcept {
  detail::current_sched("heddle::goid");
  return getm()->curg->goid.get();
}

HEDDLE_END
