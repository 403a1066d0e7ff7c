// The contract of the spinlock, and of the wait for its holder, example by example.
#include "heddle/detail/spinlock.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

TEST(spinlock, excludes) {
  heddle::detail::spinlock lock;
  EXPECT_TRUE(lock.try_lock());
  EXPECT_FALSE(lock.try_lock());
  lock.unlock();
  const std::lock_guard hold(lock);
  std::thread([&] { EXPECT_FALSE(lock.try_lock()); }).join();
}

TEST(spinlock, a_waiter_gets_it_after_unlock) {
  heddle::detail::spinlock lock;
  int guarded = 0;
  lock.lock();
  std::thread waiter([&] {
    const std::lock_guard hold(lock);
    EXPECT_EQ(guarded, 1);
    guarded = 2;
  });
  std::this_thread::sleep_for(5ms);  // long enough to reach the sleeping part of lock()
  guarded = 1;
  lock.unlock();
  waiter.join();
  EXPECT_EQ(guarded, 2);
}

TEST(spinlock, a_long_wait_takes_no_cpu) {
  heddle::detail::spinlock lock;
  lock.lock();
  rusage used = {};
  std::thread waiter([&] {
    lock.lock();
    getrusage(RUSAGE_THREAD, &used);
    lock.unlock();
  });
  std::this_thread::sleep_for(200ms);
  lock.unlock();
  waiter.join();
  const auto cpu = std::chrono::seconds(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                   std::chrono::microseconds(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  EXPECT_LT(cpu, 100ms);
}

// On one CPU, the holder is an ordinary thread and the waiter a SCHED_FIFO one: sched_yield alone would never let the
// holder run (the kernel's limit for real-time threads would, after most of a second).
TEST(spinlock, a_real_time_thread_lets_the_holder_run) {
  cpu_set_t allowed, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu)
    if (CPU_ISSET(cpu, &allowed)) CPU_SET(cpu, &one);
  heddle::detail::spinlock lock;
  std::atomic<bool> held{false};
  bool may = false;
  clock::duration waited{};
  std::thread holder([&] {
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
    const std::lock_guard hold(lock);
    held = true;
    for (const auto begun = clock::now(); clock::now() - begun < 50ms;) continue;
  });
  std::thread waiter([&] {
    while (!held) std::this_thread::yield();
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
    const sched_param first{1};
    may = pthread_setschedparam(pthread_self(), SCHED_FIFO, &first) == 0;
    if (!may) return;
    const auto begun = clock::now();
    lock.lock();
    lock.unlock();
    waited = clock::now() - begun;
  });
  holder.join();
  waiter.join();
  if (!may) GTEST_SKIP() << "this process may have no real-time threads";
  EXPECT_LT(waited, 600ms);
}

}  // namespace
