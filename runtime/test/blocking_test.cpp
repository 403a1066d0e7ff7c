// Threads that block: plain threads that wait as goroutines do, and goroutines inside blocking(f) and blocking_long(f).
#include <dirent.h>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "runtime/test/test_support.hpp"

namespace {

using heddle::blocking;
using heddle::blocking_long;
using heddle_test::run_on;
using heddle_test::thread_id;
using heddle_test::tsan;
using heddle_test::wait_until;
using heddle_test::with_procs;
using std::chrono::milliseconds;

void sleep_ms(int ms) { std::this_thread::sleep_for(milliseconds(ms)); }

// ------------------------------------------------------------------------------------------------------- plain threads

TEST(PlainThread, may_do_what_does_not_block) {
  const heddle::chan<int> c(1);
  c.send(1);
  EXPECT_EQ(c.recv(), 1);
  EXPECT_TRUE(c.try_send(2));
  c.close();
  EXPECT_EQ(c.recv(), 2);
  EXPECT_EQ(c.recv(), std::nullopt);
  heddle::mutex mu;
  {
    const std::lock_guard hold(mu);
    EXPECT_FALSE(mu.try_lock());
  }
  heddle::wait_group wg(1);
  wg.done();
  wg.wait();
  EXPECT_EQ(heddle::detail::getm(), nullptr);
}

// There is no runtime anywhere: a channel joins two threads.
TEST(PlainThread, waits_for_another_one) {
  for (const std::size_t capacity : {0u, 1u, 3u}) {
    const heddle::chan<int> there(capacity), back(capacity);
    std::thread peer([&] {
      for (const int v : there) back.send(v + 1);
      back.close();
    });
    for (int i = 0; i < 500; ++i) {
      if (i % 100 == 0) sleep_ms(1);
      there.send(i);
      EXPECT_EQ(back.recv(), i + 1);
    }
    there.close();
    EXPECT_EQ(back.recv(), std::nullopt);
    peer.join();
  }
}

TEST(PlainThread, waits_for_a_mutex_and_a_wait_group) {
  heddle::mutex mu;
  heddle::wait_group in(4), out(1);
  int guarded = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      in.done();
      out.wait();
      for (int i = 0; i < 1000; ++i) {
        const std::lock_guard hold(mu);
        if (++guarded % 100 == 0) std::this_thread::yield();
      }
    });
  in.wait();
  out.done();
  for (std::thread &t : threads) t.join();
  EXPECT_EQ(guarded, 4000);
}

TEST(PlainThread, close_wakes_it) {
  const heddle::chan<int> c;
  std::thread receiver([&] { EXPECT_EQ(c.recv(), std::nullopt); });
  sleep_ms(2);
  c.close();
  receiver.join();
}

TEST(PlainThread, and_goroutines_talk) {
  for (const int procs : {1, 2, 4}) {
    heddle::runtime rt(with_procs(procs));
    const heddle::chan<int> there, back(2);
    for (int i = 0; i < 3; ++i)
      rt.go([&] {
        for (const int v : there) back.send(2 * v);
      });
    std::vector<std::thread> threads;
    std::atomic<int> sum{0};
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 200; ++i) {
          there.send(4 * i + t);
          sum.fetch_add(back.recv().value_or(0));
        }
      });
    for (std::thread &t : threads) t.join();
    there.close();
    EXPECT_EQ(sum.load(), 2 * (800 * 799 / 2));
    EXPECT_TRUE(wait_until([&] { return rt.stats().goroutines == 0; }));
  }
}

TEST(PlainThreadDeathTest, misuse_is_found_there_too) {
  const auto status_2 = testing::ExitedWithCode(2);
  EXPECT_EXIT(
      {
        const heddle::chan<int> c;
        std::thread closer([&] {
          sleep_ms(20);
          c.close();
        });
        c.send(1);
      },
      status_2, "fatal error: send on closed channel\n");
  EXPECT_EXIT(heddle::stop_the_world([] {}), status_2,
              "heddle::stop_the_world called on a thread that runs no goroutine");
  EXPECT_EXIT(heddle::set_procs(2), status_2, "heddle::set_procs called on a thread that runs no goroutine");
  EXPECT_EXIT(heddle::lock_os_thread(), status_2, "heddle::lock_os_thread called on a thread that runs no goroutine");
  EXPECT_EXIT(heddle::unlock_os_thread(), status_2,
              "heddle::unlock_os_thread called on a thread that runs no goroutine");
  EXPECT_EXIT({ const heddle::no_preempt here; }, status_2,
              "heddle::no_preempt called on a thread that runs no goroutine");
}

