#pragma once
// Goroutines that end before the block that started them ends. Source: nurseries (of the Python library Trio), Go's
// errgroup.
#include <exception>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include "heddle/detail/spinlock.hpp"
#include "heddle/detail/waitq.hpp"
#include "heddle/task.hpp"

HEDDLE_BEGIN

// Waits for the goroutines that it has started. The first exception that leaves one of them cancels the others, that
// is, requests a stop of the token that they may take; wait() throws that exception again.
//
//   heddle::with_scope([&](heddle::scope &s) {
//     for (auto &part : parts) s.spawn([&](std::stop_token stop) { work(part, stop); });
//   });
//
// A scope inside another is cancelled with it if it is given the outer scope's token: scope inner(outer.stop_token()).
class HEDDLE_API scope {
 public:
  // Makes a scope that is cancelled by cancel() or by the first error. Errors: throws std::bad_alloc. Cost: one
  // allocation, that of std::stop_source.
  [[nodiscard]] scope() : in_flight_(std::uncaught_exceptions()) {}
  // Makes a scope that is also cancelled as soon as a stop of `parent` is requested. Errors, cost: as above.
  [[nodiscard]] explicit scope(std::stop_token parent) : scope() {
    from_parent_.emplace(std::move(parent), passes_on{*this});
  }
  scope(const scope &) = delete;
  scope &operator=(const scope &) = delete;
  // Waits for all goroutines of the scope, as wait; if an exception in flight has ended the block, it cancels them
  // first. It never throws: an error that no wait() has thrown again is treated as one that has left a goroutine
  // (options::on_uncaught; by default the process ends), but is lost if another exception is in flight. Caller: a
  // goroutine; also any other thread, where such an error ends the process in any case. Blocks: the goroutine, or the
  // thread.
  ~scope();

  // Starts a goroutine that runs f, or f(stop_token()) if f takes a token. After cancel f is started all the same, with
  // a token that says so. Caller: a goroutine: the one that owns the scope, or one of the scope's. Blocks: nothing.
  // Owns: a copy of f, which has gone before wait returns. Ordering: what the caller did before is visible to f.
  // Errors: throws std::bad_alloc. Cost: that of go; no allocation.
  template <class F>
  void spawn(F &&f, std::size_t stack_size = 0, source_location where = source_location::current()) {
    using closure = std::decay_t<F>;
    add();
    try {
      detail::go_on(
          "scope::spawn",
          [this, body = std::optional<closure>(std::forward<F>(f))]() mutable {
            ignored result;
            std::exception_ptr error = detail::run_task(result, *body, stop_);
            body.reset();  // before leave(): what f has captured has gone when wait returns
            if (error != nullptr) fail(std::move(error));
            detail::end_membership();
            leave();
          },
          stack_size, where, detail::membership_of(this, abandoned));
    } catch (...) {
      leave();
      throw;
    }
  }

  // Returns when all goroutines of the scope have ended, or been abandoned with their runtime. The scope can be used
  // again, but stays cancelled if it was.
  // Caller: a goroutine that is not one of the scope's; also any other thread. Blocks: the goroutine, or the thread.
  // Ordering: what they did is visible. Errors: throws the first exception that has left one of them, once.
  void wait();
  // Asks all goroutines of the scope to stop: those that run, those that will be started, and those of scopes inside.
  // Caller: any thread while the scope exists. Blocks: nothing; it calls the callbacks of the token.
  void cancel() noexcept { stop_.request_stop(); }
  // Returns whether the goroutines have been asked to stop, by cancel, an error or the parent. Caller: any thread while
  // the scope exists. Blocks: nothing. Ordering: if it returns true, what was done before the request is visible.
  [[nodiscard]] bool cancelled() const noexcept { return stop_.stop_requested(); }
  // Returns the token that functions which take one get; it may outlive the scope. Caller, blocks: as cancelled.
  [[nodiscard]] std::stop_token stop_token() const noexcept { return stop_.get_token(); }

 private:
  friend struct detail::onlooker;
  template <class F, class... Token>
  friend auto with_scope(F &&f, Token &&...parent) -> std::invoke_result_t<F &, scope &>;

  struct passes_on {
    scope &self;
    void operator()() const noexcept { self.cancel(); }
  };
  struct ignored {
    template <class... A>
    void run(A &&...call) {
      std::invoke(std::forward<A>(call)...);
    }
  };

  static void abandoned(const void *self) noexcept;
  void add() noexcept;
  void leave() noexcept;  // for the last goroutine this is the last access: wait may return then, and *this may be
                          // destroyed
  void fail(std::exception_ptr error) noexcept;
  void join() noexcept;

  std::stop_source stop_;  // set once; any thread may use it
  const int in_flight_;    // how many exceptions were in flight when the scope was made
  detail::spinlock lock_;
  detail::plain<std::size_t> running_;  // under lock_
  detail::plain<bool> failed_;          // under lock_; true: error_ is the first error
  std::exception_ptr error_;            // under lock_. raw: as failed_, which is plain and changes with it
  detail::waitq waiters_;               // under lock_; empty when no goroutine of the scope runs
  std::optional<std::stop_callback<passes_on>> from_parent_;  // one thread's: it makes the scope, and destroys it
};

// Calls f(s) with a scope s, which is cancelled with `parent` if there is one, and then waits for all goroutines that s
// has started. An exception that leaves f counts like one that leaves a goroutine of the scope: the first error cancels
// the others, and is thrown again when all have ended. Caller: a goroutine. Blocks: the goroutine. Returns: what f
// returns. Errors: throws the first error, and std::bad_alloc. Cost: as a scope.
template <class F, class... Token>
auto with_scope(F &&f, Token &&...parent) -> std::invoke_result_t<F &, scope &> {
  scope s(std::forward<Token>(parent)...);
  detail::outcome<std::invoke_result_t<F &, scope &>> result;
  if (std::exception_ptr error = [&]() noexcept -> std::exception_ptr {
        try {
          result.run(f, s);
        } catch (...) {
          return std::current_exception();
        }
        return nullptr;
      }();
      error != nullptr)
    s.fail(std::move(error));
  s.wait();
  return result.take();
}

HEDDLE_END
