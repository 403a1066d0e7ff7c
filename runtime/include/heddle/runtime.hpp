#pragma once
// A runtime: goroutines that run on `procs` Ps, on as many threads as those need.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <type_traits>
#include <utility>

#include "heddle/detail/deadline.hpp"
#include "heddle/detail/spawn.hpp"
#include "heddle/go.hpp"
#include "heddle/options.hpp"
#include "heddle/source_location.hpp"
#include "heddle/stats.hpp"

HEDDLE_BEGIN

// A scheduler with its goroutines, threads, Ps and timers. A P is a permit to run goroutines, with a queue of its own:
// as many goroutines run at the same time as there are Ps. heddle::run makes a runtime for the length of a call.
// Several runtimes may live in one process, at once and one after another. A runtime that has been destroyed leaves no
// thread and no mapping behind.
class HEDDLE_API runtime {
 public:
  // Makes the Ps and starts the thread of sysmon, which watches the Ps; it makes no M (no thread that runs goroutines)
  // yet. Blocks: the thread, until sysmon's has been started. Errors: throws config_error, std::bad_alloc;
  // std::system_error if the system gives no thread.
  explicit runtime(const options &o = {});
  // Stops the runtime. Blocks: as shutdown. In the child of a fork it leaves everything as it is, because there is no
  // thread to stop; likewise where shutdown(limit) has given up.
  ~runtime();
  runtime(const runtime &) = delete;
  runtime &operator=(const runtime &) = delete;

  // Runs f as the main goroutine. Meanwhile the calling thread is one of the Ms, the threads that run goroutines. When
  // f returns, the runtime stops: goroutines that have not ended are abandoned where they stand and their destructors
  // do not run, as when a Go program's main returns. A goroutine that computes without ever yielding delays the return
  // until it yields. The main goroutine's stack is as large as options::stack_size says, or as RLIMIT_STACK (ulimit -s)
  // says for threads if that is more; 64 MiB where there is no such limit. It is address space; memory comes with use.
  // Caller: a thread that runs no goroutine, once. Blocks: the thread. Returns: what f returns, 0 for
  // void. Errors: throws std::bad_alloc; an exception that leaves f goes to options::on_uncaught, and without one ends
  // the process.
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
        status = 2;  // stays 2 if on_uncaught returns
        throw;
      }
    };
    const detail::newborn s = detail::build(room_for_main(sizeof main, alignof(decltype(main)), where), main);
    run_main(s, &detail::invoke<decltype(main)>);
    return status;
  }

  // Starts a goroutine from outside. One that is started while the runtime stops is abandoned. Caller: any thread,
  // while the runtime exists. Blocks: nothing. Owns, ordering: as heddle::go. Errors: throws std::bad_alloc; an
  // exception that leaves f: as heddle::go. where: the place that reports name as the one where it was started.
  template <class F>
  void go(F &&f, std::size_t stack_size = 0, source_location where = source_location::current()) {
    detail::not_in_child("runtime::go");
    using closure = std::decay_t<F>;
    const detail::newborn s = room_for(sizeof(closure), alignof(closure), stack_size, where);
    start(detail::build(s, std::forward<F>(f)), &detail::invoke<closure>);
  }

  // Stops every M and joins the threads; goroutines that have not ended are abandoned. Calling it again does nothing;
  // run calls it by itself. It waits for each goroutine that is in blocking(f), and for one that computes without a
  // safepoint; after a second it prints their names to standard error, once (options::log). Caller: a thread that runs
  // no goroutine, one at a time. Blocks: the thread.
  void shutdown() noexcept;
  // As shutdown, but gives up after `limit`, and prints which goroutines it has left (options::log). Returns whether
  // all threads have ended. If not, the threads of these goroutines go on until the call or the computation is over,
  // and then end by themselves; they may use channels and locks as a thread from outside may. Nothing else of the
  // runtime runs, but its memory must stay: shutdown may be called again to wait for them, with a limit or without one,
  // and where that has not been done, the destructor does not wait and leaves the memory allocated for good. What the
  // goroutines use must live as long as they do: return from main, or unload a library, only when their calls are over.
  // Blocks: the thread.
  template <class Rep, class Period>
  [[nodiscard]] bool shutdown(const std::chrono::duration<Rep, Period> &limit) noexcept {
    return shutdown_until(detail::time_in(limit));
  }

  // Runs f while no goroutine runs: all goroutines have stopped at a safepoint or are in blocking(f). f may not park
  // (no channel, no mutex, no yield) and may not call this. Concurrent calls take turns. Caller: any thread while the
  // runtime exists. Blocks: the goroutine or the thread, until every P has stopped; a goroutine that reaches no
  // safepoint delays it. Errors: what f throws, after the world runs again. Cost: tens of microseconds. Source:
  // stopTheWorld in Go's proc.go.
  template <class F>
  void stop_the_world(F &&f) {
    with_world_stopped([](void *arg) { (*static_cast<std::remove_reference_t<F> *>(arg))(); }, std::addressof(f));
  }

  // Sets how many goroutines may run at once, from 1 to 1024. It stops the world meanwhile. Goroutines that wait in the
  // queue of a P that is taken away keep their order. Caller: any thread while the runtime exists. Blocks: as
  // stop_the_world. Errors: throws std::bad_alloc. Source: Go's GOMAXPROCS.
  void set_procs(int n);

  // Returns figures of the runtime. Caller: any thread while the runtime exists, also after run. Blocks: nothing.
  // Ordering: none; each figure is read by itself, so two of them may be of different moments. Cost: a few loads for
  // each P.
  [[nodiscard]] statistics stats() const noexcept;
  // Returns how many goroutines may run at once. Caller: any thread while the runtime exists. Blocks: nothing.
  // Ordering: none.
  [[nodiscard]] int procs() const noexcept;

  // Writes for each goroutine its number, its state, what it waits for and for how long (to some 10 ms), whether it is
  // locked to a thread, where it was started, how much of its stack has been touched (by it or by an earlier goroutine
  // on the same stack), and its frames. Functions that the dynamic linker knows have their names there; all others are
  // module and offset, for addr2line. Frames are found by their frame pointers: build with -fno-omit-frame-pointer to
  // see them all. The state of a channel or mutex is written only where nothing else could change it: no goroutine is
  // in blocking(f) and the process has no other threads. It stops the world while it looks, not while it writes. Of
  // a goroutine that has come to no safepoint for a tenth of a second it writes that it computes, without its frames.
  // Caller: any thread while the runtime exists, not with its world stopped. Blocks: as stop_the_world, but for a tenth
  // of a second at most; and as out does. Errors: throws std::bad_alloc; what out throws. Cost: microseconds per goroutine, of which the stack's mark
  // takes one system call for each 16 MiB of stack.
  void dump(std::ostream &out) const;

 private:
  struct impl;

  void begin_run();
  bool shutdown_until(std::int64_t when) noexcept;
  // Makes room for a goroutine of this runtime, and for its function.
  detail::newborn room_for(std::size_t size, std::size_t align, std::size_t stack_size, source_location where);
  // Likewise for the main goroutine, with a stack as large as that of a thread.
  detail::newborn room_for_main(std::size_t size, std::size_t align, source_location where);
  void start(detail::newborn s, void (*function)(void *)) noexcept;
  void run_main(detail::newborn s, void (*function)(void *));
  void with_world_stopped(void (*f)(void *), void *arg);

  std::unique_ptr<impl> impl_;  // set once
};

