// Deadlocks: the tests of Go's crash_test.go under their names, then tests of what heddle adds.
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "runtime/test/test_support.hpp"

#ifdef HEDDLE_TSAN
// The children of death tests need not wait for reports about threads that have not quite ended.
extern "C" const char *__tsan_default_options() { return "atexit_sleep_ms=0"; }
#endif

namespace {

using heddle_test::run_on;
using heddle_test::wait_until;
using heddle_test::with_procs;

const auto status_2 = testing::ExitedWithCode(2);
constexpr const char *asleep = "fatal error: all goroutines are asleep - deadlock!\n";

void wait_for_ever() {
  const heddle::chan<int> c = [] {
    const heddle_test::abandoned_on_purpose channel;
    return heddle::chan<int>();
  }();
  (void)c.recv();
}

TEST(GoDeadlockDeathTest, TestSimpleDeadlock) {
  EXPECT_EXIT((void)run_on(2, [] { wait_for_ever(); }), status_2, asleep);
}

// A deadlock before anything else has happened.
TEST(GoDeadlockDeathTest, TestInitDeadlock) {
  EXPECT_EXIT((void)run_on(2,
                           [] {
                             heddle::mutex mu;
                             mu.lock();
                             mu.lock();
                           }),
              status_2, "deadlock!\n\ngoroutine 1 \\[mutex lock\\] \\(main\\)\n");
}

TEST(GoDeadlockDeathTest, TestLockedDeadlock) {
  for (const int procs : {1, 2, 4})
    EXPECT_EXIT((void)run_on(procs,
                             [] {
                               heddle::lock_os_thread();
                               wait_for_ever();
                             }),
                status_2, "deadlock!\n\ngoroutine 1 \\[chan receive, locked to thread\\] \\(main\\)\n");
}

TEST(GoDeadlockDeathTest, TestLockedDeadlock2) {
  for (const int procs : {1, 2, 4})
    EXPECT_EXIT((void)run_on(procs,
                             [] {
                               heddle::go([] {
                                 heddle::lock_os_thread();
                                 wait_for_ever();
                               });
                               heddle::blocking([] { std::this_thread::sleep_for(std::chrono::milliseconds(1)); });
                               wait_for_ever();
                             }),
                status_2,
                "deadlock!\n\ngoroutine 1 \\[chan receive\\] \\(main\\)\n.*\n"
                "goroutine [0-9]+ \\[chan receive, locked to thread\\]\n");
}

// Go's main may end by Goexit and leave the other goroutines running. Here the end of main is the end of the runtime,
// however it ends.
TEST(GoDeadlock, TestGoexitDeadlock) {
  for (const int procs : {1, 2})
    EXPECT_EQ(run_on(procs,
                     [] {
                       heddle::go([] {});
                       heddle::go([] { wait_for_ever(); });
                       heddle::detail::goexit();
                     }),
              0);
}

// A destructor that yields or makes a call while an exception leaves the last goroutine.
TEST(GoDeadlockDeathTest, TestPanicDeadlockGosched) {
  struct last {
    ~last() { heddle::gosched(); }
  };
  EXPECT_EXIT((void)run_on(2,
                           [] {
                             const last l;
                             throw std::runtime_error("errorThatGosched");
                           }),
              status_2, "an exception has left goroutine [0-9]+: errorThatGosched\n");
}

TEST(GoDeadlockDeathTest, TestPanicDeadlockSyscall) {
  struct last {
    ~last() {
      heddle::blocking([] { std::this_thread::sleep_for(std::chrono::milliseconds(1)); });
    }
  };
  EXPECT_EXIT((void)run_on(2,
                           [] {
                             const last l;
                             throw std::runtime_error("errorThatPrint");
                           }),
              status_2, "an exception has left goroutine [0-9]+: errorThatPrint\n");
}

// ---------------------------------------------------------------------------------------------------- calls and worlds

TEST(DeadlockDeathTest, is_found_after_calls_locks_and_stopped_worlds) {
  for (const int procs : {1, 2, 4})
    EXPECT_EXIT((void)run_on(procs,
                             [] {
                               heddle::wait_group wg;
                               for (int i = 0; i < 12; ++i)
                                 wg.go([i] {
                                   if (i % 4 == 0) heddle::lock_os_thread();
                                   heddle::blocking_long([] { std::this_thread::yield(); });
                                   if (i % 6 == 0) heddle::stop_the_world([] {});
                                   if (i % 5 == 0) heddle::set_procs(1 + i % 3);
                                   if (i % 8 == 0) heddle::unlock_os_thread();
                                 });
                               wg.wait();
                               wait_for_ever();
                             }),
                status_2, "deadlock!\n\ngoroutine 1 \\[chan receive\\] \\(main\\)\n");
}

TEST(DeadlockDeathTest, is_found_when_the_last_call_has_come_back) {
  for (const int procs : {1, 2})
    EXPECT_EXIT((void)run_on(procs,
                             [] {
                               heddle::go([] {
                                 heddle::blocking([] { std::this_thread::sleep_for(std::chrono::milliseconds(30)); });
                                 wait_for_ever();
                               });
                               wait_for_ever();
                             }),
                status_2, asleep);
}

// A goroutine that is in a call may come back and wake the others.
TEST(DeadlockCalls, is_not_seen_while_somebody_is_in_a_call) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       for (const int ms : {0, 1, 15, 40}) {
                         const heddle::chan<int> c;
                         heddle::go([&] {
                           const auto nap = [ms] { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); };
                           if (ms % 2 == 0)
                             heddle::blocking(nap);
                           else
                             heddle::blocking_long(nap);
                           c.send(ms);
                         });
                         EXPECT_EQ(c.recv(), ms);
                       }
                     }),
              0);
}

