// Channels, example by example, and conservation of values with several Ps.
#include <algorithm>
#include <iterator>
#include <map>
#include <numeric>
#include <ranges>
#include <string>
#include <vector>

#include "runtime/test/test_support.hpp"

namespace {

using heddle::chan;
using heddle_test::counted;
using heddle_test::run_on;
using ints = std::vector<int>;
using strings = std::vector<std::string>;

ints drain(const chan<int> &c) {
  ints v;
  for (const int x : c) v.push_back(x);
  return v;
}

TEST(Chan, unbuffered_sender_and_receiver_meet) {
  strings log;
  EXPECT_EQ(run_on(1,
                   [&] {
                     const chan<int> c;
                     EXPECT_EQ(c.capacity(), 0u);
                     heddle::go([&] {
                       log.push_back("send");
                       c.send(1);
                       log.push_back("sent");
                     });
                     heddle::yield();
                     log.push_back("recv");  // the sender is still waiting
                     EXPECT_EQ(c.size(), 0u);
                     EXPECT_EQ(c.recv(), 1);
                     log.push_back("received");
                     heddle::yield();
                   }),
            0);
  EXPECT_EQ(log, (strings{"send", "recv", "received", "sent"}));
}

TEST(Chan, receiver_that_waits_is_served_at_once) {
  EXPECT_EQ(run_on(1,
                   [] {
                     const chan<int> c;
                     int got = 0;
                     heddle::go([&] { got = c.recv().value(); });
                     heddle::yield();
                     c.send(5);  // does not block
                     EXPECT_EQ(got, 0);
                     heddle::yield();
                     EXPECT_EQ(got, 5);
                   }),
            0);
}

TEST(Chan, buffered_is_fifo_and_blocks_when_full) {
  EXPECT_EQ(run_on(1,
                   [] {
                     const chan<int> c(3);
                     EXPECT_EQ(c.capacity(), 3u);
                     bool sent = false;
                     for (int i = 0; i < 3; ++i) c.send(i);
                     EXPECT_EQ(c.size(), 3u);
                     heddle::go([&] {
                       c.send(3);
                       sent = true;
                       c.close();
                     });
                     heddle::yield();
                     EXPECT_FALSE(sent);
                     EXPECT_EQ(c.recv(), 0);
                     EXPECT_EQ(c.size(), 3u) << "the waiting value has moved up";
                     heddle::yield();
                     EXPECT_TRUE(sent);
                     EXPECT_EQ(drain(c), (ints{1, 2, 3}));
                   }),
            0);
}

TEST(Chan, wraps_round_its_buffer) {
  EXPECT_EQ(run_on(1,
                   [] {
                     const chan<int> c(3);
                     int next_in = 0, next_out = 0;
                     for (int round = 0; round < 50; ++round) {
                       for (int i = 0; i <= round % 3; ++i) c.send(next_in++);
                       for (int i = 0; i <= round % 3; ++i) EXPECT_EQ(c.recv(), next_out++);
                     }
                     EXPECT_EQ(c.size(), 0u);
                   }),
            0);
}

TEST(Chan, closed_one_is_drained_and_then_empty) {
  EXPECT_EQ(run_on(1,
                   [] {
                     const chan<int> c(4);
                     c.send(1);
                     c.send(2);
                     EXPECT_FALSE(c.closed());
                     c.close();
                     EXPECT_TRUE(c.closed());
                     EXPECT_EQ(c.size(), 2u);
                     EXPECT_EQ(c.recv(), 1);
                     EXPECT_EQ(c.try_recv(), 2);
                     EXPECT_EQ(c.recv(), std::nullopt);
                     EXPECT_EQ(c.try_recv(), std::nullopt);
                     EXPECT_EQ(c.recv(), std::nullopt);
                   }),
            0);
}

TEST(Chan, close_wakes_every_receiver_in_order) {
  ints order;
  EXPECT_EQ(run_on(1,
                   [&] {
                     const chan<int> c;
                     heddle::wait_group wg;
                     for (int i = 0; i < 5; ++i) {
                       wg.go([&, i] {
                         EXPECT_EQ(c.recv(), std::nullopt);
                         order.push_back(i);
                       });
                       heddle::yield();
                     }
                     c.close();
                     wg.wait();
                   }),
            0);
  std::sort(order.begin(), order.end());
  EXPECT_EQ(order, (ints{0, 1, 2, 3, 4}));
}

TEST(Chan, range_for_ends_at_close) {
  for (const std::size_t capacity : {0u, 1u, 7u}) {
    EXPECT_EQ(run_on(2,
                     [capacity] {
                       const chan<int> c(capacity);
                       heddle::go([c] {
                         for (int i = 0; i < 100; ++i) c.send(i);
                         c.close();
                       });
                       ints wanted(100);
                       std::iota(wanted.begin(), wanted.end(), 0);
                       EXPECT_EQ(drain(c), wanted);
                       EXPECT_EQ(drain(c), ints());
                     }),
              0);
  }
}

// Values that can be moved but not assigned; and what the ranges of the standard library do with a channel.
TEST(Chan, range_for_needs_no_assignment_and_a_channel_is_an_input_range) {
  struct job {
    const int id;
  };
  static_assert(!std::is_move_assignable_v<job>);
  static_assert(std::ranges::input_range<chan<int>> && std::ranges::input_range<const heddle::receiver<int>>);
  EXPECT_EQ(run_on(2,
                   [] {
                     const chan<job> jobs(4);
                     for (int i = 0; i < 4; ++i) jobs.send({i});
                     jobs.close();
                     int sum = 0;
                     for (const job &j : jobs) sum += j.id;
                     EXPECT_EQ(sum, 6);
                     const chan<int> c;
                     heddle::go([=] {
                       for (int i = 0; i < 100; ++i) c.send(i);
                       c.close();
                     });
                     ints got;
                     std::ranges::copy_if(c, std::back_inserter(got), [](int i) { return i % 25 == 0; });
                     EXPECT_EQ(got, (ints{0, 25, 50, 75}));
                   }),
            0);
}

TEST(Chan, try_operations_never_block) {
  EXPECT_EQ(run_on(1,
                   [] {
                     const chan<int> rendezvous, buffered(1);
                     EXPECT_FALSE(rendezvous.try_send(1));
                     EXPECT_EQ(rendezvous.try_recv(), std::nullopt);
                     EXPECT_TRUE(buffered.try_send(1));
                     EXPECT_FALSE(buffered.try_send(2));
                     EXPECT_EQ(buffered.try_recv(), 1);
                     EXPECT_EQ(buffered.try_recv(), std::nullopt);
                     heddle::go([&] { rendezvous.send(7); });
                     heddle::yield();
                     EXPECT_EQ(rendezvous.try_recv(), 7) << "a sender waits";
                     int got = 0;
                     heddle::go([&] { got = rendezvous.recv().value(); });
                     heddle::yield();
                     EXPECT_TRUE(rendezvous.try_send(8)) << "a receiver waits";
                     heddle::yield();
                     EXPECT_EQ(got, 8);
                   }),
            0);
}

TEST(Chan, waiting_senders_and_receivers_are_served_in_order) {
  for (const std::size_t capacity : {0u, 2u}) {
    ints received;
    EXPECT_EQ(run_on(1,
                     [&, capacity] {
                       const chan<int> c(capacity);
                       for (int i = 0; i < 6; ++i) {
                         heddle::go([&, i] { c.send(i); });
                         heddle::yield();
                       }
                       for (int i = 0; i < 6; ++i) received.push_back(c.recv().value());
                     }),
              0);
    EXPECT_EQ(received, (ints{0, 1, 2, 3, 4, 5})) << capacity;
  }
  std::map<int, int> who;
  EXPECT_EQ(run_on(1,
                   [&] {
                     const chan<int> c;
                     heddle::wait_group wg;
                     for (int i = 0; i < 6; ++i) {
                       wg.go([&, i] {
                         const int value = c.recv().value();
                         who[value] = i;
                       });
                       heddle::yield();
                     }
                     for (int i = 0; i < 6; ++i) c.send(i);
                     wg.wait();
                   }),
            0);
  EXPECT_EQ(who, (std::map<int, int>{{0, 0}, {1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}}));
}

TEST(Chan, handles_share_one_channel) {
  EXPECT_EQ(run_on(1,
                   [] {
                     chan<int> a(2);
                     chan<int> b = a;
                     a.send(1);
                     EXPECT_EQ(b.recv(), 1);
                     chan<int> c = std::move(a);
                     c.send(2);
                     a = b;
                     EXPECT_EQ(a.recv(), 2);
                     b = chan<int>(1);
                     b.send(3);
                     EXPECT_EQ(c.size(), 0u);
                     a = std::move(b);
                     EXPECT_EQ(a.recv(), 3);
                     const chan<int> &alias = a;
                     a = alias;
                     a.send(4);
                     EXPECT_EQ(a.size(), 1u);
                   }),
            0);
}

TEST(Chan, the_channel_lives_as_long_as_a_handle) {
  EXPECT_EQ(run_on(2,
                   [] {
                     for (int i = 0; i < 200; ++i) {
                       chan<counted> c(1);
                       heddle::go([c] { c.send(counted(1)); });
                       if (i % 2 == 0) {
                         EXPECT_EQ(c.recv().value().value, 1);
                       }
                     }
                     while (heddle::num_goroutine() != 1) heddle::gosched();
                   }),
            0);
  EXPECT_EQ(counted::alive.load(), 0);
}

// ---------------------------------------------------------------------------------------------------------------
// values

TEST(ChanValues, move_only_ones_pass_through) {
  for (const std::size_t capacity : {0u, 1u}) {
    EXPECT_EQ(run_on(1,
                     [capacity] {
                       const chan<std::unique_ptr<int>> c(capacity);
                       heddle::wait_group wg;
                       wg.go([&] {
                         for (int i = 0; i < 3; ++i) c.send(std::make_unique<int>(i));
                         c.close();
                       });
                       int next = 0;
                       for (auto &p : c) EXPECT_EQ(*p, next++);
                       EXPECT_EQ(next, 3);
                       wg.wait();
                     }),
              0);
  }
}

TEST(ChanValues, are_destroyed_exactly_once) {
  for (const std::size_t capacity : {0u, 1u, 5u})
    for (const int procs : {1, 2, 4}) {
      std::atomic<int> sum{0};
      EXPECT_EQ(run_on(procs,
                       [&] {
                         const chan<counted> c(capacity);
                         heddle::wait_group wg;
                         for (int s = 0; s < 4; ++s)
                           wg.go([&] {
                             for (int i = 1; i <= 50; ++i) c.send(counted(i));
                           });
                         heddle::wait_group readers;
                         for (int r = 0; r < 3; ++r)
                           readers.go([&] {
                             for (counted &v : c) sum.fetch_add(v.value);
                           });
                         wg.wait();
                         c.close();
                         readers.wait();
                       }),
                0);
      EXPECT_EQ(sum.load(), 4 * 50 * 51 / 2);
      EXPECT_EQ(counted::alive.load(), 0) << capacity << " slots, " << procs << " Ps";
    }
}

TEST(ChanValues, left_in_the_buffer_die_with_the_channel) {
  EXPECT_EQ(run_on(1,
                   [] {
                     const chan<counted> c(8);
                     for (int i = 0; i < 6; ++i) c.send(counted(i));
                     (void)c.recv();
                     (void)c.recv();
                     for (int i = 0; i < 4; ++i) c.send(counted(i));  // wraps around
                     EXPECT_EQ(counted::alive.load(), 8);
                   }),
            0);
  EXPECT_EQ(counted::alive.load(), 0);
}

TEST(ChanValues, refused_by_try_send_die) {
  EXPECT_EQ(run_on(1,
                   [] {
                     const chan<counted> c(1);
                     EXPECT_TRUE(c.try_send(counted(1)));
                     EXPECT_FALSE(c.try_send(counted(2)));
                     EXPECT_EQ(counted::alive.load(), 1);
                     EXPECT_EQ(c.try_recv().value().value, 1);
                   }),
            0);
  EXPECT_EQ(counted::alive.load(), 0);
}

struct alignas(128) wide {
  explicit wide(int v) : value(v) {}
  wide(const wide &) = default;
  ~wide() { value = -1; }  // passed by address, then; g++ warns of over-aligned parameters
  int value;
  int pad[63] = {};
};

TEST(ChanValues, over_aligned_and_large_ones) {
  EXPECT_EQ(run_on(2,
                   [] {
                     const chan<wide> c(3), meet;
                     heddle::go([&] {
                       for (int i = 0; i < 20; ++i) {
                         c.send(wide(i));
                         meet.send(wide(-i));
                       }
                     });
                     for (int i = 0; i < 20; ++i) {
                       const auto v = c.recv();
                       EXPECT_EQ(v->value, i);
                       EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&*v) % 128, 0u);
                       EXPECT_EQ(meet.recv()->value, -i);
                     }
                   }),
            0);
}