TEST(PlainThread, blocking_is_just_the_call) {
  EXPECT_EQ(blocking([] { return 3; }), 3);
  EXPECT_EQ(blocking_long([] { return blocking([] { return 4; }); }), 4);
  heddle::safepoint();
  int value = 1;
  int &same = blocking([&]() -> int & { return value; });
  EXPECT_EQ(&same, &value);
}

// --------------------------------------------------------------------------------------------------------- blocking(f)

TEST(Blocking, returns_and_throws_what_f_does) {
  EXPECT_EQ(run_on(1,
                   [] {
                     EXPECT_EQ(blocking([] { return 3; }), 3);
                     auto p = blocking_long([] { return std::make_unique<int>(4); });
                     EXPECT_EQ(*p, 4);
                     int value = 1;
                     int &same = blocking([&]() -> int & { return value; });
                     EXPECT_EQ(&same, &value);
                     EXPECT_THROW(blocking([] { throw std::runtime_error("inside"); }), std::runtime_error);
                     EXPECT_THROW(blocking_long([] { throw 1; }), int);
                     EXPECT_EQ(heddle::detail::getm()->incall, 0);
                     heddle::yield();
                   }),
            0);
}

TEST(Blocking, nests_and_only_the_outermost_counts) {
  EXPECT_EQ(run_on(2,
                   [] {
                     blocking([] {
                       EXPECT_EQ(heddle::detail::getm()->incall, 1);
                       blocking([] { EXPECT_EQ(heddle::detail::getm()->incall, 1); });
                       blocking_long([] { EXPECT_EQ(heddle::detail::getm()->incall, 1); });
                       EXPECT_EQ(heddle::detail::getm()->incall, 1);
                     });
                     EXPECT_EQ(heddle::detail::getm()->incall, 0);
                   }),
            0);
}

// Inside blocking(f) the goroutine keeps its thread, whatever it waits for there.
TEST(Blocking, may_wait_for_goroutines) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       heddle::wait_group wg;
                       heddle::chan<int> c;
                       heddle::mutex mu;
                       int guarded = 0;
                       for (int i = 0; i < 8; ++i)
                         wg.go([&] {
                           for (int k = 0; k < 100; ++k) {
                             const auto f = [&] {
                               const long thread = thread_id();
                               c.send(k);
                               EXPECT_EQ(thread_id(), thread);
                               {
                                 const std::lock_guard hold(mu);
                                 ++guarded;
                                 heddle::gosched();
                               }
                               heddle::yield();
                               heddle::safepoint();
                               heddle::wait_group inner;
                               inner.go([] {});
                               inner.wait();
                               EXPECT_EQ(thread_id(), thread);
                             };
                             if (k % 2 == 0)
                               blocking(f);
                             else
                               blocking_long(f);
                           }
                         });
                       int sum = 0;
                       for (int i = 0; i < 800; ++i) sum += c.recv().value_or(0);
                       wg.wait();
                       EXPECT_EQ(sum, 8 * (99 * 100 / 2));
                       EXPECT_EQ(guarded, 800);
                     }),
              0);
}

// There is one P. The call lasts until another goroutine has run.
TEST(Blocking, the_others_go_on_meanwhile) {
  for (const bool known_to_last : {false, true})
    EXPECT_EQ(run_on(1,
                     [known_to_last] {
                       for (int i = 0; i < 10; ++i) {
                         std::atomic<bool> ran{false};
                         heddle::go([&] { ran.store(true); });
                         const auto f = [&] { return wait_until([&] { return ran.load(); }); };
                         EXPECT_TRUE(known_to_last ? blocking_long(f) : blocking(f));
                       }
                     }),
              0);
}

// Now and then the machine stops a thread that is in a call for a time slice, and makes the call a long one.
TEST(Blocking, short_calls_keep_their_p) {
  heddle::runtime rt(with_procs(1));
  int lost = 0;
  EXPECT_EQ(rt.run([&] {
    long before = thread_id();
    for (int i = 0; i < 1000; ++i) {
      blocking([] {});
      const long now = thread_id();
      lost += now != before;
      before = now;
    }
  }),
            0);
  EXPECT_LE(lost, 10);
  EXPECT_GE(rt.stats().calls, 1000u);
  EXPECT_LE(rt.stats().threads, 3);
}

// --------------------------------------------------------------------------------------------- more calls than threads

std::size_t tasks_now() {
  std::size_t n = 0;
  DIR *dir = opendir("/proc/self/task");
  while (const dirent *entry = readdir(dir)) n += entry->d_name[0] != '.';
  closedir(dir);
  return n;
}

