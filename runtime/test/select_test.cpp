// select, from goroutines and from threads outside. Tests with a Test in their names are those of Go's
// runtime/chan_test.go and test/chan in heddle's terms.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "runtime/test/test_support.hpp"

namespace {

using heddle::chan;
using heddle::on_recv;
using heddle::on_send;
using heddle::otherwise;
using heddle::select;
using heddle::select_case;
using heddle_test::counted;
using heddle_test::run_in_order;
using heddle_test::run_on;

// -------------------------------------------------------------------------------------------------------- on one P

// What had been in a variable stays there unless its case is done, and no room that was made for it leaks.
TEST(Select, leaves_alone_what_the_other_cases_would_receive_into) {
  EXPECT_EQ(run_on(1,
                   [] {
                     for (int i = 0; i < 3; ++i) {
                       const chan<counted> a(1), b(1);
                       std::optional<counted> x(std::in_place, 1), y(std::in_place, 2);
                       a.send(counted(3));
                       const select_case cases[] = {select_case::recv(a, x), select_case::recv(b, y)};
                       EXPECT_EQ(select(cases), 0u);
                       EXPECT_EQ(x->value, 3);
                       EXPECT_EQ(y->value, 2);
                     }
                   }),
            0);
  EXPECT_EQ(counted::alive.load(), 0);
}

TEST(Select, does_the_case_that_is_ready) {
  EXPECT_EQ(run_on(1,
                   [] {
                     const chan<int> a(1), b(1);
                     int got = 0;
                     b.send(5);
                     EXPECT_EQ(select(on_recv(a), on_recv(b, [&](std::optional<int> v) { got = v.value(); })), 1u);
                     EXPECT_EQ(got, 5);
                     bool sent = false;
                     EXPECT_EQ(select(on_send(a, 7, [&] { sent = true; }), on_recv(b)), 0u);
                     EXPECT_TRUE(sent);
                     EXPECT_EQ(a.recv(), 7);
                   }),
            0);
}

TEST(Select, takes_otherwise_when_nothing_is_ready) {
  EXPECT_EQ(run_on(1,
                   [] {
                     const chan<int> a, b(1);
                     int told = 0;
                     EXPECT_EQ(select(on_recv(a), otherwise([&] { told = 1; }), on_recv(b)), 1u);
                     EXPECT_EQ(told, 1);
                     EXPECT_EQ(select(on_send(a, 1), on_recv(b), otherwise()), 2u);
                     EXPECT_EQ(select(otherwise()), 0u);
                     b.close();
                     std::optional<int> got = 3;
                     EXPECT_EQ(select(on_recv(b, [&](std::optional<int> v) { got = v; }), otherwise()), 0u);
                     EXPECT_EQ(got, std::nullopt) << "closed and drained";
                   }),
            0);
}

TEST(Select, waits_and_is_served_by_sender_receiver_and_close) {
  EXPECT_EQ(run_on(1,
                   [] {
                     const chan<int> in, out, done;
                     std::string log;
                     heddle::wait_group wg;
                     wg.go([&] {
                       for (bool more = true; more;)
                         select(on_recv(in, [&](std::optional<int> v) { log += 'r' + std::to_string(v.value()); }),
                                on_send(out, 8, [&] { log += 's'; }),  //
                                on_recv(done, [&] { more = false; }));
                     });
                     heddle::yield();
                     in.send(1);
                     heddle::yield();
                     log += std::to_string(out.recv().value());
                     heddle::yield();
                     in.send(2);
                     heddle::yield();
                     done.close();
                     wg.wait();
                     EXPECT_EQ(log, "r18sr2");
                     EXPECT_EQ(in.try_recv(), std::nullopt);
                     EXPECT_FALSE(out.try_send(1)) << "no waiter is left in the queues of the cases that lost";
                   }),
            0);
}

TEST(Select, leaves_a_value_that_was_not_taken) {
  EXPECT_EQ(run_on(1,
                   [] {
                     const chan<std::unique_ptr<int>> full, other(1);
                     auto mine = std::make_unique<int>(4);
                     EXPECT_EQ(select(on_send(full, std::move(mine)), otherwise()), 1u);
                     ASSERT_NE(mine, nullptr);
                     EXPECT_EQ(select(on_send(full, std::move(mine)), on_send(other, nullptr)), 1u);
                     ASSERT_NE(mine, nullptr);
                     (void)other.recv();
                     EXPECT_EQ(select(on_send(full, nullptr), on_send(other, std::move(mine))), 1u);
                     EXPECT_EQ(mine, nullptr);
                     EXPECT_EQ(*other.recv().value(), 4);
                   }),
            0);
}

TEST(Select, copies_a_value_that_is_kept_and_converts) {
  EXPECT_EQ(run_on(1,
                   [] {
                     const chan<std::string> c(3);
                     const std::string kept = "kept";
                     std::string kept_too = "kept too";
                     select(on_send(c, kept));
                     select(on_send(c, kept_too));
                     select(on_send(c, "converted"));
                     EXPECT_EQ(kept_too, "kept too");
                     EXPECT_EQ(c.recv(), "kept");
                     EXPECT_EQ(c.recv(), "kept too");
                     EXPECT_EQ(c.recv(), "converted");
                   }),
            0);
}

TEST(Select, a_function_may_throw) {
  EXPECT_EQ(run_on(1,
                   [] {
                     const chan<int> c(1);
                     c.send(1);
                     EXPECT_THROW(select(on_recv(c, [] { throw 5; })), int);
                     EXPECT_EQ(c.size(), 0u);
                     c.send(2);
                     EXPECT_EQ(c.recv(), 2);
                   }),
            0);
}

TEST(Select, over_cases_known_at_run_time) {
  for (const std::size_t n : {1u, 2u, 8u, 9u, 300u}) {
    EXPECT_EQ(run_on(1,
                     [n] {
                       std::vector<chan<int>> in;
                       for (std::size_t i = 0; i < n; ++i) in.emplace_back();
                       std::vector<std::optional<int>> got(n);
                       std::vector<select_case> cases(n);
                       for (std::size_t i = 0; i < n; ++i) cases[i] = select_case::recv(in[i], got[i]);
                       EXPECT_EQ(heddle::try_select(cases), std::nullopt);
                       for (std::size_t round = 0; round < n; round += 1 + n / 10) {
                         heddle::go([&] { in[round].send(static_cast<int>(round)); });
                         if (round % 2 == 0) heddle::yield();
                         EXPECT_EQ(select(cases), round);
                         EXPECT_EQ(got[round], static_cast<int>(round));
                       }
                       in[n - 1].close();
                       got[n - 1] = 77;
                       EXPECT_EQ(heddle::try_select(cases), n - 1);
                       EXPECT_EQ(got[n - 1], std::nullopt) << "what a case has received before does not stay";
                     }),
              0);
  }
}

// ------------------------------------------------------------------------------------------------------------ nil

TEST(SelectNil, is_never_chosen) {
  EXPECT_EQ(run_on(1,
                   [] {
                     const auto nil = chan<int>::nil();
                     EXPECT_TRUE(nil.is_nil());
                     EXPECT_EQ(nil, chan<int>::nil());
                     EXPECT_FALSE(nil.try_send(1));
                     EXPECT_EQ(nil.try_recv(), std::nullopt);
                     EXPECT_EQ(nil.size() + nil.capacity(), 0u);
                     EXPECT_FALSE(nil.closed());
                     chan<int> a(1);
                     a.send(1);
                     EXPECT_EQ(select(on_recv(nil), on_send(nil, 1), on_recv(a)), 2u);
                     EXPECT_EQ(select(on_recv(nil), on_send(nil, 1), otherwise()), 2u);
                     // This is Go's way to take a case out of a select.
                     chan<int> b = a;
                     const chan<int> moved = std::move(b);
                     EXPECT_TRUE(b.is_nil());
                     EXPECT_EQ(moved, a);
                     b = moved;
                     EXPECT_EQ(b, a);
                   }),
            0);
}

TEST(SelectNilDeathTest, waits_for_ever_and_is_reported) {
  const auto status_2 = testing::ExitedWithCode(2);
  EXPECT_EXIT((void)run_on(1, [] { (void)chan<int>::nil().recv(); }), status_2,
              "goroutine 1 .chan receive \\(nil chan\\). \\(main\\)");
  EXPECT_EXIT((void)run_on(1, [] { chan<int>::nil().send(1); }), status_2, "goroutine 1 .chan send \\(nil chan\\).");
  EXPECT_EXIT((void)run_on(1, [] { select(); }), status_2, "goroutine 1 .select \\(no cases\\).");
  EXPECT_EXIT((void)run_on(1, [] { select(on_recv(chan<int>::nil())); }), status_2,
              "goroutine 1 .select \\(no cases\\).");
  EXPECT_EXIT((void)run_on(1,
                           [] {
                             const chan<int> a, b;
                             select(on_recv(a), on_send(b, 1));
                           }),
              status_2, "goroutine 1 .select. \\(main\\)");
}

TEST(SelectDeathTest, misuse) {
  const auto status_2 = testing::ExitedWithCode(2);
  EXPECT_EXIT((void)run_on(1, [] { chan<int>::nil().close(); }), status_2, "close of nil channel");
  EXPECT_EXIT((void)run_on(1,
                           [] {
                             const chan<int> c;
                             c.close();
                             select(on_send(c, 1), otherwise());
                           }),
              status_2, "fatal error: send on closed channel\n");
  EXPECT_EXIT((void)run_on(1,
                           [] {
                             const chan<int> c, d;
                             heddle::go([&] { c.close(); });
                             select(on_send(c, 1), on_recv(d));
                           }),
              status_2, "fatal error: send on closed channel\n");
}

// ---------------------------------------------------------------------------------------------------- from Go's tests

// Of two cases that are ready each has its turn. The bound is Go's, 4.753424 standard deviations: a fair choice leaves
// it once in a million.
TEST(Select, TestSelectFairness) {
  EXPECT_EQ(run_on(2,
                   [] {
                     constexpr int trials = 10'000;
                     const chan<int> c1(trials + 1), c2(trials + 1);
                     for (int i = 0; i <= trials; ++i) {
                       c1.send(1);
                       c2.send(2);
                     }
                     const chan<int> c3, c4, out, done;
                     heddle::wait_group wg;
                     wg.go([&] {
                       for (bool more = true; more;) {
                         int b = 0;
                         const auto take = [&](std::optional<int> v) { b = v.value(); };
                         select(on_recv(c3, take), on_recv(c4, take), on_recv(c1, take), on_recv(c2, take));
                         select(on_send(out, b), on_recv(done, [&] { more = false; }));
                       }
                     });
                     int count[3] = {};
                     for (int i = 0; i < trials; ++i) ++count[out.recv().value()];
                     done.close();
                     wg.wait();
                     constexpr int deviation = 237;  // 4.753424 * sqrt(0.25 / trials) of the trials
                     static_assert(trials == 10'000);
                     EXPECT_EQ(count[1] + count[2], trials);
                     EXPECT_NEAR(count[1], trials / 2, deviation);
                   }),
            0);
}

// Each goroutine waits before the next one is started, so c's queue is the select's two entries and then the plain
// receiver.
TEST(Select, TestSelectDuplicateChannel) {
  EXPECT_EQ(run_in_order([] {
              const chan<int> c, d;
              const chan<std::size_t> e;
              std::optional<int> plain;
              heddle::wait_group wg;
              heddle::go([&] { e.send(select(on_recv(c), on_recv(d), on_recv(c))); });
              heddle::yield();
              wg.go([&] { plain = c.recv(); });
              heddle::yield();
              EXPECT_FALSE(e.try_recv().has_value()) << "it waits";
              d.send(7);
              EXPECT_EQ(e.recv(), 1u);
              c.send(8);  // would wait for ever if the select had taken the other receiver with it
              wg.wait();
              EXPECT_EQ(plain, 8) << "the select has left c's queue";
              EXPECT_FALSE(c.try_send(9));
            }),
            0);
}

// If a select waits for several cases of one channel, any of them may be the one that is done, as in Go; the bound is
// that of TestSelectFairness.
TEST(Select, cases_of_one_channel_are_served_by_chance) {
  constexpr int trials = heddle_test::tsan ? 1'500 : 6'000;  // TSan maps memory for each goroutine
  EXPECT_EQ(run_on(1,
                   [] {
                     const chan<int> c;
                     int received[3] = {}, sent[3] = {};
                     for (int i = 0; i < trials; ++i) {
                       heddle::go([&] { c.send(i); });
                       ++received[select(on_recv(c), on_recv(c), on_recv(c))];
                       heddle::go([&] { c.recv(); });
                       ++sent[select(on_send(c, 1), on_send(c, 2), on_send(c, 3))];
                     }
                     const double far = 4.892 * std::sqrt(trials * (1 / 3.) * (2 / 3.));  // one in a million
                     for (int k = 0; k < 3; ++k) {
                       EXPECT_NEAR(received[k], trials / 3, far) << k;
                       EXPECT_NEAR(sent[k], trials / 3, far) << k;
                     }
                   }),
            0);
}

// Two goroutines that send to and receive from one channel meet each other and never themselves.
TEST(Select, TestSelfSelect) {
  for (const std::size_t capacity : {0u, 10u})
    for (const int procs : {1, 2, 4}) {
      EXPECT_EQ(run_on(procs,
                       [capacity] {
                         heddle::wait_group wg;
                         const chan<int> c(capacity);
                         for (int p = 0; p < 2; ++p)
                           wg.go([=] {
                             for (int i = 0; i < 1000; ++i) {
                               const auto take = [&](std::optional<int> v) {
                                 if (capacity == 0) {
                                   EXPECT_NE(v, p) << "met itself";
                                 }
                               };
                               if (p == 0 || i % 2 == 0)
                                 select(on_send(c, p), on_recv(c, take));
                               else
                                 select(on_recv(c, take), on_send(c, p));
                             }
                           });
                         wg.wait();
                       }),
                0);
    }
}

// Four channels of different sizes; senders and receivers one by one, and one select over all on each side.
TEST(Select, TestSelectStress) {
  for (const int procs : {1, 2, 4}) {
    EXPECT_EQ(run_on(procs,
                     [] {
                       constexpr int n = 2000;
                       const std::array<chan<int>, 4> c = {chan<int>(0), chan<int>(0), chan<int>(2), chan<int>(3)};
                       heddle::wait_group wg;
                       for (const chan<int> &one : c) {
                         wg.go([&one] {
                           for (int i = 0; i < n; ++i) one.send(0);
                         });
                         wg.go([&one] {
                           for (int i = 0; i < n; ++i) EXPECT_TRUE(one.recv());
                         });
                       }
                       wg.go([&c] {
                         std::array<int, 4> sent{};
                         std::array<chan<int>, 4> left = c;
                         for (int i = 0; i < 4 * n; ++i) {
                           const std::size_t at = select(on_send(left[3], 0), on_send(left[2], 0), on_send(left[0], 0),
                                                         on_send(left[1], 0));
                           static constexpr std::array<std::size_t, 4> which = {3, 2, 0, 1};
                           if (++sent[which[at]] == n) left[which[at]] = chan<int>::nil();
                         }
                       });
                       wg.go([&c] {
                         std::array<int, 4> received{};
                         std::array<chan<int>, 4> left = c;
                         for (int i = 0; i < 4 * n; ++i) {
                           const std::size_t at =
                               select(on_recv(left[0]), on_recv(left[1]), on_recv(left[2]), on_recv(left[3]));
                           if (++received[at] == n) left[at] = chan<int>::nil();
                         }
                       });
                       wg.wait();
                     }),
              0);
  }
}

TEST(Select, TestMultiConsumer) {
  static constexpr std::array<int, 7> primes = {2, 3, 5, 7, 11, 13, 17};
  constexpr int workers = 23, n = 20'000;
  EXPECT_EQ(run_on(4,
                   [&] {
                     const chan<int> queue(workers * 2), results(workers * 2);
                     heddle::wait_group wg;
                     for (int i = 0; i < workers; ++i)
                       wg.go([&, i] {
                         for (const int v : queue) {
                           if (primes[static_cast<std::size_t>(i) % primes.size()] == v) heddle::gosched();
                           results.send(v);
                         }
                       });
                     int expected = 0;
                     heddle::go([&] {
                       for (int i = 0; i < n; ++i) {
                         const int v = primes[static_cast<std::size_t>(i) % primes.size()];
                         expected += v;
                         queue.send(v);
                       }
                       queue.close();
                       wg.wait();
                       results.close();
                     });
                     int sum = 0, count = 0;
                     for (const int v : results) {
                       sum += v;
                       ++count;
                     }
                     EXPECT_EQ(count, n);
                     EXPECT_EQ(sum, expected);
                   }),
            0);
}

constexpr int race_rounds = heddle_test::tsan ? 2'000 : heddle_test::asan ? 10'000 : 100'000;  // 100'000 is Go's

// A select with a default always sees a value that is there from the beginning, whatever happens to the channel.
TEST(Select, TestNonblockSelectRace) {
  EXPECT_EQ(run_on(4,
                   [] {
                     const chan<bool> done(1);
                     for (int i = 0; i < race_rounds; ++i) {
                       const chan<int> c1(1), c2(1);
                       c1.send(1);
                       heddle::go([=] {
                         const std::size_t at = select(on_recv(c1), on_recv(c2), otherwise());
                         done.send(at != 2);
                       });
                       c2.send(1);
                       select(on_recv(c1), otherwise());
                       EXPECT_TRUE(done.recv().value()) << "no channel was ready";
                     }
                   }),
            0);
}

TEST(Select, TestNonblockSelectRace2) {
  EXPECT_EQ(run_on(4,
                   [] {
                     const chan<bool> done(1);
                     for (int i = 0; i < race_rounds; ++i) {
                       const chan<int> c1(1), c2;
                       c1.send(1);
                       heddle::go([=] { done.send(select(on_recv(c1), on_recv(c2), otherwise()) != 2); });
                       c2.close();
                       select(on_recv(c1), otherwise());
                       EXPECT_TRUE(done.recv().value()) << "no channel was ready";
                     }
                   }),
            0);
}

// test/chan/doubleselect.go: of the four cases for which one select waits one is done, so each number arrives once. The
// forwarders determine the order.
TEST(Select, doubleselect) {
  for (const int procs : {2, 4}) {
    EXPECT_EQ(run_on(procs,
                     [] {
                       constexpr int n = 20'000;
                       const std::array<chan<int>, 4> c;
                       const chan<int> cmux;
                       heddle::wait_group forwarding;
                       heddle::go([&] {
                         for (int i = 0; i < n; ++i)
                           select(on_send(c[0], i), on_send(c[1], i), on_send(c[2], i), on_send(c[3], i));
                         for (const chan<int> &one : c) one.close();
                         forwarding.wait();
                         cmux.close();
                       });
                       for (const chan<int> &one : c)
                         forwarding.go([&] {
                           for (const int v : one) cmux.send(v);
                         });
                       std::vector<int> seen(n);
                       for (const int v : cmux) ++seen[static_cast<std::size_t>(v)];
                       EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), n);
                     }),
              0);
  }
}

