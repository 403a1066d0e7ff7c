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
struct places;
struct case_access;

// Where a select receives into a variable that holds a value: that value's destructor must not run under the channels'
// locks, so the new one goes into a place of its own first. Set once: a constant.
struct receiving_place {
  void *(*make)(const void *to);  // null: the variable is empty, and will do. Throws std::bad_alloc.
  // Frees the place; done: moves what is there into the variable, whose old value goes before that.
  void (*settle)(void *place, void *to, bool done) noexcept;
};
template <class T>
inline constexpr receiving_place receiving_place_of{
    [](const void *to) -> void * {
      return static_cast<const std::optional<T> *>(to)->has_value() ? new std::optional<T>() : nullptr;
    },
    [](void *place, void *to, bool done) noexcept {
      auto *from = static_cast<std::optional<T> *>(place);
      auto &variable = *static_cast<std::optional<T> *>(to);
      if (done) {
        variable.reset();
        if (from->has_value()) variable.emplace(std::move(**from));
      }
      delete from;
    }};
}  // namespace detail

// A send or receive for a select whose cases are known at run time only. It holds no handle: channel and value must
// outlive the select. A default-constructed one is never chosen, like a case of a nil channel.
class select_case {
 public:
  select_case() noexcept = default;
  // Makes a case that receives into `to`; `to` is empty afterwards if the channel is closed and drained. If another
  // case is done, `to` is not touched. A value that is in `to` before goes when no lock is held any more. Cost: such a
  // value costs an allocation, unless its destructor is trivial; an empty `to` costs none.
  template <detail::receiving C>
  [[nodiscard]] static select_case recv(const C &c, std::optional<typename C::value_type> &to) noexcept {
    using T = typename C::value_type;
    return {detail::channel_access::of(c), &to, false,
            std::is_trivially_destructible_v<T> ? nullptr : &detail::receiving_place_of<T>};
  }
  template <detail::receiving C>
  static select_case recv(const C &&temporary, std::optional<typename C::value_type> &to) = delete;
  // Makes a case that sends `from`, which is moved from only if this case is done.
  template <detail::sending C>
  [[nodiscard]] static select_case send(const C &c, typename C::value_type &from) noexcept {
    return {detail::channel_access::of(c), &from, true};
  }
  template <detail::sending C>
  static select_case send(const C &&temporary, typename C::value_type &from) = delete;
  template <detail::sending C>
  static select_case send(const C &c, const typename C::value_type &&temporary) = delete;

 private:
  friend struct detail::scase;
  friend struct detail::places;
  friend struct detail::case_access;
  select_case(detail::hchan *c, void *elem, bool send, const detail::receiving_place *place = nullptr) noexcept
      : c_(c), elem_(elem), place_(place), send_(send) {}

  detail::hchan *c_ = nullptr;                      // raw: a value, the caller's
  void *elem_ = nullptr;                            // raw: as c_
  const detail::receiving_place *place_ = nullptr;  // raw: as c_
  bool send_ = false;                               // raw: as c_
};

