// Whole runtimes under load, with random delays at the points where a choice is made, for HEDDLE_STRESS_MS milliseconds
// a test (300 if unset), shared among 1, 2, 4 and 8 Ps. Everything must end, every value must arrive once, and no
// program that still has work may be called a deadlock: detection is on wherever it may be. The tests are meant for
// ThreadSanitizer too, which allows few goroutines at a time.
#include <algorithm>
#include <mutex>
#include <vector>

#include "runtime/test/stress_support.hpp"

namespace {

using heddle_test::all_procs;
using heddle_test::budget;
using heddle_test::dice;
using heddle_test::run_on;
using heddle_test::tsan;
using heddle_test::with_procs;

// Each goroutine starts two others until the depth is reached; all of them count themselves.
void tree(int depth, std::atomic<std::uint64_t> &ended, heddle::wait_group &wg, std::uint64_t seed) {
  dice d(seed);
  d.delay();
  if (depth > 0)
    for (std::uint64_t i = 1; i <= 2; ++i)
      wg.go([depth, &ended, &wg, seed, i] { tree(depth - 1, ended, wg, 2 * seed + i); });
  d.delay();
  ended.fetch_add(1, std::memory_order_relaxed);
}

TEST(Stress, spawn_storms) {
  constexpr int depth = tsan ? 8 : 11;
  for (const int procs : all_procs) {
    std::uint64_t wanted = 0;
    std::atomic<std::uint64_t> ended{0};
    EXPECT_EQ(run_on(procs,
                     [&] {
                       for (budget b; !b.over();) {
                         heddle::wait_group wg;
                         wg.go([&] { tree(depth, ended, wg, wanted + 1); });
                         wg.wait();
                         wanted += (std::uint64_t{2} << depth) - 1;
                       }
                     }),
              0);
    EXPECT_EQ(ended.load(), wanted) << procs << " Ps";
  }
}

TEST(Stress, rings_of_ping_pong) {
  constexpr int rings = 6, members = 7;
  for (const int procs : all_procs) {
    std::uint64_t passed = 0;
    EXPECT_EQ(
        run_on(procs,
               [&] {
                 std::vector<heddle::chan<std::uint64_t>> links;
                 for (int i = 0; i < rings * members; ++i) links.emplace_back(static_cast<std::size_t>(i % 3));
                 heddle::wait_group wg;
                 budget b;
                 std::atomic<std::uint64_t> total{0};
                 for (int r = 0; r < rings; ++r)
                   for (int i = 0; i < members; ++i)
                     wg.go([&, r, i] {
                       const auto &in = links[static_cast<std::size_t>(r * members + i)];
                       const auto &out = links[static_cast<std::size_t>(r * members + (i + 1) % members)];
                       dice d(static_cast<std::uint64_t>(r * members + i));
                       if (i ==
                           0) {  // the first sends the token round and counts the rounds; a closed link ends the ring
                         std::uint64_t rounds = 0;
                         for (; !b.over(); ++rounds) {
                           out.send(rounds);
                           d.delay();
                           EXPECT_EQ(in.recv(), rounds);
                         }
                         out.close();
                         EXPECT_FALSE(in.recv().has_value());
                         total.fetch_add(rounds, std::memory_order_relaxed);
                       } else {
                         for (const std::uint64_t token : in) {
                           d.delay();
                           out.send(token);
                         }
                         out.close();
                       }
                     });
                 wg.wait();
                 passed = total.load();
               }),
        0);
    EXPECT_GT(passed, 0u) << procs << " Ps";
  }
}

// A plain int under a mutex, values through channels of several capacities, goroutines that come and go.
TEST(Stress, everything_at_once) {
  constexpr std::uint64_t workers = 24;
  for (const int procs : all_procs) {
    std::atomic<std::uint64_t> sent{0}, received{0}, sum_sent{0}, sum_received{0}, sections{0};
    std::uint64_t guarded = 0;
    EXPECT_EQ(run_on(procs,
                     [&] {
                       budget b;
                       heddle::mutex mu;
                       heddle::chan<std::uint64_t> chans[] = {heddle::chan<std::uint64_t>(0),
                                                              heddle::chan<std::uint64_t>(1),
                                                              heddle::chan<std::uint64_t>(8)};
                       heddle::wait_group senders, receivers;
                       for (std::uint64_t w = 0; w < workers; ++w) {
                         senders.go([&, w] {
                           dice d(w);
                           for (std::uint64_t i = 0; !b.over(); ++i) {
                             const std::uint64_t value = w * 1'000'000 + i;
                             if (d(4) == 0) {
                               const bool ok = chans[d(3)].try_send(value);
                               if (!ok) continue;
                             } else {
                               chans[d(3)].send(value);
                             }
                             sent.fetch_add(1, std::memory_order_relaxed);
                             sum_sent.fetch_add(value, std::memory_order_relaxed);
                             d.delay();
                             const std::lock_guard hold(mu);
                             ++guarded;
                             sections.fetch_add(1, std::memory_order_relaxed);
                             d.delay();
                             if (d(8) == 0) {
                               heddle::wait_group child;
                               child.go([&] { dice(w + i).delay(); });
                               child.wait();
                             }
                           }
                         });
                         receivers.go([&, w] {
                           dice d(w + workers);
                           const auto got = [&](std::uint64_t value) {
                             received.fetch_add(1, std::memory_order_relaxed);
                             sum_received.fetch_add(value, std::memory_order_relaxed);
                             d.delay();
                           };
                           const auto &mine = chans[w % 3];
                           for (;;) {
                             if (d(4) == 0) {
                               if (const auto value = chans[d(3)].try_recv()) got(*value);
                             }
                             const auto value = mine.recv();
                             if (!value) break;
                             got(*value);
                           }
                         });
                       }
                       senders.wait();
                       for (auto &c : chans) c.close();
                       receivers.wait();
                     }),
              0);
    EXPECT_EQ(sent.load(), received.load()) << procs << " Ps";
    EXPECT_EQ(sum_sent.load(), sum_received.load()) << procs << " Ps";
    EXPECT_EQ(sections.load(), guarded) << procs << " Ps";
  }
}

// Goroutines that the main goroutine leaves behind at every stage of their life, and threads that are just being
// started when the runtime stops.
TEST(Stress, runtimes_start_and_stop_in_haste) {
  for (const int procs : all_procs) {
    std::uint64_t started = 0;
    dice d(static_cast<std::uint64_t>(procs));
    for (budget b; !b.over(); ++started) {
      heddle::chan<int> never;
      std::atomic<std::uint32_t> ran{0};
      const std::uint32_t n = d(20);
      EXPECT_EQ(run_on(procs,
                       [&] {
                         for (std::uint32_t i = 0; i < n; ++i)
                           heddle::go([&, i] {
                             ran.fetch_add(1, std::memory_order_relaxed);
                             if (i % 3 == 0)
                               heddle::go([&] { ran.fetch_add(1, std::memory_order_relaxed); });
                             else if (i % 3 == 1)
                               (void)never.recv();
                           });
                         for (std::uint32_t i = d(4); i != 0; --i) heddle::gosched();
                         dice::pause(d(2000));
                       }),
                0);
      EXPECT_LE(ran.load(), 2 * n);
    }
    EXPECT_GT(started, 0u);
  }
}

// The destructor of one runtime runs while another one starts threads: it must not mistake those for its own.
TEST(Stress, runtimes_side_by_side) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([t] {
      for (const int procs : {2, 4})
        for (budget b; !b.over();) {
          heddle::runtime rt(with_procs(procs));
          std::atomic<int> ran{0};
          EXPECT_EQ(rt.run([&] {
            heddle::wait_group wg;
            for (int i = 0; i < 20; ++i)
              wg.go([&] {
                heddle::gosched();
                ran.fetch_add(1, std::memory_order_relaxed);
              });
            wg.wait();
            return t;
          }),
                    t);
          EXPECT_EQ(ran.load(), 20);
          if (procs == 4) std::this_thread::sleep_for(std::chrono::microseconds(100));
        }
    });
  for (std::thread &t : threads) t.join();
}

