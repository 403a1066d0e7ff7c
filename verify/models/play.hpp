#pragma once
// Runs the programs of program.hpp with the channels of the world that it is compiled in.
#include <span>

#include "heddle/select.hpp"
#include "verify/models/program.hpp"

namespace models {

using heddle::chan;
using heddle::on_recv;
using heddle::on_send;
using heddle::select_case;

// The channels of one run of a program.
class player {
 public:
  explicit player(const program &p) noexcept : p_(p) {}
  void make() {
    for (unsigned c = 0; c < p_.chans; ++c) {
      chans_[c] = chan<int>(p_.capacity[c]);
      if (p_.closed[c]) chans_[c].close();
    }
  }
  const chan<int> &channel(std::uint8_t c) const noexcept { return c == nil ? none_ : chans_[c]; }

  // Does one operation and returns what it did.
  outcome perform(unsigned who, unsigned at) const {
    const op &o = p_.script_of[who].ops[at];
    if (o.how == form::close) {
      channel(o.cases[0].chan).close();
      return {0, 0};
    }
    return o.how == form::plain ? plainly(o, who, at) : by_select(o, who, at);
  }

 private:
  static outcome received(unsigned with, const std::optional<int> &v) noexcept {
    return {static_cast<std::uint8_t>(with), static_cast<std::int16_t>(v.value_or(outcome::drained))};
  }
  outcome plainly(const op &o, unsigned who, unsigned at) const {
    const chan<int> &c = channel(o.cases[0].chan);
    if (o.cases[0].send) {
      const int value = value_of(who, at, 0);
      if (!o.otherwise) return c.send(value), outcome{0, 0};
      return c.try_send(value) ? outcome{0, 0} : outcome{outcome::none_ready, 0};
    }
    if (!o.otherwise) return received(0, c.recv());
    const heddle::received<int> v = c.try_recv();
    return v || v.closed() ? received(0, v) : outcome{outcome::none_ready, 0};
  }
  outcome by_select(const op &o, unsigned who, unsigned at) const {
    if (o.n == 2) return by_two_cases(o, who, at);
    std::optional<int> got[max_cases];
    int values[max_cases];
    select_case cases[max_cases];
    for (unsigned k = 0; k < o.n; ++k) {
      const comm c = o.cases[k];
      values[k] = value_of(who, at, k);
      cases[k] = c.send ? select_case::send(channel(c.chan), values[k]) : select_case::recv(channel(c.chan), got[k]);
    }
    const std::span<const select_case> all(cases, o.n);
    const std::optional<std::size_t> done = o.otherwise ? heddle::try_select(all) : std::optional(heddle::select(all));
    if (!done) return {outcome::none_ready, 0};
    if (o.cases[*done].send) return {static_cast<std::uint8_t>(*done), 0};
    return received(static_cast<unsigned>(*done), got[*done]);
  }
  // The select as a user writes it, with a function for each case.
  outcome by_two_cases(const op &o, unsigned who, unsigned at) const {
    outcome seen;
    const auto with_case = [&](unsigned k, const auto &then) {
      const chan<int> &c = channel(o.cases[k].chan);
      const int value = value_of(who, at, k);
      if (o.cases[k].send) return then(on_send(c, value, [&seen, k] { seen = {static_cast<std::uint8_t>(k), 0}; }));
      return then(on_recv(c, [&seen, k](std::optional<int> v) { seen = received(k, v); }));
    };
    with_case(0, [&](auto first) {
      with_case(1, [&](auto second) {
        if (o.otherwise)
          heddle::select(first, second, heddle::otherwise([&seen] { seen = {outcome::none_ready, 0}; }));
        else
          heddle::select(first, second);
      });
    });
    return seen;
  }

  const program &p_;
  chan<int> none_ = chan<int>::nil();
  std::array<chan<int>, max_chans> chans_ = {none_, none_, none_, none_};
};

}  // namespace models