// test/chan/select6.go: a case that has lost leaves the queue, also from its middle. Each goroutine waits before the
// next one is started, so c1's queue is a receiver, the select, and, once c2 has served that, another receiver.
TEST(Select, select6) {
  EXPECT_EQ(run_in_order([] {
              const chan<bool> c1, c2, c3, c4;
              heddle::go([&] {
                c1.recv();
                c4.send(true);
              });
              heddle::yield();
              heddle::go([&] {
                EXPECT_EQ(select(on_recv(c1), on_recv(c2)), 1u);
                c3.send(true);
              });
              heddle::yield();
              EXPECT_FALSE(c3.try_recv().has_value()) << "it waits";
              heddle::go([&] { c2.send(true); });
              c3.recv();
              heddle::go([&] {
                EXPECT_EQ(select(on_recv(c1)), 0u);
                c4.send(true);
              });
              heddle::yield();
              c1.send(true);
              c1.send(true);
              c4.recv();
              c4.recv();
              EXPECT_FALSE(c1.try_send(true)) << "no waiter is left";
            }),
            0);
}

// test/chan/select7.go: a receiver that has just come is found by plain sends, by selects, and by selects with a
// default.
TEST(Select, select7) {
  EXPECT_EQ(
      run_on(1,
             [] {
               using receive = void (*)(const chan<int> &);
               using transmit = bool (*)(const chan<int> &);
               constexpr receive receives[] = {
                   [](const chan<int> &c) { EXPECT_EQ(c.recv(), 1); }, [](const chan<int> &c) { select(on_recv(c)); },
                   [](const chan<int> &c) { select(on_recv(c), on_recv(chan<int>::nil())); },
                   [](const chan<int> &c) {
                     const chan<int> never;
                     select(on_recv(c), on_recv(never));
                   }};
               constexpr transmit sends[] = {[](const chan<int> &c) { return c.send(1), true; },
                                             [](const chan<int> &c) { return select(on_send(c, 1)) == 0; },
                                             [](const chan<int> &c) { return select(otherwise(), on_send(c, 1)) == 1; },
                                             [](const chan<int> &c) { return c.try_send(1); }};
               for (const receive r : receives)
                 for (const transmit s : sends) {
                   const chan<int> c;
                   heddle::wait_group wg;
                   wg.go([&] { r(c); });
                   heddle::yield();
                   EXPECT_TRUE(s(c));
                   wg.wait();
                 }
             }),
      0);
}