TEST(Stress, foreign_threads_submit) {
  constexpr int producers = 3;
  constexpr int in_flight = tsan ? 100 : 400;
  for (const int procs : all_procs) {
    heddle::runtime rt(with_procs(procs));
    std::atomic<int> alive{0};
    std::atomic<std::uint64_t> ran{0};
    std::uint64_t submitted[producers] = {};
    budget b;
    std::vector<std::thread> threads;
    for (int t = 0; t < producers; ++t)
      threads.emplace_back([&, t] {
        dice d(static_cast<std::uint64_t>(t));
        while (!b.over()) {
          if (alive.load(std::memory_order_relaxed) > in_flight) {
            std::this_thread::yield();
            continue;
          }
          alive.fetch_add(1, std::memory_order_relaxed);
          rt.go([&alive, &ran, seed = submitted[t]] {
            dice(seed).delay();
            ran.fetch_add(1, std::memory_order_relaxed);
            alive.fetch_sub(1, std::memory_order_relaxed);
          });
          ++submitted[t];
          if (d(50) == 0) std::this_thread::sleep_for(std::chrono::microseconds(d(200)));  // the Ms go to sleep
        }
      });
    for (std::thread &t : threads) t.join();
    EXPECT_TRUE(heddle_test::wait_until([&] { return alive.load() == 0; })) << procs << " Ps: a goroutine got lost";
    rt.shutdown();
    EXPECT_EQ(ran.load(), submitted[0] + submitted[1] + submitted[2]) << procs << " Ps";
    EXPECT_EQ(rt.stats().goroutines, 0u);
  }
}

