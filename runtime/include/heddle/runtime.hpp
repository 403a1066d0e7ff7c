#pragma once
// A runtime: goroutines on procs Ps on as many threads as they need. Several may live in one process.
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iosfwd>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "sched/extra.hpp"
#include "sched/proc.hpp"

HEDDLE_BEGIN

// How a runtime is made. Zero means "decide for me".
struct options {
  int procs = 0;  // how many goroutines run at once; 0: HEDDLE_PROCS, else GOMAXPROCS, else the CPUs that affinity and
                  // cgroup allow
  int threads_max = 0;         // 0: 10,000
  int threads_idle_max = 0;    // threads that stay although nothing is to be done for a second; 0: procs
  std::size_t stack_size = 0;  // bytes of address space per goroutine, guard page included; 0: 64 KiB
  // A goroutine that has run for 10 ms gives way at its next safepoint if others wait. false: it goes on until it waits or
  // yields. With one P nothing but the goroutines themselves decides then who runs next, however busy the machine is.
  bool preempt = true;
  // End the process with a report when every goroutine of run() waits for another, also in blocking(f). Nothing is reported
  // while the process has threads that are not the runtime's: what they send or start may help.
  bool detect_deadlock = true;
  // Called instead, on a thread of the runtime, once for each standstill; report is valid during the call. It may start or
  // ready goroutines, but not wait for one, nor stop the runtime: they may need its thread. If it returns they sleep on.
  void (*on_deadlock)(void *arg, const char *report) = nullptr;
  void *on_deadlock_arg = nullptr;
  // Adds to the report of a deadlock where each goroutine stands, as dump() does; or HEDDLE_DEBUG=dump=1.
  bool dump_on_deadlock = false;
  // When the runtime stops: a line to standard error for each place in the source that has started goroutines which have not
  // ended, and what they wait for; or HEDDLE_DEBUG=leak=1. Abandoning them is legal, hence off.
  bool leak_report = false;
  // Called instead, if there are any, on the thread that stops the runtime, when nothing of it runs any more; report is valid
  // during the call.
  void (*on_leak)(void *arg, const char *report) = nullptr;
  void *on_leak_arg = nullptr;
  // Called on the goroutine that an exception has left, with its number and name (empty if it has none), which are valid
  // during the call. It may wait. If it returns the goroutine ends as if its function had returned; after the main
  // goroutine's, run() returns 2. Null: the process ends with a message.
  void (*on_uncaught)(void *arg, const std::exception_ptr &error, std::uint64_t goid, const char *name) = nullptr;
  void *on_uncaught_arg = nullptr;
  bool log = true;  // lines to standard error about what the system does not grant
  // Lines to standard error about what the scheduler does, every so many milliseconds, and details for each P, thread and
  // goroutine; 0: HEDDLE_DEBUG=schedtrace=1000,scheddetail=1 in the environment, else none.
  int schedtrace_ms = 0;
  bool scheddetail = false;
};

// The options cannot be had, in words for the user.
struct config_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Figures of a runtime since it was made.
struct statistics {
  int procs = 0;
  int threads = 0;
  std::uint64_t goroutines = 0;  // alive now
  std::uint64_t spawned = 0;
  std::uint64_t executes = 0;  // switches into a goroutine
  std::uint64_t parks = 0;
  std::uint64_t steals = 0;  // successful ones
  std::uint64_t stolen = 0;  // goroutines moved by them
  std::uint64_t calls = 0;   // blocking(f), and retaken Ps
  std::uint64_t wakes = 0;   // threads woken or started for work
};

