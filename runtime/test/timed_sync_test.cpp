// Waits with a limit on mutex, shared_mutex, condition_variable, semaphore and wait_group. What the standard asks of
// such types is in std_requirements_test.cpp.
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "runtime/test/test_support.hpp"

namespace {

using heddle::wait_group;
using heddle_test::run_in_order;
using heddle_test::run_on;
using std::chrono::steady_clock;
using std::chrono::system_clock;
using namespace std::chrono_literals;

constexpr std::chrono::milliseconds moment = 5ms, for_ever = 1h;

// Checks that f() gives up, and not before a moment is over.
template <class F>
void expect_late(F &&f) {
  const auto started = steady_clock::now();
  EXPECT_FALSE(f());
  EXPECT_GE(steady_clock::now() - started, moment);
}

// Runs f everywhere where one can wait: on a goroutine, in a call, on a thread outside.
template <class F>
void everywhere(F &&f) {
  for (const int procs : {1, 2}) EXPECT_EQ(run_on(procs, f), 0);
  EXPECT_EQ(run_on(2, [&] { heddle::blocking(f); }), 0);
  std::thread(f).join();
}

TEST(TimedMutex, gives_up_in_time_and_gets_what_is_free) {
  everywhere([] {
    heddle::mutex mu;
    EXPECT_TRUE(mu.try_lock_for(0s));
    EXPECT_FALSE(mu.try_lock_for(0s));
    EXPECT_FALSE(mu.try_lock_for(-1s));
    EXPECT_FALSE(mu.try_lock_until(steady_clock::now() - 1s));
    expect_late([&] { return mu.try_lock_for(moment); });
    expect_late([&] { return mu.try_lock_until(steady_clock::now() + moment); });
    expect_late([&] { return mu.try_lock_until(system_clock::now() + moment + 1ms); });
    mu.unlock();
    EXPECT_TRUE(mu.try_lock_until(steady_clock::now() - 1s)) << "it is free";
    mu.unlock();
  });
}

TEST(TimedMutex, is_had_by_one_who_waits_and_by_those_behind_one_who_gives_up) {
  for (const int procs : {1, 2, 4}) {
    std::atomic<int> had{0};
    EXPECT_EQ(run_on(procs,
                     [&] {
                       heddle::mutex mu;
                       wait_group wg, late;
                       mu.lock();
                       late.go([&] { expect_late([&] { return mu.try_lock_for(moment); }); });
                       for (int i = 0; i < 4; ++i)
                         wg.go([&, i] {
                           if (i % 2 == 0) {
                             EXPECT_TRUE(mu.try_lock_for(for_ever));
                           } else {
                             mu.lock();
                           }
                           ++had;
                           mu.unlock();
                         });
                       late.wait();
                       EXPECT_EQ(had, 0);
                       mu.unlock();
                       wg.wait();
                       EXPECT_TRUE(mu.try_lock());
                     }),
              0);
    EXPECT_EQ(had, 4);
  }
}

void grow_old(std::chrono::nanoseconds d) {
  const auto until = steady_clock::now() + d;
  while (steady_clock::now() < until) heddle::detail::cpu_relax();
}

// A waiter is readied, loses the mutex to another, and is late: the waiter behind it is readied instead.
TEST(TimedMutex, one_who_was_readied_and_gives_up_passes_the_wake_on) {
  EXPECT_EQ(run_in_order([] {
              heddle::mutex mu;
              wait_group wg;
              bool had = false;
              mu.lock();
              wg.go([&] { EXPECT_FALSE(mu.try_lock_for(moment)); });
              heddle::yield();
              wg.go([&] {
                const std::lock_guard hold(mu);
                had = true;
              });
              heddle::yield();
              mu.unlock();  // the first waiter is readied
              EXPECT_TRUE(mu.try_lock());
              grow_old(2 * moment);
              heddle::yield();
              EXPECT_FALSE(had);
              mu.unlock();
              wg.wait();
              EXPECT_TRUE(had);
              EXPECT_TRUE(mu.try_lock());
            }),
            0);
}

// The mutex starves for a waiter with a limit, and is handed to it. If the waiter gives up instead, the mutex is as it
// was before.
TEST(TimedMutex, starves_for_one_with_a_limit) {
  EXPECT_EQ(run_in_order([] {
              for (const bool in_time : {true, false}) {
                heddle::mutex mu;
                wait_group wg;
                bool had = false;
                mu.lock();
                wg.go([&] {
                  had = mu.try_lock_for(in_time ? std::chrono::nanoseconds(for_ever) : 2 * moment);
                  if (had) mu.unlock();
                });
                heddle::yield();
                grow_old(2ms);
                mu.unlock();
                EXPECT_TRUE(mu.try_lock());
                heddle::yield();  // the waiter has lost the mutex to another
                if (!in_time) wg.wait();
                mu.unlock();  // handed over, and the waiter runs
                EXPECT_EQ(had, in_time);
                wg.wait();
                mu.lock();
                bool overtaken = false;
                wg.go([&] {
                  const std::lock_guard hold(mu);
                  overtaken = true;
                });
                heddle::yield();
                mu.unlock();
                EXPECT_TRUE(mu.try_lock());
                EXPECT_FALSE(overtaken) << "it does not starve any more";
                mu.unlock();
                wg.wait();
              }
            }),
            0);
}

// Times that are over just when the mutex is handed over: each holder has had it alone, and in the end it is free.
TEST(TimedMutex, short_times_under_contention) {
  for (const int procs : {1, 2, 4}) {
    int inside = 0;
    std::atomic<int> had{0}, given_up{0};
    EXPECT_EQ(run_on(procs,
                     [&] {
                       heddle::mutex mu;
                       wait_group wg;
                       for (int i = 0; i < 8; ++i)
                         wg.go([&, i] {
                           for (int k = 0; k < 200; ++k) {
                             if (!mu.try_lock_for(std::chrono::microseconds(10 * i))) {
                               ++given_up;
                               continue;
                             }
                             EXPECT_EQ(++inside, 1);
                             if (k % 4 == 0) heddle::sleep_for(20us);
                             --inside;
                             ++had;
                             mu.unlock();
                           }
                         });
                       wg.wait();
                       EXPECT_TRUE(mu.try_lock());
                     }),
              0);
    EXPECT_EQ(had + given_up, 8 * 200);
  }
}

TEST(TimedSharedMutex, gives_up_in_time_and_gets_what_is_free) {
  everywhere([] {
    heddle::shared_mutex mu;
    EXPECT_TRUE(mu.try_lock_shared_for(0s));
    EXPECT_TRUE(mu.try_lock_shared_until(steady_clock::now()));
    EXPECT_FALSE(mu.try_lock_for(0s));
    expect_late([&] { return mu.try_lock_for(moment); });
    EXPECT_TRUE(mu.try_lock_shared()) << "no writer waits any more";
    for (int i = 0; i < 3; ++i) mu.unlock_shared();
    EXPECT_TRUE(mu.try_lock_until(system_clock::now() + moment));
    expect_late([&] { return mu.try_lock_shared_until(steady_clock::now() + moment); });
    expect_late([&] { return mu.try_lock_shared_for(moment); });
    mu.unlock();
    EXPECT_TRUE(mu.try_lock());
    mu.unlock();
  });
}

// Readers that wait behind a writer go on when the writer gives up, beside the reader that holds the lock.
TEST(TimedSharedMutex, a_writer_who_gives_up_lets_readers_on) {
  for (const int procs : {1, 2}) {
    EXPECT_EQ(run_on(procs,
                     [] {
                       heddle::shared_mutex mu;
                       wait_group wg, in(2);
                       mu.lock_shared();
                       wg.go([&] { expect_late([&] { return mu.try_lock_for(2 * moment); }); });
                       heddle::sleep_for(moment / 5);
                       for (int i = 0; i < 2; ++i)
                         wg.go([&] {
                           mu.lock_shared();
                           in.done();
                           in.wait();
                           mu.unlock_shared();
                         });
                       wg.wait();
                       EXPECT_FALSE(mu.try_lock());
                       mu.unlock_shared();
                       EXPECT_TRUE(mu.try_lock());
                     }),
              0);
  }
}

TEST(TimedSharedMutex, short_times_under_contention) {
  for (const int procs : {1, 2, 4}) {
    std::atomic<int> readers{0}, writers{0};
    EXPECT_EQ(run_on(procs,
                     [&] {
                       heddle::shared_mutex mu;
                       wait_group wg;
                       for (int i = 0; i < 8; ++i)
                         wg.go([&, i] {
                           for (int k = 0; k < 200; ++k) {
                             const auto limit = std::chrono::microseconds(8 * i);
                             if (i % 3 != 0) {
                               if (!mu.try_lock_shared_for(limit)) continue;
                               ++readers;
                               EXPECT_EQ(writers, 0);
                               if (k % 4 == 0) heddle::sleep_for(10us);
                               --readers;
                               mu.unlock_shared();
                             } else if (mu.try_lock_for(limit)) {
                               EXPECT_EQ(++writers, 1);
                               EXPECT_EQ(readers, 0);
                               if (k % 4 == 0) heddle::sleep_for(10us);
                               --writers;
                               mu.unlock();
                             }
                           }
                         });
                       wg.wait();
                       EXPECT_TRUE(mu.try_lock());
                     }),
              0);
  }
}

TEST(TimedSemaphore, gives_up_in_time_and_gets_what_there_is) {
  everywhere([] {
    heddle::semaphore s(1);
    EXPECT_TRUE(s.try_acquire_for(0s));
    EXPECT_FALSE(s.try_acquire_for(-1s));
    expect_late([&] { return s.try_acquire_for(moment); });
    expect_late([&] { return s.try_acquire_until(system_clock::now() + moment + 1ms); });
    s.release();
    EXPECT_TRUE(s.try_acquire_until(steady_clock::now() - 1s));
  });
}

TEST(TimedSemaphore, units_are_neither_lost_nor_doubled) {
  for (const int procs : {1, 2, 4}) {
    EXPECT_EQ(run_on(procs,
                     [] {
                       heddle::semaphore s(2);
                       wait_group wg;
                       for (int i = 0; i < 8; ++i)
                         wg.go([&, i] {
                           for (int k = 0; k < 200; ++k) {
                             if (!s.try_acquire_for(std::chrono::microseconds(8 * i))) continue;
                             if (k % 4 == 0) heddle::sleep_for(10us);
                             s.release();
                           }
                         });
                       wg.wait();
                       EXPECT_TRUE(s.try_acquire());
                       EXPECT_TRUE(s.try_acquire());
                       EXPECT_FALSE(s.try_acquire());
                     }),
              0);
  }
}

TEST(TimedWaitGroup, says_whether_the_count_is_zero) {
  everywhere([] {
    wait_group wg;
    EXPECT_TRUE(wg.wait_for(0s));
    wg.add(1);
    EXPECT_FALSE(wg.wait_for(-1s));
    expect_late([&] { return wg.wait_for(moment); });
    expect_late([&] { return wg.wait_until(system_clock::now() + moment + 1ms); });
    wg.done();
    EXPECT_TRUE(wg.wait_until(steady_clock::now()));
  });
  EXPECT_EQ(run_on(2,
                   [] {
                     wait_group wg(1), late, all;
                     for (int i = 0; i < 5; ++i) {
                       late.go([&] { expect_late([&] { return wg.wait_for(moment); }); });
                       all.go([&] { EXPECT_TRUE(wg.wait_for(for_ever)); });
                     }
                     late.wait();
                     wg.done();
                     all.wait();
                   }),
            0);
}

TEST(TimedConditionVariable, times_out_or_is_notified) {
  everywhere([] {
    heddle::mutex mu;
    heddle::condition_variable cv;
    std::unique_lock hold(mu);
    expect_late([&] { return cv.wait_for(hold, moment) == std::cv_status::no_timeout; });
    EXPECT_TRUE(hold.owns_lock());
    expect_late([&] { return cv.wait_until(hold, system_clock::now() + moment + 1ms) == std::cv_status::no_timeout; });
    EXPECT_EQ(cv.wait_for(hold, -1s), std::cv_status::timeout);
    expect_late([&] { return cv.wait_for(hold, moment, [] { return false; }); });
    EXPECT_TRUE(cv.wait_for(hold, 0s, [] { return true; }));
    int asked = 0;
    EXPECT_TRUE(cv.wait_until(hold, steady_clock::now() + moment, [&] { return ++asked == 2; }));
    cv.notify_one();  // there is no waiter
  });
  EXPECT_EQ(run_on(2,
                   [] {
                     heddle::mutex mu;
                     heddle::condition_variable cv;
                     bool open = false;
                     wait_group wg;
                     for (int i = 0; i < 4; ++i)
                       wg.go([&] {
                         std::unique_lock hold(mu);
                         EXPECT_TRUE(cv.wait_for(hold, for_ever, [&] { return open; }));
                       });
                     heddle::sleep_for(moment);
                     {
                       const std::lock_guard hold(mu);
                       open = true;
                     }
                     cv.notify_all();
                     wg.wait();
                   }),
            0);
}

// Each notification ends one wait that has not timed out: none is lost to a wait whose time is over.
TEST(TimedConditionVariable, no_notification_is_lost) {
  for (const int procs : {1, 2, 4}) {
    EXPECT_EQ(run_on(procs,
                     [] {
                       heddle::mutex mu;
                       heddle::condition_variable cv;
                       int waiting = 0, notified = 0, sent = 0;
                       bool over = false;
                       wait_group wg;
                       for (int i = 0; i < 6; ++i)
                         wg.go([&, i] {
                           std::unique_lock hold(mu);
                           while (!over) {
                             ++waiting;
                             if (cv.wait_for(hold, std::chrono::microseconds(10 + 8 * i)) == std::cv_status::no_timeout)
                               ++notified;
                             --waiting;
                           }
                         });
                       for (int k = 0; k < 300; ++k) {
                         heddle::sleep_for(15us);
                         cv.notify_one();
                       }
                       {
                         const std::lock_guard hold(mu);
                         over = true;
                       }
                       wg.wait();
                       EXPECT_LE(notified, 300);
                       // What is left works.
                       std::unique_lock hold(mu);
                       wg.go([&] {
                         const std::lock_guard inner(mu);
                         sent = 1;
                         cv.notify_one();
                       });
                       EXPECT_EQ(cv.wait_for(hold, for_ever), std::cv_status::no_timeout);
                       EXPECT_EQ(sent, 1);
                       hold.unlock();
                       wg.wait();
                     }),
              0);
  }
}

// Once all have been notified the condition_variable may go, even if the time of some waits is over at the same moment.
TEST(TimedConditionVariable, may_be_destroyed_by_who_has_notified_all) {
  for (const int procs : {1, 2}) {
    EXPECT_EQ(run_on(procs,
                     [] {
                       for (int round = 0; round < 200; ++round) {
                         heddle::mutex mu;
                         wait_group wg;
                         int begun = 0;
                         auto *cv = new heddle::condition_variable;
                         for (int i = 0; i < 3; ++i)
                           wg.go([&, i] {
                             std::unique_lock hold(mu);
                             ++begun;
                             (void)cv->wait_for(hold, std::chrono::microseconds(10 * i));
                           });
                         for (bool all = false; !all; heddle::yield()) {
                           const std::lock_guard hold(mu);
                           all = begun == 3;
                         }
                         cv->notify_all();
                         delete cv;
                         wg.wait();
                       }
                     }),
              0);
  }
}

}  // namespace