// Threads that are no Ms send, receive and count down beside the goroutines, while the Ms fall asleep all the time.
TEST(Stress, foreign_threads_wake) {
  for (const int procs : all_procs) {
    heddle::options o = with_procs(procs);
    o.detect_deadlock = false;  // all goroutines wait for the thread now and then
    std::uint64_t rounds = 0, got = 0;
    EXPECT_EQ(heddle::run(
                  [&] {
                    budget b;
                    heddle::chan<std::uint64_t> requests(1), replies(1);
                    std::atomic<bool> over{false};
                    std::thread peer([&] {
                      dice d(7);
                      while (!over.load(std::memory_order_relaxed)) {
                        const auto request = requests.try_recv();
                        if (!request) continue;
                        if (d(4) == 0) std::this_thread::sleep_for(std::chrono::microseconds(d(300)));
                        EXPECT_TRUE(replies.try_send(*request + 1));
                      }
                    });
                    for (; !b.over(); ++rounds) {
                      requests.send(rounds);
                      if (const auto reply = replies.recv(); reply == rounds + 1) ++got;
                    }
                    over.store(true, std::memory_order_relaxed);
                    peer.join();
                  },
                  o),
              0);
    EXPECT_GT(rounds, 0u);
    EXPECT_EQ(got, rounds) << procs << " Ps";
  }
}

// Values cross between two runtimes; each wakes goroutines of the other.
TEST(Stress, two_runtimes_talk) {
  for (const int procs : all_procs) {
    heddle::options o = with_procs(procs);
    o.detect_deadlock = false;  // neither knows of the other's goroutines
    heddle::chan<std::uint64_t> there, back(2);
    budget b;
    std::uint64_t rounds = 0;
    std::thread echo([&] {
      EXPECT_EQ(heddle::run(
                    [&] {
                      heddle::wait_group wg;
                      for (int i = 0; i < 3; ++i)
                        wg.go([&] {
                          for (const std::uint64_t v : there) back.send(v + 1);
                        });
                      wg.wait();
                      back.close();
                    },
                    o),
                0);
    });
    EXPECT_EQ(heddle::run(
                  [&] {
                    std::uint64_t sent = 0, received = 0;
                    heddle::wait_group wg;
                    wg.go([&] {
                      while (back.recv()) received += 1;
                    });
                    for (; !b.over(); ++rounds) {
                      there.send(rounds);
                      ++sent;
                    }
                    there.close();
                    wg.wait();
                    EXPECT_EQ(received, sent);
                  },
                  o),
              0);
    echo.join();
    EXPECT_GT(rounds, 0u);
  }
}

// The goroutine that gets a mutex last may destroy it, although the one before has not quite returned from unlock; it
// takes unlock's slow path, because a goroutine had to wait for the mutex earlier.
TEST(Stress, the_last_holder_destroys_the_mutex) {
  struct object {
    heddle::mutex mu;
    bool held_before = false;  // under mu
  };
  for (const int procs : all_procs) {
    if (procs == 1) continue;  // the last holder polls on a P of its own
    std::uint64_t destroyed = 0;
    EXPECT_EQ(run_on(procs,
                     [&] {
                       for (budget b; !b.over(); ++destroyed) {
                         auto *o = new object;
                         heddle::wait_group wg;
                         o->mu.lock();
                         wg.go([o] {
                           const std::lock_guard hold(o->mu);  // waits, is handed it, and leaves it marked as contended
                           o->held_before = true;
                         });
                         heddle::yield();
                         wg.go([o] {
                           for (bool done = false; !done;) {
                             while (!o->mu.try_lock()) heddle::detail::cpu_relax();
                             done = o->held_before;
                             o->mu.unlock();
                           }
                           delete o;
                         });
                         o->mu.unlock();
                         wg.wait();
                       }
                     }),
              0);
    EXPECT_GT(destroyed, 0u) << procs << " Ps";
  }
}

// The count of goroutines while they come and go is read in parts at different moments, but it never wraps below zero.
TEST(Stress, num_goroutine_does_not_wrap) {
  for (const int procs : all_procs) {
    EXPECT_EQ(run_on(procs,
                     [&] {
                       heddle::wait_group wg;
                       std::atomic<bool> over{false};
                       for (int i = 0; i < 2 * procs; ++i)
                         wg.go([&] {
                           while (!over.load(std::memory_order_relaxed)) {
                             heddle::wait_group inner;
                             inner.go([] {});
                             inner.go([] { heddle::gosched(); });
                             inner.wait();
                           }
                         });
                       std::uint64_t worst = 0;
                       for (budget b; !b.over(); heddle::yield())
                         for (int i = 0; i < 100; ++i) worst = std::max(worst, heddle::num_goroutine());
                       over.store(true, std::memory_order_relaxed);
                       wg.wait();
                       EXPECT_LT(worst, std::uint64_t{1} << 40) << procs << " Ps";
                     }),
              0);
  }
}

}  // namespace
