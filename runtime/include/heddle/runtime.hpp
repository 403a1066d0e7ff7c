#pragma once
// A runtime: goroutines on procs Ps on as many threads as they need. Several may live in one process.
#include <cstddef>
#include <iosfwd>
#include <memory>
#include <type_traits>
#include <utility>

#include "heddle/detail/spawn.hpp"
#include "heddle/go.hpp"
#include "heddle/options.hpp"
#include "heddle/source_location.hpp"
#include "heddle/stats.hpp"

HEDDLE_BEGIN

class HEDDLE_API runtime {
 public:
  // Makes the Ps, and sysmon's thread; no M yet. Errors: throws config_error, std::bad_alloc; std::system_error when
  // the system gives no thread.
  explicit runtime(const options &o = {});
  // In the child of a fork it leaves everything as it is: there is no thread to stop.
  ~runtime();
  runtime(const runtime &) = delete;
  runtime &operator=(const runtime &) = delete;

  // Runs f as the main goroutine; the calling thread is one of the Ms meanwhile. When f returns, the runtime stops:
  // goroutines that have not ended are abandoned where they stand, their destructors do not run, as when a Go program's
  // main returns. A goroutine that computes without ever yielding delays the return until it does.
  // Caller: a thread that runs no goroutine, once. Blocks: the thread. Returns: what f returns, 0 for void.
  // Errors: throws std::bad_alloc; what f throws is for options::on_uncaught, else it ends the process.
  template <class F>
  int run(F &&f, source_location where = source_location::current()) {
    begin_run();
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
    const detail::newborn s = detail::build(room_for(sizeof main, alignof(decltype(main)), 0, where), main);
    run_main(s, &detail::invoke<decltype(main)>);
    return status;
  }

  // Starts a goroutine; one that is started while the runtime stops is abandoned. Caller: any thread, while the runtime
  // exists. Blocks: nothing. Errors: throws std::bad_alloc; what leaves f: as heddle::go. where: what reports say of
  // where it was started.
  template <class F>
  void go(F &&f, std::size_t stack_size = 0, source_location where = source_location::current()) {
    detail::not_in_child("runtime::go");
    using closure = std::decay_t<F>;
    const detail::newborn s = room_for(sizeof(closure), alignof(closure), stack_size, where);
    start(detail::build(s, std::forward<F>(f)), &detail::invoke<closure>);
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
    with_world_stopped([](void *arg) { (*static_cast<std::remove_reference_t<F> *>(arg))(); }, std::addressof(f));
  }

  // How many goroutines may run at once, from 1 to 1024. Stops the world. What waits on Ps that go keeps its order.
  // Caller: any thread while the runtime exists. Errors: throws std::bad_alloc. Source: GOMAXPROCS.
  void set_procs(int n);

  // Figures. Caller: any thread while the runtime exists, also after run. Blocks: nothing. Ordering: none; each is read
  // by itself, so two of them need not be of one moment. Cost: a few loads for each P.
  statistics stats() const noexcept;
  // How many goroutines may run at once. Caller: any thread while the runtime exists. Blocks: nothing. Ordering: none.
  int procs() const noexcept;

  // Writes for each goroutine its number, its state, what it waits for and how long (to some 10 ms), whether it is locked to a
  // thread, where it was started, and its stack: functions that the dynamic linker knows by name, all others as module and
  // offset for addr2line. Frames are found by their frame pointers: build with -fno-omit-frame-pointer to see them all. What a
  // channel or mutex looks like is said only where nobody else could change it: no goroutine is in blocking(f) and the process
  // has no other threads. Stops the world while it looks, not while it writes.
  // Caller: any thread while the runtime exists, not with its world stopped. Blocks: as stop_the_world; out, as it does.
  // Errors: throws std::bad_alloc; what out throws. Cost: microseconds per goroutine.
  void dump(std::ostream &out) const;

 private:
  struct impl;

  void begin_run();
  // Room for a goroutine of this runtime, and for its function.
  detail::newborn room_for(std::size_t size, std::size_t align, std::size_t stack_size, source_location where);
  void start(detail::newborn s, void (*function)(void *)) noexcept;
  void run_main(detail::newborn s, void (*function)(void *));
  void with_world_stopped(void (*f)(void *), void *arg);

  std::unique_ptr<impl> impl_;
};

namespace detail {
// Null: it cannot be had, and why has been printed.
HEDDLE_API std::unique_ptr<runtime> make_runtime(const options &o);
// stop_the_world, f(arg), start_the_world, in the caller's runtime. Caller: a goroutine.
HEDDLE_API void with_world_stopped(void (*f)(void *), void *arg);
}  // namespace detail

// A runtime for the length of f. A configuration that cannot be had is reported on standard error; the result is 2
// then. Caller, blocks, errors: as runtime::run.
template <class F>
int run(F &&f, const options &o = {}, source_location where = source_location::current()) {
  const std::unique_ptr<runtime> rt = detail::make_runtime(o);
  return rt != nullptr ? rt->run(std::forward<F>(f), where) : 2;
}

// Ps of the current runtime. Caller: a goroutine.
HEDDLE_API int procs() noexcept;
// Changes their number, see runtime::set_procs. Caller: a goroutine.
HEDDLE_API void set_procs(int n);
// Runs f while no other goroutine of this runtime runs, see runtime::stop_the_world. Caller: a goroutine.
template <class F>
void stop_the_world(F &&f) {
  detail::with_world_stopped([](void *arg) { (*static_cast<std::remove_reference_t<F> *>(arg))(); }, std::addressof(f));
}
// Writes what every goroutine of the current runtime does, see runtime::dump. Caller: a goroutine.
HEDDLE_API void dump(std::ostream &out);

HEDDLE_END