TEST(ChanValues, a_capacity_beyond_memory_throws) {
  EXPECT_EQ(run_on(1,
                   [] {
                     EXPECT_THROW(chan<wide>(~std::size_t{0} / 2), std::bad_alloc);
                     EXPECT_EQ(chan<int>(1).capacity(), 1u);
                   }),
            0);
}

// Receivers see what senders did before.
TEST(ChanValues, publish_what_came_before_them) {
  for (const std::size_t capacity : {0u, 1u, 16u}) {
    EXPECT_EQ(run_on(4,
                     [capacity] {
                       const chan<int *> c(capacity);
                       heddle::wait_group wg;
                       std::vector<int> cells(400);
                       wg.go([&] {
                         for (int &cell : cells) {
                           cell = 1;  // a plain variable
                           c.send(&cell);
                         }
                         c.close();
                       });
                       int sum = 0;
                       for (int *const cell : c) sum += std::exchange(*cell, 0);
                       EXPECT_EQ(sum, 400);
                       wg.wait();
                     }),
              0);
  }
}

// ---------------------------------------------------------------------------------------------------------
// conservation

TEST(ChanMany, each_value_arrives_once_and_in_its_sender_s_order) {
  constexpr int senders = 5, receivers = 4, each = 300;
  for (const int procs : {1, 2, 4})
    for (const std::size_t capacity : {0u, 1u, 10u}) {
      std::vector<std::vector<std::pair<int, int>>> got(receivers);
      EXPECT_EQ(run_on(procs,
                       [&] {
                         const chan<std::pair<int, int>> c(capacity);
                         heddle::wait_group sending, receiving;
                         for (int s = 0; s < senders; ++s)
                           sending.go([&, s] {
                             for (int i = 0; i < each; ++i) {
                               c.send({s, i});
                               if (i % 17 == 0) heddle::gosched();
                             }
                           });
                         for (auto &mine : got)
                           receiving.go([&] {
                             for (const auto &v : c) {
                               mine.push_back(v);
                               if (mine.size() % 13 == 0) heddle::yield();
                             }
                           });
                         sending.wait();
                         c.close();
                         receiving.wait();
                       }),
                0);
      std::vector<std::vector<int>> seen(senders, std::vector<int>(each));
      for (const auto &mine : got) {
        int last[senders];
        std::fill(std::begin(last), std::end(last), -1);
        for (const auto &[s, i] : mine) {
          EXPECT_LT(last[s], i) << "out of order";
          last[s] = i;
          ++seen[static_cast<std::size_t>(s)][static_cast<std::size_t>(i)];
        }
      }
      for (const auto &of_sender : seen)
        for (const int times : of_sender) ASSERT_EQ(times, 1) << procs << " Ps, " << capacity << " slots";
    }
}

