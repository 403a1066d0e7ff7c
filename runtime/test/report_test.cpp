// What a runtime says about its goroutines: dump, the report of a deadlock, and the report of the goroutines left
// behind.
#include <gmock/gmock.h>

#include <cstdlib>
#include <iostream>
#include <mutex>
#include <sstream>
#include <string>

#include "runtime/test/test_support.hpp"

namespace {

using heddle_test::run_on;
using heddle_test::wait_until;
using heddle_test::with_procs;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

std::string dumped() {
  std::ostringstream out;
  heddle::dump(out);
  return out.str();
}

// Returns what is said of the goroutine whose first line matches.
std::string part(const std::string &text, const std::string &title) {
  const std::size_t at = text.find(title);
  if (at == std::string::npos) return "nothing about " + title + " in:\n" + text;
  return text.substr(at, text.find("\n\n", at) - at);
}

// Returns a dump by the main goroutine, made once so many others wait.
std::string dumped_when_parked(std::uint64_t others) {
  while (heddle::stats().parks < others) heddle::gosched();
  return dumped();
}

// ---------------------------------------------------------------------------------------------------------------- dump

TEST(Dump, names_state_reason_and_the_line_that_started_it) {
  std::string text;
  int line = 0;
  const auto body = [&] {  // not in a macro's argument, which is one line
    const heddle::chan<int> c;
    heddle::go([&] { (void)c.recv(); }), line = __LINE__;
    text = dumped_when_parked(1);
  };
  EXPECT_EQ(run_on(1, body), 0);
  EXPECT_THAT(part(text, "goroutine 1 "), HasSubstr("[running] (main)\n  started at "));
  const std::string other = part(text, "goroutine 2 ");
  EXPECT_THAT(other, ContainsRegex("\\[chan receive, [0-9]+ ms\\]\n  --> receive from chan 0x[0-9a-f]+, unbuffered\n"));
  EXPECT_THAT(other, HasSubstr("report_test.cpp:" + std::to_string(line) + "\n"));
  EXPECT_THAT(other, ContainsRegex("\n    .*\\+0x[0-9a-f]+"));
}

TEST(Dump, knows_who_is_started_but_has_not_run) {
  std::string text;
  EXPECT_EQ(run_on(1,
                   [&] {
                     const heddle::no_preempt here;
                     heddle::go([] {});
                     text = dumped();
                   }),
            0);
  EXPECT_THAT(part(text, "goroutine 2 "), HasSubstr("[runnable]"));
  EXPECT_THAT(part(text, "goroutine 2 "), HasSubstr("it has not run yet"));
}

TEST(Dump, says_what_each_waits_for) {
  std::string text;
  EXPECT_EQ(run_on(1,
                   [&] {
                     const heddle::chan<int> full(2), empty;
                     full.send(1);
                     full.send(2);
                     heddle::mutex mu;
                     mu.lock();
                     heddle::shared_mutex rw;
                     rw.lock_shared();
                     heddle::semaphore none(0);
                     heddle::latch latch(3);
                     heddle::barrier<> barrier(2);
                     heddle::wait_group wg(7);
                     heddle::condition_variable cv;
                     heddle::mutex cv_mu;
                     heddle::go([&] { full.send(3); });
                     heddle::go([&] { heddle::select(heddle::on_recv(empty), heddle::on_send(full, 4)); });
                     heddle::go([&] { mu.lock(); });
                     heddle::go([&] { rw.lock(); });
                     heddle::go([&] { none.acquire(); });
                     heddle::go([&] { latch.wait(); });
                     heddle::go([&] { barrier.arrive_and_wait(); });
                     heddle::go([&] { wg.wait(); });
                     heddle::go([&] {
                       cv_mu.lock();
                       cv.wait(cv_mu);
                     });
                     heddle::go([] { heddle::sleep_for(std::chrono::hours(1)); });
                     heddle::go([] { (void)heddle::chan<int>::nil().recv(); });
                     heddle::go([] { heddle::select(); });
                     heddle::go([&] {
                       heddle::lock_os_thread();
                       (void)empty.recv();
                     });
                     text = dumped_when_parked(13);
                   }),
            0);
  EXPECT_THAT(text, ContainsRegex("\\[chan send, [0-9]+ ms\\]\n  --> send on chan 0x[0-9a-f]+, 2 of 2 in it\n"));
  EXPECT_THAT(text, ContainsRegex("\\[select, [0-9]+ ms\\]\n  --> receive from chan 0x[0-9a-f]+, unbuffered\n"));
  EXPECT_THAT(text, ContainsRegex("\n  --> (or )?send on chan 0x[0-9a-f]+, 2 of 2 in it\n"));
  EXPECT_THAT(text, ContainsRegex("\\[mutex lock, [0-9]+ ms\\]\n  --> mutex 0x[0-9a-f]+"));
  EXPECT_THAT(text,
              ContainsRegex("\\[shared_mutex lock, [0-9]+ ms\\]\n  --> shared_mutex 0x[0-9a-f]+, held by 1 readers\n"));
  EXPECT_THAT(text,
              ContainsRegex("\\[semaphore acquire, [0-9]+ ms\\]\n  --> semaphore 0x[0-9a-f]+, no unit is left\n"));
  EXPECT_THAT(text, ContainsRegex("\\[latch wait, [0-9]+ ms\\]\n  --> latch 0x[0-9a-f]+, 3 to come\n"));
  EXPECT_THAT(text, ContainsRegex("\\[barrier wait, [0-9]+ ms\\]\n  --> barrier 0x[0-9a-f]+, 1 to come\n"));
  EXPECT_THAT(text, ContainsRegex("\\[wait_group wait, [0-9]+ ms\\]\n  --> wait_group 0x[0-9a-f]+, 7 to be done\n"));
  EXPECT_THAT(text, ContainsRegex("\\[condition_variable wait, [0-9]+ ms\\]\n  --> condition_variable 0x[0-9a-f]+\n"));
  EXPECT_THAT(text, ContainsRegex("\\[sleep, [0-9]+ ms\\]\n  started at"));
  EXPECT_THAT(text, ContainsRegex("\\[chan receive \\(nil chan\\), [0-9]+ ms\\]\n  started at"));
  EXPECT_THAT(text, ContainsRegex("\\[select \\(no cases\\), [0-9]+ ms\\]\n  started at"));
  EXPECT_THAT(text, ContainsRegex("\\[chan receive, [0-9]+ ms, locked to thread\\]\n"));
}

TEST(Dump, says_how_long) {
  std::string text;
  EXPECT_EQ(run_on(2,
                   [&] {
                     const heddle::chan<int> c;
                     heddle::go([&] { (void)c.recv(); });
                     heddle::sleep_for(std::chrono::milliseconds(1300));
                     text = dumped();
                   }),
            0);
  EXPECT_THAT(part(text, "goroutine 2 "), ContainsRegex("\\[chan receive, [1-9]+\\.[0-9] s\\]"));
}

// From a thread outside, with goroutines in calls and others that run: the dump looks at nothing that could go away.
TEST(Dump, works_from_a_thread_outside_while_goroutines_run) {
  heddle::runtime rt(with_procs(2));
  std::atomic<bool> in_call{false}, over{false};
  std::string text;
  std::thread outside([&] {
    EXPECT_TRUE(wait_until([&] { return in_call.load() && rt.stats().parks != 0; }));
    std::ostringstream out;
    rt.dump(out);
    text = out.str();
    over.store(true);
  });
  EXPECT_EQ(rt.run([&] {
    const heddle::chan<int> c;
    heddle::go([&] { (void)c.recv(); });
    heddle::go([&] {
      heddle::blocking([&] {
        in_call.store(true);
        EXPECT_TRUE(wait_until([&] { return over.load(); }));
      });
    });
    while (!over.load()) heddle::gosched();
  }),
            0);
  outside.join();
  EXPECT_THAT(text, ContainsRegex("\\[in a call\\]\n  started at [^\n]*\n  stack: [^\n]*\n    its stack is in use"));
  EXPECT_THAT(text, ContainsRegex("\\[chan receive, [0-9]+ ms\\]\n  started at"));
}

TEST(Dump, again_and_again_while_the_load_runs) {
  EXPECT_EQ(run_on(4,
                   [] {
                     heddle::wait_group wg;
                     const heddle::chan<int> c, d(3);
                     heddle::mutex mu;
                     for (int i = 0; i < 8; ++i)
                       wg.go([&, i] {
                         for (int k = 0; k < 200; ++k) {
                           if (i % 2 == 0)
                             heddle::select(heddle::on_send(c, k), heddle::on_send(d, k));
                           else
                             heddle::select(heddle::on_recv(c), heddle::on_recv(d));
                           const std::lock_guard hold(mu);
                           if (k % 50 == 0) heddle::yield();
                         }
                       });
                     for (int i = 0; i < 20; ++i) {
                       EXPECT_THAT(dumped(), HasSubstr("goroutine 1 [running] (main)\n"));
                       heddle::gosched();
                     }
                     wg.wait();
                   }),
            0);
}

// It does not wait for a goroutine that computes until the dump is there, with its P or without.
TEST(Dump, does_not_wait_for_one_that_computes) {
  for (const int procs : {1, 2, 4})
    for (const bool outside : {false, true}) {
      heddle::runtime r(with_procs(procs));
      EXPECT_EQ(r.run([&r, outside] {
        std::atomic<bool> computes{false}, over{false};
        heddle::chan<int> never;
        heddle::wait_group all;
        all.go([&] { (void)never.recv(); });
        while (heddle::stats().parks == 0) heddle::gosched();
        all.go([&] {
          computes = true;
          while (!over) heddle::detail::cpu_relax();
        });
        while (!computes) heddle::gosched();
        std::string text;
        if (outside) {
          std::thread([&] {
            std::ostringstream out;
            r.dump(out);
            text = out.str();
          }).join();
        } else {
          text = dumped();
        }
        over = true;
        never.close();
        all.wait();
        EXPECT_THAT(part(text, "goroutine 3 [running]"), HasSubstr("it computes and has come to no safepoint"));
        EXPECT_THAT(part(text, "goroutine 2 [chan receive"), HasSubstr("report_test.cpp"));
      }),
                0);
    }
}

TEST(DumpDeathTest, needs_a_goroutine) {
  EXPECT_EXIT(heddle::dump(std::cout), testing::ExitedWithCode(2),
              "heddle::dump called on a thread that runs no goroutine");
}

// ------------------------------------------------------------------------------------------------------------ deadlock

const auto status_2 = testing::ExitedWithCode(2);

TEST(DeadlockReportDeathTest, says_where_each_was_started_and_what_a_select_waits_for) {
  EXPECT_EXIT((void)run_on(1,
                           [] {
                             const heddle::chan<int> a, b(1);
                             heddle::go([=] { heddle::select(heddle::on_recv(a), heddle::on_recv(b)); });
                             heddle::wait_group(1).wait();
                           }),
              status_2,
              "goroutine 2 \\[select\\]\n  --> receive from chan 0x[0-9a-f]+, unbuffered\n"
              "  --> or receive from chan 0x[0-9a-f]+, 0 of 1 in it\n  started at [^\n]*report_test.cpp:[0-9]+\n");
}

TEST(DeadlockReportDeathTest, has_stacks_if_the_options_say_so) {
  heddle::options o = with_procs(2);
  o.dump_on_deadlock = true;
  EXPECT_EXIT((void)heddle::run([] { (void)heddle::chan<int>().recv(); }, o), status_2,
              "started at [^\n]*\n    [^\n]+\\+0x[0-9a-f]+");
}

// --------------------------------------------------------------------------------------------------------------- leaks

TEST(LeakReport, is_given_to_the_embedder_one_line_for_each_place) {
  heddle::options o = with_procs(2);
  std::string text;
  o.on_leak_arg = &text;
  o.on_leak = [](void *arg, const char *report) { *static_cast<std::string *>(arg) = report; };
  int line = 0;
  const heddle::chan<int> c;  // they are on their way into its queue when main ends, or in it
  const auto body = [&] {
    for (int i = 0; i < 20; ++i) heddle::go([&] { (void)c.recv(); }), line = __LINE__;
    heddle::go([] { heddle::sleep_for(std::chrono::hours(1)); });
    while (heddle::stats().parks < 21) heddle::gosched();
  };
  EXPECT_EQ(heddle::run(body, o), 0);
  EXPECT_THAT(text, testing::StartsWith("heddle: 21 goroutines had not ended when the runtime stopped:\n"));
  EXPECT_THAT(text, ContainsRegex("\n  20 \\[chan receive, [^]]*\\] started at [^\n]*report_test.cpp:" +
                                  std::to_string(line) + ": goroutines [0-9 ]* \\.\\.\\.\n"));
  EXPECT_THAT(text, ContainsRegex("\n  1 \\[sleep, [^]]*\\] started at [^\n]*: goroutine [0-9]+\n"));
}

TEST(LeakReport, is_silent_where_all_have_ended_and_by_default) {
  heddle::options o = with_procs(2);
  o.leak_report = true;
  testing::internal::CaptureStderr();
  EXPECT_EQ(heddle::run(
                [] {
                  heddle::wait_group wg;
                  wg.go([] {});
                  wg.wait();
                  while (heddle::num_goroutine() > 1) heddle::gosched();
                },
                o),
            0);
  const heddle::chan<int> never;
  EXPECT_EQ(run_on(2, [&] { heddle::go([&] { (void)never.recv(); }); }), 0);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(LeakReport, is_asked_for_by_the_environment) {
  const heddle::chan<int> never;
  setenv("HEDDLE_DEBUG", "leak=1", 1);
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_on(1,
                   [&] {
                     heddle::go([&] { (void)never.recv(); });
                     while (heddle::stats().parks == 0) heddle::gosched();
                   }),
            0);
  unsetenv("HEDDLE_DEBUG");
  EXPECT_THAT(
      testing::internal::GetCapturedStderr(),
      ContainsRegex("^heddle: 1 goroutine had not ended when the runtime stopped:\n  1 \\[chan receive, [0-9]+ ms\\] "
                    "started at [^\n]*report_test.cpp:[0-9]+: goroutine 2\n$"));
}

}  // namespace
