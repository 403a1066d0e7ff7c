// Threads that block: plain ones that wait like goroutines do, and goroutines inside blocking(f) and blocking_long(f).
#include <dirent.h>
#include <algorithm>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "runtime/test_support.hpp"

namespace {

using heddle::blocking;
using heddle::blocking_long;
using heddle_test::run_on;
using heddle_test::thread_id;
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
  EXPECT_EQ(heddle::getm(), nullptr);
}

// No runtime anywhere: a channel joins two threads.
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
  EXPECT_EXIT(heddle::no_preempt{}, status_2, "heddle::no_preempt called on a thread that runs no goroutine");
}

TEST(PlainThread, blocking_is_just_the_call) {
  EXPECT_EQ(blocking([] { return 3; }), 3);
  EXPECT_EQ(blocking_long([] { return blocking([] { return 4; }); }), 4);
  heddle::safepoint();
  int value = 1;
  int &same = blocking([&]() -> int & { return value; });
  EXPECT_EQ(&same, &value);
}

}  // namespace