namespace detail {

[[noreturn]] void misuse(const char *what) noexcept;
// Only exec and _exit are possible in the child of a fork that has left a runtime behind; `who` is what was called there.
[[noreturn]] void in_child(const char *who) noexcept;
inline void not_in_child(const char *who) noexcept {
  if (forked()) [[unlikely]]
    in_child(who);
}
// An exception has left the calling goroutine, or a scope: reports it, and returns only if the embedder says so.
void uncaught(const std::exception_ptr &error) noexcept;
schedt &current_sched(const char *who) noexcept;
sched_options resolve(const options &o);  // throws config_error
statistics figures(const schedt &sched) noexcept;
std::string dump_text(schedt &sched);
void print_stack(const g *gp, void (*line)(void *arg, const char *text), void *arg) noexcept;
void report_leaks(const schedt &sched) noexcept;

// f(), as the last that the calling goroutine does for its user.
template <class F>
void call_guarded(F &&f) noexcept {
  try {
    f();
  } catch (...) {
    uncaught(std::current_exception());
  }
}

template <class F>
void invoke(void *closure) {
  F &f = *static_cast<F *>(closure);
  call_guarded(f);
  not_in_child("the end of a goroutine");
  f.~F();
}

// The closure is built in the g or on the goroutine's own stack: nothing is allocated once a free g exists.
template <class F>
newborn prepare(schedt &sched, F &&f, std::size_t stack_size, source_location where = {},
                const void *memberof = nullptr) {
  using closure = std::decay_t<F>;
  const newborn s = newspawn(sched, sizeof(closure), alignof(closure), stack_size);
  if (s.gp == nullptr) throw std::bad_alloc();
  s.gp->started = where;
  s.gp->memberof.set(memberof);
  try {
    ::new (s.closure) closure(std::forward<F>(f));
  } catch (...) {
    unspawn(sched, s);
    throw;
  }
  return s;
}

template <class F>
void go_on(schedt &sched, F &&f, std::size_t stack_size, source_location where, const void *memberof = nullptr) {
  newproc(sched, prepare(sched, std::forward<F>(f), stack_size, where, memberof), &invoke<std::decay_t<F>>);
}

template <class F>
void go_from_outside(schedt &sched, F &&f, std::size_t stack_size, source_location where = {}) {
  not_in_child("runtime::go");
  const newborn s = prepare(sched, std::forward<F>(f), stack_size, where);
  void (*const start)(void *) = &invoke<std::decay_t<F>>;
  // A goroutine of this runtime gives way in newproc, and may be abandoned there. joinms waits for its M as it is.
  if (const m *mp = getm(); mp != nullptr && mp->sched == &sched) return newproc(sched, s, start);
  const foreign_call here(sched, true);
  newproc(sched, s, start);
}

// f(), as a goroutine if the calling thread runs none: it may park then, which blocks the thread.
template <class F>
decltype(auto) as_goroutine(F &&f) {
  if (getm() != nullptr) return f();
  const needm here;
  return f();
}

// stop_the_world, f(arg), start_the_world. Caller: any thread.
void with_world_stopped(schedt &sched, void (*f)(void *), void *arg);
void resize(schedt &sched, int n);  // throws std::bad_alloc

// Runs the main goroutine to its end on the calling thread as m0, then stops and joins every other M.
void run_main(schedt &sched, newborn main, void (*startfn)(void *)) noexcept;
void start_main(schedt &sched);
// Stops and joins without a main.
void shut_down(schedt &sched) noexcept;

}  // namespace detail

class runtime {
 public:
  // Makes the Ps, and sysmon's thread; no M yet. Errors: throws config_error, std::bad_alloc; std::system_error when
  // the system gives no thread.
  explicit runtime(const options &o = {});
  // In the child of a fork it leaves everything as it is: there is no thread to stop.
  ~runtime() {
    if (!forked()) shutdown();
  }
  runtime(const runtime &) = delete;
  runtime &operator=(const runtime &) = delete;

  // Runs f as the main goroutine; the calling thread is one of the Ms meanwhile. When f returns, the runtime stops:
  // goroutines that have not ended are abandoned where they stand, their destructors do not run, as when a Go program's
  // main returns. A goroutine that computes without ever yielding delays the return until it does.
  // Caller: a thread that runs no goroutine, once. Blocks: the thread. Returns: what f returns, 0 for void.
  // Errors: throws std::bad_alloc; what f throws is for options::on_uncaught, else it ends the process.
  template <class F>
  int run(F &&f, source_location where = source_location::current()) {
    detail::not_in_child("runtime::run");
    if (getm() != nullptr) detail::misuse("runtime::run called on a goroutine");
    if (started_) detail::misuse("runtime::run called twice, or after shutdown");
    started_ = true;
    int status = 0;
    auto main = [&] {
      try {
        if constexpr (std::is_void_v<std::invoke_result_t<F &>>)
          f();
        else
          status = static_cast<int>(f());
      } catch (...) {
        status = 2;  // on_uncaught may let it pass
        throw;
      }
    };
    const newborn s =
        detail::prepare(*sched_, main, main_stack_size, where);  // first: it may throw, and we are no M yet
    detail::start_main(*sched_);
    detail::run_main(*sched_, s, &detail::invoke<decltype(main)>);
    ended();
    return status;
  }

  // Starts a goroutine; one that is started while the runtime stops is abandoned. Caller: any thread, while the runtime
  // exists. Blocks: nothing. Errors: throws std::bad_alloc; what leaves f: as heddle::go. where: what reports say of
  // where it was started.
  template <class F>
  void go(F &&f, std::size_t stack_size = 0, source_location where = source_location::current()) {
    detail::go_from_outside(*sched_, std::forward<F>(f), stack_size, where);
  }

  // Stops every M and joins the threads; goroutines that have not ended are abandoned. Idempotent; run does it by
  // itself. Caller: a thread that runs no goroutine.
  void shutdown() noexcept;

