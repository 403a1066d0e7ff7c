// task, when_all, when_any, stop_signal, scope.
#include "heddle/scope.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/test/test_support.hpp"

namespace {

using namespace std::chrono_literals;
using heddle_test::counted;
using heddle_test::run_on;

const auto status_2 = testing::ExitedWithCode(2);

// Returns when a stop is requested.
void until_stopped(std::stop_token stop) { (void)heddle::stop_signal(stop).done().recv(); }

// -------------------------------------------------------------------------------------------------------------- task

TEST(Task, get_returns_what_the_function_returns) {
  EXPECT_EQ(run_on(2,
                   [] {
                     EXPECT_EQ(heddle::spawn([] { return 42; }).get(), 42);
                     EXPECT_EQ(*heddle::spawn([] { return std::make_unique<int>(7); }).get(), 7);
                     int here = 0;
                     int &there = heddle::spawn([&]() -> int & { return here; }).get();
                     EXPECT_EQ(&there, &here);
                     heddle::spawn([&] { here = 1; }).get();
                     EXPECT_EQ(here, 1);
                   }),
            0);
}

struct alignas(256) wide {
  int v = 0;
};

TEST(Task, results_may_be_over_aligned_and_move_only) {
  EXPECT_EQ(run_on(2,
                   [] {
                     auto t = heddle::spawn([] { return wide{3}; });
                     EXPECT_EQ(t.get().v, 3);
                     {
                       auto unread = heddle::spawn([] { return counted(1); });
                     }
                     EXPECT_EQ(heddle::spawn([] { return counted(2); }).get().value, 2);
                   }),
            0);
  EXPECT_EQ(counted::alive.load(), 0);
}

TEST(Task, an_exception_travels) {
  EXPECT_EQ(run_on(2,
                   [] {
                     auto t = heddle::spawn([]() -> int { throw std::runtime_error("far away"); });
                     try {
                       (void)t.get();
                       ADD_FAILURE();
                     } catch (const std::runtime_error &e) {
                       EXPECT_STREQ(e.what(), "far away");
                     }
                     EXPECT_FALSE(t.valid());
                     auto lost = heddle::spawn([] { throw 1; });
                     lost.join();  // does not throw, so the exception is lost
                   }),
            0);
}

TEST(Task, done_and_valid) {
  EXPECT_EQ(run_on(2,
                   [] {
                     heddle::task<void> none;
                     EXPECT_FALSE(none.valid());
                     heddle::chan<int> gate;
                     auto t = heddle::spawn([=] { return gate.recv().has_value(); });
                     EXPECT_TRUE(t.valid());
                     EXPECT_FALSE(t.done());
                     gate.close();
                     t.join();
                     EXPECT_TRUE(t.done());
                     auto moved = std::move(t);
                     EXPECT_FALSE(t.valid());
                     EXPECT_FALSE(moved.get());
                     EXPECT_FALSE(moved.valid());
                   }),
            0);
}

TEST(Task, wait_for_and_wait_until) {
  EXPECT_EQ(run_on(2,
                   [] {
                     heddle::chan<int> gate;
                     auto t = heddle::spawn([=] { (void)gate.recv(); });
                     EXPECT_FALSE(t.wait_for(0s));
                     EXPECT_FALSE(t.wait_for(1ms));
                     EXPECT_FALSE(t.wait_until(std::chrono::steady_clock::now() + 1ms));
                     EXPECT_FALSE(t.wait_until(std::chrono::system_clock::now() + 1ms));
                     EXPECT_FALSE(heddle::blocking([&] { return t.wait_for(1ms); }));
                     heddle::go([=] {
                       heddle::sleep_for(1ms);
                       gate.close();
                     });
                     EXPECT_TRUE(t.wait_for(10h));
                     EXPECT_TRUE(t.wait_for(0s));
                     EXPECT_TRUE(t.wait_until(std::chrono::steady_clock::now() - 1s));
                   }),
            0);
}

TEST(Task, cancel_requests_a_stop) {
  EXPECT_EQ(run_on(2,
                   [] {
                     auto t = heddle::spawn([](std::stop_token stop) {
                       until_stopped(stop);
                       return stop.stop_requested();
                     });
                     EXPECT_FALSE(t.done());
                     EXPECT_TRUE(t.cancel());
                     EXPECT_FALSE(t.cancel());
                     EXPECT_TRUE(t.get());
                     auto deaf = heddle::spawn([] {});
                     EXPECT_FALSE(deaf.cancel());
                     EXPECT_FALSE(deaf.stop_source().stop_possible());
                   }),
            0);
}

TEST(Task, the_destructor_and_assignment_cancel_and_join) {
  int ended = 0;
  EXPECT_EQ(run_on(1,
                   [&] {
                     const auto waits = [&](std::stop_token stop) {
                       until_stopped(stop);
                       ++ended;
                     };
                     {
                       auto t = heddle::spawn(waits);
                       t = heddle::spawn(waits);
                       EXPECT_EQ(ended, 1);
                     }
                     EXPECT_EQ(ended, 2);
                   }),
            0);
}

TEST(Task, what_the_function_captured_is_gone_when_join_returns) {
  EXPECT_EQ(run_on(2,
                   [] {
                     for (int i = 0; i < 100; ++i) {
                       auto t = heddle::spawn([c = counted(1)] { return c.value; });
                       t.join();
                       EXPECT_EQ(counted::alive.load(), 0);
                     }
                   }),
            0);
}

TEST(Task, a_stack_of_its_own_size) {
  EXPECT_EQ(run_on(1,
                   [] {
                     auto t = heddle::spawn(
                         [] {
                           volatile char large[200 * 1024];
                           large[0] = 1;
                           return static_cast<int>(large[0]);
                         },
                         1024 * 1024);
                     EXPECT_EQ(t.get(), 1);
                   }),
            0);
}

TEST(Task, is_a_case_of_a_select) {
  EXPECT_EQ(run_on(2,
                   [] {
                     heddle::chan<int> never;
                     auto t = heddle::spawn([] { return 5; });
                     int got = 0;
                     EXPECT_EQ(heddle::select(heddle::on_recv(never), heddle::on_done(t, [&] { got = t.get(); })), 1u);
                     EXPECT_EQ(got, 5);
                   }),
            0);
}

TEST(Task, several_join_one_also_from_outside) {
  std::atomic<int> joined{0};
  EXPECT_EQ(run_on(2,
                   [&] {
                     heddle::chan<int> gate;
                     auto t = heddle::spawn([=] { (void)gate.recv(); });
                     heddle::wait_group all;
                     for (int i = 0; i < 3; ++i)
                       all.go([&] {
                         t.join();
                         ++joined;
                       });
                     std::thread outside([&] {
                       t.join();
                       ++joined;
                     });
                     heddle::sleep_for(1ms);
                     gate.close();
                     heddle::blocking([&] { outside.join(); });
                     heddle::blocking([&] { t.join(); });
                     all.wait();
                   }),
            0);
  EXPECT_EQ(joined.load(), 4);
}

TEST(TaskDeathTest, a_task_without_a_goroutine) {
  const auto expect_refused = [](const char *who, auto f) {
    EXPECT_EXIT((void)run_on(1, f), status_2,
                std::string(who) + ": the task has no goroutine, or its result has been taken\n");
  };
  using task = heddle::task<int>;
  expect_refused("task::get", [] { task().get(); });
  expect_refused("task::get", [] {
    task t = heddle::spawn([] { return 1; });
    t.get();
    t.get();
  });
  expect_refused("task::join", [] { task().join(); });
  expect_refused("task::wait_until", [] { (void)task().wait_until(std::chrono::steady_clock::now()); });
  expect_refused("a case of a select", [] { heddle::select(heddle::on_done(task())); });
  expect_refused("heddle::when_any", [] { (void)heddle::when_any(heddle::spawn([] {}), task()); });
  expect_refused("heddle::when_any", [] { (void)heddle::when_any(std::vector<task>(2)); });
  expect_refused("heddle::when_all", [] { (void)heddle::when_all(heddle::spawn([] {}), task()); });
  expect_refused("heddle::when_all", [] { (void)heddle::when_all(std::vector<task>(2)); });
  EXPECT_EXIT((void)heddle::spawn([] {}), status_2, "heddle::spawn called on a thread that runs no goroutine\n");
}

// ------------------------------------------------------------------------------------------------ when_all, when_any

TEST(WhenAll, a_tuple_in_the_order_of_the_tasks) {
  EXPECT_EQ(run_on(2,
                   [] {
                     auto [a, b, c] =
                         heddle::when_all(heddle::spawn([] {
                                            heddle::sleep_for(1ms);
                                            return 1;
                                          }),
                                          heddle::spawn([] {}), heddle::spawn([] { return std::string("three"); }));
                     EXPECT_EQ(a, 1);
                     EXPECT_EQ(b, std::monostate{});
                     EXPECT_EQ(c, "three");
                   }),
            0);
}

TEST(WhenAll, a_vector) {
  EXPECT_EQ(run_on(4,
                   [] {
                     std::vector<heddle::task<int>> tasks;
                     for (int i = 0; i < 100; ++i) tasks.push_back(heddle::spawn([i] { return i * i; }));
                     const std::vector<int> squares = heddle::when_all(std::move(tasks));
                     for (int i = 0; i < 100; ++i) EXPECT_EQ(squares[static_cast<std::size_t>(i)], i * i);
                     EXPECT_TRUE(heddle::when_all(std::vector<heddle::task<int>>()).empty());
                   }),
            0);
}

TEST(WhenAll, an_exception_cancels_those_after_it_and_waits_for_them) {
  bool stopped = false;
  EXPECT_EQ(run_on(2,
                   [&] {
                     EXPECT_THROW((void)heddle::when_all(heddle::spawn([] { throw std::logic_error("no"); }),
                                                         heddle::spawn([&](std::stop_token stop) {
                                                           until_stopped(stop);
                                                           stopped = true;
                                                         })),
                                  std::logic_error);
                     EXPECT_TRUE(stopped);
                   }),
            0);
}

TEST(WhenAny, the_first_one_wins_and_the_others_have_been_cancelled) {
  std::atomic<int> stopped{0};
  EXPECT_EQ(run_on(2,
                   [&] {
                     const auto waits = [&](std::stop_token stop) {
                       until_stopped(stop);
                       ++stopped;
                       return -1;
                     };
                     const auto one =
                         heddle::when_any(heddle::spawn(waits), heddle::spawn([] { return std::string("me"); }));
                     EXPECT_EQ(one.index, 1u);
                     EXPECT_EQ(std::get<1>(one.value), "me");
                     EXPECT_EQ(stopped, 1);
                     std::vector<heddle::task<int>> tasks;
                     for (int i = 0; i < 20; ++i)
                       if (i == 13)
                         tasks.push_back(heddle::spawn([] { return 13; }));
                       else
                         tasks.push_back(heddle::spawn(waits));
                     const auto first = heddle::when_any(std::move(tasks));
                     EXPECT_EQ(first.index, 13u);
                     EXPECT_EQ(first.value, 13);
                   }),
            0);
}

TEST(WhenAny, what_the_first_throws_is_thrown) {
  EXPECT_EQ(run_on(2,
                   [] {
                     EXPECT_THROW((void)heddle::when_any(heddle::spawn([] { throw std::logic_error("no"); }),
                                                         heddle::spawn(until_stopped)),
                                  std::logic_error);
                   }),
            0);
}

// -------------------------------------------------------------------------------------------------------- stop_signal

TEST(StopSignal, closes_its_channel_when_a_stop_is_requested) {
  EXPECT_EQ(run_on(2,
                   [] {
                     std::stop_source source;
                     heddle::stop_signal signal(source.get_token());
                     EXPECT_FALSE(signal.done().closed());
                     heddle::go([=]() mutable { source.request_stop(); });
                     EXPECT_FALSE(signal.done().recv().has_value());
                     heddle::stop_signal late(source.get_token());
                     EXPECT_TRUE(late.done().closed());
                     const auto never = heddle::stop_signal(std::stop_token{}).done();
                     EXPECT_FALSE(never.closed());
                   }),
            0);
}

// -------------------------------------------------------------------------------------------------------------- scope

TEST(Scope, waits_for_all) {
  std::atomic<int> ended{0};
  EXPECT_EQ(run_on(4,
                   [&] {
                     heddle::scope s;
                     for (int i = 0; i < 100; ++i)
                       s.spawn([&] {
                         s.spawn([&] { ++ended; });
                         ++ended;
                       });
                     s.wait();
                     EXPECT_EQ(ended.load(), 200);
                     s.spawn([&] { ++ended; });  // again
                   }),
            0);
  EXPECT_EQ(ended.load(), 201);
}

// errgroup's TestZeroGroup: the first error is the one that is reported; without an error there is none.
TEST(Scope, TestZeroGroup_the_first_error_wins) {
  EXPECT_EQ(run_on(1,
                   [] {
                     heddle::scope s;
                     s.wait();
                     s.spawn([] { throw std::runtime_error("first"); });
                     s.spawn([] {
                       heddle::yield();
                       throw std::runtime_error("second");
                     });
                     try {
                       s.wait();
                       ADD_FAILURE();
                     } catch (const std::runtime_error &e) {
                       EXPECT_TRUE(e.what() == std::string("first") || e.what() == std::string("second"));
                     }
                     s.wait();  // once
                   }),
            0);
}

// errgroup's TestWithContext: the first error cancels the token that the others look at.
TEST(Scope, TestWithContext_an_error_cancels_the_others) {
  std::atomic<int> stopped{0};
  EXPECT_EQ(run_on(2,
                   [&] {
                     EXPECT_THROW(heddle::with_scope([&](heddle::scope &s) {
                                    for (int i = 0; i < 10; ++i)
                                      s.spawn([&](std::stop_token stop) {
                                        until_stopped(stop);
                                        ++stopped;
                                      });
                                    s.spawn([] { throw std::logic_error("no"); });
                                  }),
                                  std::logic_error);
                   }),
            0);
  EXPECT_EQ(stopped.load(), 10);
}

// errgroup's TestGoLimit, with a semaphore.
TEST(Scope, TestGoLimit_with_a_semaphore) {
  static constexpr int limit = 5;
  EXPECT_EQ(run_on(4,
                   [] {
                     std::atomic<int> active{0};
                     heddle::semaphore units(limit);
                     heddle::with_scope([&](heddle::scope &s) {
                       for (int i = 0; i <= 1 << 10; ++i) {
                         units.acquire();
                         s.spawn([&] {
                           EXPECT_LE(++active, limit);
                           heddle::yield();
                           --active;
                           units.release();
                         });
                       }
                     });
                   }),
            0);
}

TEST(Scope, what_leaves_the_function_cancels_and_is_thrown) {
  bool stopped = false;
  EXPECT_EQ(run_on(2,
                   [&] {
                     EXPECT_THROW(heddle::with_scope([&](heddle::scope &s) {
                                    s.spawn([&](std::stop_token stop) {
                                      until_stopped(stop);
                                      stopped = true;
                                    });
                                    throw std::logic_error("mine");
                                  }),
                                  std::logic_error);
                     EXPECT_TRUE(stopped);
                     EXPECT_EQ(heddle::with_scope([](heddle::scope &) { return 3; }), 3);
                   }),
            0);
}

TEST(Scope, scopes_inside_are_cancelled_with_it) {
  std::atomic<int> stopped{0};
  EXPECT_EQ(run_on(2,
                   [&] {
                     heddle::scope outer;
                     for (int i = 0; i < 3; ++i)
                       outer.spawn([&](std::stop_token stop) {
                         heddle::scope inner(stop);
                         for (int k = 0; k < 3; ++k)
                           inner.spawn([&](std::stop_token s) {
                             until_stopped(s);
                             ++stopped;
                           });
                         inner.wait();
                         EXPECT_TRUE(inner.cancelled());
                       });
                     EXPECT_FALSE(outer.cancelled());
                     outer.cancel();
                     outer.wait();
                   }),
            0);
  EXPECT_EQ(stopped.load(), 9);
}

TEST(Scope, the_destructor_joins_and_after_an_exception_cancels) {
  int ended = 0;
  EXPECT_EQ(run_on(1,
                   [&] {
                     {
                       heddle::scope s;
                       s.spawn([&](std::stop_token stop) {
                         heddle::yield();
                         EXPECT_FALSE(stop.stop_requested());
                         ++ended;
                       });
                     }
                     EXPECT_EQ(ended, 1);
                     try {
                       heddle::scope s;
                       s.spawn([&](std::stop_token stop) {
                         until_stopped(stop);
                         ++ended;
                         throw 2;  // lost
                       });
                       throw 1;
                     } catch (int which) {
                       EXPECT_EQ(which, 1);
                     }
                     EXPECT_EQ(ended, 2);
                   }),
            0);
}

TEST(ScopeDeathTest, an_error_that_no_wait_has_thrown) {
  EXPECT_EXIT((void)run_on(1,
                           [] {
                             heddle::scope s;
                             s.spawn([] { throw std::runtime_error("unasked"); });
                           }),
              status_2, "fatal error: an exception has left goroutine 1: unasked\n");
}

TEST(ScopeDeathTest, an_error_in_a_scope_of_a_thread) {
  EXPECT_EXIT(
      {
        heddle::runtime rt(heddle_test::with_procs(1));
        std::atomic<bool> begun{false};
        std::thread outside([&] {
          heddle::scope s;
          rt.go([&] {
            s.spawn([] { throw std::runtime_error("unasked"); });
            begun.store(true);
          });
          heddle_test::wait_until([&] { return begun.load(); });
        });
        rt.run([&] { heddle::blocking([&] { outside.join(); }); });
      },
      status_2, "fatal error: an exception has left a scope on a thread that runs no goroutine: unasked\n");
}

// ---------------------------------------------------------------------------------------------------------- under load

TEST(Task, completion_cancellation_and_destruction_at_once) {
  std::atomic<int> ended{0};
  constexpr int rounds = heddle_test::tsan ? 200 : 2000;
  EXPECT_EQ(run_on(4,
                   [&] {
                     for (int i = 0; i < rounds; ++i) {
                       auto t = heddle::spawn([&](std::stop_token stop) {
                         if (!stop.stop_requested()) (void)heddle::stop_signal(stop).done().try_recv();
                         ++ended;
                         return 1;
                       });
                       auto canceller = heddle::spawn([source = t.stop_source()]() mutable { source.request_stop(); });
                       if (i % 3 == 0) t.cancel();
                       if (i % 3 == 1) {
                         EXPECT_EQ(t.get(), 1);
                       }
                     }
                   }),
            0);
  EXPECT_EQ(ended.load(), rounds);
}

}  // namespace
