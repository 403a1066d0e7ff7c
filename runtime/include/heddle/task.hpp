#pragma once
// Goroutines that return a result, and that an owner waits for. Source: std::async, std::jthread; Go has no such thing.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "heddle/detail/deadline.hpp"
#include "heddle/detail/spawn.hpp"
#include "heddle/select.hpp"

HEDDLE_BEGIN

template <class T>
class task;

namespace detail {

struct task_access;

// The state of a task. Its end is a channel that is closed then, so that a select can wait for it; no value ever goes
// through the channel.
class task_core : public hchan {
 public:
  explicit task_core(std::stop_source &&s) noexcept : hchan(0), stop(std::move(s)) {}
  virtual ~task_core() = default;
  bool give(void *, g *&) noexcept final { return false; }
  bool take(void *, g *&) noexcept final { return closed.get(); }

  // Written before the end. raw: plain<> is for what is copied as bytes; `closed` publishes it, and the suites' functions
  // throw what they have written to plains.
  std::exception_ptr error;
  // As in std::jthread: it has no state if the function takes no token. Set once.
  std::stop_source stop;
};

[[noreturn]] HEDDLE_API void no_task(const char *who) noexcept;
HEDDLE_API void task_abandoned(const void *channel) noexcept;
HEDDLE_API bool task_done(task_core &c) noexcept;
HEDDLE_API void task_join(task_core &c) noexcept;
HEDDLE_API bool task_join_until(task_core &c, std::int64_t when) noexcept;

// Keeps what f returned: nothing for void, the address for a reference. raw: as task_core::error.
template <class T>
class outcome {
 public:
  template <class... A>
  void run(A &&...call) {
    value_.emplace(std::invoke(std::forward<A>(call)...));
  }
  bool there() const noexcept { return value_.has_value(); }
  T take() { return std::move(*value_); }

 private:
  std::optional<T> value_;
};
template <class T>
class outcome<T &> {
 public:
  template <class... A>
  void run(A &&...call) {
    value_ = std::addressof(std::invoke(std::forward<A>(call)...));
  }
  bool there() const noexcept { return value_ != nullptr; }
  T &take() { return *value_; }

 private:
  T *value_ = nullptr;  // raw: as above
};
template <>
class outcome<void> {
 public:
  template <class... A>
  void run(A &&...call) {
    std::invoke(std::forward<A>(call)...);
    there_ = true;
  }
  bool there() const noexcept { return there_; }
  void take() noexcept {}

