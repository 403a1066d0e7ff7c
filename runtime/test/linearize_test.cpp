// The linearizability checker itself, and histories of threads and goroutines: channels with select, mutex, semaphore.
#include "verify/models/linearize.hpp"

#include <algorithm>
#include <memory>
#include <numeric>
#include <string_view>
#include <vector>

#include "runtime/test/test_support.hpp"
#include "verify/models/program.hpp"
#include "verify/models/specs.hpp"

namespace {

using heddle::chan;
using heddle_test::run_on;
using models::channels;
using models::dice;
using models::linearizer;
using models::prunings;
using models::units;
using what = channels::kind;

// ---------------------------------------------------------------------------------------------------------- by hand

using by_hand = linearizer<channels, 16>;
constexpr auto unbuffered = 0, one_slot = 1, two_slots = 2;

channels::op call(what w, int value = 0, int chan = 0) {
  return {w, static_cast<std::uint8_t>(chan), static_cast<std::int16_t>(value)};
}
channels::op send(int v) { return call(what::send, v); }
channels::op recv(int v) { return call(what::recv, v); }
const channels::op close_it = call(what::close), drained = call(what::recv, channels::none);
const channels::op full{what::nothing_ready, 0, 0, 1, 0}, empty{what::nothing_ready, 0, 0, 0, 1};

// When each call begins and ends; 0: it does not end.
struct timed {
  channels::op o;
  int from, to;
};
bool linearizable(std::uint8_t capacity, const std::vector<timed> &calls, prunings how = {}) {
  by_hand::history_of h;
  std::vector<std::uint32_t> ids(calls.size());
  for (int t = 1; t < 100; ++t)
    for (std::size_t i = 0; i < calls.size(); ++i) {
      if (calls[i].from == t) ids[i] = h.called(calls[i].o);
      if (calls[i].to == t) h.returned(ids[i], calls[i].o);
    }
  return std::make_unique<by_hand>()->check(h, channels::made(capacity), how);
}

TEST(Linearize, accepts_what_some_order_explains) {
  EXPECT_TRUE(linearizable(one_slot, {}));
  EXPECT_TRUE(linearizable(one_slot, {{send(1), 1, 2}, {recv(1), 3, 4}}));
  EXPECT_TRUE(linearizable(one_slot, {{send(1), 1, 4}, {recv(1), 2, 3}})) << "the send took effect early";
  EXPECT_TRUE(linearizable(two_slots, {{send(1), 1, 4}, {send(2), 2, 3}, {recv(2), 5, 6}, {recv(1), 7, 8}}));
  EXPECT_TRUE(linearizable(one_slot, {{send(1), 1, 0}, {recv(1), 2, 3}})) << "a send that has not returned took effect";
  EXPECT_TRUE(linearizable(one_slot, {{send(1), 1, 0}, {empty, 2, 3}})) << "or it has not";
  EXPECT_TRUE(linearizable(one_slot, {{recv(channels::unknown), 1, 0}, {send(1), 2, 3}, {empty, 4, 5}}));
  EXPECT_TRUE(linearizable(one_slot, {{send(1), 1, 2}, {close_it, 3, 4}, {recv(1), 5, 6}, {drained, 7, 8}}));
  EXPECT_TRUE(linearizable(one_slot, {{drained, 1, 4}, {close_it, 2, 3}}));
  EXPECT_TRUE(linearizable(one_slot, {{full, 1, 6}, {send(1), 2, 3}, {recv(1), 4, 5}})) << "it was full for a while";
}

TEST(Linearize, rejects_what_no_order_explains) {
  EXPECT_FALSE(linearizable(one_slot, {{recv(1), 1, 2}, {send(1), 3, 4}})) << "before it was sent";
  EXPECT_FALSE(linearizable(one_slot, {{send(1), 1, 2}, {recv(1), 3, 6}, {recv(1), 4, 5}})) << "twice";
  EXPECT_FALSE(linearizable(two_slots, {{send(1), 1, 2}, {send(2), 3, 4}, {recv(2), 5, 6}, {recv(1), 7, 8}}))
      << "order";
  EXPECT_FALSE(linearizable(one_slot, {{send(1), 1, 2}, {send(2), 3, 4}, {recv(1), 5, 6}})) << "no room";
  EXPECT_FALSE(linearizable(one_slot, {{send(1), 1, 2}, {empty, 3, 4}})) << "lost";
  EXPECT_FALSE(linearizable(one_slot, {{full, 1, 2}})) << "there was room";
  EXPECT_FALSE(linearizable(two_slots, {{send(1), 1, 2}, {full, 3, 6}, {recv(1), 4, 5}})) << "at any time";
  EXPECT_FALSE(linearizable(one_slot, {{drained, 1, 2}, {close_it, 3, 4}})) << "not closed yet";
  EXPECT_FALSE(linearizable(one_slot, {{send(1), 1, 2}, {close_it, 3, 4}, {drained, 5, 6}})) << "the value is lost";
  EXPECT_FALSE(linearizable(one_slot, {{close_it, 1, 2}, {call(what::closed, 0), 3, 4}}));
  EXPECT_FALSE(linearizable(one_slot, {{close_it, 1, 2}, {send(1), 3, 4}}));
  EXPECT_FALSE(linearizable(two_slots, {{send(1), 1, 2}, {call(what::size, 0), 3, 4}}));
}

TEST(Linearize, an_unbuffered_send_and_its_receive_overlap) {
  EXPECT_TRUE(linearizable(unbuffered, {{send(1), 1, 3}, {recv(1), 2, 4}}));
  EXPECT_TRUE(linearizable(unbuffered, {{recv(1), 1, 3}, {send(1), 2, 4}}));
  EXPECT_FALSE(linearizable(unbuffered, {{send(1), 1, 2}, {recv(1), 3, 4}})) << "the sender was gone";
  EXPECT_FALSE(linearizable(unbuffered, {{send(1), 1, 3}, {send(2), 2, 5}, {recv(2), 4, 6}}));
  EXPECT_TRUE(linearizable(unbuffered, {{send(1), 1, 0}, {send(2), 2, 5}, {recv(2), 4, 6}}));
  EXPECT_TRUE(linearizable(unbuffered, {{send(1), 1, 3}, {recv(channels::unknown), 2, 0}}));
  EXPECT_FALSE(linearizable(unbuffered, {{send(1), 1, 2}})) << "it has not been received";
  EXPECT_TRUE(linearizable(unbuffered, {{full, 1, 2}, {empty, 3, 4}, {call(what::size, 0), 5, 6}}));
}

TEST(Linearize, refuses_a_history_that_is_not_whole) {
  auto h = std::make_unique<by_hand::history_of>();
  for (int i = 0; i < 17; ++i) h->returned(h->called(empty), empty);
  EXPECT_EQ(h->calls(), 16u);
  EXPECT_TRUE(h->spoiled());
  EXPECT_FALSE(std::make_unique<by_hand>()->check(*h, channels::made(1)));
}

// ---------------------------------------------------------------------------------------------- against a plain search

// Makes a history of a few callers that take turns at random. The results fit the order in which the calls happened to
// take effect; in every other history one result is changed.
using small = linearizer<channels, 12>;
small::history_of made_up(std::uint64_t seed) {
  dice d{seed};
  small::history_of h;
  channels::state now = channels::made(static_cast<std::uint8_t>(1 + d.below(2)));
  struct caller {
    int stage = 0;
    std::uint32_t id = 0;
    channels::op o;
  };
  std::array<caller, 4> callers;
  std::int16_t next = 1;
  while (h.calls() < 9) {
    caller &c = callers[d.below(4)];
    if (c.stage == 0) {
      c.o = d.one_in(2) ? send(next++) : recv(0);
      c.id = h.called(c.o);
    } else if (c.stage == 1) {
      if (c.o.what == what::recv) c.o.value = now.count[0] != 0 ? now.buffer[0][0] : channels::none;
      if (channels::state then = now; channels::step(then, c.o))
        now = then;
      else
        c.o = c.o.what == what::send ? full : empty;
      if (seed % 2 == 0 && d.one_in(6)) c.o.value = static_cast<std::int16_t>(c.o.value + 1);
    } else {
      h.returned(c.id, c.o);
    }
    c.stage = (c.stage + 1) % 3;
  }
  return h;
}

// Tries every order of the calls, one after the other.
bool plainly(const small::history_of &h, std::uint32_t done, const channels::state &s) {
  std::array<std::size_t, 12> called{}, returned;
  returned.fill(h.size());
  for (std::size_t i = 0; i < h.size(); ++i) (h[i].returned ? returned : called)[h[i].call] = i;
  bool all = !channels::open(s);
  for (std::size_t i = 0; i < h.calls(); ++i) all = all && (done >> i & 1 || returned[i] == h.size());
  if (all) return true;
  for (std::size_t i = 0; i < h.calls(); ++i) {
    if (done >> i & 1) continue;
    bool may = true;
    for (std::size_t k = 0; k < h.calls(); ++k) may = may && (done >> k & 1 || k == i || returned[k] > called[i]);
    channels::state next = s;
    if (may && channels::step(next, h.op(i)) && plainly(h, done | 1u << i, next)) return true;
  }
  return false;
}

TEST(Linearize, agrees_with_a_search_without_any_pruning) {
  const auto l = std::make_unique<small>();
  unsigned good = 0, bad = 0;
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    const small::history_of h = made_up(seed);
    for (const std::uint8_t capacity : {std::uint8_t{1}, std::uint8_t{2}}) {
      const channels::state s = channels::made(capacity);
      const bool expected = plainly(h, 0, s);
      ++(expected ? good : bad);
      for (const prunings how : {prunings{}, prunings{.late = false}, prunings{.memoised = false},
                                 prunings{.late = false, .memoised = false}})
        ASSERT_EQ(l->check(h, s, how), expected) << seed;
    }
  }
  EXPECT_GT(good, 200u);
  EXPECT_GT(bad, 200u);
}

