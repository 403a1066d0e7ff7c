#pragma once
// Random programs of channel operations, and a sequential interpreter of them. In the interpreter every operation is
// one step, and so is serving a script that waits. What a run of a program shows must be what some order of those steps
// shows. This header includes no world and allocates nothing; suites and tests share it. It works like Go's
// test/chan/select5.go.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace models {

// ------------------------------------------------------------------------------------------------------------ programs

inline constexpr unsigned max_chans = 4, max_slots = 3, max_scripts = 5, max_ops = 40, max_cases = 4;
inline constexpr std::uint8_t nil = 255;  // the nil channel

struct comm {
  std::uint8_t chan = nil;
  bool send = false;
  friend bool operator==(const comm &, const comm &) = default;
};
enum class form : std::uint8_t { plain, select, close };

// A communication: one of its cases, or none of them if it has an otherwise. A plain one (send, recv and the try_
// functions) has one case. A close closes the channel of the first case.
struct op {
  form how = form::plain;
  bool otherwise = false;
  std::uint8_t n = 1;
  std::array<comm, max_cases> cases{};
};
struct script {
  std::uint8_t n = 0;
  std::array<op, max_ops> ops{};
};
struct program {
  std::uint8_t chans = 0, scripts = 0;
  std::array<std::uint8_t, max_chans> capacity{};
  std::array<bool, max_chans> closed{};       // from the beginning
  std::array<std::uint8_t, max_chans> owner;  // the one script that sends and closes; nil: any may send, none closes
  std::array<script, max_scripts> script_of{};
};

// What one operation was observed to do.
struct outcome {
  std::uint8_t chosen = pending;
  std::int16_t value = 0;  // received
  static constexpr std::uint8_t pending = 255, none_ready = 254;
  static constexpr std::int16_t drained = -1;  // received from a closed channel
  friend bool operator==(const outcome &, const outcome &) = default;
};
using outcomes = std::array<std::array<outcome, max_ops>, max_scripts>;

// The value that a case sends; no two cases send the same.
constexpr std::int16_t value_of(unsigned who, unsigned at, unsigned with) noexcept {
  return static_cast<std::int16_t>((who * max_ops + at) * max_cases + with + 1);
}

struct dice {
  std::uint64_t state;
  std::uint64_t next() noexcept {
    std::uint64_t z = state += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
  }
  unsigned below(unsigned n) noexcept { return static_cast<unsigned>((next() >> 32) * n >> 32); }
  bool one_in(unsigned n) noexcept { return below(n) == 0; }
};

struct sizes {
  unsigned scripts = 3, ops = 3, chans = 3;
};

// Makes programs that never commit misuse: a channel that is closed belongs to one script, which sends before it closes
// it and is the only one to do either. A rescuer, which serves the scripts that wait, can bring each program to its
// end, because a script that waits for an owned channel has a higher number than the channel's owner.
class generator {
 public:
  generator(std::uint64_t seed, sizes most) : dice_{seed}, most_(most) {}
  program make() noexcept {
    program p{};
    p.chans = static_cast<std::uint8_t>(1 + dice_.below(most_.chans));
    p.scripts = static_cast<std::uint8_t>(2 + dice_.below(most_.scripts - 1));
    p.owner.fill(nil);
    for (unsigned c = 0; c < p.chans; ++c) {
      p.capacity[c] = static_cast<std::uint8_t>(dice_.one_in(2) ? 0 : 1 + dice_.below(max_slots - 1));
      p.closed[c] = c != 0 && dice_.one_in(8);
      if (c != 0 && !p.closed[c] && dice_.one_in(4)) p.owner[c] = static_cast<std::uint8_t>(dice_.below(p.scripts));
    }
    for (unsigned who = 0; who < p.scripts; ++who) write(p, who);
    return p;
  }