namespace detail {
// Makes a runtime; null: the options cannot be granted, and a message has said why.
HEDDLE_API std::unique_ptr<runtime> make_runtime(const options &o);
// Stops the world of the caller's runtime, calls f(arg), and starts the world again. Caller: a goroutine.
HEDDLE_API void with_world_stopped(void (*f)(void *), void *arg);
}  // namespace detail

// Makes a runtime for the length of f and runs f in it. If the options cannot be granted, it prints why to standard
// error and returns 2. Caller, blocks, errors: as runtime::run.
template <class F>
int run(F &&f, const options &o = {}, source_location where = source_location::current()) {
  const std::unique_ptr<runtime> rt = detail::make_runtime(o);
  return rt != nullptr ? rt->run(std::forward<F>(f), where) : 2;
}

// Returns how many Ps the current runtime has, that is, how many goroutines may run at once. Caller: a goroutine.
[[nodiscard]] HEDDLE_API int procs() noexcept;
// Changes the number of Ps of the current runtime, see runtime::set_procs. Caller: a goroutine.
HEDDLE_API void set_procs(int n);
// Runs f while no other goroutine of this runtime runs, see runtime::stop_the_world. Caller: a goroutine.
template <class F>
void stop_the_world(F &&f) {
  detail::with_world_stopped([](void *arg) { (*static_cast<std::remove_reference_t<F> *>(arg))(); }, std::addressof(f));
}
// Writes what every goroutine of the current runtime does, see runtime::dump. Caller: a goroutine.
HEDDLE_API void dump(std::ostream &out);

HEDDLE_END