// -------------------------------------------------------------------------------------------------- outside goroutines

TEST(SelectOutside, a_thread_selects) {
  EXPECT_EQ(run_on(2,
                   [] {
                     const chan<int> a, b, quit;
                     std::atomic<int> sum{0};
                     std::thread outside([&] {
                       for (bool more = true; more;) {
                         const auto take = [&](std::optional<int> v) { sum += v.value(); };
                         select(on_recv(a, take), on_recv(b, take), on_recv(quit, [&] { more = false; }));
                       }
                     });
                     for (int i = 0; i < 500; ++i) {
                       a.send(1);
                       b.send(2);
                     }
                     quit.close();
                     heddle::blocking([&] { outside.join(); });
                     EXPECT_EQ(sum.load(), 1500);
                   }),
            0);
}

TEST(SelectOutside, two_threads_without_a_runtime) {
  const chan<int> a, b;
  std::array<int, 2> gave{}, got{};
  const auto exchange = [&](std::size_t who, const chan<int> &first, const chan<int> &second) {
    for (int i = 0; i < 1000; ++i)
      select(on_send(first, 1, [&] { ++gave[who]; }), on_recv(second, [&] { ++got[who]; }));
  };
  std::thread other([&] { exchange(1, b, a); });
  exchange(0, a, b);
  other.join();
  EXPECT_EQ(gave[0], got[1]);
  EXPECT_EQ(gave[1], got[0]);
}