 private:
  void write(program &p, unsigned who) noexcept {
    script &s = p.script_of[who];
    const unsigned wanted = 1 + dice_.below(most_.ops);
    for (unsigned c = 0; c < p.chans; ++c) open_[c] = p.owner[c] == who;
    while (s.n < wanted) s.ops[s.n++] = communication(p, who);
    for (unsigned c = 0; c < p.chans; ++c)
      if (open_[c] && s.n < max_ops) s.ops[s.n++] = closing(c);
  }
  op communication(const program &p, unsigned who) noexcept {
    if (const unsigned c = dice_.below(p.chans); open_[c] && dice_.one_in(3)) return closing(c);
    op o;
    o.otherwise = dice_.one_in(4);
    o.how = dice_.one_in(3) ? form::plain : form::select;
    o.n = static_cast<std::uint8_t>(o.how == form::plain ? 1 : 1 + dice_.below(max_cases));
    do {
      for (unsigned k = 0; k < o.n; ++k) o.cases[k] = choose_case(p, who, o.how == form::select);
    } while (!o.otherwise && !comes_to_an_end(p, who, o));
    return o;
  }
  op closing(unsigned c) noexcept {
    open_[c] = false;
    op o;
    o.how = form::close;
    o.cases[0] = {static_cast<std::uint8_t>(c), false};
    return o;
  }
  comm choose_case(const program &p, unsigned who, bool may_be_nil) noexcept {
    if (may_be_nil && dice_.one_in(8)) return {nil, dice_.one_in(2)};
    const unsigned c = dice_.below(p.chans);
    const bool may_send = p.owner[c] == nil ? !p.closed[c] : p.owner[c] == who && open_[c];
    return {static_cast<std::uint8_t>(c), may_send && dice_.one_in(2)};
  }
  static bool comes_to_an_end(const program &p, unsigned who, const op &o) noexcept {
    for (unsigned k = 0; k < o.n; ++k) {
      const comm c = o.cases[k];
      if (c.chan == nil) continue;
      if (c.send || p.owner[c.chan] == nil || p.owner[c.chan] < who) return true;
    }
    return false;
  }

  dice dice_;
  sizes most_;
  std::array<bool, max_chans> open_{};
};

// -------------------------------------------------------------------------------------------------------- interpreter

// The whole state between two steps. It consists of bytes only, and is compared and hashed as bytes.
struct machine {
  struct waiter {
    std::uint8_t who, with;
  };
  struct channel {
    std::int16_t buffer[max_slots];
    std::uint8_t count;
    std::uint8_t closed;
    std::uint8_t senders, receivers;  // how many wait
    waiter sendq[max_scripts * max_cases], recvq[max_scripts * max_cases];
  };
  channel chans[max_chans];
  std::uint8_t at[max_scripts];  // the operation that comes next, or that waits
  std::uint8_t waits[max_scripts];

  bool runs(const program &p, unsigned who) const noexcept { return at[who] < p.script_of[who].n && !waits[who]; }
};

// Takes steps. Passes each outcome to `seen(who, at, outcome)`, which returns whether that outcome is allowed.
template <class Seen>
class interpreter {
 public:
  interpreter(const program &p, Seen seen) : p_(p), seen_(seen) {}

  static machine begin(const program &p) noexcept {
    machine m;
    std::memset(&m, 0, sizeof m);
    for (unsigned c = 0; c < p.chans; ++c) m.chans[c].closed = p.closed[c];
    return m;
  }

  // True if the case `with` can be done at once.
  bool ready(const machine &m, unsigned who, unsigned with) const noexcept {
    const comm c = op_of(m, who).cases[with];
    if (c.chan == nil) return false;
    const machine::channel &ch = m.chans[c.chan];
    if (c.send) return ch.receivers > 0 || ch.count < p_.capacity[c.chan];
    return ch.count > 0 || ch.senders > 0 || ch.closed;
  }
  const op &op_of(const machine &m, unsigned who) const noexcept { return p_.script_of[who].ops[m.at[who]]; }

