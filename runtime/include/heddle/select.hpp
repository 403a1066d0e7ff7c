#pragma once
// Waiting for several channels at once. Source: Go's select statement.
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "heddle/chan.hpp"

HEDDLE_BEGIN

namespace detail {
struct scase;
template <class T, class F>
struct recv_case;
template <class T, class F>
struct send_case;
}  // namespace detail

// A send or receive for a select whose cases are known at run time only. It holds no handle: channel and value must
// outlive the select. A default-constructed one is never chosen, like a case of a nil channel.
class select_case {
 public:
  select_case() noexcept = default;
  // Makes a case that receives into `to`; `to` is empty afterwards if the channel is closed and drained. If another
  // case is done, `to` is not touched.
  template <detail::receiving C>
  static select_case recv(const C &c, std::optional<typename C::value_type> &to) noexcept {
    return {detail::channel_access::of(c), &to, false};
  }
  // Makes a case that sends `from`, which is moved from only if this case is done.
  template <detail::sending C>
  static select_case send(const C &c, typename C::value_type &from) noexcept {
    return {detail::channel_access::of(c), &from, true};
  }

 private:
  friend struct detail::scase;
  template <class T, class F>
  friend struct detail::recv_case;
  template <class T, class F>
  friend struct detail::send_case;
  select_case(detail::hchan *c, void *elem, bool send) noexcept : c_(c), elem_(elem), send_(send) {}

  detail::hchan *c_ = nullptr;
  void *elem_ = nullptr;
  bool send_ = false;
};

namespace detail {

// A case, in the frame of its select.
struct scase {
  hchan *c = nullptr;
  void *elem = nullptr;
  bool send = false;
  sudog sg;
  void set(const select_case &from) noexcept {
    c = from.c_;
    elem = from.elem_;
    send = from.send_;
  }
};

inline constexpr std::size_t select_in_frame = 8;  // up to so many cases nothing is allocated
inline constexpr std::size_t select_max = 65'536;  // as in Go
inline constexpr std::size_t no_case = ~std::size_t{0};

// Does one case and returns its index; no_case if none is ready and `block` is false. orders: room for 2 n.
HEDDLE_API std::size_t selectgo(scase *cases, std::uint16_t *orders, std::size_t n, bool block) noexcept;
HEDDLE_API std::size_t select_among(std::span<const select_case> cases, bool block);
struct nothing {
  void operator()() const noexcept {}
};

template <class T, class F>
struct recv_case {
  static constexpr bool is_default = false;
  hchan *c;
  F f;
  std::optional<T> value{};
  select_case comm() noexcept { return {c, &value, false}; }
  void done() {
    if constexpr (std::is_invocable_v<F &, std::optional<T>>)
      f(std::move(value));
    else
      f();
  }
};

// T: the case has a value of its own. T &: the value is the caller's.
template <class T, class F>
struct send_case {
  static constexpr bool is_default = false;
  hchan *c;
  T value;
  F f;
  select_case comm() noexcept { return {c, &value, true}; }
  void done() { f(); }
};

template <class F>
struct default_case {
  static constexpr bool is_default = true;
  F f;
  select_case comm() noexcept { return {}; }
  void done() { f(); }
};

template <class C>
concept case_of_select = requires(std::remove_cvref_t<C> &c) {
  { c.comm() } -> std::same_as<select_case>;
  c.done();
};

}  // namespace detail

// on_recv, on_send and otherwise make the cases of a select, and are written in its argument list. A case holds no
// handle: `c` must outlive the select.
//
// Makes a case that receives from c and then calls f(std::optional<T>), or f() if f takes nothing. The optional is
// empty if the channel is closed and drained.
template <detail::receiving C, class F = detail::nothing>
[[nodiscard]] auto on_recv(const C &c, F f = {}) {
  return detail::recv_case<typename C::value_type, F>{detail::channel_access::of(c), std::move(f)};
}
// Makes a case that sends value on c and then calls f(). An rvalue (std::move(x), 5) is moved from only if this case is
// done; otherwise it stays where it is. An lvalue is copied first.
template <detail::sending C, class F = detail::nothing>
[[nodiscard]] auto on_send(const C &c, typename C::value_type &&value, F f = {}) {
  return detail::send_case<typename C::value_type &, F>{detail::channel_access::of(c), value, std::move(f)};
}
template <detail::sending C, class F = detail::nothing>
[[nodiscard]] auto on_send(const C &c, const typename C::value_type &value, F f = {}) {
  return detail::send_case<typename C::value_type, F>{detail::channel_access::of(c), value, std::move(f)};
}
// Makes the case that calls f() if no other case can be done at once.
template <class F = detail::nothing>
[[nodiscard]] auto otherwise(F f = {}) {
  return detail::default_case<F>{std::move(f)};
}

// Waits until one of the cases can be done, does exactly one of them, then calls its function; returns its position. If
// several can be done, one of them is chosen at random, anew at each call, so that none starves.
//
//   heddle::select(heddle::on_recv(c, [&](std::optional<int> v) { ... }),
//                  heddle::on_send(d, 5, [&] { ... }),
//                  heddle::otherwise([&] { ... }));
//
// Caller: a goroutine; also any other thread, and inside blocking(f). Blocks: the goroutine, or the thread, unless
// there is an otherwise; for ever, if there is no case, or only cases of nil channels. Owns: values as on_send says.
// Ordering: as send and recv of the case that is done. Errors: a send on a closed channel is misuse if it is chosen, as
// in Go; throws what the function throws. Cost: no allocation. It locks all its channels while it looks at them, so a
// channel that many goroutines select on is a bottleneck. Source: selectgo in Go's select.go.
template <detail::case_of_select... Cases>
std::size_t select(Cases &&...cases) {
  constexpr std::size_t n = sizeof...(Cases);
  constexpr std::size_t defaults = (std::size_t{0} + ... + std::remove_cvref_t<Cases>::is_default);
  static_assert(defaults <= 1, "one otherwise at most");
  static_assert(n <= detail::select_max);
  detail::scase comms[n + 1];
  std::uint16_t orders[2 * n + 1];
  std::size_t i = 0;
  (comms[i++].set(cases.comm()), ...);
  const std::size_t chosen = detail::selectgo(comms, orders, n, defaults == 0);
  i = 0;
  std::size_t done = 0;
  [[maybe_unused]] const auto finish = [&](auto &c) {
    const std::size_t at = i++;
    if (at != chosen && !(chosen == detail::no_case && c.is_default)) return;
    done = at;
    c.done();
  };
  (finish(cases), ...);
  return done;
}

// As above, for cases that are known at run time only. Returns the position of the case that was done. Errors: more
// than 65,536 cases are misuse. Throws std::bad_alloc; nothing is allocated for up to 8 cases.
inline std::size_t select(std::span<const select_case> cases) { return detail::select_among(cases, true); }
// As above, with an otherwise: returns an empty optional if no case can be done at once. Blocks: nothing.
inline std::optional<std::size_t> try_select(std::span<const select_case> cases) {
  const std::size_t done = detail::select_among(cases, false);
  return done == detail::no_case ? std::nullopt : std::optional(done);
}

HEDDLE_END