TEST(SelectOutside, a_thread_s_choice_is_fair_as_well) {
  const chan<int> a(1000), b(1000);
  for (int i = 0; i < 1000; ++i) {
    a.send(1);
    b.send(1);
  }
  std::array<int, 2> count{};
  for (int i = 0; i < 1000; ++i) ++count[select(on_recv(a), on_recv(b))];
  EXPECT_GT(count[0], 300);
  EXPECT_GT(count[1], 300);
}

TEST(SelectOutside, inside_a_call) {
  EXPECT_EQ(run_on(1,
                   [] {
                     const chan<int> a, b;
                     heddle::go([&] { b.send(4); });
                     int got = 0;
                     heddle::blocking(
                         [&] { select(on_recv(a), on_recv(b, [&](std::optional<int> v) { got = v.value(); })); });
                     EXPECT_EQ(got, 4);
                   }),
            0);
}

// ------------------------------------------------------------------------------------------------------- conservation

TEST(Select, values_are_conserved_among_many) {
  for (const int procs : {1, 2, 4})
    for (const std::size_t capacity : {0u, 1u, 4u}) {
      std::atomic<int> sum{0};
      constexpr int each = 300, senders = 4;
      EXPECT_EQ(run_on(procs,
                       [&] {
                         const std::array<chan<counted>, 3> c = {chan<counted>(capacity), chan<counted>(capacity),
                                                                 chan<counted>(capacity)};
                         heddle::wait_group sending, receiving;
                         for (int s = 0; s < senders; ++s)
                           sending.go([&, s] {
                             for (int i = 1; i <= each; ++i) {
                               counted v(i);
                               if (s % 2 == 0)
                                 select(on_send(c[0], std::move(v)), on_send(c[1], std::move(v)),
                                        on_send(c[2], std::move(v)));
                               else
                                 select(on_send(c[2], std::move(v)), on_send(c[0], std::move(v)));
                             }
                           });
                         for (int r = 0; r < 3; ++r)
                           receiving.go([&] {
                             std::array<chan<counted>, 3> open = c;
                             for (int left = 3; left > 0;) {
                               const auto take = [&](chan<counted> &from) {
                                 return [&](std::optional<counted> v) {
                                   if (v) {
                                     sum += v->value;
                                     return;
                                   }
                                   from = chan<counted>::nil();
                                   --left;
                                 };
                               };
                               select(on_recv(open[0], take(open[0])), on_recv(open[1], take(open[1])),
                                      on_recv(open[2], take(open[2])));
                             }
                           });
                         sending.wait();
                         for (const chan<counted> &one : c) one.close();
                         receiving.wait();
                       }),
                0);
      EXPECT_EQ(sum.load(), senders * each * (each + 1) / 2) << capacity << " slots, " << procs << " Ps";
      EXPECT_EQ(counted::alive.load(), 0);
    }
}

