// What a goroutine may ask of its runtime, and the life of a main goroutine. Every world compiles this.
#include <cstdio>

#include "heddle/blocking.hpp"

HEDDLE_BEGIN

namespace {

g *self() noexcept { return getm()->curg.load(relaxed); }  // relaxed: own M

}  // namespace

namespace detail {

void misuse(const char *what) noexcept {
  print_error("fatal error: ");
  print_error(what);
  print_error("\n");
  exit_misuse();
}

void in_child(const char *who) noexcept {
  print_error("fatal error: ");
  print_error(who);
  print_error(" in the child of a fork: only exec or _exit is possible here\n");
  exit_misuse();
}

void no_goroutine(const char *who) noexcept {
  not_in_child(who);
  print_error("fatal error: ");
  print_error(who);
  print_error(" called on a thread that runs no goroutine\n");
  exit_misuse();
}

void may_not_wait() noexcept { misuse("wait or yield inside no_preempt or stop_the_world"); }

namespace {

[[noreturn]] void end_by(const char *whose, const std::exception_ptr &error) noexcept {
  print_error("fatal error: an exception has left ");
  print_error(whose);
  print_error(": ");
  try {
    std::rethrow_exception(error);
  } catch (const std::exception &e) {
    print_error(e.what());
  } catch (...) {
    print_error("not a std::exception");
  }
  print_error("\n");
  exit_misuse();
}

}  // namespace

void uncaught(const std::exception_ptr &error) noexcept {
  if (getm() == nullptr) end_by("a scope on a thread that runs no goroutine", error);
  const g *gp = self();
  char name[sizeof gp->name];
  copy_name(gp, name, sizeof name);
  const sched_options &options = gp->home->options;
  if (options.on_uncaught != nullptr) return options.on_uncaught(options.on_uncaught_arg, error, gp->goid.get(), name);
  char who[80];
  std::snprintf(who, sizeof who, "goroutine %llu%s%s%s", static_cast<unsigned long long>(gp->goid.get()),
                name[0] != '\0' ? " (" : "", name, name[0] != '\0' ? ")" : "");
  end_by(who, error);
}

schedt &current_sched(const char *who) noexcept {
  m *mp = getm();
  if (mp == nullptr || mp->sched == nullptr) no_goroutine(who);
  return *mp->sched;
}

statistics figures(const schedt &sched) noexcept {
  statistics s;
  s.procs = sched.gomaxprocs.peek();
  s.threads = sched.mcount.peek();
  s.goroutines = gcount(sched);
  s.spawned = sched.injected.peek() + sched.spawnedincalls.peek();
  s.wakes = wakes_in(sched.nmrunning.peek());
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
  sched.maing.store(main.gp, relaxed);  // relaxed: handed over with the main goroutine
  newproc(sched, main, startfn);
  schedule(mp);  // an M like any other
  if (mp->exiting) wedge(mp);
  leave_p(mp);
  set_current_m(nullptr);
  joinms(sched);
}

namespace {

// f(), which stops sched's world. A goroutine of another runtime does it in a call: it may not be abandoned with the world in
// its hands when that runtime stops. As for a thread outside, sched is not taken apart meanwhile.
template <class F>
void ask(schedt &sched, F &&f) {
  as_goroutine([&] {
    if (getm()->sched == &sched) return f();
    const call_scope call(entersyscall);
    const foreign_call here(sched, true);
    f();
  });
}

}  // namespace

void with_world_stopped(schedt &sched, void (*f)(void *), void *arg) {
  not_in_child("stop_the_world");
  ask(sched, [&] {
    stop_the_world(sched);
    struct restart {  // also when f throws
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
  ask(sched, [&] { ok = heddle::set_procs(sched, n); });
  if (!ok) throw std::bad_alloc();
}

void shut_down(schedt &sched) noexcept {
  not_in_child("runtime::shutdown");
  if (getm() != nullptr) misuse("runtime::shutdown called on a goroutine");
  stop(sched);
  joinms(sched);
}

}  // namespace detail

void yield() noexcept {
  m *mp = getm();
  if (mp == nullptr) detail::no_goroutine("heddle::yield");
  goyield(mp);
}

int procs() noexcept {
  return detail::current_sched("heddle::procs").gomaxprocs.load(relaxed);  // relaxed: the caller's P keeps it as it is
}

void set_procs(int n) { detail::resize(detail::current_sched("heddle::set_procs"), n); }

std::uint64_t num_goroutine() noexcept { return gcount(detail::current_sched("heddle::num_goroutine")); }

statistics stats() noexcept { return detail::figures(detail::current_sched("heddle::stats")); }

std::uint64_t goid() noexcept {
  detail::current_sched("heddle::goid");
  return self()->goid.get();
}

HEDDLE_END