// --------------------------------------------------------------------------------------------------------- on_deadlock

struct seen {
  std::atomic<int> calls{0};
  std::string text;
  const heddle::chan<int> rescue;
};

heddle::options reporting_to(seen &s, int procs, bool rescue) {
  heddle::options o = with_procs(procs);
  o.on_deadlock_arg = &s;
  if (rescue)
    o.on_deadlock = [](void *arg, const char *report) {
      auto &mine = *static_cast<seen *>(arg);
      mine.text = report;
      mine.calls.fetch_add(1);
      EXPECT_TRUE(mine.rescue.try_send(mine.calls.load()));
    };
  else
    o.on_deadlock = [](void *arg, const char *report) {
      auto &mine = *static_cast<seen *>(arg);
      mine.text = report;
      mine.calls.fetch_add(1);
    };
  return o;
}

TEST(OnDeadlock, is_called_instead_of_the_end_of_the_process_and_may_end_the_wait) {
  for (const int procs : {1, 2, 4}) {
    seen s;
    EXPECT_EQ(heddle::run(
                  [&] {
                    for (int i = 1; i <= 20; ++i) EXPECT_EQ(s.rescue.recv(), i);
                    return 7;
                  },
                  reporting_to(s, procs, true)),
              7);
    EXPECT_EQ(s.calls.load(), 20);
    EXPECT_THAT(s.text, testing::StartsWith("fatal error: all goroutines are asleep - deadlock!\n\n"
                                            "goroutine 1 [chan receive] (main)\n  --> receive from chan "));
  }
}

TEST(OnDeadlock, is_not_called_while_a_thread_outside_may_come) {
  for (const int procs : {1, 2}) {
    seen s;
    heddle::runtime rt(reporting_to(s, procs, false));
    std::thread runner([&] { EXPECT_EQ(rt.run([&] { return s.rescue.recv().value_or(-1); }), 9); });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(s.calls.load(), 0);
    s.rescue.send(9);
    runner.join();
  }
}

// ------------------------------------------------------------------------------------------------------------- circles

// Returns what on_deadlock is told of `f`, which ends in a deadlock, on one P; `rescue` ends the deadlock.
template <class F, class R>
std::string report_of(F &&f, R &&rescue) {
  struct told {
    std::string text;
    R &rescue;
  } t{"", rescue};
  heddle::options o = with_procs(1);
  o.preempt = false;
  o.on_deadlock_arg = &t;
  o.on_deadlock = [](void *arg, const char *report) {
    auto &mine = *static_cast<told *>(arg);
    mine.text = report;
    mine.rescue();
  };
  EXPECT_EQ(heddle::run(std::forward<F>(f), o), 0);
  return t.text;
}

std::string circles_of(const std::string &report) {
  const std::size_t at = report.find("\nthese wait for each other:\n");
  return at == std::string::npos ? "" : report.substr(at);
}
int circles(const std::string &report) {
  int n = 0;
  for (std::size_t at = 0; (at = report.find("these wait for each other", at)) != std::string::npos; ++at) ++n;
  return n;
}

