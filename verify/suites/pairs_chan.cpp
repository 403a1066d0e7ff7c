// Any two calls of a channel at the same time, by select too.
#include "heddle/chan.hpp"
#include "heddle/ends.hpp"
#include "heddle/select.hpp"
#include "verify/suites/pairs.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// What has gone in and what has come out, by each party.
struct account {
  int in[3] = {}, out[3] = {};
  void sent(unsigned who, bool done = true) { in[who] += done ? value(who) : 0; }
  template <class Value>
  void got(unsigned who, const Value &v) {
    if (v.has_value()) out[who] += *v;
  }
  static int value(unsigned who) { return 1 << (8 * who); }
  bool balanced() const { return in[0] + in[1] + in[2] == out[0] + out[1] + out[2]; }
};

// It is never closed. States: no room; room for two, of which none, one, two are taken.
struct open_channel {
  static constexpr unsigned states = 4;
  chan<int> c = chan<int>::nil();
  account values;
  void prepare(unsigned state, int) {
    c = chan<int>(state == 0 ? 0 : 2);
    for (unsigned k = 1; k < state; ++k) values.sent(2, c.try_send(account::value(2)));
  }
  bool rescue() {
    values.got(2, c.try_recv());
    values.sent(2, c.try_send(account::value(2)));
    return true;
  }
  void check() {
    while (auto v = c.try_recv()) values.got(2, v);
    VERIFY_INV("I55", values.balanced() && c.size() == 0 && !c.closed());
    for (std::size_t k = 0; k < c.capacity(); ++k) VERIFY_INV("I52", c.try_send(static_cast<int>(k)));
    VERIFY_INV("I52", !c.try_send(7) && !c.send_for(7, std::chrono::nanoseconds(1)));
    for (std::size_t k = 0; k < c.capacity(); ++k) VERIFY_INV("I55", c.recv() == static_cast<int>(k));
    VERIFY_INV("I52", !c.try_recv().arrived());
  }
  void select_send(unsigned who) {
    select(on_send(c, account::value(who)));
    values.sent(who);
  }
};

constexpr call<open_channel> open_calls[] = {
    {"chan::send",
     [](open_channel &o, unsigned who) {
       o.c.send(account::value(who));
       o.values.sent(who);
     }},
    {"chan::try_send", [](open_channel &o, unsigned who) { o.values.sent(who, o.c.try_send(account::value(who))); }},
    {"chan::send_for",
     [](open_channel &o, unsigned who) { o.values.sent(who, o.c.send_for(account::value(who), pair_time)); }},
    {"chan::send_until",
     [](open_channel &o, unsigned who) { o.values.sent(who, o.c.send_until(account::value(who), pair_moment())); }},
    {"chan::recv", [](open_channel &o, unsigned who) { o.values.got(who, o.c.recv()); }},
    {"chan::try_recv", [](open_channel &o, unsigned who) { o.values.got(who, o.c.try_recv()); }},
    {"chan::recv_for", [](open_channel &o, unsigned who) { o.values.got(who, o.c.recv_for(pair_time)); }},
    {"chan::recv_until", [](open_channel &o, unsigned who) { o.values.got(who, o.c.recv_until(pair_moment())); }},
    {"chan::size", [](open_channel &o, unsigned) { VERIFY_INV("I52", o.c.size() <= o.c.capacity()); }},
    {"chan::capacity", [](open_channel &o, unsigned) { VERIFY_INV("I52", o.c.capacity() <= 2); }},
    {"chan::closed", [](open_channel &o, unsigned) { VERIFY_INV("I50", !o.c.closed()); }},
    {"chan::chan copied, and chan::~chan",
     [](open_channel &o, unsigned who) {
       const chan<int> copy(o.c);
       o.values.sent(who, copy.try_send(account::value(who)));
     }},
    {"select receives",
     [](open_channel &o, unsigned who) { select(on_recv(o.c, [&](std::optional<int> v) { o.values.got(who, v); })); }},
    {"select sends", [](open_channel &o, unsigned who) { o.select_send(who); }},
    {"select does either",
     [](open_channel &o, unsigned who) {
       select(on_recv(o.c, [&](std::optional<int> v) { o.values.got(who, v); }),
              on_send(o.c, account::value(who), [&] { o.values.sent(who); }));
     }},
    {"select does either, or otherwise",
     [](open_channel &o, unsigned who) {
       select(on_recv(o.c, [&](std::optional<int> v) { o.values.got(who, v); }),
              on_send(o.c, account::value(who), [&] { o.values.sent(who); }), otherwise());
     }},
    {"try_select does either",
     [](open_channel &o, unsigned who) {
       std::optional<int> v;
       int mine = account::value(who);
       const select_case cases[] = {select_case::recv(o.c, v), select_case::send(o.c, mine)};
       const auto done = try_select(cases);
       o.values.got(who, v);
       o.values.sent(who, done == std::size_t{1});
     }},
};

