// What ends the process, and with which words: the embedder's mistakes, exceptions that leave a goroutine, and programs
// in which every goroutine waits. The status is 2 each time.
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

#include "runtime/test/test_support.hpp"

namespace {

using heddle_test::run_on;
using heddle_test::with_procs;

const auto status_2 = testing::ExitedWithCode(2);

// -------------------------------------------------------------------------------------------------------- wrong place

TEST(MisuseDeathTest, run_inside_a_goroutine) {
  EXPECT_EXIT((void)run_on(1, [] { (void)run_on(1, [] {}); }), status_2,
              "fatal error: runtime::run called on a goroutine\n");
}

TEST(MisuseDeathTest, run_twice) {
  EXPECT_EXIT(
      {
        heddle::runtime rt(with_procs(1));
        rt.run([] {});
        rt.run([] {});
      },
      status_2, "runtime::run called twice, or after shutdown\n");
  EXPECT_EXIT(
      {
        heddle::runtime rt(with_procs(1));
        rt.shutdown();
        rt.run([] {});
      },
      status_2, "runtime::run called twice, or after shutdown\n");
}

TEST(MisuseDeathTest, shutdown_inside_a_goroutine) {
  EXPECT_EXIT(
      {
        heddle::runtime rt(with_procs(1));
        rt.run([&] { rt.shutdown(); });
      },
      status_2, "runtime::shutdown called on a goroutine\n");
}

TEST(MisuseDeathTest, calls_for_goroutines_on_a_plain_thread) {
  EXPECT_EXIT(heddle::go([] {}), status_2, "fatal error: heddle::go called on a thread that runs no goroutine\n");
  EXPECT_EXIT(heddle::yield(), status_2, "heddle::yield called on a thread that runs no goroutine\n");
  EXPECT_EXIT(heddle::gosched(), status_2, "heddle::gosched called on a thread that runs no goroutine\n");
  EXPECT_EXIT((void)heddle::procs(), status_2, "heddle::procs called on a thread that runs no goroutine\n");
  EXPECT_EXIT((void)heddle::num_goroutine(), status_2,
              "heddle::num_goroutine called on a thread that runs no goroutine\n");
  EXPECT_EXIT((void)heddle::stats(), status_2, "heddle::stats called on a thread that runs no goroutine\n");
  EXPECT_EXIT((void)heddle::goid(), status_2, "heddle::goid called on a thread that runs no goroutine\n");
}

TEST(MisuseDeathTest, waits_where_nobody_may) {
  constexpr const char *told = "fatal error: wait or yield inside no_preempt or stop_the_world\n";
  const auto everywhere = [&](auto wait) {
    EXPECT_EXIT((void)run_on(1,
                             [&] {
                               const heddle::no_preempt here;
                               wait();
                             }),
                status_2, told);
    EXPECT_EXIT((void)run_on(2, [&] { heddle::stop_the_world(wait); }), status_2, told);
    EXPECT_EXIT((void)run_on(2, [&] { heddle::blocking([&] { heddle::stop_the_world(wait); }); }), status_2, told);
  };
  everywhere([] { (void)heddle::chan<int>().recv(); });
  everywhere([] { (void)heddle::chan<int>().recv_for(std::chrono::hours(1)); });
  everywhere([] { heddle::yield(); });
  everywhere([] { heddle::gosched(); });
}

TEST(MisuseDeathTest, what_was_printed_before_is_not_lost) {
  EXPECT_EXIT(
      {
        dup2(STDERR_FILENO, STDOUT_FILENO);
        std::printf("half a line");
        (void)run_on(1, [] { heddle::mutex().unlock(); });
      },
      status_2, "half a line");
}

// ---------------------------------------------------------------------------------------------------------- exceptions

TEST(UncaughtDeathTest, an_exception_leaves_a_goroutine) {
  EXPECT_EXIT((void)run_on(2,
                           [] {
                             heddle::wait_group wg;
                             wg.go([] { throw std::runtime_error("no such luck"); });
                             wg.wait();
                           }),
              status_2, "fatal error: an exception has left goroutine [0-9]+: no such luck\n");
  EXPECT_EXIT((void)run_on(1, [] { throw 42; }), status_2, "an exception has left goroutine 1: not a std::exception\n");
  EXPECT_EXIT((void)run_on(1, []() -> int { throw std::logic_error("in main"); }), status_2, "goroutine 1: in main\n");
}

// ------------------------------------------------------------------------------------------------------------ deadlock

constexpr const char *asleep = "fatal error: all goroutines are asleep - deadlock!\n";

TEST(DeadlockDeathTest, main_alone) {
  for (const int procs : {1, 2, 4}) {
    EXPECT_EXIT((void)run_on(procs, [] { (void)heddle::chan<int>().recv(); }), status_2, asleep);
    EXPECT_EXIT((void)run_on(procs, [] { (void)heddle::chan<int>().recv(); }), status_2,
                "\ngoroutine 1 \\[chan receive\\] \\(main\\)\n");
  }
}

TEST(DeadlockDeathTest, names_every_goroutine_and_what_it_waits_for) {
  for (const int procs : {1, 2, 4})
    EXPECT_EXIT((void)run_on(procs,
                             [] {
                               heddle::chan<int> in, out;
                               heddle::mutex mu;
                               heddle::wait_group wg(1);
                               mu.lock();
                               const auto start = [](auto f) {  // one at a time, so that their numbers follow
                                 heddle::go(f);
                                 heddle::gosched();
                               };
                               start([&] { (void)in.recv(); });
                               start([&] { out.send(1); });
                               start([&] { mu.lock(); });
                               wg.wait();
                             }),
                status_2,
                "all goroutines are asleep - deadlock!\n"
                "\ngoroutine 1 \\[wait_group wait\\] \\(main\\)\n  --> wait_group 0x[0-9a-f]+, 1 to be done\n.*"
                "\ngoroutine [0-9]+ \\[chan receive\\]\n  --> receive from chan 0x[0-9a-f]+, unbuffered\n.*"
                "\ngoroutine [0-9]+ \\[chan send\\]\n  --> send on chan 0x[0-9a-f]+, unbuffered\n.*"
                "\ngoroutine [0-9]+ \\[mutex lock\\]\n  --> mutex 0x[0-9a-f]+");
}

TEST(DeadlockDeathTest, on_one_p_goroutines_are_numbered_from_1) {
  EXPECT_EXIT((void)run_on(1,
                           [] {
                             heddle::chan<int> c;
                             for (int i = 0; i < 3; ++i) heddle::go([&] { (void)c.recv(); });
                             c.send(1);
                             (void)c.recv();
                             heddle::mutex mu;
                             mu.lock();
                             mu.lock();
                           }),
              status_2,
              "goroutine 1 \\[chan receive\\] \\(main\\)\n.*\ngoroutine [23] \\[chan receive\\]\n.*"
              "\ngoroutine [34] \\[chan receive\\]\n");
}

TEST(DeadlockDeathTest, is_found_after_a_busy_life) {
  for (const int procs : {1, 2, 4, 8})
    EXPECT_EXIT((void)run_on(procs,
                             [] {
                               heddle::wait_group wg;
                               heddle::chan<int> c(2);
                               for (int i = 0; i < 200; ++i)
                                 wg.go([&, i] {
                                   heddle::gosched();
                                   if (i % 2 == 0)
                                     c.send(i);
                                   else
                                     (void)c.recv();
                                 });
                               wg.wait();
                               wg.add(1);
                               wg.wait();
                             }),
                status_2, "deadlock!\n\ngoroutine 1 \\[wait_group wait\\] \\(main\\)\n");
}

TEST(DeadlockDeathTest, is_found_with_fewer_threads_than_ps) {
  heddle::options o = with_procs(8);
  for (const int threads : {1, 2, 3}) {
    o.threads_max = threads;
    EXPECT_EXIT((void)heddle::run(
                    [] {
                      heddle::chan<int> c;
                      for (int i = 0; i < 20; ++i)
                        heddle::go([&] {
                          heddle::gosched();
                          (void)c.recv();
                        });
                      (void)c.recv();
                    },
                    o),
                status_2, asleep);
  }
}

TEST(Deadlock, is_not_seen_where_work_goes_on) {
  for (const int procs : {1, 2, 3, 4}) {
    EXPECT_EQ(run_on(procs,
                     [] {
                       for (int round = 0; round < 300; ++round) {
                         const heddle::chan<int> c;
                         heddle::go([&] {
                           if (round % 3 == 0) heddle::gosched();
                           if (round % 50 == 0)
                             std::this_thread::sleep_for(std::chrono::milliseconds(1));  // all others fall asleep
                           c.send(round);
                         });
                         EXPECT_EQ(c.recv(), round);
                       }
                     }),
              0);
  }
}

TEST(Deadlock, is_not_seen_once_a_thread_outside_has_started_a_goroutine) {
  for (const int procs : {1, 2}) {
    heddle::runtime rt(with_procs(procs));
    heddle::wait_group wg(1);
    std::thread outside([&] {
      std::atomic<bool> ran{false};
      rt.go([&] { ran.store(true); });
      EXPECT_TRUE(heddle_test::wait_until([&] { return ran.load(); }));
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      rt.go([&] { wg.done(); });
    });
    std::atomic<bool> started{false};
    EXPECT_EQ(rt.run([&] {
      // As long as no thread outside has started a goroutine, main must not sleep: that would be a deadlock as far as
      // the runtime can see.
      while (rt.stats().spawned < 2) heddle::gosched();
      started.store(true);
      wg.wait();
    }),
              0);
    outside.join();
  }
}

TEST(Deadlock, is_not_looked_for_where_the_options_say_so) {
  for (const int procs : {1, 2}) {
    heddle::options o = with_procs(procs);
    o.detect_deadlock = false;
    EXPECT_EQ(heddle::run(
                  [] {
                    heddle::wait_group wg(1);
                    std::thread outside([&] {
                      std::this_thread::sleep_for(std::chrono::milliseconds(30));
                      wg.done();
                    });
                    wg.wait();
                    outside.join();
                  },
                  o),
              0);
  }
}

}  // namespace