TEST(DeadlockCircle, of_a_task_that_wants_what_its_owner_has) {
  heddle::shared_mutex mu;
  const std::string report = report_of(
      [&] {
        mu.lock();
        auto t = heddle::spawn([&] { const std::shared_lock hold(mu); });
        t.join();
      },
      [&] { mu.unlock(); });
  EXPECT_THAT(report, testing::ContainsRegex("goroutine 1 \\[task join\\] \\(main\\)\n  --> task 0x[0-9a-f]+, run by "
                                             "goroutine 2\n"));
  EXPECT_THAT(circles_of(report),
              testing::MatchesRegex("\nthese wait for each other:\n"
                                    "  \\+-> goroutine 1 waits for task 0x[0-9a-f]+, run by goroutine 2\n"
                                    "  \\|   goroutine 2 waits for shared_mutex 0x[0-9a-f]+, held by goroutine 1\n"
                                    "  \\+-- goroutine 1\n"));
}

// The way to the circle goes through a scope within a scope, past goroutines that wait for no other.
TEST(DeadlockCircle, of_goroutines_of_scopes) {
  heddle::mutex mu;
  const heddle::chan<int> never;
  const std::string report = report_of(
      [&] {
        mu.lock();
        heddle::with_scope([&](heddle::scope &outer) {
          outer.spawn([&] { (void)never.recv(); });
          outer.spawn([&] {
            heddle::with_scope([&](heddle::scope &inner) {
              inner.spawn([&] { (void)never.recv(); });
              inner.spawn([&] { const std::lock_guard hold(mu); });
              inner.spawn([&] { (void)never.recv(); });
            });
          });
        });
      },
      [&] {
        never.close();
        ++heddle::detail::getm()->locks;  // here no goroutine can give way
        mu.unlock();
        --heddle::detail::getm()->locks;
      });
  EXPECT_THAT(report,
              testing::ContainsRegex("\\[scope wait\\] \\(main\\)\n  --> scope 0x[0-9a-f]+, 2 have not ended\n"));
  EXPECT_EQ(circles(report), 1);
  EXPECT_THAT(circles_of(report),
              testing::MatchesRegex("\nthese wait for each other:\n"
                                    "  \\+-> goroutine 1 waits for scope 0x[0-9a-f]+, 2 have not ended\n"
                                    "  \\|   goroutine [0-9]+ waits for scope 0x[0-9a-f]+, 3 have not ended\n"
                                    "  \\|   goroutine [0-9]+ waits for mutex 0x[0-9a-f]+, held by goroutine 1\n"
                                    "  \\+-- goroutine 1\n"));
}

// Of a hundred ways round, one is drawn; of two circles that have no goroutine in common, both are drawn.
TEST(DeadlockCircle, draws_nobody_twice) {
  heddle::mutex mu;
  heddle::shared_mutex a, b;
  const std::string report = report_of(
      [&] {
        mu.lock();
        heddle::scope s;
        for (int i = 0; i < 100; ++i) s.spawn([&] { const std::lock_guard hold(mu); });
        for (const bool first : {true, false})
          heddle::go([&, first] {
            const std::lock_guard mine(first ? a : b);
            heddle::yield();
            (first ? b : a).lock();
            (first ? b : a).unlock();
          });
        s.wait();
      },
      [&] {
        ++heddle::detail::getm()->locks;
        mu.unlock();
        --heddle::detail::getm()->locks;
      });
  EXPECT_EQ(circles(report), 2) << circles_of(report);
  EXPECT_THAT(circles_of(report), testing::ContainsRegex("waits for scope 0x[0-9a-f]+, 100 have not ended\n"));
}

// Which goroutine holds it as a reader is not known, nor that this goroutine asks again; the report says what is known.
TEST(DeadlockCircle, of_readers_is_not_known) {
  heddle::shared_mutex mu;
  const std::string report = report_of(
      [&] {
        mu.lock_shared();
        heddle::wait_group wg;
        wg.go([&] { const std::lock_guard hold(mu); });
        heddle::yield();
        mu.lock_shared();
        mu.unlock_shared();
        wg.wait();
      },
      [&] { mu.unlock_shared(); });
  EXPECT_THAT(report,
              testing::ContainsRegex("\\[shared_mutex lock_shared\\] \\(main\\)\n  --> shared_mutex 0x[0-9a-f]+, "
                                     "held by 1 readers, and a writer waits\n"));
  EXPECT_THAT(report,
              testing::ContainsRegex("\\[shared_mutex lock\\]\n  --> shared_mutex 0x[0-9a-f]+, held by 1 readers\n"));
  EXPECT_EQ(circles(report), 0);
}

}  // namespace
