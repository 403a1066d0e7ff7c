// How a process and a runtime end: one report with the goroutine that is to blame, the embedder's last call, a core; a
// runtime that waits for a call, and one that does not; SIGQUIT.
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>

#include "runtime/test/test_support.hpp"

namespace {

using heddle_test::child_exit;
using heddle_test::run_on;
using heddle_test::wait_until;
using heddle_test::with_procs;
using namespace std::chrono_literals;

const auto status_2 = testing::ExitedWithCode(2);

// ------------------------------------------------------------------------------------------------------- the last words

void named_goroutine(void (*f)()) {
  (void)run_on(1, [f] {
    heddle::wait_group wg;
    wg.go([f] {
      heddle::set_name("culprit");
      f();
    });
    wg.wait();
  });
}

void misuses() { heddle::mutex().unlock(); }
void throws() { throw std::runtime_error("no such luck"); }
void breaks_an_invariant() { HEDDLE_INV("I0", 1 + 1 == 3); }

constexpr const char *who = "\n\ngoroutine [0-9]+ \\[running\\] \"culprit\"\n  started at [^\n]*ends_test.cpp:[0-9]+\n";

TEST(LastWordsDeathTest, name_the_goroutine_and_where_it_was_started) {
  EXPECT_EXIT(named_goroutine(misuses), status_2,
              "^fatal error: unlock of unlocked mutex" + std::string(who) + "    .*\\+0x[0-9a-f]+");
  EXPECT_EXIT(named_goroutine(throws), status_2,
              "^fatal error: an exception has left goroutine [0-9]+ \\(culprit\\): no such luck" + std::string(who));
  EXPECT_EXIT(
      named_goroutine(breaks_an_invariant), testing::KilledBySignal(SIGABRT),
      "^fatal error: heddle: invariant I0 is broken: 1 \\+ 1 == 3 \\([^\n]*ends_test.cpp:[0-9]+\\); please report "
      "this" +
          std::string(who));
}

TEST(LastWordsDeathTest, of_a_thread_that_runs_no_goroutine_are_one_line) {
  EXPECT_EXIT(
      {
        const heddle::runtime rt(with_procs(1));
        heddle::yield();
      },
      status_2, "^fatal error: heddle::yield called on a thread that runs no goroutine\n$");
}

TEST(LastWordsDeathTest, end_in_a_core_where_that_is_wanted) {
  const auto end = [](const char *setting) {
    setenv("HEDDLE_DEBUG", setting, 1);
    named_goroutine(misuses);
  };
  EXPECT_EXIT(end("crash=1"), testing::KilledBySignal(SIGABRT), "unlock of unlocked mutex");
  EXPECT_EXIT(end("leak=1,crash=1"), testing::KilledBySignal(SIGABRT), "unlock of unlocked mutex");
  EXPECT_EXIT(end("crash=0"), status_2, "unlock of unlocked mutex");
  EXPECT_EXIT(end("crash=10"), status_2, "unlock of unlocked mutex");
}

TEST(LastWordsDeathTest, of_two_threads_at_once_are_those_of_one) {
  EXPECT_EXIT(
      {
        heddle::options o = with_procs(4);
        o.on_fatal = [](void *, const char *) { std::this_thread::sleep_for(100ms); };
        (void)heddle::run(
            [] {
              heddle::wait_group wg;
              for (int i = 0; i < 4; ++i)
                wg.go([] {
                  heddle::blocking_long([] {
                    std::this_thread::sleep_for(20ms);
                    misuses();
                  });
                });
              wg.wait();
            },
            o);
      },
      status_2, "^fatal error: unlock of unlocked mutex\n\n[^\n]*\n[^\n]*\n(    [^\n]*\n)*$");
}

// ------------------------------------------------------------------------------------------------------------- on_fatal

struct asked {
  const char *name;
  static void say(void *self, const char *report) {
    std::fprintf(stderr, "%s was told: %s", static_cast<asked *>(self)->name, report);
  }
};

heddle::options telling(asked &whom) {
  heddle::options o = with_procs(1);
  o.on_fatal = asked::say;
  o.on_fatal_arg = &whom;
  return o;
}

TEST(OnFatalDeathTest, gets_the_report_that_was_printed) {
  asked embedder{"embedder"};
  const auto end_by = [&](void (*f)()) { (void)heddle::run(f, telling(embedder)); };
  EXPECT_EXIT(end_by(misuses), status_2,
              "embedder was told: fatal error: unlock of unlocked mutex\n\ngoroutine 1 \\[running\\] \\(main\\)\n");
  EXPECT_EXIT(end_by(throws), status_2, "embedder was told: fatal error: an exception has left goroutine 1: no such");
  EXPECT_EXIT(end_by(breaks_an_invariant), testing::KilledBySignal(SIGABRT),
              "embedder was told: fatal error: heddle: inv");
  EXPECT_EXIT(end_by([] { (void)heddle::chan<int>().recv(); }), status_2,
              "embedder was told: fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 ");
}

TEST(OnFatalDeathTest, of_the_goroutines_own_runtime_is_called_else_of_the_newest) {
  asked first{"first"}, second{"second"};
  const auto end = [&](bool on_a_goroutine) {
    heddle::runtime a(telling(first)), b(telling(second));
    auto gone = std::make_unique<heddle::runtime>(telling(first));
    gone.reset();
    const heddle::runtime silent(with_procs(1));
    if (on_a_goroutine) a.run([] { heddle::mutex().unlock(); });
    heddle::mutex().unlock();
  };
  EXPECT_EXIT(end(true), status_2, "first was told: fatal error: unlock");
  EXPECT_EXIT(end(false), status_2, "second was told: fatal error: unlock");
}

TEST(OnFatalDeathTest, that_breaks_a_rule_itself_ends_the_process_all_the_same) {
  EXPECT_EXIT(
      {
        heddle::options o = with_procs(1);
        o.on_fatal = [](void *, const char *) { misuses(); };
        (void)heddle::run(misuses, o);
      },
      status_2, "fatal error: unlock of unlocked mutex\n\ngoroutine 1 (.|\n)*fatal error: unlock of unlocked mutex\n$");
}

TEST(OnFatalDeathTest, may_use_a_hundred_kilobytes_of_stack) {
  EXPECT_EXIT(
      {
        heddle::options o = with_procs(1);
        o.stack_size = (heddle_test::asan || heddle_test::tsan ? 64 : 16) * 1024;
        o.on_fatal = [](void *, const char *) {
          volatile char much[100 * 1024];
          much[0] = 1;
          child_exit(much[0] == 1 ? 42 : 13);
        };
        (void)heddle::run(
            [] {
              heddle::wait_group wg;
              wg.go(misuses);
              wg.wait();
            },
            o);
      },
      testing::ExitedWithCode(42), "");
}

// ------------------------------------------------------------------------------------- the end of a runtime that waits

std::string stderr_of(const std::function<void()> &f) {
  testing::internal::CaptureStderr();
  f();
  return testing::internal::GetCapturedStderr();
}

heddle::options talking() {
  heddle::options o = with_procs(2);
  o.log = true;
  return o;
}

TEST(TheEnd, that_waits_for_a_call_says_so_after_a_second_and_once) {
  const std::string text = stderr_of([] {
    EXPECT_EQ(heddle::run(
                  [] {
                    std::atomic<bool> in_call{false};
                    heddle::go([&] {
                      heddle::set_name("reader");
                      heddle::blocking([&] {
                        in_call.store(true);
                        std::this_thread::sleep_for(2500ms);
                      });
                    });
                    EXPECT_TRUE(wait_until([&] {
                      heddle::yield();
                      return in_call.load();
                    }));
                  },
                  talking()),
              0);
  });
  EXPECT_THAT(text, testing::MatchesRegex(
                        "heddle: the end of the runtime waits for goroutines that do not come back[^\n]*\n"
                        "  goroutine [0-9]+ \\[in a call\\] \"reader\", started at [^\n]*ends_test.cpp:[0-9]+\n"));
}

TEST(TheEnd, that_is_soon_says_nothing) {
  EXPECT_EQ(stderr_of([] {
              EXPECT_EQ(
                  heddle::run([] { heddle::go([] { heddle::blocking([] { std::this_thread::sleep_for(300ms); }); }); },
                              talking()),
                  0);
            }),
            "");
}

// A goroutine that waits in a call of a runtime that is shut down.
struct stuck {
  std::atomic<bool> in_call{false}, let_go{false}, back{false};
  void operator()() {
    heddle::blocking([this] {
      in_call.store(true);
      while (!let_go.load()) std::this_thread::sleep_for(1ms);
    });
    back.store(true);  // after the call it gives way, and is abandoned
  }
};

TEST(TheEnd, with_a_limit_gives_up_tells_and_may_be_asked_for_again) {
  stuck s;
  heddle::runtime rt(talking());
  rt.go([&] {
    heddle::set_name("stuck one");
    s();
  });
  ASSERT_TRUE(wait_until([&] { return s.in_call.load(); }));
  const auto before = std::chrono::steady_clock::now();
  const std::string text = stderr_of([&] { EXPECT_FALSE(rt.shutdown(200ms)); });
  EXPECT_GE(std::chrono::steady_clock::now() - before, 200ms);
  EXPECT_THAT(text, testing::MatchesRegex("heddle: the runtime has been shut down without waiting for\n"
                                          "  goroutine [0-9]+ \\[in a call\\] \"stuck one\", started at [^\n]*\n"));
  EXPECT_FALSE(rt.shutdown(0ms));
  s.let_go.store(true);
  EXPECT_TRUE(rt.shutdown(10s));
  EXPECT_TRUE(rt.shutdown(0ms)) << "it is over";
  rt.shutdown();
}

TEST(TheEnd, with_a_limit_that_is_not_reached_is_as_without) {
  heddle::runtime rt(with_procs(2));
  heddle::wait_group wg(1);
  rt.go([&] { wg.done(); });
  wg.wait();
  EXPECT_TRUE(rt.shutdown(10s));
}

// The runtime goes, and what is left of it does not touch what has gone. In a process of its own, which ends without
// the sanitizers' look at what has been left.
TEST(TheEndDeathTest, after_a_limit_leaves_the_goroutine_in_its_call) {
  EXPECT_EXIT(
      {
        static stuck s;
        {
          heddle::runtime rt(with_procs(2));
          rt.go([] { s(); });
          if (!wait_until([&] { return s.in_call.load(); }) || rt.shutdown(10ms)) child_exit(13);
        }
        s.let_go.store(true);
        std::this_thread::sleep_for(50ms);
        child_exit(run_on(2, [] {
          heddle::yield();
          return 42;
        }));
      },
      testing::ExitedWithCode(42), "");
}

TEST(TheEndDeathTest, of_a_goroutine_that_computes_is_given_up_as_well) {
  EXPECT_EXIT(
      {
        heddle::runtime rt(talking());
        std::atomic<bool> runs{false};
        rt.go([&] {
          runs.store(true);
          for (;;) heddle::detail::cpu_relax();
        });
        while (!runs.load()) std::this_thread::yield();
        child_exit(rt.shutdown(100ms) ? 13 : 42);
      },
      testing::ExitedWithCode(42), "  goroutine [0-9]+ \\[running\\], started at ");
}

// -------------------------------------------------------------------------------------------------------------- SIGQUIT

TEST(SigquitDeathTest, prints_all_goroutines_and_goes_on) {
  EXPECT_EXIT(
      {
        setenv("HEDDLE_DEBUG", "sigquit=1", 1);
        const int status = run_on(2, [] {
          const heddle::chan<int> c;
          heddle::go([&] { (void)c.recv(); });
          while (heddle::stats().parks == 0) heddle::gosched();
          for (int i = 0; i < 2; ++i) {
            raise(SIGQUIT);
            heddle::sleep_for(200ms);
          }
          c.close();
        });
        struct sigaction now = {};
        sigaction(SIGQUIT, nullptr, &now);
        child_exit(status == 0 && now.sa_handler == SIG_DFL ? 42 : 13);
      },
      testing::ExitedWithCode(42),
      "\nheddle: SIGQUIT\n\ngoroutine 1 (.|\n)*\\(main\\)(.|\n)*\ngoroutine [0-9]+ \\[chan receive(.|\n)*"
      "\nheddle: SIGQUIT\n\ngoroutine 1 ");
}

TEST(SigquitDeathTest, without_the_setting_is_what_it_was) {
  EXPECT_EXIT((void)run_on(1, [] { raise(SIGQUIT); }), testing::KilledBySignal(SIGQUIT), "^$");
}

// The thread that waits for the signal is one of the runtime's.
TEST(SigquitDeathTest, leaves_deadlocks_to_be_found) {
  EXPECT_EXIT(
      {
        setenv("HEDDLE_DEBUG", "sigquit=1", 1);
        (void)run_on(1, [] { (void)heddle::chan<int>().recv(); });
      },
      status_2, "all goroutines are asleep");
}

}  // namespace
