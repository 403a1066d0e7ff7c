#pragma once
// Contexts: what is passed on with a request, that is, when it ends, whether it has been cancelled, and values. Source:
// Go's package context.
#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <variant>

#include "heddle/ends.hpp"
#include "heddle/time.hpp"

HEDDLE_BEGIN

// Why a context has been cancelled; none: it has not been.
enum class context_error : std::uint32_t { none, canceled, deadline_exceeded };
// The cause of a context that was cancelled without a cause of its own.
struct HEDDLE_API context_canceled : std::runtime_error {
  context_canceled() : std::runtime_error("context canceled") {}
};
// The cause of a context whose deadline has come.
struct HEDDLE_API context_deadline_exceeded : std::runtime_error {
  context_deadline_exceeded() : std::runtime_error("context deadline exceeded") {}
};

// Names a value of a context. The address of the key is the name, so a key is best a global. T: the value's type.
//   inline const heddle::context_key<std::string> user;
template <class T>
class context_key {
 public:
  context_key() noexcept = default;
  context_key(const context_key &) = delete;
  context_key &operator=(const context_key &) = delete;

 protected:        // not private: clang would call it unused, and g++ 11 does not know [[maybe_unused]] here
  char here_ = 0;  // set once: only its address counts
};

namespace detail {

// The node of a context. It keeps the nodes above it alive; only cancellers are in lists.
class canceller;
struct context_node {
  explicit context_node(context_node *up, canceller *c) noexcept : parent(up), cancelled_by(c) {}
  context_node(const context_node &) = delete;
  context_node &operator=(const context_node &) = delete;
  virtual ~context_node() = default;

  atomic<std::uint64_t> refs{1};  // as in hchan, it cannot come round
  context_node *const parent;     // has a reference; null: there is nothing above
  canceller *const cancelled_by;  // this node, or the nearest above that can be cancelled, or null
  const void *key = nullptr;      // set once, before there is a handle: the name of the value, if it has one
  const void *value = nullptr;    // set once
};

template <class T>
struct value_node final : context_node {
  template <class U>
  value_node(context_node *up, canceller *c, const context_key<T> &k, U &&from)
      : context_node(up, c), v(std::forward<U>(from)) {
    key = &k;
    value = &v;
  }
  const T v;
};

inline context_node *ref(context_node *n) noexcept {
  if (n != nullptr) n->refs.fetch_add(1, relaxed);  // relaxed: the handle copied from keeps it alive
  return n;
}
HEDDLE_API void unref(context_node *n) noexcept;
HEDDLE_API receiver<std::monostate> context_done(canceller *c);
HEDDLE_API std::stop_token context_stop_token(canceller *c);
HEDDLE_API context_error context_err(const canceller *c) noexcept;
HEDDLE_API std::exception_ptr context_cause(const canceller *c) noexcept;
HEDDLE_API std::int64_t context_deadline(const canceller *c) noexcept;  // never: there is none
HEDDLE_API const void *context_value(const context_node *n, const void *key) noexcept;
HEDDLE_API context_node *make_canceller(context_node *parent, std::int64_t deadline, const char *who);
HEDDLE_API void cancel(canceller *c, std::exception_ptr cause) noexcept;

}  // namespace detail

class cancel_context;

// A handle of a context, cheap to copy. A context lives as long as one of its handles, or as a context made from it.
// The default-constructed one is the background: it is never cancelled and has no deadline and no values. Pass a
// context as the first argument.
//
// Unless said otherwise: caller: a goroutine; also any other thread. Blocks: nothing.
class context {
 public:
  context() noexcept = default;
  // Returns the background, as context(). Source: context.Background.
  [[nodiscard]] static context background() noexcept { return {}; }
  context(const context &other) noexcept : node_(detail::ref(other.node_)) {}
  context(context &&other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  context &operator=(context other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~context() { detail::unref(node_); }

  // Returns a channel that is closed when the context is cancelled; nil if it can never be cancelled. Errors: throws
  // std::bad_alloc. Cost: the first call allocates the channel.
  [[nodiscard]] receiver<std::monostate> done() const { return detail::context_done(by()); }
  // Returns whether, and why, the context has been cancelled. Ordering: if it is not none, what was done before the
  // cancellation is visible. Cost: one load.
  [[nodiscard]] context_error err() const noexcept { return detail::context_err(by()); }
  // Returns the cause that was given to cancel, or else a context_canceled or a context_deadline_exceeded; null while
  // the context is not cancelled. Ordering: as err.
  [[nodiscard]] std::exception_ptr cause() const noexcept { return detail::context_cause(by()); }
  // Returns when the context will be cancelled at the latest; empty if there is no deadline.
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> deadline() const noexcept {
    const std::int64_t at = detail::context_deadline(by());
    if (at == detail::never) return std::nullopt;
    return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(at));
  }
  // Returns the value that the nearest with_value has given this key, or null. The value lives as long as the context.
  // Cost: a step for each context above.
  template <class T>
  [[nodiscard]] const T *value(const context_key<T> &key) const noexcept {
    return static_cast<const T *>(detail::context_value(node_, &key));
  }
  template <class T>
  const T *value(const context_key<T> &&temporary) const noexcept = delete;  // its address would be the name
  // Returns a token of which a stop is requested when the context is cancelled. The canceller requests the stop; after
  // a deadline, a goroutine that is started for it does. Errors: throws std::bad_alloc. Cost: the first call allocates
  // a std::stop_source.
  [[nodiscard]] std::stop_token stop_token() const { return detail::context_stop_token(by()); }

 protected:
  explicit context(detail::context_node *n) noexcept : node_(n) {}
  detail::canceller *by() const noexcept { return node_ != nullptr ? node_->cancelled_by : nullptr; }

 private:
  template <class T, class U>
  friend context with_value(const context &parent, const context_key<T> &key, U &&value);
  friend class cancel_context;
  friend cancel_context with_cancel(const context &parent);
  template <class Clock, class Duration>
  friend cancel_context with_deadline(const context &parent, const std::chrono::time_point<Clock, Duration> &at);
  template <class Rep, class Period>
  friend cancel_context with_timeout(const context &parent, std::chrono::duration<Rep, Period> d);
  friend context without_cancel(const context &parent);

  detail::context_node *node_ = nullptr;  // raw: a handle is its owner's; what it leads to is watched
};

// A context together with the right and the duty to cancel it: destroying or overwriting it cancels it, as cancel does.
// It cannot be copied; pass copies on as a context: go([ctx = heddle::context(mine)] { ... }).
class cancel_context : public context {
 public:
  cancel_context(cancel_context &&other) noexcept = default;
  cancel_context &operator=(cancel_context &&other) noexcept {
    if (this != &other) {
      cancel();
      context::operator=(std::move(other));
    }
    return *this;
  }
  ~cancel_context() { cancel(); }