TEST(ChanMany, threads_outside_may_try) {
  heddle::options o = heddle_test::with_procs(2);
  o.detect_deadlock = false;  // main waits for the thread
  EXPECT_EQ(heddle::run(
                [] {
                  const chan<int> in(4), out(4);
                  std::thread outside([&] {
                    for (int sent = 0, got = 0; got < 200;) {
                      if (sent < 200 && in.try_send(sent)) ++sent;
                      if (const auto v = out.try_recv()) {
                        EXPECT_EQ(*v, 2 * got);
                        ++got;
                      }
                    }
                    in.close();
                  });
                  for (const int v : in) out.send(2 * v);
                  outside.join();
                },
                o),
            0);
}

// -------------------------------------------------------------------------------------------------------------- misuse

TEST(ChanDeathTest, send_on_closed) {
  const auto with_closed = [](auto f) {
    (void)run_on(1, [&] {
      const chan<int> c(1);
      c.close();
      f(c);
    });
  };
  EXPECT_EXIT(with_closed([](auto &c) { c.send(1); }), testing::ExitedWithCode(2),
              "fatal error: send on closed channel\n");
  EXPECT_EXIT(with_closed([](auto &c) { (void)c.try_send(1); }), testing::ExitedWithCode(2),
              "send on closed channel\n");
  EXPECT_EXIT(with_closed([](auto &c) { c.close(); }), testing::ExitedWithCode(2),
              "fatal error: close of closed channel\n");
}

TEST(ChanDeathTest, close_while_a_sender_waits) {
  EXPECT_EXIT((void)run_on(1,
                           [] {
                             const chan<int> c;
                             heddle::go([&] { c.send(1); });
                             heddle::yield();
                             c.close();
                             heddle::yield();
                           }),
              testing::ExitedWithCode(2), "send on closed channel\n");
}

}  // namespace
