// Deadlocks: the tests of Go's crash_test.go under their names, then those of what heddle adds.
#include <cstring>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "runtime/test_support.hpp"

namespace {

using heddle_test::run_on;
using heddle_test::wait_until;
using heddle_test::with_procs;

const auto status_2 = testing::ExitedWithCode(2);
constexpr const char *asleep = "fatal error: all goroutines are asleep - deadlock!\n";

void wait_for_ever() { (void)heddle::chan<int>().recv(); }

TEST(GoDeadlockDeathTest, TestSimpleDeadlock) {
  EXPECT_EXIT((void)run_on(2, [] { wait_for_ever(); }), status_2, asleep);
}

// Before anything else has happened.
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

// Go's main may end by Goexit and leave the others; here the end of main is the end of the runtime, however it ends.
TEST(GoDeadlock, TestGoexitDeadlock) {
  for (const int procs : {1, 2})
    EXPECT_EQ(run_on(procs,
                     [] {
                       heddle::go([] {});
                       heddle::go([] { wait_for_ever(); });
                       heddle::goexit();
                     }),
              0);
}

// A destructor that yields or makes a call while an exception is on its way out of the last goroutine.
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

// Somebody who is in a call may come back and wake the others.
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

}  // namespace
