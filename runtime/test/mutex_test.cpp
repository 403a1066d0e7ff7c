// mutex.
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/test/test_support.hpp"

namespace {

using heddle::mutex;
using heddle::wait_group;
using heddle_test::run_in_order;
using heddle_test::run_on;
using ints = std::vector<int>;

TEST(Mutex, excludes) {
  for (const int procs : {1, 2, 4}) {
    int counter = 0, inside = 0;
    bool overlapped = false;
    EXPECT_EQ(run_on(procs,
                     [&] {
                       mutex mu;
                       wait_group wg;
                       for (int i = 0; i < 20; ++i)
                         wg.go([&] {
                           for (int k = 0; k < 200; ++k) {
                             const std::lock_guard hold(mu);
                             overlapped |= ++inside != 1;
                             if (k % 8 == 0) heddle::yield();  // held over a switch
                             if (k % 32 == 0) heddle::gosched();
                             ++counter;
                             --inside;
                           }
                         });
                       wg.wait();
                     }),
              0);
    EXPECT_EQ(counter, 20 * 200);
    EXPECT_FALSE(overlapped) << procs << " Ps";
  }
}

// A mutex starves after a millisecond.
void grow_old() {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(2);
  while (std::chrono::steady_clock::now() < until) heddle::detail::cpu_relax();
}

TEST(Mutex, whoever_comes_while_it_is_free_has_it) {
  EXPECT_EQ(run_in_order([] {
              mutex mu;
              wait_group wg;
              int had = 0;
              mu.lock();
              for (int i = 0; i < 8; ++i) {
                wg.go([&, i] {
                  const std::lock_guard hold(mu);
                  EXPECT_EQ(had++, i) << "the others keep their order";
                });
                heddle::yield();
              }
              mu.unlock();  // the first is readied, and not there yet
              EXPECT_TRUE(mu.try_lock());
              heddle::yield();
              EXPECT_EQ(had, 0);
              mu.unlock();
              wg.wait();
              EXPECT_EQ(had, 8);
              EXPECT_TRUE(mu.try_lock());
            }),
            0);
}

TEST(Mutex, when_it_starves_it_is_handed_over_first_come_first_served_and_at_once) {
  ints order;
  EXPECT_EQ(run_in_order([&] {
              mutex mu;
              wait_group wg;
              const auto queue_up = [&](int i) {
                wg.go([&, i] {
                  const std::lock_guard hold(mu);
                  order.push_back(i);
                });
                heddle::yield();
              };
              mu.lock();
              for (int i = 0; i < 3; ++i) queue_up(i);
              grow_old();
              mu.unlock();
              EXPECT_TRUE(mu.try_lock());
              queue_up(3);  // the first finds that another was faster
              EXPECT_FALSE(mu.try_lock());
              mu.unlock();
              order.push_back(-1);
              wg.wait();
              EXPECT_TRUE(mu.try_lock());
              queue_up(4);
              mu.unlock();
              EXPECT_TRUE(mu.try_lock()) << "it does not starve any more";
              mu.unlock();
              wg.wait();
            }),
            0);
  ASSERT_EQ(order.size(), 6u);
  EXPECT_EQ(order[0], 0);  // each gives way to the next
  EXPECT_EQ(order[1], 1);
  EXPECT_EQ(order[2], 2);
  EXPECT_EQ(order[5], 4);
}

TEST(Mutex, one_who_unlocks_and_locks_again_does_not_starve_the_others) {
  for (const int procs : {1, 2, 4}) {
    std::atomic<int> others{0};
    EXPECT_EQ(run_on(procs,
                     [&] {
                       mutex mu;
                       wait_group wg;
                       mu.lock();
                       for (int i = 0; i < 3; ++i)
                         wg.go([&] {
                           const std::lock_guard hold(mu);
                           ++others;
                         });
                       heddle::yield();
                       while (others != 3) {  // nothing but the mutex lets the others run
                         mu.unlock();
                         mu.lock();
                       }
                       mu.unlock();
                       wg.wait();
                     }),
              0);
  }
}

TEST(Mutex, knows_who_has_it) {
  EXPECT_EQ(run_in_order([] {
              heddle::detail::schedt &sched = *heddle::detail::getm()->sched;
              heddle::detail::g *const self = heddle::detail::getm()->curg.peek();
              mutex mu;
              EXPECT_EQ(heddle::detail::holder_of(sched, mu), nullptr);
              mu.lock();
              EXPECT_EQ(heddle::detail::holder_of(sched, mu), self);
              heddle::detail::g *other = nullptr;
              wait_group wg;
              wg.go([&] {
                const std::lock_guard hold(mu);
                other = heddle::detail::getm()->curg.peek();
                EXPECT_EQ(heddle::detail::holder_of(sched, mu), other);
                heddle::yield();
              });
              heddle::yield();
              EXPECT_EQ(heddle::detail::holder_of(sched, mu), self);
              mu.unlock();
              heddle::yield();
              EXPECT_NE(other, nullptr);
              EXPECT_EQ(heddle::detail::holder_of(sched, mu), other);
              wg.wait();
              EXPECT_EQ(heddle::detail::holder_of(sched, mu), nullptr);
              std::thread([&] { mu.lock(); }).join();
              EXPECT_EQ(heddle::detail::holder_of(sched, mu), nullptr) << "a thread";
              EXPECT_FALSE(mu.try_lock());
              mu.unlock();
            }),
            0);
}

TEST(Mutex, threads_outside_and_calls_wait_like_goroutines) {
  heddle::options o = heddle_test::with_procs(2);
  o.detect_deadlock = false;
  int counter = 0;
  mutex mu;
  const auto work = [&] {
    for (int i = 0; i < 2000; ++i) {
      const std::lock_guard hold(mu);
      ++counter;
    }
  };
  std::thread outside(work);
  EXPECT_EQ(heddle::run(
                [&] {
                  wait_group wg;
                  for (int i = 0; i < 3; ++i) wg.go(work);
                  wg.go([&] { heddle::blocking(work); });
                  wg.wait();
                },
                o),
            0);
  outside.join();
  EXPECT_EQ(counter, 5 * 2000);
}

// -------------------------------------------------------------------------- Go's mutex_test.go, under the names there

TEST(Mutex, TestMutex) {
  EXPECT_EQ(run_on(4,
                   [] {
                     mutex mu;
                     mu.lock();
                     EXPECT_FALSE(mu.try_lock());
                     mu.unlock();
                     EXPECT_TRUE(mu.try_lock());
                     mu.unlock();
                     wait_group wg;
                     for (int i = 0; i < 10; ++i)
                       wg.go([&] {
                         for (int k = 0; k < 1000; ++k) {
                           if (k % 3 != 0)
                             mu.lock();
                           else if (!mu.try_lock())
                             continue;
                           mu.unlock();
                         }
                       });
                     wg.wait();
                     EXPECT_TRUE(mu.try_lock());
                   }),
            0);
}

// One goroutine holds the mutex nearly all the time; another must get it ten times soon. A third waits for that, so
// that the test does not hang.
TEST(Mutex, TestMutexFairness) {
  for (const int procs : {1, 2})
    EXPECT_EQ(run_on(procs,
                     [] {
                       constexpr auto moment = std::chrono::microseconds(100);
                       mutex mu;
                       std::atomic<bool> stop{false};
                       const heddle::chan<bool> done(1);
                       wait_group wg;
                       wg.go([&] {
                         while (!stop) {
                           const std::lock_guard hold(mu);
                           heddle::sleep_for(moment);
                         }
                       });
                       wg.go([&] {
                         for (int i = 0; i < 10; ++i) {
                           heddle::sleep_for(moment);
                           const std::lock_guard hold(mu);
                         }
                         done.send(true);
                       });
                       EXPECT_TRUE(done.recv_for(std::chrono::seconds(10)).has_value()) << "it starves";
                       stop = true;
                       wg.wait();
                     }),
              0);
}

TEST(Mutex, works_with_the_guards_of_the_standard_library) {
  EXPECT_EQ(run_on(2,
                   [] {
                     mutex a, b;
                     int value = 0;
                     wait_group wg;
                     for (int i = 0; i < 10; ++i)
                       wg.go([&, i] {
                         for (int k = 0; k < 50; ++k) {
                           if (i % 2 == 0) {
                             const std::scoped_lock both(a, b);
                             ++value;
                           } else {
                             const std::scoped_lock both(b, a);
                             ++value;
                           }
                         }
                       });
                     wg.wait();
                     EXPECT_EQ(value, 500);
                     std::unique_lock later(a, std::defer_lock);
                     EXPECT_FALSE(later.owns_lock());
                     later.lock();
                     EXPECT_TRUE(later.owns_lock());
                     EXPECT_FALSE(a.try_lock());
                     later.unlock();
                     const std::unique_lock now(a, std::try_to_lock);
                     EXPECT_TRUE(now.owns_lock());
                   }),
            0);
}

TEST(Mutex, may_be_unlocked_by_another_goroutine) {
  EXPECT_EQ(run_on(2,
                   [] {
                     mutex mu;
                     mu.lock();
                     heddle::go([&] { mu.unlock(); });
                     mu.lock();
                     mu.unlock();
                   }),
            0);
}

TEST(MutexDeathTest, TestMutexMisuse) {
  EXPECT_EXIT((void)run_on(1, [] { mutex().unlock(); }), testing::ExitedWithCode(2),
              "fatal error: unlock of unlocked mutex\n");
  EXPECT_EXIT((void)run_on(1,
                           [] {
                             mutex mu;
                             mu.lock();
                             heddle::go([&] {
                               mu.lock();
                               mu.unlock();
                             });
                             heddle::yield();
                             mu.unlock();
                             heddle::yield();
                             mu.unlock();
                           }),
              testing::ExitedWithCode(2), "unlock of unlocked mutex\n");
}

}  // namespace