namespace detail {

// A case, in the frame of its select. Set once, before the channels are locked; but for sg, which is watched.
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

struct case_access {
  static select_case recv(hchan *c, void *to) noexcept { return {c, to, false}; }
  static select_case send(hchan *c, void *from) noexcept { return {c, from, true}; }
};

// The handle of a case: it refers to one that has a name, and keeps one that has not. raw: a value, the caller's.
template <class C>
struct named_handle {
  const C *c;
  hchan *channel() const noexcept { return channel_access::of(*c); }
};
template <class C>
struct kept_handle {
  C c;  // raw: as above
  hchan *channel() const noexcept { return channel_access::of(c); }
};
// C: what a `C &&` parameter has been given, so a reference for an lvalue.
template <class C>
auto handle_from(std::remove_reference_t<C> &c) {
  using handle = std::remove_cvref_t<C>;
  if constexpr (std::is_lvalue_reference_v<C>)
    return named_handle<handle>{&c};
  else
    return kept_handle<handle>{static_cast<C &&>(c)};
}
template <class C>
using handle_from_t = decltype(handle_from<C>(std::declval<std::remove_reference_t<C> &>()));

// raw: the value is filled under the channel's lock, or before it is sent; the suites' values hold plains.
template <class H, class T, class F>
struct recv_case {
  static constexpr bool is_default = false;
  H handle;
  F f;
  std::optional<T> value{};
  select_case comm() noexcept {
    value.reset();  // of an earlier select: not under the channels' locks
    return case_access::recv(handle.channel(), &value);
  }
  void done() {
    if constexpr (std::is_invocable_v<F &, std::optional<T>>)
      f(std::move(value));
    else
      f();
  }
};

// Has a value of its own. raw: as recv_case.
template <class H, class T, class F>
struct send_case {
  static constexpr bool is_default = false;
  H handle;
  T value;
  F f;
  select_case comm() noexcept { return case_access::send(handle.channel(), &value); }
  void done() { f(); }
};

// Refers to a value that may be gone with the statement, so it is for the select of that statement only. raw: as recv_case.
template <class H, class T, class F>
struct send_case_of_temporary {
  static constexpr bool is_default = false;
  H handle;
  T &value;
  F f;
  select_case comm() &&noexcept { return case_access::send(handle.channel(), &value); }
  select_case comm() & = delete;  // on_send(c, 5): write it in the select's argument list
  void done() { f(); }
};

template <class F>
struct default_case {
  static constexpr bool is_default = true;
  F f;  // raw: as recv_case
  select_case comm() noexcept { return {}; }
  void done() { f(); }
};

template <class C>
concept case_of_select = requires(C &&c) {
  { static_cast<C &&>(c).comm() } -> std::same_as<select_case>;
  c.done();
};

template <class C>
concept receiving_handle = receiving<std::remove_cvref_t<C>>;
template <class C>
concept sending_handle = sending<std::remove_cvref_t<C>>;

}  // namespace detail

// on_recv, on_send and otherwise make the cases of a select. A case refers to a handle that has a name, which must
// outlive the case; a temporary handle, as on_recv(after(1s)) has, is kept by the case. A case that has a name itself
// may be used by several selects, one after the other.
//
// Makes a case that receives from c and then calls f(std::optional<T>), or f() if f takes nothing. The optional is
// empty if the channel is closed and drained.
template <detail::receiving_handle C, class F = detail::nothing>
[[nodiscard]] auto on_recv(C &&c, F f = {}) {
  using T = typename std::remove_cvref_t<C>::value_type;
  return detail::recv_case<detail::handle_from_t<C>, T, F>{detail::handle_from<C>(c), std::move(f)};
}
// Makes a case that sends value on c and then calls f(). An rvalue (std::move(x), 5) is moved from only if this case is
// done; otherwise it stays where it is. So such a case is for the select in whose argument list it is written, and no
// other takes it. An lvalue is copied first.
template <detail::sending_handle C, class F = detail::nothing>
[[nodiscard]] auto on_send(C &&c, typename std::remove_cvref_t<C>::value_type &&value, F f = {}) {
  using T = typename std::remove_cvref_t<C>::value_type;
  return detail::send_case_of_temporary<detail::handle_from_t<C>, T, F>{detail::handle_from<C>(c), value, std::move(f)};
}
template <detail::sending_handle C, class F = detail::nothing>
[[nodiscard]] auto on_send(C &&c, const typename std::remove_cvref_t<C>::value_type &value, F f = {}) {
  using T = typename std::remove_cvref_t<C>::value_type;
  return detail::send_case<detail::handle_from_t<C>, T, F>{detail::handle_from<C>(c), value, std::move(f)};
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
  (comms[i++].set(std::forward<Cases>(cases).comm()), ...);  // no case is moved from
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
// than 65,536 cases are misuse. Throws std::bad_alloc before anything is done; nothing is allocated for up to 8 cases,
// except as select_case::recv says.
inline std::size_t select(std::span<const select_case> cases) { return detail::select_among(cases, true); }
// As above, with an otherwise: returns an empty optional if no case can be done at once. Blocks: nothing.
[[nodiscard]] inline std::optional<std::size_t> try_select(std::span<const select_case> cases) {
  const std::size_t done = detail::select_among(cases, false);
  return done == detail::no_case ? std::nullopt : std::optional(done);
}

HEDDLE_END