 private:
  bool there_ = false;  // raw: as above
};

template <class T>
struct task_state final : task_core {
  using task_core::task_core;
  outcome<T> result;
};

template <class F>
inline constexpr bool takes_stop_token = std::is_invocable_v<F &, std::stop_token>;
template <class F>
struct task_result {
  using type = std::invoke_result_t<F &>;
};
template <class F>
requires takes_stop_token<F>
struct task_result<F> {
  using type = std::invoke_result_t<F &, std::stop_token>;
};
template <class F>
using task_result_t = typename task_result<std::decay_t<F>>::type;

template <class F>
std::stop_source stop_source_for() {
  if constexpr (takes_stop_token<F>)
    return std::stop_source();
  else
    return std::stop_source(std::nostopstate);
}

// Calls f(token) or f(); returns the exception that left it, or null.
template <class Result, class F>
std::exception_ptr run_task(Result &result, F &f, [[maybe_unused]] const std::stop_source &stop) noexcept {
  try {
    if constexpr (takes_stop_token<F>)
      result.run(f, stop.get_token());
    else
      result.run(f);
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

// Stands for void where a value is wanted.
template <class T>
using not_void = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

}  // namespace detail

// The future result of a goroutine that spawn has started, and the duty to wait for the goroutine: destroying or
// overwriting a task asks its goroutine to stop and waits until it has ended. A task has one owner, and it may be
// moved. While the owner keeps it, others may join it, cancel it and ask for its state.
//
// If the goroutine is abandoned with its runtime, the task has ended, as if f had thrown a std::runtime_error.
//
// A task is also a case for select: on_done(t, f).
//
// Unless said otherwise: caller: a goroutine; also any other thread, and inside blocking(f). Errors: a task that has no
// goroutine (default-constructed, moved from, or its result taken) is misuse. Cost: a short lock.
template <class T>
class task {
 public:
  using value_type = std::monostate;  // for a task as a case of a select
  static constexpr bool receives = true, sends = false;

  task() noexcept = default;
  task(task &&other) noexcept = default;
  task &operator=(task &&other) noexcept {
    if (this != &other) {
      end();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  // Calls cancel() and join(). An exception that no get() has thrown again is lost. Blocks: the goroutine, or the
  // thread.
  ~task() { end(); }

  // Returns whether the task has a goroutine, running or ended, whose result has not been taken. Blocks: nothing.
  [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }
  // Returns whether the goroutine has ended. Blocks: nothing. Ordering: if it returns true, as join.
  [[nodiscard]] bool done() const noexcept { return detail::task_done(state("task::done")); }

  // Returns when the goroutine has ended and all that f captured has gone. Blocks: the goroutine, or the thread.
  // Ordering: what the task did is visible.
  void join() const noexcept { detail::task_join(state("task::join")); }
  // As join, but waits at most for the given time, or until the given moment; returns whether the goroutine has ended.
  // A clock that can be set is read again when its time should have come.
  template <class Rep, class Period>
  [[nodiscard]] bool wait_for(std::chrono::duration<Rep, Period> d) const {
    return detail::task_join_until(state("task::wait_for"), detail::time_in(d));
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool wait_until(const std::chrono::time_point<Clock, Duration> &t) const {
    return detail::until(
        t, [&s = state("task::wait_until")](std::int64_t when) { return detail::task_join_until(s, when); });
  }
  // Calls join(), then returns what f returned, moved out, or throws what f threw. The task is not valid after that.
  // Caller: the task's owner. Blocks, ordering: as join. Errors: what f has thrown.
  T get() {
    detail::task_join(state("task::get"));
    const std::unique_ptr<detail::task_state<T>> s = std::move(state_);
    if (s->error != nullptr) std::rethrow_exception(std::move(s->error));
    HEDDLE_INV("TASK-DONE", s->result.there());
    return s->result.take();
  }

  // Requests a stop of the token that f has taken as its first argument; returns true if this is the first request. If
  // f takes no token, the call has no effect and returns false. Blocks: nothing; it calls the callbacks of that token.
  bool cancel() noexcept { return state("task::cancel").stop.request_stop(); }
  // Returns the source of that token, with which the goroutine can be cancelled without the task; it has no state if f
  // takes no token.
  [[nodiscard]] std::stop_source stop_source() const noexcept { return state("task::stop_source").stop; }

 private:
  template <class F>
  friend task<detail::task_result_t<F>> spawn(F &&f, std::size_t stack_size, source_location where);
  friend struct detail::task_access;
  friend struct detail::channel_access;

  explicit task(std::unique_ptr<detail::task_state<T>> s) noexcept : state_(std::move(s)) {}
  detail::task_state<T> &state(const char *who) const noexcept {
    if (state_ == nullptr) detail::no_task(who);
    return *state_;
  }
  detail::hchan *untyped() const noexcept { return &state("a case of a select"); }
  void end() noexcept {
    if (state_ == nullptr) return;
    cancel();
    join();
    state_.reset();
  }

  std::unique_ptr<detail::task_state<T>> state_;  // raw: a handle is its owner's; what it leads to is watched
};

// Starts a goroutine that runs f, or f(std::stop_token) if f takes a token, and keeps what f returns or throws for the
// task. Caller: a goroutine. Blocks: nothing. Owns: a copy of f, on the new goroutine's stack, which has gone before
// join returns. Ordering: what the caller did before is visible to f. Errors: throws std::bad_alloc. stack_size: bytes,
// 0 for the runtime's. where: the place that reports name as the one where it was started. Cost: that of go, and one
// allocation for result and end; one more, that of std::stop_source, if f takes a token.
template <class F>
[[nodiscard]] task<detail::task_result_t<F>> spawn(F &&f, std::size_t stack_size = 0,
                                                   source_location where = source_location::current()) {
  using T = detail::task_result_t<F>;
  using closure = std::decay_t<F>;
  auto state = std::make_unique<detail::task_state<T>>(detail::stop_source_for<closure>());
  detail::go_on(
      "heddle::spawn",
      [s = state.get(), body = std::optional<closure>(std::forward<F>(f))]() mutable {
        s->error = detail::run_task(s->result, *body, s->stop);
        body.reset();  // before the end: what f has captured has gone when join returns
        detail::end_membership();
        detail::close(*s);
      },
      stack_size, where,
      detail::membership_of(static_cast<const detail::hchan *>(state.get()), detail::task_abandoned));
  return task<T>(std::move(state));
}

// Makes a case of a select that waits until t has ended, and then calls f(). The task must outlive the case, and keeps
// its result; a temporary task, as on_done(spawn(g)) has, is kept by the case, and goes with it. Errors: a task that is
// not valid is misuse.
template <class T, class F = detail::nothing>
[[nodiscard]] auto on_done(const task<T> &t, F f = {}) {
  return on_recv(t, std::move(f));
}
template <class T, class F = detail::nothing>
[[nodiscard]] auto on_done(task<T> &&t, F f = {}) {
  return on_recv(std::move(t), std::move(f));
}

namespace detail {

struct task_access {
  template <class T>
  static void check(const char *who, const task<T> &t) noexcept {
    t.state(who);
  }
  // Pre: t has ended.
  template <class T>
  static bool failed(const task<T> &t) noexcept {
    return t.state_->error != nullptr;
  }
};

// Returns the result of a task that has ended, or throws its exception.
template <class T>
not_void<T> value_of(task<T> &t) {
  if constexpr (std::is_void_v<T>) {
    t.get();
    return {};
  } else {
    return t.get();
  }
}

}  // namespace detail

// Waits for all tasks and returns what they returned, in their order (std::monostate for void). It waits for them one
// after the other. When it finds one that has thrown, it cancels those after it; when all have ended, the first
// exception in this order is thrown again. (A scope cancels as soon as one throws.) Caller: a goroutine; also any other
// thread. Blocks: the goroutine, or the thread. Owns: the tasks. Errors: what a task has thrown; a task that is not
// valid is misuse.
template <class... T>
std::tuple<detail::not_void<T>...> when_all(task<T>... tasks) {
  (detail::task_access::check("heddle::when_all", tasks), ...);
  bool failed = false;
  [[maybe_unused]] const auto wait = [&failed](auto &t) {
    if (failed) t.cancel();
    t.join();
    failed = failed || detail::task_access::failed(t);
  };
  (wait(tasks), ...);
  return std::tuple<detail::not_void<T>...>{detail::value_of(tasks)...};
}
// As above, for a number of tasks that is known at run time only. Errors: also throws std::bad_alloc; no task outlives
// the call.
template <class T>
std::vector<detail::not_void<T>> when_all(std::vector<task<T>> tasks) {
  for (const task<T> &t : tasks) detail::task_access::check("heddle::when_all", t);
  std::vector<detail::not_void<T>> values;
  values.reserve(tasks.size());
  bool failed = false;
  for (task<T> &t : tasks) {
    if (failed) t.cancel();
    t.join();
    failed = failed || detail::task_access::failed(t);
  }
  for (task<T> &t : tasks) values.push_back(detail::value_of(t));
  return values;
}

// Which task ended first, and what it returned. raw: a value, the caller's.
template <class T>
struct first_done {
  std::size_t index;  // the position of the task
  T value;            // what that task returned
};

namespace detail {

// The variant that holds what task `index` returned, in the alternative of that number.
template <class Variant, std::size_t I = 0, class First, class... Rest>
Variant value_at(std::size_t index, First &first, Rest &...rest) {
  if constexpr (sizeof...(Rest) == 0) {
    return Variant(std::in_place_index<I>, value_of(first));
  } else {
    if (index == 0) return Variant(std::in_place_index<I>, value_of(first));
    return value_at<Variant, I + 1>(index - 1, rest...);
  }
}

}  // namespace detail

// Waits until one of the tasks has ended, cancels the others and waits until they have ended too: no task outlives the
// call. If several have ended, one of them is chosen at random. (To leave the others running, keep the tasks and select
// on on_done.) Caller: a goroutine; also any other thread. Blocks: the goroutine, or the thread. Owns: the tasks.
// Returns: the position and the result of the first; results of several types are a std::variant whose alternative has
// that number. Errors: what the first has thrown; exceptions of the others are lost. A task that is not valid is
// misuse, and so is a call without tasks. Cost: a select of as many cases; nothing is allocated for up to 8.
template <class T, class... U>
first_done<std::variant<detail::not_void<T>, detail::not_void<U>...>> when_any(task<T> first, task<U>... others) {
  detail::task_access::check("heddle::when_any", first);
  (detail::task_access::check("heddle::when_any", others), ...);
  const std::size_t index = select(on_done(first), on_done(others)...);
  first.cancel(), (others.cancel(), ...);
  first.join(), (others.join(), ...);
  using variant = std::variant<detail::not_void<T>, detail::not_void<U>...>;
  return {index, detail::value_at<variant>(index, first, others...)};
}
// As above, for a number of tasks that is known at run time only. Errors: also throws std::bad_alloc; no task outlives
// the call.
template <class T>
first_done<detail::not_void<T>> when_any(std::vector<task<T>> tasks) {
  if (tasks.empty()) detail::misuse("when_any of no task");
  for (const task<T> &t : tasks) detail::task_access::check("heddle::when_any", t);
  std::vector<select_case> cases;
  cases.reserve(tasks.size());
  std::optional<std::monostate> nothing;
  for (const task<T> &t : tasks) cases.push_back(select_case::recv(t, nothing));
  const std::size_t index = select(cases);
  for (task<T> &t : tasks) t.cancel();
  for (task<T> &t : tasks) t.join();
  return {index, detail::value_of(tasks[index])};
}

HEDDLE_END
