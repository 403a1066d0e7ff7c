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

// A send or receive of a select whose cases are known at run time only. It holds no handle: channel and value must outlive
// the select. One made from nothing is never chosen, as one of a nil channel.
class select_case {
 public:
  select_case() noexcept = default;
  // Receives into `to`: empty when the channel is closed and drained. Untouched if another case is done.
  template <detail::receiving C>
  static select_case recv(const C &c, std::optional<typename C::value_type> &to) noexcept {
    return {detail::channel_access::of(c), &to, false};
  }
  // Sends `from`, which is moved from only if this case is done.
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

// A case in the frame of its select.
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

inline constexpr std::size_t select_in_frame = 8;  // cases for which nothing is allocated
inline constexpr std::size_t select_max = 65'536;  // as in Go
inline constexpr std::size_t no_case = ~std::size_t{0};

// Does one case and returns its index; no_case: none is ready, and it may not block. orders: room for 2 n.
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

// T: a value of its own, T &: one that is the caller's.
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

// Cases of a select, to be written in its argument list. They hold no handle: `c` must outlive the select.
//
// Receives from c, then calls f(std::optional<T>), which is empty when the channel is closed and drained; or f().
template <detail::receiving C, class F = detail::nothing>
[[nodiscard]] auto on_recv(const C &c, F f = {}) {
  return detail::recv_case<typename C::value_type, F>{detail::channel_access::of(c), std::move(f)};
}
// Sends value on c, then calls f(). A value that is given up (std::move(x), 5) is moved from only if this case is done;
// otherwise it stays where it is. One that is kept is copied first.
template <detail::sending C, class F = detail::nothing>
[[nodiscard]] auto on_send(const C &c, typename C::value_type &&value, F f = {}) {
  return detail::send_case<typename C::value_type &, F>{detail::channel_access::of(c), value, std::move(f)};
}
template <detail::sending C, class F = detail::nothing>
[[nodiscard]] auto on_send(const C &c, const typename C::value_type &value, F f = {}) {
  return detail::send_case<typename C::value_type, F>{detail::channel_access::of(c), value, std::move(f)};
}
// If no case can be done at once: f().
template <class F = detail::nothing>
[[nodiscard]] auto otherwise(F f = {}) {
  return detail::default_case<F>{std::move(f)};
}

// Waits until one of the cases can be done, does exactly one of them, then calls its function; returns its position. Of
// several that can be done chance decides, each time anew, so none starves.
//
//   heddle::select(heddle::on_recv(c, [&](std::optional<int> v) { ... }),
//                  heddle::on_send(d, 5, [&] { ... }),
//                  heddle::otherwise([&] { ... }));
//
// Caller: a goroutine; also any other thread, and inside blocking(f). Blocks: the goroutine (or thread), unless there is an
// otherwise; for ever, if there are only nil channels, or no case. Owns: values as on_send says. Ordering: as send and recv of
// the case that is done. Errors: a send on a closed channel is misuse, if chosen, as in Go; what the function throws.
// Cost: no allocation. Looks at all channels under all of their locks, so one that many goroutines select on is a bottleneck.
// Source: selectgo.
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

// As above, with cases that are known at run time only. Returns the position of the one that was done.
// Errors: more than 65,536 cases are misuse. Throws std::bad_alloc; nothing is allocated for up to 8 cases.
inline std::size_t select(std::span<const select_case> cases) { return detail::select_among(cases, true); }
// As select with an otherwise: empty, if no case can be done at once. Blocks: nothing.
inline std::optional<std::size_t> try_select(std::span<const select_case> cases) {
  const std::size_t done = detail::select_among(cases, false);
  return done == detail::no_case ? std::nullopt : std::optional(done);
}

HEDDLE_END