// ------------------------------------------------------------------------------------------------------------- ends

template <class C>
concept can_send = requires(const C &c) {
  c.send(1);
};
template <class C>
concept can_recv = requires(const C &c) {
  c.recv();
};
static_assert(can_send<heddle::sender<int>> && !can_recv<heddle::sender<int>>);
static_assert(can_recv<heddle::receiver<int>> && !can_send<heddle::receiver<int>>);
static_assert(!std::is_convertible_v<heddle::sender<int>, heddle::receiver<int>>);
static_assert(!std::is_convertible_v<heddle::sender<int>, chan<int>>);

// Go's sieve: each stage has the end of one channel and the other end of the next.
TEST(SelectEnds, test_chan_sieve1) {
  EXPECT_EQ(run_on(2,
                   [] {
                     const auto generate = [](const heddle::sender<int> &to) {
                       for (int i = 2; i < 300; ++i) to.send(i);
                       to.close();
                     };
                     const auto filter = [](const heddle::receiver<int> &in, const heddle::sender<int> &out,
                                            int prime) {
                       for (const int v : in)
                         if (v % prime != 0) out.send(v);
                       out.close();
                     };
                     chan<int> next;
                     heddle::go([=, to = heddle::sender<int>(next)] { generate(to); });
                     std::vector<int> primes;
                     for (;;) {
                       const std::optional<int> prime = next.recv();
                       if (!prime) break;
                       primes.push_back(*prime);
                       const chan<int> filtered;
                       heddle::go([=, in = next] { filter(in, filtered, *prime); });
                       next = filtered;
                     }
                     EXPECT_EQ(primes.size(), 62u);
                     EXPECT_EQ(primes.back(), 293);
                   }),
            0);
}