  // Does a case that is ready.
  bool perform(machine &m, unsigned who, unsigned with) noexcept {
    const comm c = op_of(m, who).cases[with];
    machine::channel &ch = m.chans[c.chan];
    if (c.send) {
      const std::int16_t value = value_of(who, m.at[who], with);
      if (!ends(m, who, {static_cast<std::uint8_t>(with), 0})) return false;
      if (ch.receivers > 0) return serve(m, ch.recvq[0], value);
      ch.buffer[ch.count++] = value;
      return true;
    }
    std::int16_t value = outcome::drained;
    bool good = true;
    if (ch.count > 0) {
      value = ch.buffer[0];
      --ch.count;
      for (unsigned i = 0; i + 1 < max_slots; ++i) ch.buffer[i] = ch.buffer[i + 1];
      ch.buffer[max_slots - 1] = 0;
      if (ch.senders > 0) {
        ch.buffer[ch.count++] = sent_by(m, ch.sendq[0]);
        good = serve(m, ch.sendq[0], 0);
      }
    } else if (ch.senders > 0) {
      value = sent_by(m, ch.sendq[0]);
      good = serve(m, ch.sendq[0], 0);
    }
    return good && ends(m, who, {static_cast<std::uint8_t>(with), value});
  }
  bool close(machine &m, unsigned who) noexcept {
    machine::channel &ch = m.chans[op_of(m, who).cases[0].chan];
    ch.closed = 1;
    if (!ends(m, who, {0, 0})) return false;
    while (ch.receivers > 0)
      if (!serve(m, ch.recvq[0], outcome::drained)) return false;
    return true;
  }
  bool none_ready(machine &m, unsigned who) noexcept { return ends(m, who, {outcome::none_ready, 0}); }
  // `order`: the order in which its cases come into the queues.
  void wait(machine &m, unsigned who, const std::array<std::uint8_t, max_cases> &order) noexcept {
    const op &o = op_of(m, who);
    m.waits[who] = 1;
    for (unsigned i = 0; i < o.n; ++i) {
      const unsigned k = order[i];
      const comm c = o.cases[k];
      if (c.chan == nil) continue;
      machine::channel &ch = m.chans[c.chan];
      const machine::waiter w{static_cast<std::uint8_t>(who), static_cast<std::uint8_t>(k)};
      if (c.send)
        ch.sendq[ch.senders++] = w;
      else
        ch.recvq[ch.receivers++] = w;
    }
  }

 private:
  static std::int16_t sent_by(const machine &m, machine::waiter w) noexcept {
    return value_of(w.who, m.at[w.who], w.with);
  }
  bool ends(machine &m, unsigned who, outcome o) noexcept { return seen_(who, m.at[who]++, o); }
  bool serve(machine &m, machine::waiter w, std::int16_t value) noexcept {
    m.waits[w.who] = 0;
    for (machine::channel &ch : m.chans) {
      leave(ch.sendq, ch.senders, w.who);
      leave(ch.recvq, ch.receivers, w.who);
    }
    return ends(m, w.who, {w.with, value});
  }
  template <std::size_t N>
  static void leave(machine::waiter (&q)[N], std::uint8_t &n, unsigned who) noexcept {
    std::uint8_t kept = 0;
    for (unsigned i = 0; i < n; ++i)
      if (q[i].who != who) q[kept++] = q[i];
    for (unsigned i = kept; i < n; ++i) q[i] = {};
    n = kept;
  }

  const program &p_;
  Seen seen_;
};

// The states that a search has been in, as hashes of 64 bits. When it is full it remembers no more: the search is as
// right, but slower.
template <std::size_t Slots>
class visited {
  static_assert(std::has_single_bit(Slots));

 public:
  void clear() noexcept {
    if (++round_ != 0) return void(used_ = 0);
    rounds_ = {};
    round_ = 1;
    used_ = 0;
  }
  bool fresh(const machine &m) noexcept {
    std::uint64_t words[sizeof m / 8 + 1] = {};
    std::memcpy(words, &m, sizeof m);
    std::uint64_t h = 0x9e3779b97f4a7c15ull;
    for (const std::uint64_t w : words) {
      h = (h ^ w) * 0xbf58476d1ce4e5b9ull;
      h ^= h >> 29;
    }
    for (std::size_t i = h % Slots;; i = (i + 1) % Slots) {
      if (rounds_[i] != round_) {
        if (used_ >= Slots / 4 * 3) return true;
        ++used_;
        rounds_[i] = round_;
        hashes_[i] = h;
        return true;
      }
      if (hashes_[i] == h) return false;
    }
  }
  std::size_t size() const noexcept { return used_; }

