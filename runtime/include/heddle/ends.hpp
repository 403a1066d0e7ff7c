#pragma once
// The two ends of a channel as types of their own: the type says what may be done. Source: Go's chan<- T and <-chan T.
#include <chrono>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <optional>
#include <utility>

#include "heddle/chan.hpp"

HEDDLE_BEGIN

namespace detail {

// What both ends have in common. An end is a handle, as chan<T> is: it keeps the channel alive and is cheap to copy.
template <class T>
class channel_end {
 public:
  using value_type = T;
  bool is_nil() const noexcept { return chan_.is_nil(); }
  std::size_t size() const noexcept { return chan_.size(); }
  std::size_t capacity() const noexcept { return chan_.capacity(); }

 protected:
  explicit channel_end(chan<T> c) noexcept : chan_(std::move(c)) {}
  ~channel_end() = default;
  channel_end(const channel_end &) = default;
  channel_end(channel_end &&) = default;
  channel_end &operator=(const channel_end &) = default;
  channel_end &operator=(channel_end &&) = default;

  chan<T> chan_;

 private:
  friend struct channel_access;
  hchan *untyped() const noexcept { return channel_access::of(chan_); }
};

}  // namespace detail

// The end that sends and closes. Each call is that of chan<T>; on_send and select_case::send take it as well.
template <class T>
class sender : public detail::channel_end<T> {
 public:
  static constexpr bool receives = false, sends = true;
  sender(chan<T> c) noexcept : detail::channel_end<T>(std::move(c)) {}  // implicit: a channel is a sender
  [[nodiscard]] static sender nil() noexcept { return chan<T>::nil(); }

  void send(T value) const { this->chan_.send(std::move(value)); }
  [[nodiscard]] bool try_send(T &&value) const { return this->chan_.try_send(std::move(value)); }
  [[nodiscard]] bool try_send(const T &value) const requires std::copy_constructible<T> {
    return this->chan_.try_send(value);
  }
  template <class Rep, class Period>
  [[nodiscard]] bool send_for(T &&value, std::chrono::duration<Rep, Period> d) const {
    return this->chan_.send_for(std::move(value), d);
  }
  template <class Rep, class Period>
  [[nodiscard]] bool send_for(const T &value,
                              std::chrono::duration<Rep, Period> d) const requires std::copy_constructible<T> {
    return this->chan_.send_for(value, d);
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool send_until(T &&value, const std::chrono::time_point<Clock, Duration> &t) const {
    return this->chan_.send_until(std::move(value), t);
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool send_until(
      const T &value, const std::chrono::time_point<Clock, Duration> &t) const requires std::copy_constructible<T> {
    return this->chan_.send_until(value, t);
  }
  void close() const { this->chan_.close(); }
  // Returns whether both are ends of the same channel, or both are nil.
  [[nodiscard]] friend bool operator==(const sender &a, const sender &b) noexcept { return a.chan_ == b.chan_; }
};

// The end that receives, also by range-for. Each call is that of chan<T>; on_recv and select_case::recv take it as
// well.
template <class T>
class receiver : public detail::channel_end<T> {
 public:
  static constexpr bool receives = true, sends = false;
  receiver(chan<T> c) noexcept : detail::channel_end<T>(std::move(c)) {}  // implicit: a channel is a receiver
  [[nodiscard]] static receiver nil() noexcept { return chan<T>::nil(); }

  std::optional<T> recv() const { return this->chan_.recv(); }
  [[nodiscard]] received<T> try_recv() const { return this->chan_.try_recv(); }
  template <class Rep, class Period>
  [[nodiscard]] received<T> recv_for(std::chrono::duration<Rep, Period> d) const {
    return this->chan_.recv_for(d);
  }
  template <class Clock, class Duration>
  [[nodiscard]] received<T> recv_until(const std::chrono::time_point<Clock, Duration> &t) const {
    return this->chan_.recv_until(t);
  }
  [[nodiscard]] bool closed() const noexcept { return this->chan_.closed(); }
  [[nodiscard]] auto begin() const & { return this->chan_.begin(); }
  auto begin() const && = delete;  // as in chan
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }
  // Returns whether both are ends of the same channel, or both are nil.
  [[nodiscard]] friend bool operator==(const receiver &a, const receiver &b) noexcept { return a.chan_ == b.chan_; }
};

HEDDLE_END