  // Cancels it and all contexts made from it: closes their channels, and requests a stop of their tokens. Only the
  // first cancellation of a context counts; one that comes second may return before the first has closed the channels.
  // Blocks: nothing; it calls the callbacks of their tokens. Cost: a short lock for each.
  void cancel(std::exception_ptr cause = nullptr) const noexcept {
    if (detail::canceller *c = by()) detail::cancel(c, std::move(cause));
  }

 private:
  friend cancel_context with_cancel(const context &parent);
  template <class Clock, class Duration>
  friend cancel_context with_deadline(const context &parent, const std::chrono::time_point<Clock, Duration> &at);
  template <class Rep, class Period>
  friend cancel_context with_timeout(const context &parent, std::chrono::duration<Rep, Period> d);
  explicit cancel_context(detail::context_node *n) noexcept : context(n) {}
};

// Makes a context that is cancelled with `parent`, or by its own cancel. When it has gone, nothing of it is left in
// parent. Caller: any thread. Blocks: nothing. Errors: throws std::bad_alloc. Cost: one allocation, and a short lock of
// the nearest context above that can be cancelled.
[[nodiscard]] inline cancel_context with_cancel(const context &parent) {
  return cancel_context(detail::make_canceller(parent.node_, detail::never, "heddle::with_cancel"));
}
// As with_cancel, and the context is also cancelled when the time has come, with deadline_exceeded. The runtime of the
// caller does that; if the runtime ends before, the context is not cancelled. A clock other than steady_clock is read
// once, now: setting that clock later does not move the deadline. Caller: a goroutine. Cost: one more timer, unless
// parent is cancelled sooner anyway.
template <class Clock, class Duration>
[[nodiscard]] cancel_context with_deadline(const context &parent, const std::chrono::time_point<Clock, Duration> &at) {
  return cancel_context(detail::make_canceller(parent.node_, detail::moment_of(at), "heddle::with_deadline"));
}
// As with_deadline, with a time from now on.
template <class Rep, class Period>
[[nodiscard]] cancel_context with_timeout(const context &parent, std::chrono::duration<Rep, Period> d) {
  return cancel_context(detail::make_canceller(parent.node_, detail::time_in(d), "heddle::with_timeout"));
}
// Makes a context with one more value; it is cancelled with parent. It is for values that belong to a request, not for
// optional arguments. Caller: any thread. Owns: the value, as long as a handle lives. Errors: throws std::bad_alloc,
// and what the value's constructor throws. Cost: one allocation.
template <class T, class U>
[[nodiscard]] context with_value(const context &parent, const context_key<T> &key, U &&value) {
  auto *n = new detail::value_node<T>(parent.node_, parent.by(), key, std::forward<U>(value));
  detail::ref(parent.node_);
  return context(n);
}
template <class T, class U>
context with_value(const context &parent, const context_key<T> &&temporary, U &&value) = delete;  // as context::value
// Makes a context with parent's values that is not cancelled with parent. Caller: any thread. Errors: throws
// std::bad_alloc. Cost: one allocation.
[[nodiscard]] inline context without_cancel(const context &parent) {
  auto *n = new detail::context_node(parent.node_, nullptr);
  detail::ref(parent.node_);
  return context(n);
}

HEDDLE_END