TEST(SelectEnds, are_handles_and_cases) {
  EXPECT_EQ(run_on(1,
                   [] {
                     chan<int> c(2), other(2);
                     const heddle::sender<int> to = c;
                     const heddle::receiver<int> from = c;
                     EXPECT_EQ(to, heddle::sender<int>(c));
                     EXPECT_NE(from, heddle::receiver<int>(other));
                     EXPECT_EQ(select(on_send(to, 1), on_recv(other)), 0u);
                     EXPECT_TRUE(to.try_send(2));
                     EXPECT_EQ(from.size(), 2u);
                     EXPECT_EQ(to.capacity(), 2u);
                     int got = 0;
                     EXPECT_EQ(select(on_recv(from, [&](std::optional<int> v) { got = v.value(); }), otherwise()), 0u);
                     EXPECT_EQ(got, 1);
                     c = chan<int>::nil();
                     EXPECT_EQ(from.recv(), 2) << "an end keeps the channel alive";
                     EXPECT_EQ(from.try_recv(), std::nullopt);
                     EXPECT_FALSE(from.closed());
                     to.close();
                     EXPECT_TRUE(from.closed());
                     EXPECT_EQ(select(on_recv(from), on_recv(heddle::receiver<int>::nil())), 0u);
                     EXPECT_EQ(select(on_send(heddle::sender<int>::nil(), 1), otherwise()), 1u);
                     std::optional<int> into = 4;
                     const select_case cases[] = {select_case::recv(from, into)};
                     EXPECT_EQ(select(cases), 0u);
                     EXPECT_EQ(into, std::nullopt);
                   }),
            0);
}

}  // namespace