 private:
  std::array<std::uint32_t, Slots> rounds_{};
  std::array<std::uint64_t, Slots> hashes_{};
  std::size_t used_ = 0;
  std::uint32_t round_ = 0;
};

// Goes through every order of the steps of a program. `seen` is called with each outcome; if it returns false, that
// order ends. `end` is called with the last state of each order; if it returns true, the whole search ends.
template <class Seen, class Fresh, class End>
class exploration {
 public:
  exploration(const program &p, Seen seen, Fresh fresh, End end) : p_(p), steps_(p, seen), fresh_(fresh), end_(end) {}
  bool all() noexcept { return from(interpreter<Seen>::begin(p_)); }

 private:
  bool from(const machine &m) noexcept {
    if (!fresh_(m)) return false;
    bool over = true;
    for (unsigned who = 0; who < p_.scripts; ++who) {
      if (!m.runs(p_, who)) continue;
      over = false;
      if (step_of(m, who)) return true;
    }
    return over && end_(m);
  }
  bool step_of(const machine &m, unsigned who) noexcept {
    const op &o = steps_.op_of(m, who);
    if (o.how == form::close) {
      machine next = m;
      return steps_.close(next, who) && from(next);
    }
    bool ready = false;
    for (unsigned k = 0; k < o.n; ++k) {
      if (!steps_.ready(m, who, k)) continue;
      ready = true;
      machine next = m;
      if (steps_.perform(next, who, k) && from(next)) return true;
    }
    if (ready) return false;
    if (!o.otherwise) return waits(m, who, o);
    machine next = m;
    return steps_.none_ready(next, who) && from(next);
  }
  // A select's cases come into the queues in any order. Only among those of one queue does that make a difference.
  bool waits(const machine &m, unsigned who, const op &o) noexcept {
    std::array<std::uint8_t, max_cases> order{0, 1, 2, 3};
    static_assert(max_cases == 4);
    const auto within_queues = [&] {
      for (unsigned i = 0; i < o.n; ++i)
        if (!(o.cases[order[i]] == o.cases[i])) return false;
      return true;
    };
    do {
      if (!within_queues()) continue;
      machine next = m;
      steps_.wait(next, who, order);
      if (from(next)) return true;
    } while (std::next_permutation(order.begin(), order.begin() + o.n));
    return false;
  }

  const program &p_;
  interpreter<Seen> steps_;
  Fresh fresh_;
  End end_;
};

// True if every order comes to the end of all scripts.
template <std::size_t Slots>
bool always_ends(const program &p, visited<Slots> &states) noexcept {
  states.clear();
  const auto any = [](unsigned, unsigned, outcome) { return true; };
  // The values make no difference here.
  const auto fresh = [&](machine m) {
    for (machine::channel &c : m.chans) std::memset(c.buffer, 0, sizeof c.buffer);
    return states.fresh(m);
  };
  const auto stuck = [&](const machine &m) {
    for (unsigned who = 0; who < p.scripts; ++who)
      if (m.at[who] != p.script_of[who].n) return true;
    return false;
  };
  return !exploration(p, any, fresh, stuck).all();
}

// True if some order shows what a run has shown that came to the end of all scripts.
template <std::size_t Slots>
bool allows(const program &p, const outcomes &shown, visited<Slots> &states) noexcept {
  states.clear();
  const auto same = [&](unsigned who, unsigned at, outcome o) { return shown[who][at] == o; };
  const auto fresh = [&](const machine &m) { return states.fresh(m); };
  const auto ended = [&](const machine &m) {
    for (unsigned who = 0; who < p.scripts; ++who)
      if (m.at[who] != p.script_of[who].n) return false;
    return true;
  };
  return exploration(p, same, fresh, ended).all();
}

}  // namespace models