  // Runs f while no goroutine runs: all have been stopped at a safepoint or are in blocking(f). f may not park - no channel,
  // mutex, yield - and may not call this. Calls from several sides take turns. Caller: any thread while the runtime exists.
  // Blocks: the goroutine or thread, until every P has stopped: a goroutine that reaches no safepoint makes it wait.
  // Errors: what f throws, after the world runs again. Cost: tens of microseconds. Source: stopTheWorld.
  template <class F>
  void stop_the_world(F &&f) {
    detail::with_world_stopped(
        *sched_, [](void *arg) { (*static_cast<std::remove_reference_t<F> *>(arg))(); }, std::addressof(f));
  }

  // How many goroutines may run at once, from 1 to 1024. Stops the world. What waits on Ps that go keeps its order.
  // Caller: any thread while the runtime exists. Errors: throws std::bad_alloc. Source: GOMAXPROCS.
  void set_procs(int n) { detail::resize(*sched_, n); }

  // Figures. Caller: any thread while the runtime exists, also after run. Blocks: nothing. Ordering: none; each is read
  // by itself, so two of them need not be of one moment. Cost: a few loads for each P.
  statistics stats() const noexcept {
    detail::not_in_child("runtime::stats");
    return detail::figures(*sched_);
  }
  // How many goroutines may run at once. Caller: any thread while the runtime exists. Blocks: nothing. Ordering: none.
  int procs() const noexcept {
    detail::not_in_child("runtime::procs");
    return sched_->gomaxprocs.peek();
  }

  // Writes for each goroutine its number, its state, what it waits for and how long (to some 10 ms), whether it is locked to a
  // thread, where it was started, and its stack: functions that the dynamic linker knows by name, all others as module and
  // offset for addr2line. Frames are found by their frame pointers: build with -fno-omit-frame-pointer to see them all. What a
  // channel or mutex looks like is said only where nobody else could change it: no goroutine is in blocking(f) and the process
  // has no other threads. Stops the world while it looks, not while it writes.
  // Caller: any thread while the runtime exists, not with its world stopped. Blocks: as stop_the_world; out, as it does.
  // Errors: throws std::bad_alloc; what out throws. Cost: microseconds per goroutine.
  void dump(std::ostream &out) const;

 private:
  void ended() noexcept;  // every M has been joined

  static constexpr std::size_t main_stack_size = 0;
  struct deleter {
    void operator()(schedt *sched) const noexcept;
  };
  std::unique_ptr<schedt, deleter> sched_;
  // Of the one thread that runs the runtime and ends it: what others may call while it does reads neither.
  bool started_ = false;
  bool stopped_ = false;
};

// A runtime for the length of f. A configuration that cannot be had is reported on standard error; the result is 2
// then. Caller, blocks, errors: as runtime::run.
template <class F>
int run(F &&f, const options &o = {}, source_location where = source_location::current()) {
  std::unique_ptr<runtime> rt;
  try {
    rt = std::make_unique<runtime>(o);
  } catch (const std::exception &e) {
    print_error("heddle: ");
    print_error(e.what());
    print_error("\n");
    return 2;
  }
  return rt->run(std::forward<F>(f), where);
}

// Starts a goroutine that runs f(). Caller: a goroutine. Blocks: nothing. Owns: a copy of f, until f has returned.
// Ordering: what the caller did before is visible to f. Errors: throws std::bad_alloc when there is no memory for a
// stack; what leaves f is for options::on_uncaught, else it ends the process. stack_size: bytes, 0 for the runtime's.
// where: what reports say of where it was started. Cost: tens of nanoseconds.
template <class F>
void go(F &&f, std::size_t stack_size = 0, source_location where = source_location::current()) {
  detail::go_on(detail::current_sched("heddle::go"), std::forward<F>(f), stack_size, where);
}

// Lets the other goroutines of this P's queue run first (Go's goyield). Caller: a goroutine. A goroutine that waits by
// looking does better with gosched() (Go's Gosched, sched/proc.hpp): it lets those of the global queue run as well.
void yield() noexcept;

// Ps of the current runtime. Caller: a goroutine.
int procs() noexcept;
// Changes their number, see runtime::set_procs. Caller: a goroutine.
void set_procs(int n);
// Runs f while no other goroutine of this runtime runs, see runtime::stop_the_world. Caller: a goroutine.
template <class F>
void stop_the_world(F &&f) {
  detail::with_world_stopped(
      detail::current_sched("heddle::stop_the_world"),
      [](void *arg) { (*static_cast<std::remove_reference_t<F> *>(arg))(); }, std::addressof(f));
}
// Goroutines of the current runtime that have begun and not ended. Caller: a goroutine. Ordering: none; who wants to see what
// they did waits with a wait_group.
std::uint64_t num_goroutine() noexcept;
// Figures of the current runtime. Caller: a goroutine.
statistics stats() noexcept;
// Writes what every goroutine of the current runtime does, see runtime::dump. Caller: a goroutine.
void dump(std::ostream &out);
// The number of the calling goroutine; 1 is main. Caller: a goroutine.
std::uint64_t goid() noexcept;

HEDDLE_END