// ------------------------------------------------------------------------------------------------------------ prunings

// Ten sends at once, then as many receives; the last receives a value that was not sent.
template <class L>
typename L::history_of hopeless(int n) {
  typename L::history_of h;
  std::vector<std::uint32_t> ids;
  for (int i = 0; i < n; ++i) ids.push_back(h.called({units::kind::take}));
  for (const std::uint32_t id : ids) h.returned(id, {units::kind::take});
  h.returned(h.called({units::kind::take}), {units::kind::take});
  return h;
}

TEST(Linearize, what_led_nowhere_is_not_tried_again) {
  using lin = linearizer<units, 32, 1 << 14>;
  const auto l = std::make_unique<lin>();
  const auto h = hopeless<lin>(9);
  EXPECT_FALSE(l->check(h, {9}));
  const std::size_t with = l->visited();
  EXPECT_FALSE(l->check(h, {9}, {.memoised = false}));
  EXPECT_LT(with, 1u << 10) << "at most the subsets of those under way";
  EXPECT_GT(l->visited(), 362'880u) << "their orders";
}

TEST(Linearize, a_call_takes_effect_only_where_a_return_needs_it) {
  // Calls that never return, and one after another that do: the former need not be tried before each of the latter.
  using lin = linearizer<units, 256, 1 << 14>;
  const auto l = std::make_unique<lin>();
  lin::history_of h;
  for (int i = 0; i < 4; ++i) h.called({units::kind::give});
  for (int i = 0; i < 50; ++i) {
    h.returned(h.called({units::kind::give}), {units::kind::give});
    h.returned(h.called({units::kind::take}), {units::kind::take});
  }
  h.returned(h.called({units::kind::none_left}), {units::kind::none_left});
  EXPECT_TRUE(l->check(h, {0}));
  const std::size_t late = l->visited();
  EXPECT_TRUE(l->check(h, {0}, {.late = false}));
  EXPECT_LT(late, 110u);
  EXPECT_GT(l->visited(), 2 * late);
}

TEST(Linearize, long_histories_are_quick) {
  using lin = linearizer<channels, 40'000, 1 << 16>;
  const auto l = std::make_unique<lin>();
  const auto h = std::make_unique<lin::history_of>();
  // Four senders and four receivers, each always in a call; values arrive in the order in which the sends were called.
  std::array<std::uint32_t, 4> s{}, r{};
  for (int i = 0; i < 5'000; ++i) {
    for (int k = 0; k < 4; ++k) s[static_cast<std::size_t>(k)] = h->called(send((i * 4 + k) % 30'000));
    for (std::size_t k = 0; k < 4; ++k) r[k] = h->called(recv(channels::unknown));
    for (int k = 3; k >= 0; --k) {
      h->returned(r[static_cast<std::size_t>(k)], recv((i * 4 + k) % 30'000));
      h->returned(s[static_cast<std::size_t>(k)], send((i * 4 + k) % 30'000));
    }
  }
  EXPECT_EQ(h->calls(), 40'000u);
  const auto started = std::chrono::steady_clock::now();
  EXPECT_TRUE(l->check(*h, channels::made(2)));
  EXPECT_LT(l->visited(), 40u * h->calls());
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(20));
}

TEST(Linearize, more_configurations_than_it_remembers_cost_only_time) {
  using lin = linearizer<units, 32, 16>;
  const auto l = std::make_unique<lin>();
  EXPECT_FALSE(l->check(hopeless<lin>(7), {7}));
  EXPECT_TRUE(l->check(hopeless<lin>(7), {8}));
}

// ------------------------------------------------------------------------------------------------ what really happened

// A call, and when it began and ended on a clock that all share.
template <class Op>
struct stamped {
  Op o;
  std::uint64_t from, to;
};

template <class Op>
class recorder {
 public:
  recorder(std::atomic<std::uint64_t> &clock, std::uint64_t seed, int procs)
      : clock_(clock), dice_{seed}, procs_(procs) {}
  // f does the call and returns the op with its result. Now and then it waits before it and after it until another
  // call has begun or ended, because most calls are so short that no other would overlap them.
  template <class F>
  void record(F &&f) {
    const std::uint64_t from = clock_.fetch_add(1);
    linger(from + 1);
    const Op o = f();
    linger(from + 1);
    calls.push_back({o, from, clock_.fetch_add(1)});
  }
  // On several Ps this lets other threads run as well; on a busy machine one goroutine would be through in a single
  // time slice of the kernel's.
  void give_way() {
    if (procs_ == 0 || (procs_ > 1 && dice_.one_in(2)))
      std::this_thread::yield();
    else
      heddle::yield();
  }
  std::vector<stamped<Op>> calls;

 private:
  // The others may all wait, or have ended: then it goes on after a few turns, or after two milliseconds, as one turn
  // may take that long on a busy machine. The naps are for such a machine, too, where a thread that only yields may have
  // the processor back before another of ours has had it.
  void linger(std::uint64_t alone) {
    switch (dice_.below(8)) {
      case 0:
      case 1: {
        const auto over = std::chrono::steady_clock::now() + std::chrono::milliseconds(2);
        for (int turn = 0; turn < 10 && clock_.load() == alone; ++turn) {
          if (turn > 0 && std::chrono::steady_clock::now() > over) break;
          if (turn > 2 && procs_ != 1) std::this_thread::sleep_for(std::chrono::microseconds(50));
          give_way();
        }
        break;
      }
      case 2:
        for (unsigned i = dice_.below(20); i > 0; --i) heddle::detail::cpu_relax();
        break;
      default: break;
    }
  }

  std::atomic<std::uint64_t> &clock_;
  dice dice_;
  const int procs_;
};

// At least so many calls of a hundred must have been under way while another began or ended: calls that do not overlap
// show little.
constexpr std::size_t overlapping_share = 5;

template <class Lin, class Op>
void expect_linearizable(const std::vector<recorder<Op>> &all, const auto &initial) {
  struct moment {
    std::uint64_t when;
    const stamped<Op> *call;
  };
  std::vector<moment> moments;
  for (const recorder<Op> &r : all)
    for (const stamped<Op> &c : r.calls) {
      moments.push_back({c.from, &c});
      moments.push_back({c.to, &c});
    }
  std::sort(moments.begin(), moments.end(), [](const moment &a, const moment &b) { return a.when < b.when; });
  const auto h = std::make_unique<typename Lin::history_of>();
  std::vector<std::pair<const stamped<Op> *, std::uint32_t>> under_way;
  for (const moment &m : moments) {
    if (m.when == m.call->from) {
      under_way.emplace_back(m.call, h->called(m.call->o));
      continue;
    }
    const auto at = std::find_if(under_way.begin(), under_way.end(), [&](const auto &u) { return u.first == m.call; });
    h->returned(at->second, m.call->o);
    under_way.erase(at);
  }
  ASSERT_FALSE(h->spoiled());
  EXPECT_TRUE(std::make_unique<Lin>()->check(*h, initial));
  std::size_t overlapping = 0;
  for (const recorder<Op> &r : all)
    for (const stamped<Op> &c : r.calls) overlapping += c.to - c.from > 1;
  EXPECT_GE(overlapping * 100, h->calls() * overlapping_share) << overlapping << " of " << h->calls();
}

// Goroutines on procs Ps, or threads, that start together; each does n calls.
template <class Op, class F>
std::vector<recorder<Op>> everybody(int procs, int callers, int n, F &&one, int round = 0) {
  std::atomic<std::uint64_t> clock{0};
  std::vector<recorder<Op>> all;
  for (int who = 0; who < callers; ++who)
    all.emplace_back(clock, static_cast<std::uint64_t>(round * callers + who + 1), procs);
  heddle_test::start_gate gate(static_cast<unsigned>(callers),
                               procs > 1 ? std::chrono::milliseconds(5) : std::chrono::milliseconds(0));
  const auto act = [&](int who) {
    recorder<Op> &mine = all[static_cast<std::size_t>(who)];
    dice d{static_cast<std::uint64_t>(round * 10'000 + who * 1000 + procs)};
    gate.pass([&] { mine.give_way(); });
    for (int i = 0; i < n; ++i) one(mine, d, who, i);
  };
  if (procs == 0) {
    std::vector<std::thread> threads;
    for (int who = 0; who < callers; ++who) threads.emplace_back(act, who);
    for (std::thread &t : threads) t.join();
    return all;
  }
  EXPECT_EQ(run_on(procs,
                   [&] {
                     heddle::wait_group wg;
                     for (int who = 0; who < callers; ++who) wg.go([&, who] { act(who); });
                     wg.wait();
                   }),
            0);
  return all;
}

class LinearizableRuns : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Ps, LinearizableRuns, testing::Values(0, 1, 2, 4), [](const auto &p) {
  return p.param == 0 ? std::string("threads") : "p" + std::to_string(p.param);
});

constexpr int histories = heddle_test::tsan ? 6 : 20;  // of each kind

// Calls on two channels that do not wait, so that no caller is left behind.
TEST_P(LinearizableRuns, channels_that_nobody_waits_for) {
  for (int round = 0; round < histories; ++round) {
    const std::uint8_t capacity = round % 2 == 0 ? 1 : 3;
    const chan<int> c[] = {chan<int>(capacity), chan<int>(2)};
    const auto some_call = [&](recorder<channels::op> &r, dice &d, int who, int i) {
      const unsigned k = d.below(2);
      const int value = who * 2000 + i;
      const auto mask = static_cast<std::uint8_t>(1u << k);
      const auto at = static_cast<std::uint8_t>(k);
      r.record([&]() -> channels::op {
        switch (d.below(6)) {
          case 0:
          case 1:
            return c[k].try_send(value) ? call(what::send, value, at)
                                        : channels::op{what::nothing_ready, 0, 0, mask, 0};
          case 2:
          case 3: {
            const std::optional<int> v = c[k].try_recv();
            return v ? call(what::recv, *v, at) : channels::op{what::nothing_ready, 0, 0, 0, mask};
          }
          case 4: return call(what::size, static_cast<int>(c[k].size()), at);
          default: {
            int from = 0, got = -1;
            const auto take = [&](std::optional<int> v) { got = v.value(); };
            from = static_cast<int>(heddle::select(heddle::on_recv(c[0], take), heddle::on_recv(c[1], take),
                                                   heddle::on_send(c[k], int{value}), heddle::otherwise()));
            if (from == 3) return {what::nothing_ready, 0, 0, mask, 3};
            return from == 2 ? call(what::send, value, at) : call(what::recv, got, from);
          }
        }
      });
      if (d.one_in(8)) heddle_test::thread_id();  // takes some time
    };
    const auto all = everybody<channels::op>(GetParam(), 6, 300, some_call, round);
    expect_linearizable<linearizer<channels, 2048, 1 << 14>>(all, channels::made(capacity, 2));
  }
}

// Senders, receivers and selects that wait; the last sender closes the channel.
TEST_P(LinearizableRuns, channels_that_are_waited_for) {
  for (int round = 0; round < histories; ++round) {
    const auto capacity = static_cast<std::uint8_t>(round % 3);
    const chan<int> c(capacity), other(1);
    std::atomic<int> senders{3};
    const auto some_call = [&](recorder<channels::op> &r, dice &d, int who, int i) {
      const int value = who * 2000 + i;
      if (who < 3) {
        r.record([&]() -> channels::op {
          if (d.one_in(2)) return c.send(value), send(value);
          const std::size_t at = heddle::select(heddle::on_send(c, int{value}), heddle::on_send(other, int{value}));
          return call(what::send, value, static_cast<int>(at));
        });
        if (i != 99 || senders.fetch_sub(1) != 1) return;
        r.record([&] { return c.close(), close_it; });
        r.record([&] { return other.close(), call(what::close, 0, 1); });
        return;
      }
      r.record([&]() -> channels::op {
        int from = 0, got = -1;
        const auto take = [&](std::optional<int> v) { got = v.value_or(channels::none); };
        from = static_cast<int>(heddle::select(heddle::on_recv(c, take), heddle::on_recv(other, take)));
        return call(what::recv, got, from);
      });
    };
    const auto all = everybody<channels::op>(GetParam(), 6, 100, some_call, round);
    expect_linearizable<linearizer<channels, 1024, 1 << 14>>(all, channels::made(capacity, 1));
  }
}

TEST_P(LinearizableRuns, semaphore) {
  constexpr int callers = 6, n = 200;
  heddle::semaphore s(2);
  const auto some_call = [&](recorder<units::op> &r, dice &d, int, int) {
    bool got = true;
    r.record([&]() -> units::op {
      if (d.one_in(2)) {
        got = s.try_acquire();
        return {got ? units::kind::take : units::kind::none_left};
      }
      s.acquire();
      return {units::kind::take};
    });
    if (!got) return;
    if (d.one_in(2)) r.give_way();
    r.record([&]() -> units::op {
      s.release();
      return {units::kind::give};
    });
  };
  const auto all = everybody<units::op>(GetParam(), callers, n, some_call);
  expect_linearizable<linearizer<units, 2 * callers * n, 1 << 14>>(all, units::state{2});
}

TEST_P(LinearizableRuns, mutex) {
  constexpr int callers = 6, n = 200;
  heddle::mutex mu;
  const auto some_call = [&](recorder<units::op> &r, dice &d, int, int) {
    bool got = true;
    r.record([&]() -> units::op {
      if (d.one_in(3)) {
        got = mu.try_lock();
        return {got ? units::kind::take : units::kind::none_left};
      }
      mu.lock();
      return {units::kind::take};
    });
    if (!got) return;
    if (d.one_in(2)) r.give_way();
    r.record([&]() -> units::op {
      mu.unlock();
      return {units::kind::give};
    });
  };
  const auto all = everybody<units::op>(GetParam(), callers, n, some_call);
  expect_linearizable<linearizer<units, 2 * callers * n, 1 << 14>>(all, units::state{1});
}

}  // namespace
