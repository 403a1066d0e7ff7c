// The tests of Go's test/chan and chan_test.go under their names, where select_test.cpp and select5_test.cpp have none
// of that name. Not here:
//   TestShrinkStackDuringBlockedSend, TestNoShrinkStackWhileParking, TestSelectStackAdjust: heddle's
//   stacks do not move.
//   sendstmt: it tests how Go parses `a <- b <- c`; a send is a call here.
//   powser2: it is powser1 with values behind interfaces; TestChanSendInterface sends such values.
//   select7, sieve1: they are in select_test.cpp.
#include <any>
#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <numeric>
#include <queue>
#include <vector>

#include "runtime/test/test_support.hpp"

namespace {

using heddle::chan;
using heddle::on_recv;
using heddle::on_send;
using heddle::otherwise;
using heddle::receiver;
using heddle::select;
using heddle::select_case;
using heddle::sender;
using heddle_test::run_on;

void let_others_run() {
  for (int i = 0; i < 20; ++i) heddle::gosched();
}

// ----------------------------------------------------------------------------------------------------------- test/chan

// test/chan/fifo.go: values come in order through a buffer; and from hand to hand, each receiver woken by the one
// before it.
TEST(GoChan, fifo) {
  EXPECT_EQ(run_on(2,
                   [] {
                     constexpr int n = 10;
                     const chan<int> buffered(n);
                     for (int i = 0; i < n; ++i) buffered.send(i);
                     for (int i = 0; i < n; ++i) EXPECT_EQ(buffered.recv(), i);

                     const chan<int> c;
                     chan<int> turn;
                     const chan<int> first = turn;
                     for (int i = 0; i < n; ++i) {
                       const chan<int> next;
                       heddle::go([c, turn, next, i] {
                         turn.recv();
                         EXPECT_EQ(c.recv(), i);
                         next.send(1);
                       });
                       turn = next;
                     }
                     first.send(0);
                     for (int i = 0; i < n; ++i) c.send(i);
                     turn.recv();
                   }),
            0);
}

// test/chan/nonblock.go: on a channel without a buffer a try succeeds as soon as a goroutine waits at the other end,
// and not before; with a buffer as long as there is room, or a value.
template <class T>
void nonblock(const T &value) {
  EXPECT_EQ(run_on(1,
                   [&] {
                     const chan<T> c;
                     EXPECT_EQ(c.try_recv(), std::nullopt);
                     EXPECT_FALSE(c.try_send(value));
                     EXPECT_EQ(select(on_recv(c), on_send(c, value), otherwise()), 2u);
                     heddle::go([&] { c.send(value); });
                     heddle::yield();
                     EXPECT_EQ(c.try_recv(), value);
                     heddle::go([&] { EXPECT_EQ(c.recv(), value); });
                     heddle::yield();
                     EXPECT_TRUE(c.try_send(value));
                     heddle::go([&] { c.send(value); });
                     heddle::yield();
                     std::optional<T> got;
                     EXPECT_EQ(select(on_recv(c, [&](std::optional<T> v) { got = std::move(v); }), otherwise()), 0u);
                     EXPECT_EQ(got, value);

                     const chan<T> buffered(1);
                     EXPECT_EQ(buffered.try_recv(), std::nullopt);
                     EXPECT_TRUE(buffered.try_send(value));
                     EXPECT_FALSE(buffered.try_send(value));
                     EXPECT_EQ(buffered.try_recv(), value);
                     EXPECT_EQ(buffered.try_recv(), std::nullopt);
                   }),
            0);
}
TEST(GoChan, nonblock) {
  nonblock<int>(123);
  nonblock<std::string>("hello");
  nonblock<bool>(true);
  nonblock<std::array<int, 50>>({1, 2, 3});
}

// test/chan/select.go: a case whose channel is set to nil once it has been done is done once, and no value is lost on
// the way.
TEST(GoChan, select) {
  EXPECT_EQ(run_on(2,
                   [] {
                     const chan<unsigned> a(1), b(1);
                     unsigned counter = 0, shift = 0;
                     const auto value = [&] {
                       ++counter;
                       return 1u << shift++;
                     };
                     const auto send_to_both = [&](chan<unsigned> first, chan<unsigned> second) {
                       const unsigned v = value();
                       unsigned sent = 0;
                       while (!first.is_nil() || !second.is_nil()) {
                         select(on_send(first, v, [&] { first = chan<unsigned>::nil(); }),
                                on_send(second, v, [&] { second = chan<unsigned>::nil(); }));
                         ++sent;
                       }
                       return sent;
                     };
                     EXPECT_EQ(send_to_both(a, b), 2u);
                     EXPECT_EQ(a.recv(), 1u);
                     EXPECT_EQ(b.recv(), 1u);
                     EXPECT_EQ(send_to_both(a, chan<unsigned>::nil()), 1u);
                     EXPECT_EQ(send_to_both(chan<unsigned>::nil(), b), 1u);
                     EXPECT_EQ(a.recv(), 2u);
                     EXPECT_EQ(b.recv(), 4u);
                     EXPECT_EQ(counter, 3u);
                   }),
            0);
}

// test/chan/select2.go: selects whose other case is never done leave nothing behind.
TEST(GoChan, select2) {
  EXPECT_EQ(run_on(2,
                   [] {
                     const chan<int> c, dummy;
                     const auto exchange = [&](int n) {
                       heddle::wait_group wg;
                       wg.go([&] {
                         for (int i = 0; i < n; ++i) select(on_send(c, i), on_recv(dummy));
                       });
                       wg.go([&] {
                         for (int i = 0; i < n; ++i) select(on_recv(c), on_recv(dummy));
                       });
                       wg.wait();
                     };
                     exchange(60'000);
                     // Go looks at the heap. Here a waiter lies on its stack: one that stayed in a queue would be found
                     // there.
                     EXPECT_FALSE(dummy.try_send(1)) << "a receiver that has lost still waits";
                     EXPECT_FALSE(dummy.try_recv().arrived()) << "a value from nowhere";
                     EXPECT_FALSE(c.try_send(1));
                     EXPECT_FALSE(c.try_recv().arrived());
                   }),
            0);
}

// test/chan/select3.go: the table of what waits for ever and what does not.
TEST(GoChan, select3) {
  struct row {
    bool waits;
    const char *what;
    std::function<void()> f;
  };
  const chan<int> none = chan<int>::nil(), closed, meets, never, also_never;
  const chan<int> full_to_send(1), full_to_receive(1), full_of_two(1), empty(1), some_room(2), half(2);
  closed.close();
  for (const chan<int> &c : {full_to_send, full_to_receive, full_of_two, half}) c.send(1);
  const chan<int> empty_too(1), empty_of_two(1);
  const std::vector<row> table = {
      {true, "send on nil", [&] { none.send(7); }},
      {true, "receive from nil", [&] { none.recv(); }},
      {false, "try on nil", [&] { EXPECT_TRUE(!none.try_send(7) && !none.try_recv()); }},
      {true, "send without a receiver", [&] { meets.send(7); }},
      {true, "receive without a sender", [&] { never.recv(); }},
      {true, "receive from an empty buffer", [&] { empty.recv(); }},
      {false, "send into an empty buffer", [&] { some_room.send(7); }},
      {true, "send into a full buffer", [&] { full_to_send.send(7); }},
      {false, "receive from a full buffer", [&] { full_to_receive.recv(); }},
      {false, "receive from closed", [&] { closed.recv(); }},
      {true, "select of no cases", [] { heddle::select(std::span<const select_case>{}); }},
      {false, "select with otherwise only", [] { select(otherwise()); }},
      {true, "select of nil, receive", [&] { select(on_recv(none)); }},
      {true, "select of nil, send", [&] { select(on_send(none, 7)); }},
      {false, "select of nil with otherwise", [&] { select(on_recv(none), on_send(none, 7), otherwise()); }},
      {true, "select of an empty buffer", [&] { select(on_recv(empty_too)); }},
      {false, "select, half full", [&] { select(on_recv(half), on_send(half, 7)); }},
      {false, "select with one that is ready", [&] { select(on_recv(also_never), on_recv(closed), on_recv(none)); }},
      {true, "select of one full and one empty",
       [&] { select(on_send(full_of_two, 7), on_recv(empty_of_two), on_recv(none)); }},
  };
  std::vector<char> done(table.size());  // outlives the goroutines that wait for ever
  EXPECT_EQ(run_on(1,
                   [&] {
                     for (std::size_t i = 0; i < table.size(); ++i)
                       heddle::go([&, i] {
                         table[i].f();
                         done[i] = 1;
                       });
                     let_others_run();
                   }),
            0);
  for (std::size_t i = 0; i < table.size(); ++i) EXPECT_EQ(done[i] == 0, table[i].waits) << table[i].what;
}

// test/chan/select4.go: of the cases only the one that is done is evaluated.
TEST(GoChan, select4) {
  EXPECT_EQ(run_on(1,
                   [] {
                     const chan<int> c(1), c1;
                     int got = 0;
                     c.send(42);
                     select(on_recv(c1, [] { FAIL() << "called for a case that was not done"; }),
                            on_recv(c, [&](std::optional<int> v) { got = v.value(); }));
                     EXPECT_EQ(got, 42);
                   }),
            0);
}

// test/chan/select8.go: leaving a case early leaves the case, and not the code around the select.
TEST(GoChan, select8) {
  EXPECT_EQ(run_on(1,
                   [] {
                     const chan<int> c(1);
                     int after = 0, rounds = 0;
                     for (; rounds < 3; ++rounds) {
                       c.send(rounds);
                       select(on_recv(c, [&](std::optional<int> v) {
                         if (v.value() != 1) return;
                         after += 10;
                       }));
                       select(on_recv(c, [] { FAIL(); }), otherwise([] { return; }));
                       ++after;
                     }
                     EXPECT_EQ(rounds, 3);
                     EXPECT_EQ(after, 13);
                   }),
            0);
}

// test/chan/sieve2.go: the multiples of each prime are a stream of its own; a heap merges them, smallest first.
TEST(GoChan, sieve2) {
  EXPECT_EQ(run_on(2,
                   [] {
                     constexpr int n = 400;
                     struct stream {
                       int head;
                       chan<int> rest;
                       bool operator>(const stream &other) const { return head > other.head; }
                     };
                     const chan<bool> over;
                     heddle::wait_group wg;
                     const auto counting = [&](int from, int by) {
                       const chan<int> out;
                       wg.go([=] {
                         for (int i = from; select(on_send(out, i), on_recv(over)) == 0; i += by) {
                         }
                       });
                       return out;
                     };
                     std::priority_queue<stream, std::vector<stream>, std::greater<>> composites;
                     const auto add_multiples_of = [&](int prime) {
                       const chan<int> c = counting(prime * prime, prime);
                       composites.push({c.recv().value(), c});
                     };
                     std::vector<int> primes;
                     const chan<int> candidates = counting(2, 1);
                     while (primes.size() < 62) {
                       const int candidate = candidates.recv().value();
                       bool prime = true;
                       while (!composites.empty() && composites.top().head == candidate) {
                         const stream s = composites.top();
                         composites.pop();
                         composites.push({s.rest.recv().value(), s.rest});
                         prime = false;
                       }
                       if (!prime) continue;
                       primes.push_back(candidate);
                       if (candidate < n / candidate + 1) add_multiples_of(candidate);
                     }
                     EXPECT_EQ(primes.front(), 2);
                     EXPECT_EQ(primes.back(), 293);
                     over.close();
                     wg.wait();
                   }),
            0);
}

// test/chan/zerosize.go: values that are nothing but a type.
TEST(GoChan, zerosize) {
  struct nothing {};
  EXPECT_EQ(run_on(2,
                   [] {
                     const chan<nothing> handed, buffered(3);
                     heddle::go([=] {
                       for (int i = 0; i < 5; ++i) handed.send({});
                       handed.close();
                     });
                     int n = 0;
                     while (handed.recv()) ++n;
                     EXPECT_EQ(n, 5);
                     for (int i = 0; i < 3; ++i) EXPECT_TRUE(buffered.try_send(nothing{}));
                     EXPECT_FALSE(buffered.try_send(nothing{}));
                     EXPECT_EQ(select(on_recv(buffered), on_send(buffered, nothing{}), otherwise()), 0u);
                     EXPECT_EQ(buffered.size(), 2u);
                   }),
            0);
}

// test/chan/goroutines.go: a value goes through a chain of 10,000 goroutines.
TEST(GoChan, goroutines) {
  const int n = heddle_test::tsan ? 1'000 : 10'000;
  EXPECT_EQ(run_on(2,
                   [n] {
                     const chan<int> leftmost;
                     chan<int> left = leftmost;
                     for (int i = 0; i < n; ++i) {
                       const chan<int> right;
                       heddle::go([left, right] { left.send(right.recv().value() + 1); });
                       left = right;
                     }
                     heddle::go([left] { left.send(0); });
                     EXPECT_EQ(leftmost.recv(), n);
                   }),
            0);
}

// test/chan/perm.go: what a channel or an end of one cannot do does not compile.
template <class C>
concept sends = requires(const C &c) {
  c.send(1);
  c.try_send(1);
  c.close();
  on_send(c, 1);
};
template <class C>
concept sends_somehow = requires(const C &c) {
  c.send(1);
}
|| requires(const C &c) { c.try_send(1); }
|| requires(const C &c) { on_send(c, 1); };
template <class C>
concept receives = requires(const C &c, std::optional<int> &to) {
  c.recv();
  c.try_recv();
  c.begin();
  on_recv(c);
  select_case::recv(c, to);
};
template <class C>
concept receives_somehow = requires(const C &c) {
  c.recv();
}
|| requires(const C &c) { c.try_recv(); }
|| requires(const C &c) { c.begin(); }
|| requires(const C &c) { on_recv(c); };
template <class C>
concept closes = requires(const C &c) {
  c.close();
};
TEST(GoChan, perm) {
  static_assert(sends<chan<int>> && receives<chan<int>> && closes<chan<int>>);
  static_assert(sends<sender<int>> && !receives_somehow<sender<int>> && closes<sender<int>>);
  static_assert(receives<receiver<int>> && !sends_somehow<receiver<int>> && !closes<receiver<int>>);
  static_assert(!sends_somehow<int> && !receives_somehow<int>);
  static_assert(std::is_convertible_v<chan<int>, sender<int>> && std::is_convertible_v<chan<int>, receiver<int>>);
  static_assert(!std::is_convertible_v<sender<int>, chan<int>> && !std::is_convertible_v<receiver<int>, chan<int>>);
  static_assert(!std::is_convertible_v<sender<int>, receiver<int>> &&
                !std::is_convertible_v<receiver<int>, sender<int>>);
  static_assert(!std::is_convertible_v<chan<int>, sender<long>>);
}

// test/chan/powser1.go: power series as streams, each coefficient computed when it is asked for. A stream that two
// others need is split by a select over their requests.
class series {
 public:
  // A coefficient as a fraction.
  struct rational {
    long n = 0, d = 1;
    rational(long num = 0, long den = 1) : n(num / std::gcd(num, den)), d(den / std::gcd(num, den)) {
      if (d < 0) n = -n, d = -d;
    }
    friend rational operator+(rational a, rational b) { return {a.n * b.d + b.n * a.d, a.d * b.d}; }
    friend rational operator*(rational a, rational b) { return {a.n * b.n, a.d * b.d}; }
    friend bool operator==(const rational &, const rational &) = default;
  };
  struct stream {
    chan<bool> asks;
    chan<rational> gives;
  };

  series() = default;
  ~series() {
    over_.close();
    all_.wait();
  }
  // Coefficients in order, until all are over.
  stream from(std::function<rational(int)> f) {
    stream out;
    all_.go([this, out, f] {
      for (int i = 0; asked(out); ++i)
        if (!give(out, f(i))) return;
    });
    return out;
  }
  rational get(const stream &in) {
    rational got;
    if (select(on_send(in.asks, true), on_recv(over_)) == 0)
      select(on_recv(in.gives, [&](std::optional<rational> v) { got = *v; }), on_recv(over_));
    return got;
  }
  std::array<stream, 2> split(const stream &in) {
    const std::array<stream, 2> out;
    all_.go([this, in, out] {
      std::array<std::deque<rational>, 2> later;  // what the other stream has had already
      for (;;) {
        const std::size_t who = select(on_recv(out[0].asks), on_recv(out[1].asks), on_recv(over_));
        if (who == 2) return;
        if (later[who].empty()) {
          const rational v = get(in);
          later[0].push_back(v);
          later[1].push_back(v);
        }
        if (!give(out[who], later[who].front())) return;
        later[who].pop_front();
      }
    });
    return out;
  }
  stream add(const stream &a, const stream &b) {
    return from([=, this](int) { return get(a) + get(b); });
  }
  stream scale(rational by, const stream &a) {
    return from([=, this](int) { return by * get(a); });
  }
  stream times_x(const stream &a) {
    return from([=, this](int i) { return i == 0 ? rational(0) : get(a); });
  }
  // (a0 + x A)(b0 + x B) = a0 b0 + x (a0 B + b0 A + x A B)
  stream multiply(const stream &a, const stream &b) {
    const std::shared_ptr<stream> rest = std::make_shared<stream>(stream{chan<bool>::nil(), chan<rational>::nil()});
    return from([=, this](int i) {
      if (i != 0) return get(*rest);
      const rational a0 = get(a), b0 = get(b);
      const auto as = split(a), bs = split(b);
      *rest = add(add(scale(b0, as[0]), scale(a0, bs[0])), later_product(as[1], bs[1]));
      return a0 * b0;
    });
  }
  stream differentiate(const stream &a) {
    return from([=, this](int i) {
      if (i == 0) get(a);
      return rational(i + 1) * get(a);
    });
  }
  stream integrate(rational c, const stream &a) {
    return from([=, this](int i) { return i == 0 ? c : get(a) * rational(1, i); });
  }
  std::vector<rational> first(int n, const stream &a) {
    std::vector<rational> v;
    for (int i = 0; i < n; ++i) v.push_back(get(a));
    return v;
  }

 private:
  bool asked(const stream &s) { return select(on_recv(s.asks), on_recv(over_)) == 0; }
  bool give(const stream &s, rational v) { return select(on_send(s.gives, v), on_recv(over_)) == 0; }
  // Computes x A B without asking for anything before its second coefficient is wanted.
  stream later_product(const stream &a, const stream &b) {
    const std::shared_ptr<stream> product = std::make_shared<stream>(stream{chan<bool>::nil(), chan<rational>::nil()});
    return from([=, this](int i) {
      if (i == 0) return rational(0);
      if (i == 1) *product = multiply(a, b);
      return get(*product);
    });
  }

  heddle::wait_group all_;
  chan<int> over_;
};

TEST(GoChan, powser1) {
  using r = series::rational;
  using rs = std::vector<r>;
  for (const int procs : {1, 2})
    EXPECT_EQ(run_on(procs,
                     [] {
                       series s;
                       const auto ones = [&] { return s.from([](int) { return r(1); }); };
                       EXPECT_EQ(s.first(5, s.add(ones(), ones())), (rs{2, 2, 2, 2, 2}));
                       EXPECT_EQ(s.first(4, s.times_x(s.scale(r(1, 3), ones()))), (rs{0, r(1, 3), r(1, 3), r(1, 3)}));
                       EXPECT_EQ(s.first(5, s.differentiate(ones())), (rs{1, 2, 3, 4, 5}));
                       EXPECT_EQ(s.first(5, s.integrate(0, ones())), (rs{0, 1, r(1, 2), r(1, 3), r(1, 4)}));
                       EXPECT_EQ(s.first(6, s.multiply(ones(), ones())), (rs{1, 2, 3, 4, 5, 6}));
                       const auto halves = s.split(s.differentiate(ones()));
                       EXPECT_EQ(s.first(3, halves[1]), (rs{1, 2, 3}));
                       EXPECT_EQ(s.first(4, halves[0]), (rs{1, 2, 3, 4}));
                       EXPECT_EQ(s.first(2, halves[1]), (rs{4, 5}));
                       // exp is its own derivative, so the square of exp is exp of 2x.
                       const auto exp = [&] {
                         return s.from([f = r(1)](int i) mutable { return f = i == 0 ? r(1) : f * r(1, i); });
                       };
                       EXPECT_EQ(s.first(6, s.differentiate(exp())), s.first(6, exp()));
                       EXPECT_EQ(s.first(6, s.multiply(exp(), exp())), (rs{1, 2, 2, r(4, 3), r(2, 3), r(4, 15)}));
                     }),
              0);
}

// -------------------------------------------------------------------------------------------------------- chan_test.go

TEST(GoChan, TestChan) {
  EXPECT_EQ(run_on(4,
                   [] {
                     for (std::size_t capacity = 0; capacity < 30; ++capacity) {
                       {  // a receive from an empty channel waits, and a try fails
                         const chan<int> c(capacity);
                         std::atomic<int> received{0};
                         heddle::wait_group wg;
                         wg.go([&] { received += c.recv().value(); });
                         wg.go([&] { received += c.recv().value(); });
                         heddle::gosched();
                         EXPECT_EQ(received.load(), 0);
                         EXPECT_EQ(c.try_recv(), std::nullopt);
                         EXPECT_EQ(select(on_recv(c), otherwise()), 1u);
                         c.send(1);
                         c.send(1);
                         wg.wait();
                         EXPECT_EQ(received.load(), 2);
                       }
                       {  // a send into a full channel waits, and a try fails
                         const chan<int> c(capacity);
                         for (std::size_t i = 0; i < capacity; ++i) c.send(static_cast<int>(i));
                         std::atomic<bool> sent{false};
                         heddle::wait_group wg;
                         wg.go([&] {
                           c.send(0);
                           sent = true;
                         });
                         heddle::gosched();
                         EXPECT_FALSE(sent.load());
                         EXPECT_FALSE(c.try_send(0));
                         EXPECT_EQ(select(on_send(c, 0), otherwise()), 1u);
                         EXPECT_EQ(c.recv(), 0);
                         wg.wait();
                       }
                       {  // values in a closed channel are still received, and then nothing
                         const chan<int> c(capacity);
                         for (std::size_t i = 0; i < capacity; ++i) c.send(static_cast<int>(i));
                         c.close();
                         for (std::size_t i = 0; i < capacity; ++i) EXPECT_EQ(c.recv(), static_cast<int>(i));
                         EXPECT_EQ(c.recv(), std::nullopt);
                         EXPECT_EQ(select(on_recv(c), otherwise()), 0u);
                       }
                       {  // a close ends a receive that waits
                         const chan<int> c(capacity);
                         const chan<bool> done;
                         heddle::go([=] { done.send(!c.recv()); });
                         heddle::gosched();
                         c.close();
                         EXPECT_EQ(done.recv(), true);
                       }
                       {  // values come in order, by receive and by select
                         const chan<int> c(capacity);
                         heddle::go([c] {
                           for (int i = 0; i < 100; ++i) c.send(i);
                         });
                         for (int i = 0; i < 100; ++i) {
                           std::optional<int> got;
                           if (i % 2 == 0)
                             got = c.recv();
                           else
                             select(on_recv(c, [&](std::optional<int> v) { got = v; }));
                           EXPECT_EQ(got, i);
                         }
                       }
                       {  // many of each
                         constexpr int each = 250, people = 4;
                         const chan<int> c(capacity);
                         const chan<std::vector<int>> received;
                         for (int p = 0; p < people; ++p) {
                           heddle::go([c] {
                             for (int i = 0; i < each; ++i) c.send(i);
                           });
                           heddle::go([c, received] {
                             std::vector<int> times(each);
                             for (int i = 0; i < each; ++i) ++times[static_cast<std::size_t>(c.recv().value())];
                             received.send(std::move(times));
                           });
                         }
                         std::vector<int> times(each);
                         for (int p = 0; p < people; ++p) {
                           const std::vector<int> part = received.recv().value();
                           for (std::size_t i = 0; i < each; ++i) times[i] += part[i];
                         }
                         EXPECT_EQ(times, std::vector<int>(each, people));
                       }
                       {  // the number of values, and the capacity
                         const chan<int> c(capacity * 2);
                         EXPECT_EQ(c.size(), 0u);
                         EXPECT_EQ(c.capacity(), capacity * 2);
                         for (std::size_t i = 0; i < capacity; ++i) c.send(static_cast<int>(i));
                         EXPECT_EQ(c.size(), capacity);
                       }
                     }
                   }),
            0);
}

// There is a value, or the channel is closed: a receive that does not wait finds one of the two.
TEST(GoChan, TestNonblockRecvRace) {
  EXPECT_EQ(run_on(4,
                   [] {
                     heddle::wait_group wg;
                     for (int i = 0; i < 3000; ++i) {
                       const chan<int> c(1);
                       c.send(1);
                       wg.go([c] { EXPECT_EQ(select(on_recv(c), otherwise()), 0u) << "not ready"; });
                       c.close();
                       c.recv();
                       if (i % 100 == 0) wg.wait();
                     }
                     wg.wait();
                   }),
            0);
}

// Values that are not what they look like: one that is sent, and some that a select gives up.
TEST(GoChan, TestChanSendInterface) {
  EXPECT_EQ(run_on(1,
                   [] {
                     struct mt {
                       int value = 4;
                     };
                     const chan<std::any> c(1);
                     c.send(mt{});
                     EXPECT_EQ(select(on_send(c, std::any(mt{})), otherwise()), 1u);
                     EXPECT_EQ(select(on_send(c, std::any(mt{})), on_send(c, std::any(5)), otherwise()), 2u);
                     EXPECT_EQ(std::any_cast<mt>(c.recv().value()).value, 4);
                   }),
            0);
}

// If two sends can be done, one is chosen at random.
TEST(GoChan, TestPseudoRandomSend) {
  static constexpr int n = 200;
  for (const std::size_t capacity : {0u, static_cast<unsigned>(n)})
    EXPECT_EQ(run_on(2,
                     [capacity] {
                       const chan<int> c(capacity);
                       heddle::go([c] {
                         for (int i = 0; i < n; ++i) select(on_send(c, 0), on_send(c, 1));
                         c.close();
                       });
                       std::array<int, 2> count{};
                       for (const int v : c) ++count[static_cast<std::size_t>(v)];
                       EXPECT_EQ(count[0] + count[1], n);
                       EXPECT_GT(count[0], n / 10);
                       EXPECT_GT(count[1], n / 10);
                     }),
              0);
}

}  // namespace
