// task_local, names, on_uncaught.
#include "heddle/task_local.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/test/test_support.hpp"

namespace {

using heddle_test::run_on;
using heddle_test::with_procs;

const auto status_2 = testing::ExitedWithCode(2);

// Returns when the other goroutines have ended.
void wait_alone() {
  while (heddle::num_goroutine() != 1) heddle::gosched();
}

TEST(TaskLocal, each_goroutine_has_its_own_and_inherits_nothing) {
  static heddle::task_local<int> number(7);
  EXPECT_EQ(run_on(4,
                   [] {
                     *number = 1;
                     heddle::wait_group all;
                     for (int i = 0; i < 100; ++i)
                       all.go([i] {
                         EXPECT_FALSE(number.has_value());
                         EXPECT_EQ(*number, 7);
                         *number += i;
                         heddle::yield();
                         EXPECT_EQ(*number, 7 + i);
                       });
                     all.wait();
                     EXPECT_EQ(*number, 1);
                     number.reset();
                     EXPECT_FALSE(number.has_value());
                     EXPECT_EQ(*number, 7);
                   }),
            0);
}

TEST(TaskLocal, moves_with_its_goroutine) {
  static heddle::task_local<std::string> text;
  EXPECT_EQ(run_on(2,
                   [] {
                     *text = "here";
                     heddle_test::migrate();
                     EXPECT_EQ(*text, "here");
                     heddle::blocking([] { EXPECT_EQ(text->size(), 4u); });
                   }),
            0);
}

struct noted {
  explicit noted(std::vector<std::string> *l, const char *n) : log(l), name(n) {}
  ~noted() {
    heddle::yield();  // it is still a goroutine
    log->push_back(name + std::to_string(heddle::goid() == 1));
  }
  std::vector<std::string> *log;
  std::string name;
};

TEST(TaskLocal, destroyed_at_the_end_on_the_goroutine_newest_first) {
  std::vector<std::string> log;
  heddle::task_local<std::unique_ptr<noted>> a, b;
  EXPECT_EQ(run_on(1,
                   [&] {
                     heddle::wait_group all(1);
                     heddle::go([&, captured = std::make_unique<noted>(&log, "captured")] {
                       *a = std::make_unique<noted>(&log, "a");
                       *b = std::make_unique<noted>(&log, "b");
                       all.done();
                     });
                     all.wait();
                     *a = std::make_unique<noted>(&log, "main");
                     wait_alone();
                   }),
            0);
  EXPECT_EQ(log, (std::vector<std::string>{"captured0", "b0", "a0", "main1"}));
}

struct uses_another {
  ~uses_another();
};
heddle::task_local<int> *late = nullptr;
int late_value = 0;
uses_another::~uses_another() { late_value = **late; }

TEST(TaskLocal, a_destructor_may_use_another_one) {
  heddle::task_local<int> other([] { return 9; });
  late = &other;
  heddle::task_local<uses_another> first;
  EXPECT_EQ(run_on(1,
                   [&] {
                     heddle::go([&] { (void)*first; });
                     wait_alone();
                   }),
            0);
  EXPECT_EQ(late_value, 9);
}

TEST(TaskLocal, what_the_initialiser_throws_is_thrown_and_it_is_tried_again) {
  bool fails = true;
  heddle::task_local<int> value([&] { return fails ? throw std::runtime_error("not yet") : 3; });
  EXPECT_EQ(run_on(1,
                   [&] {
                     EXPECT_THROW((void)*value, std::runtime_error);
                     EXPECT_FALSE(value.has_value());
                     fails = false;
                     EXPECT_EQ(*value, 3);
                   }),
            0);
}

TEST(TaskLocalDeathTest, on_a_thread_that_runs_no_goroutine) {
  heddle::task_local<int> value;
  EXPECT_EXIT((void)*value, status_2, "heddle::task_local called on a thread that runs no goroutine\n");
  EXPECT_EXIT(heddle::set_name("me"), status_2, "heddle::set_name called on a thread that runs no goroutine\n");
}

TEST(Name, belongs_to_the_goroutine_until_it_ends) {
  EXPECT_EQ(run_on(1,
                   [] {
                     EXPECT_EQ(heddle::name(), "");
                     heddle::set_name("main");
                     for (int i = 0; i < 3; ++i) {  // the g is used again
                       heddle::go([] {
                         EXPECT_EQ(heddle::name(), "");
                         heddle::set_name("a name that is longer than anybody needs");
                         EXPECT_EQ(heddle::name(), "a name that is longer than anyb");
                       });
                       wait_alone();
                     }
                     EXPECT_EQ(heddle::name(), "main");
                     heddle::set_name("");
                     EXPECT_EQ(heddle::name(), "");
                   }),
            0);
}

struct seen {
  std::atomic<int> calls{0};
  std::string what, name;
  std::uint64_t goid = 0;
};

void note_it(void *arg, const std::exception_ptr &error, std::uint64_t goid, const char *name) {
  seen &s = *static_cast<seen *>(arg);
  try {
    std::rethrow_exception(error);
  } catch (const std::exception &e) {
    s.what = e.what();
  } catch (...) {
    s.what = "?";
  }
  s.name = name;
  s.goid = goid;
  s.calls.fetch_add(1);
}

TEST(OnUncaught, is_told_and_the_goroutine_ends) {
  seen s;
  heddle::options o = with_procs(1);
  o.on_uncaught = note_it;
  o.on_uncaught_arg = &s;
  EXPECT_EQ(heddle::run(
                [] {
                  heddle::go([] {
                    heddle::set_name("unlucky");
                    throw std::runtime_error("oh no");
                  });
                  wait_alone();
                },
                o),
            0);
  EXPECT_EQ(s.calls.load(), 1);
  EXPECT_EQ(s.what, "oh no");
  EXPECT_EQ(s.name, "unlucky");
  EXPECT_GT(s.goid, 1u);
}

// A party that waits for the goroutine, or keeps what it runs, is told of its end as of any other.
TEST(OnUncaught, a_wait_group_and_an_after_func_go_on) {
  seen s;
  heddle::options o = with_procs(2);
  o.on_uncaught = note_it;
  o.on_uncaught_arg = &s;
  const auto kept = std::make_shared<int>(0);
  EXPECT_EQ(heddle::run(
                [&] {
                  heddle::wait_group wg;
                  wg.go([kept] { throw std::runtime_error("counted"); });
                  wg.wait();
                  EXPECT_EQ(s.calls.load(), 1);
                  EXPECT_EQ(s.what, "counted");
                  heddle::after_func(std::chrono::nanoseconds(0), [kept] { throw std::runtime_error("called"); });
                  while (s.calls.load() != 2) heddle::gosched();
                  wait_alone();
                },
                o),
            0);
  EXPECT_EQ(s.calls.load(), 2);
  EXPECT_EQ(s.what, "called");
  EXPECT_EQ(kept.use_count(), 1);
}

TEST(OnUncaught, main_returns_2_then) {
  seen s;
  heddle::options o = with_procs(1);
  o.on_uncaught = note_it;
  o.on_uncaught_arg = &s;
  EXPECT_EQ(heddle::run([] { throw 1; }, o), 2);
  EXPECT_EQ(s.goid, 1u);
  EXPECT_EQ(s.what, "?");
  EXPECT_EQ(s.name, "");
}

TEST(UncaughtDeathTest, the_message_has_the_name) {
  EXPECT_EXIT((void)run_on(1,
                           [] {
                             heddle::set_name("parser");
                             throw std::runtime_error("line 3");
                           }),
              status_2, "fatal error: an exception has left goroutine 1 \\(parser\\): line 3\n");
}

}  // namespace
