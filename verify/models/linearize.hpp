#pragma once
// Decides whether a sequential object could have produced a history of calls and returns. It is the search of Wing and
// Gong with both of Lowe's prunings: a call takes effect only where a return needs it, and no configuration is looked
// at twice. This header includes no world: suites use it at the end of an execution, tests after their threads have
// ended. Source: Wing and Gong 1993, Lowe 2017.
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace models {

// What an object does, one call at a time.
//
//   struct spec {
//     using op = ...;                             // a call with its result
//     struct state {...};                         // the whole state of the object; compared byte by byte
//     static bool step(state &s, const op &o);    // false: o cannot have this result now, and s may not be used
//     static bool open(const state &s);           // true: the last call and the next one take effect together
//   };
//
// A call that has not returned may have taken effect or not. If its result is unknown, step accepts any.
template <class Spec>
concept sequential = std::is_trivially_copyable_v<typename Spec::state> &&
    std::has_unique_object_representations_v<typename Spec::state> &&
    requires(typename Spec::state &s, const typename Spec::op &o) {
  { Spec::step(s, o) } -> std::same_as<bool>;
  { Spec::open(s) } -> std::same_as<bool>;
};

// Calls and returns in the order in which they happened. If there is no room for one, the history is spoiled.
template <class Op, std::size_t Max>
class history {
 public:
  struct event {
    std::uint32_t call;
    bool returned;
  };
  std::size_t calls() const noexcept { return calls_; }
  std::size_t size() const noexcept { return size_; }
  const event &operator[](std::size_t i) const noexcept { return events_[i]; }
  const Op &op(std::size_t call) const noexcept { return ops_[call]; }
  bool spoiled() const noexcept { return spoiled_; }

  // Returns what must be passed to returned().
  std::uint32_t called(const Op &o) noexcept {
    if (calls_ == Max) {
      spoiled_ = true;
      return Max;
    }
    ops_[calls_] = o;
    events_[size_++] = {static_cast<std::uint32_t>(calls_), false};
    return static_cast<std::uint32_t>(calls_++);
  }
  // o: the call with its result.
  void returned(std::uint32_t call, const Op &o) noexcept {
    if (call == Max) return;
    ops_[call] = o;
    events_[size_++] = {call, true};
  }

 private:
  std::array<Op, Max> ops_{};
  std::array<event, 2 * Max> events_{};
  std::size_t calls_ = 0;
  std::size_t size_ = 0;
  bool spoiled_ = false;
};

struct prunings {
  bool late = true;      // a call takes effect only where a return needs it; false: it may before any event
  bool memoised = true;  // a configuration that has led nowhere is not tried again
};

// Checks one history after another. It is large: make it static, or on the heap. Slots is a power of two; up to three
// quarters of so many configurations it remembers that they led nowhere. With more the search is as right, but slower.
template <sequential Spec, std::size_t Max, std::size_t Slots = 256>
class linearizer {
  using state = typename Spec::state;
  static_assert(std::has_single_bit(Slots));

 public:
  using history_of = history<typename Spec::op, Max>;

  // True if some order of the calls gives each call the result that it had, and no call in it comes before one that had
  // returned before that call began. False also if the history is spoiled or more than 32 calls were under way at once.
  bool check(const history_of &h, const state &initial, prunings how = {}) noexcept {
    visited_ = remembered_ = 0;
    if (++round_ == 0) memo_ = {};
    if (round_ == 0) round_ = 1;
    if (h.spoiled() || !find_places(h)) return false;
    std::size_t depth = 0;
    frames_[depth++] = {forced(h, {0, 0, initial}, how), 0};
    while (depth > 0) {
      frame &f = frames_[depth - 1];
      if (f.c.at == h.size() && !Spec::open(f.c.s)) return true;
      configuration next = f.c;
      if (!choose(h, f, next, how)) {
        --depth;
        continue;
      }
      next = forced(h, next, how);
      if (how.memoised && !fresh(next)) continue;
      ++visited_;
      frames_[depth++] = {next, 0};
    }
    return false;
  }
  // How many configurations the last check has looked at.
  std::size_t visited() const noexcept { return visited_; }

 private:
  static constexpr std::uint32_t places = 32;
  // The state before event `at`. Of the calls under way, those at the places in `done` have taken effect.
  struct configuration {
    std::uint32_t done;
    std::uint32_t at;
    state s;
  };
  struct frame {
    configuration c;
    std::uint32_t tried;  // how many of the choices there have been tried
  };
  struct slot {
    std::uint32_t round = 0;
    configuration c{};
  };
  using calls_under_way = std::array<std::uint32_t, places>;

  // Gives each call a place of its own while it is under way.
  bool find_places(const history_of &h) noexcept {
    std::uint32_t taken = 0;
    calls_under_way now{};
    for (std::size_t i = 0; i < h.size(); ++i) {
      under_way_[i] = {taken, now};
      const auto [call, returned] = h[i];
      if (!returned) {
        if (~taken == 0) return false;
        place_[call] = static_cast<std::uint8_t>(std::countr_one(taken));
        now[place_[call]] = call;
      }
      taken ^= 1u << place_[call];
    }
    under_way_[h.size()] = {taken, now};
    return true;
  }

  bool may_pass(const history_of &h, const configuration &c) const noexcept {
    if (c.at == h.size() || Spec::open(c.s)) return false;
    const auto [call, returned] = h[c.at];
    return !returned || (c.done >> place_[call] & 1) != 0;
  }
  void pass(const history_of &h, configuration &c) const noexcept {
    if (const auto [call, returned] = h[c.at]; returned) c.done &= ~(1u << place_[call]);
    ++c.at;
  }
  configuration forced(const history_of &h, configuration c, prunings how) const noexcept {
    while (how.late && may_pass(h, c)) pass(h, c);
    return c;
  }

  // Makes the next choice at f that has not been tried: to let a call take effect, first the one whose return is next,
  // or to pass the event. False: there is no such choice.
  bool choose(const history_of &h, frame &f, configuration &next, prunings how) const noexcept {
    const auto &[taken, calls] = under_way_[f.c.at];
    const std::uint32_t first = f.c.at == h.size() ? 0 : place_[h[f.c.at].call];
    while (f.tried < places) {
      const std::uint32_t at = (first + f.tried++) % places;
      if ((taken & ~f.c.done & 1u << at) == 0) continue;
      if (!Spec::step(next.s, h.op(calls[at]))) {
        next.s = f.c.s;
        continue;
      }
      next.done |= 1u << at;
      return true;
    }
    if (how.late || f.tried++ > places || !may_pass(h, f.c)) return false;
    pass(h, next);
    return true;
  }

  static std::uint64_t hash(const configuration &c) noexcept {
    std::uint64_t h = (std::uint64_t{c.at} << 32 | c.done) * 0x9e3779b97f4a7c15ull;
    unsigned char bytes[sizeof(state)];
    std::memcpy(bytes, &c.s, sizeof bytes);
    for (const unsigned char b : bytes) h = (h ^ h >> 29 ^ b) * 0xbf58476d1ce4e5b9ull;
    return h ^ h >> 32;
  }
  // True if this check has not seen the configuration, or does not remember it.
  bool fresh(const configuration &c) noexcept {
    for (std::size_t i = hash(c) % Slots;; i = (i + 1) % Slots) {
      slot &s = memo_[i];
      if (s.round != round_) {
        if (remembered_ >= Slots / 4 * 3) return true;
        ++remembered_;
        s = {round_, c};
        return true;
      }
      if (s.c.at == c.at && s.c.done == c.done && std::memcmp(&s.c.s, &c.s, sizeof(state)) == 0) return false;
    }
  }

  struct calls_before {
    std::uint32_t taken;
    calls_under_way calls;
  };
  std::array<std::uint8_t, Max> place_{};
  std::array<calls_before, 2 * Max + 1> under_way_{};
  std::array<frame, 3 * Max + 1> frames_{};
  std::array<slot, Slots> memo_{};
  std::size_t visited_ = 0;
  std::size_t remembered_ = 0;
  std::uint32_t round_ = 0;
};

}  // namespace models
