#pragma once
// What channels, a mutex and a semaphore do, one call at a time, for linearize.hpp.
#include <cstdint>

namespace models {

// A few channels, each with room for at most three values. A select that did a case is a call of that one channel. A
// select that found nothing to do is one call, which stands for the failing attempts of all its cases.
struct channels {
  static constexpr unsigned most = 3, slots = 3;
  enum class kind : std::uint8_t { send, recv, close, size, closed, nothing_ready };
  struct op {
    kind what = kind::nothing_ready;
    std::uint8_t chan = 0;
    std::int16_t value = 0;    // sent, received (none: closed and drained), counted, or whether closed
    std::uint8_t senders = 0;  // nothing_ready: the channels that it would have sent to
    std::uint8_t receivers = 0;
  };
  static constexpr std::int16_t none = -1;
  static constexpr std::int16_t unknown = -2;  // a receive that has not returned

  struct state {
    std::int16_t buffer[most][slots];
    std::uint8_t count[most];
    std::uint8_t capacity[most];
    std::uint8_t is_closed[most];
    std::uint8_t handing;  // 1 + the channel through which `hand` goes from a sender to the next receiver
    std::int16_t hand;
  };
  static state made(std::uint8_t a, std::uint8_t b = 0, std::uint8_t c = 0) noexcept {
    state s{};
    s.capacity[0] = a;
    s.capacity[1] = b;
    s.capacity[2] = c;
    return s;
  }

  static bool open(const state &s) noexcept { return s.handing != 0; }
  static bool step(state &s, const op &o) noexcept {
    const unsigned c = o.chan;
    if (s.handing != 0) {  // send and receive on an unbuffered channel take effect together
      if (o.what != kind::recv || s.handing != c + 1u || (o.value != s.hand && o.value != unknown)) return false;
      s.handing = 0;
      s.hand = 0;
      return true;
    }
    switch (o.what) {
      case kind::send:
        if (s.is_closed[c]) return false;
        if (s.capacity[c] == 0) {
          s.handing = static_cast<std::uint8_t>(c + 1);
          s.hand = o.value;
          return true;
        }
        if (s.count[c] == s.capacity[c]) return false;
        s.buffer[c][s.count[c]++] = o.value;
        return true;
      case kind::recv: return take(s, o);
      case kind::close:
        if (s.is_closed[c]) return false;
        s.is_closed[c] = 1;
        return true;
      case kind::size: return s.count[c] == o.value;
      case kind::closed: return s.is_closed[c] == o.value;
      default: return nothing_is_ready(s, o);
    }
  }

 private:
  static bool take(state &s, const op &o) noexcept {
    const unsigned c = o.chan;
    if (s.count[c] == 0) return s.is_closed[c] && (o.value == none || o.value == unknown);
    if (o.value != s.buffer[c][0] && o.value != unknown) return false;
    --s.count[c];
    for (unsigned i = 0; i + 1 < slots; ++i) s.buffer[c][i] = s.buffer[c][i + 1];
    s.buffer[c][slots - 1] = 0;
    return true;
  }
  // It is not known whether a goroutine waits at the other end of an unbuffered channel, so nothing_ready is always
  // allowed there.
  static bool nothing_is_ready(const state &s, const op &o) noexcept {
    for (unsigned c = 0; c < most; ++c) {
      if (o.receivers >> c & 1 && (s.count[c] != 0 || s.is_closed[c])) return false;
      if (o.senders >> c & 1 && (s.is_closed[c] || s.count[c] != s.capacity[c])) return false;
    }
    return true;
  }
};

// The units of a semaphore. A mutex is a semaphore with one unit: lock takes it, unlock gives it back.
struct units {
  enum class kind : std::uint8_t { take, give, none_left };
  struct op {
    kind what = kind::none_left;
    std::uint8_t n = 1;  // how many are given
  };
  struct state {
    std::uint32_t left;
  };
  static bool open(const state &) noexcept { return false; }
  static bool step(state &s, const op &o) noexcept {
    if (o.what == kind::none_left) return s.left == 0;
    if (o.what == kind::give) {
      s.left += o.n;
      return true;
    }
    return s.left-- != 0;
  }
};

}  // namespace models