// 10,000 goroutines sleep 10 ms each while one per P computes. The calls share the threads that there may be, the
// computing goes on, and the threads go when they are not needed any more.
TEST(Blocking, ten_thousand_calls_beside_computing_goroutines) {
  constexpr int calls = tsan ? 500 : 10000, threads_max = tsan || heddle_test::asan ? 100 : 1000;
  const std::size_t before = tasks_now();
  heddle::options o = with_procs(2);
  o.threads_max = threads_max;
  heddle::runtime rt(o);
  std::atomic<int> in_call{0}, most{0}, done{0};
  EXPECT_EQ(rt.run([&] {
    std::atomic<bool> over{false};
    std::atomic<std::uint64_t> turns{0};
    heddle::wait_group hogs, sleepers;
    for (int i = 0; i < 2; ++i)
      hogs.go([&] {
        while (!over.load(std::memory_order_relaxed)) {
          turns.fetch_add(1, std::memory_order_relaxed);
          heddle::safepoint();
        }
      });
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i)
      sleepers.go([&] {
        blocking([&] {
          const int now = in_call.fetch_add(1) + 1;
          for (int seen = most.load(); seen < now && !most.compare_exchange_weak(seen, now);) {
          }
          sleep_ms(10);
          in_call.fetch_sub(1);
        });
        done.fetch_add(1);
      });
    sleepers.wait();
    const double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    over.store(true, std::memory_order_relaxed);
    hogs.wait();
    EXPECT_GT(turns.load(), 0u);
    testing::Test::RecordProperty("seconds", std::to_string(s));
    testing::Test::RecordProperty("threads", most.load());
    testing::Test::RecordProperty("turns", std::to_string(turns.load()));
    EXPECT_LE(heddle::stats().threads, threads_max);
    // After a second of idleness, the threads beyond procs go.
    EXPECT_TRUE(wait_until([] {
      blocking([] { sleep_ms(20); });
      return heddle::stats().threads <= 8;
    })) << heddle::stats().threads;
  }),
            0);
  EXPECT_EQ(done.load(), calls);
  EXPECT_LE(most.load(), threads_max);
  EXPECT_GT(most.load(), 2);
  EXPECT_TRUE(wait_until([before] { return tasks_now() <= before + 2; }))
      << tasks_now() << " tasks, there were " << before;
}

// There are fewer threads than goroutines in calls: the calls take turns, and nothing is lost.
TEST(Blocking, more_calls_than_threads) {
  for (const int threads : {1, 2, 3, 10}) {
    heddle::options o = with_procs(4);
    o.threads_max = threads;
    heddle::runtime rt(o);
    std::atomic<int> done{0};
    EXPECT_EQ(rt.run([&] {
      heddle::wait_group wg;
      for (int i = 0; i < 100; ++i)
        wg.go([&, i] {
          const auto nap = [] { std::this_thread::sleep_for(std::chrono::microseconds(200)); };
          if (i % 2 == 0)
            blocking(nap);
          else
            blocking_long(nap);
          done.fetch_add(1);
        });
      wg.wait();
    }),
              0);
    EXPECT_EQ(done.load(), 100);
    EXPECT_LE(rt.stats().threads, threads);
  }
}

// -------------------------------------------------------------------------------------------------------------- crowds

// Thousands of threads that live for one operation each: none may be remembered, and none forgotten.
TEST(PlainThread, thousands_come_and_go) {
  constexpr int threads = tsan ? 200 : 3000, at_once = 8;
  const std::size_t before = tasks_now();
  heddle::runtime rt(with_procs(2));
  const heddle::chan<int> up, down(4);
  heddle::mutex mu;
  std::atomic<int> ran{0};
  int guarded = 0;
  for (int i = 0; i < 4; ++i)
    rt.go([&] {
      for (const int v : up) down.send(v);
    });
  for (int i = 0; i < threads; i += at_once) {
    std::vector<std::thread> crowd;
    for (int k = 0; k < at_once; ++k)
      crowd.emplace_back([&, k] {
        switch (k % 4) {
          case 0: rt.go([&] { ran.fetch_add(1); }); break;
          case 1: up.send(k); break;
          case 2: EXPECT_TRUE(down.recv().has_value()); break;
          default: {
            const std::lock_guard hold(mu);
            ++guarded;
          }
        }
      });
    for (std::thread &t : crowd) t.join();
  }
  up.close();
  EXPECT_TRUE(wait_until([&] { return rt.stats().goroutines == 0; }));
  EXPECT_EQ(ran.load(), threads / 4);
  EXPECT_EQ(guarded, threads / 4);
  rt.shutdown();
  EXPECT_TRUE(wait_until([before] { return tasks_now() <= before; })) << tasks_now() << " tasks, there were " << before;
}

}  // namespace
