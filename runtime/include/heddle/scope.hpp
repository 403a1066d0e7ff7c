#pragma once
// Goroutines that end before the block does that started them. Source: nurseries (Trio), Go's errgroup.
#include <exception>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include "heddle/detail/spinlock.hpp"
#include "heddle/detail/waitq.hpp"
#include "heddle/task.hpp"

HEDDLE_BEGIN

// Waits for the goroutines that it has started. The first exception that leaves one of them cancels the others - it
// requests a stop of the token that they may take - and is thrown again by wait().
//
//   heddle::with_scope([&](heddle::scope &s) {
//     for (auto &part : parts) s.spawn([&](std::stop_token stop) { work(part, stop); });
//   });
//
// A scope inside another is cancelled with it if it is given the outer one's token: scope inner(outer.stop_token()).
class HEDDLE_API scope {
 public:
  // Errors: throws std::bad_alloc. Cost: one allocation, std::stop_source's.
  scope() : in_flight_(std::uncaught_exceptions()) {}
  // Cancelled as soon as a stop of `parent` is requested. Cost: as above.
  explicit scope(std::stop_token parent) : scope() { from_parent_.emplace(std::move(parent), passes_on{*this}); }
  scope(const scope &) = delete;
  scope &operator=(const scope &) = delete;
  // Joins all, as wait; where an exception in flight has ended the block, cancels them first. It never throws: an error
  // that no wait() has thrown again is treated like one that has left a goroutine (options::on_uncaught; by default the
  // process ends), but lost while another is in flight. Caller: a goroutine; also any other thread, where
  // such an error ends the process in any case. Blocks: the goroutine, or thread.
  ~scope();

  // Starts a goroutine that runs f, or f(stop_token()) if it takes one. Caller: a goroutine, its owner's or one of the
  // scope's. Blocks: nothing. Owns: a copy of f, gone before wait returns. Ordering: what the caller did before is
  // visible to f. Errors: throws std::bad_alloc. After cancel f is started all the same, with a token that says so.
  // Cost: that of go; no allocation.
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
            body.reset();  // before the end: what f has captured is gone when wait returns
            if (error != nullptr) fail(std::move(error));
            leave();
          },
          stack_size, where, this);
    } catch (...) {
      leave();
      throw;
    }
  }

  // Returns when all have ended. Caller: a goroutine; also any other thread; not one of the scope's. Blocks: the
  // goroutine, or thread. Ordering: what they did is visible. Errors: throws the first exception that has left one of
  // them, once. The scope can be used again, but stays cancelled if it was.
  void wait();
  // Asks all to stop: those that run, those that will, and scopes inside. Caller: any thread while the scope exists.
  // Blocks: nothing; calls the callbacks of the token.
  void cancel() noexcept { stop_.request_stop(); }
  // Whether all have been asked to stop: by cancel, an error or the parent. Caller: any thread while the scope exists.
  // Blocks: nothing. Ordering: if so, what was done before the request is visible.
  bool cancelled() const noexcept { return stop_.stop_requested(); }
  // The token that those which take one get; may outlive the scope. Caller, blocks: as cancelled.
  std::stop_token stop_token() const noexcept { return stop_.get_token(); }

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

  void add() noexcept;
  void leave() noexcept;  // with the last one the last touch: a wait may return and destroy us
  void fail(std::exception_ptr error) noexcept;
  void join() noexcept;

  std::stop_source stop_;
  const int in_flight_;  // exceptions in flight when it was made
  detail::spinlock lock_;
  detail::plain<std::size_t> running_;  // under lock_
  detail::plain<bool> failed_;          // under lock_: error_ is the first
  std::exception_ptr error_;            // under lock_
  detail::waitq waiters_;               // under lock_; empty when nobody runs
  std::optional<std::stop_callback<passes_on>> from_parent_;
};

// f(s), with a scope s that is cancelled with `parent` if there is one; then waits for all that it has started. What
// leaves f counts like what leaves one of them: the first error cancels the others, and is thrown again when all have
// ended. Returns: what f returns. Caller: a goroutine. Blocks: the goroutine. Errors: the first one's; throws
// std::bad_alloc. Cost: as a scope.
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