// It is closed by one of the calls, or else by the third party; no party sends. States: no room; room for two, of which
// none and two are taken; closed already, with a value left.
struct closing_channel {
  static constexpr unsigned states = 4;
  chan<int> c = chan<int>::nil();
  claimed_once open;
  account values;
  void prepare(unsigned state, int) {
    c = chan<int>(state == 0 ? 0 : 2);
    for (int k = state == 2 ? 2 : state == 3 ? 1 : 0; k > 0; --k) values.sent(2, c.try_send(account::value(2)));
    open.offer(1);
    if (state == 3) close();
  }
  void close() {
    if (open.claim()) c.close();
  }
  bool rescue() {
    close();
    return false;
  }
  void check() {
    VERIFY_INV("I50", c.closed());
    while (auto v = c.try_recv()) values.got(2, v);
    VERIFY_INV("I55", values.balanced() && c.size() == 0);
    VERIFY_INV("I50", !c.recv().has_value() && c.try_recv().closed() && c.recv_for(pair_time).closed());
  }
};

constexpr call<closing_channel> closing_calls[] = {
    {"chan::close", [](closing_channel &o, unsigned) { o.close(); }},
    {"chan::recv", [](closing_channel &o, unsigned who) { o.values.got(who, o.c.recv()); }},
    {"chan::try_recv", [](closing_channel &o, unsigned who) { o.values.got(who, o.c.try_recv()); }},
    {"chan::recv_for", [](closing_channel &o, unsigned who) { o.values.got(who, o.c.recv_for(pair_time)); }},
    {"chan::recv_until", [](closing_channel &o, unsigned who) { o.values.got(who, o.c.recv_until(pair_moment())); }},
    {"chan::size", [](closing_channel &o, unsigned) { VERIFY_INV("I52", o.c.size() <= 2); }},
    {"chan::capacity", [](closing_channel &o, unsigned) { VERIFY_INV("I52", o.c.capacity() <= 2); }},
    {"chan::closed",
     [](closing_channel &o, unsigned) {
       if (o.c.closed()) VERIFY_INV("I50", o.c.closed());
     }},
    {"chan::chan copied, and chan::~chan",
     [](closing_channel &o, unsigned who) {
       const chan<int> copy(o.c);
       o.values.got(who, copy.try_recv());
     }},
    {"chan::begin and all that comes",
     [](closing_channel &o, unsigned who) {
       for (const int v : o.c) o.values.got(who, std::optional(v));
       VERIFY_INV("I50", o.c.closed());
     }},
    {"select receives",
     [](closing_channel &o, unsigned who) {
       select(on_recv(o.c, [&](std::optional<int> v) { o.values.got(who, v); }));
     }},
    {"try_select receives",
     [](closing_channel &o, unsigned who) {
       std::optional<int> v;
       const select_case cases[] = {select_case::recv(o.c, v)};
       (void)try_select(cases);
       o.values.got(who, v);
     }},
};

using open_by_threads = by_threads<open_channel, open_calls>;
using open_by_goroutines = by_goroutines<open_channel, open_calls>;
using open_by_both = by_both<open_channel, open_calls>;
using closing_by_threads = by_threads<closing_channel, closing_calls>;
using closing_by_goroutines = by_goroutines<closing_channel, closing_calls>;
using closing_by_both = by_both<closing_channel, closing_calls>;

}  // namespace

HEDDLE_WORLDS(open, "chan", "I50 I51 I52 I53 I55 TIMED-1",
              {world<open_by_threads>({.name = "pairs.chan",
                                       .what = "any two calls of an open channel, by two threads",
                                       .modes = {random_mix(2, open_by_threads::every_pair)}}),
               world<open_by_goroutines>({.name = "pairs.chan_goroutines",
                                          .what = "any two calls of an open channel, by two goroutines",
                                          .modes = {random_mix(2, open_by_goroutines::every_pair)}}),
               world<open_by_both>({.name = "pairs.chan_both",
                                    .what = "any two calls of an open channel, by a goroutine and a thread",
                                    .modes = {random_mix(1, open_by_both::every_pair)}}),
               world<closing_by_threads>({.name = "pairs.chan_close",
                                          .what = "any two calls of a channel that is closed meanwhile, by two threads",
                                          .modes = {random_mix(2, closing_by_threads::every_pair)}}),
               world<closing_by_goroutines>({.name = "pairs.chan_close_goroutines",
                                             .what = "as pairs.chan_close, by two goroutines",
                                             .modes = {random_mix(2, closing_by_goroutines::every_pair)}}),
               world<closing_by_both>({.name = "pairs.chan_close_both",
                                       .what = "as pairs.chan_close, by a goroutine and a thread",
                                       .modes = {random_mix(1, closing_by_both::every_pair)}})})
