// A runtime's life: run, go, shutdown, options and the environment, closures, figures, several runtimes at once and one
// after another.
#include <dirent.h>
#include <sys/resource.h>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/test/test_support.hpp"

#ifdef HEDDLE_TSAN
// The children of death tests need not wait for reports about threads that have not quite ended.
extern "C" const char *__tsan_default_options() { return "atexit_sleep_ms=0"; }
#endif

namespace {

using heddle::options;
using heddle::runtime;
using heddle_test::abandoned_on_purpose;
using heddle_test::child_exit;
using heddle_test::run_on;
using heddle_test::wait_until;
using heddle_test::with_procs;

std::size_t threads_now() {
  std::size_t n = 0;
  DIR *dir = opendir("/proc/self/task");
  while (const dirent *entry = readdir(dir)) n += entry->d_name[0] != '.';
  closedir(dir);
  return n;
}

std::size_t maps_now() {
  std::ifstream file("/proc/self/maps");
  std::size_t n = 0;
  for (std::string line; std::getline(file, line);) ++n;
  return n;
}

// ----------------------------------------------------------------------------------------------------------------- run

TEST(Run, returns_what_f_returns) {
  EXPECT_EQ(run_on(1, [] { return 42; }), 42);
  EXPECT_EQ(run_on(2, [] {}), 0);
  EXPECT_EQ(run_on(2, [] { return true; }), 1);
  EXPECT_EQ(runtime(with_procs(1)).run([n = 3]() mutable { return ++n; }), 4);
}

TEST(Run, takes_functions_and_objects_that_cannot_be_copied) {
  static int ran;
  ran = 0;
  struct once {
    once() = default;
    once(const once &) = delete;
    int operator()() const { return ++ran; }
  };
  const once f;
  EXPECT_EQ(run_on(1, f), 1);
  EXPECT_EQ(run_on(
                1, +[] { return ++ran; }),
            2);
}

TEST(Run, is_on_a_goroutine_with_number_1) {
  for (const int procs : {1, 4}) {
    EXPECT_EQ(run_on(procs,
                     [procs] {
                       EXPECT_EQ(heddle::goid(), 1u);
                       EXPECT_EQ(heddle::procs(), procs);
                       EXPECT_EQ(heddle::num_goroutine(), 1u);
                       heddle::wait_group wg;
                       std::uint64_t other = 0;
                       wg.go([&] { other = heddle::goid(); });
                       wg.wait();
                       EXPECT_GT(other, 1u);
                     }),
              0);
  }
}

TEST(Run, main_is_number_1_also_where_others_were_first) {
  runtime rt(with_procs(2));
  std::atomic<int> ran{0};
  for (int i = 0; i < 3; ++i)
    rt.go([&ran] {
      EXPECT_NE(heddle::goid(), 1u);
      ran.fetch_add(1);
    });
  EXPECT_EQ(rt.run([&] {
    EXPECT_EQ(heddle::goid(), 1u);
    while (ran.load() != 3) heddle::gosched();
  }),
            0);
}

TEST(Run, many_runtimes_one_after_another_leave_nothing_behind) {
  const auto one = [](int procs) {
    std::atomic<int> ran{0};
    EXPECT_EQ(run_on(procs,
                     [&] {
                       heddle::wait_group wg;
                       for (int i = 0; i < 10; ++i)
                         wg.go([&] {
                           heddle::gosched();
                           ran.fetch_add(1);
                         });
                       wg.wait();
                       return procs;
                     }),
              procs);
    EXPECT_EQ(ran.load(), 10);
  };
  for (int i = 0; i < 30; ++i) one(4);  // the C library keeps the stacks and arenas of some threads
  const std::size_t threads = threads_now(), maps = maps_now();
  for (int i = 0; i < 300; ++i) one(1 + i % 4);
  EXPECT_TRUE(wait_until([&] { return threads_now() <= threads; }))
      << threads_now() << " threads, there were " << threads;
  EXPECT_LE(maps_now(), maps + 60);
}

TEST(Run, two_at_once_from_two_threads) {
  std::atomic<int> in{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t)
    threads.emplace_back([&, t] {
      EXPECT_EQ(run_on(2,
                       [&, t] {
                         in.fetch_add(1);
                         while (in.load() < 2) heddle::gosched();  // both are running
                         std::atomic<int> sum{0};
                         heddle::wait_group wg;
                         for (int i = 1; i <= 100; ++i)
                           wg.go([&, i] {
                             heddle::yield();
                             sum.fetch_add(i);
                           });
                         wg.wait();
                         EXPECT_EQ(sum.load(), 5050);
                         while (heddle::num_goroutine() != 1) heddle::gosched();  // the last ones have not quite ended
                         return t;
                       }),
                t);
    });
  for (std::thread &t : threads) t.join();
}

TEST(Run, a_channel_may_join_two_runtimes) {
  options o = with_procs(2);
  o.detect_deadlock = false;  // neither sees the other's goroutines
  const heddle::chan<int> there, back;
  std::thread other([&] {
    EXPECT_EQ(heddle::run(
                  [&] {
                    for (const int v : there) back.send(v + 1);
                  },
                  o),
              0);
  });
  EXPECT_EQ(heddle::run(
                [&] {
                  for (int i = 0; i < 200; ++i) {
                    there.send(i);
                    EXPECT_EQ(back.recv(), i + 1);
                  }
                  there.close();
                },
                o),
            0);
  other.join();
}

TEST(Run, one_runtime_after_its_run_does_not_disturb_another_one_s_threads) {
  auto first = std::make_unique<runtime>(with_procs(4));
  first->run([] {
    heddle::wait_group wg;
    for (int i = 0; i < 50; ++i) wg.go([] { heddle::gosched(); });
    wg.wait();
  });
  // The C library gives the handles of ended threads to new ones.
  EXPECT_EQ(run_on(4,
                   [&] {
                     heddle::wait_group wg;
                     std::atomic<bool> over{false};
                     for (int i = 0; i < 3; ++i)
                       wg.go([&] {
                         while (!over.load()) heddle::gosched();
                       });
                     std::thread destroyer([&] { first.reset(); });
                     destroyer.join();
                     over.store(true);
                     wg.wait();
                     return 7;
                   }),
            7);
}

// --------------------------------------------------------------------------------------------------------- go,
// shutdown

TEST(Go, from_threads_outside_without_run) {
  for (const int procs : {1, 2, 4}) {
    std::atomic<int> ran{0};
    runtime rt(with_procs(procs));
    EXPECT_EQ(rt.procs(), procs);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 100; ++i)
          rt.go([&] {
            heddle::go([&] { ran.fetch_add(1); });
            heddle::yield();
            ran.fetch_add(1);
          });
      });
    for (std::thread &t : threads) t.join();
    EXPECT_TRUE(wait_until([&] { return ran.load() == 800; })) << ran.load();
    rt.shutdown();
    EXPECT_EQ(rt.stats().goroutines, 0u);
    EXPECT_EQ(rt.stats().spawned, 800u);
  }
}

TEST(Go, before_and_during_run) {
  for (const int procs : {1, 2, 4}) {
    std::atomic<int> ran{0};
    runtime rt(with_procs(procs));
    for (int i = 0; i < 50; ++i) rt.go([&] { ran.fetch_add(1); });
    std::thread outside([&] {
      for (int i = 0; i < 50; ++i) rt.go([&] { ran.fetch_add(1); });
    });
    EXPECT_EQ(rt.run([&] {
      for (int i = 0; i < 50; ++i) rt.go([&] { ran.fetch_add(1); });  // on a goroutine as well
      while (ran.load() != 150) heddle::gosched();
      return 5;
    }),
              5);
    outside.join();
    EXPECT_EQ(ran.load(), 150);
  }
}

TEST(Go, from_a_goroutine_of_another_runtime) {
  runtime other(with_procs(1));
  std::atomic<int> ran{0};
  EXPECT_EQ(run_on(1,
                   [&] {
                     for (int i = 0; i < 20; ++i) other.go([&] { ran.fetch_add(1); });
                   }),
            0);
  EXPECT_TRUE(wait_until([&] { return ran.load() == 20; }));
}

TEST(Go, a_sleeping_runtime_wakes_up) {
  runtime rt(with_procs(2));
  for (int i = 0; i < 20; ++i) {
    std::atomic<bool> ran{false};
    rt.go([&] { ran.store(true); });
    EXPECT_TRUE(wait_until([&] { return ran.load(); }));
    if (i % 4 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(3));
  }
}

TEST(Shutdown, abandons_what_is_parked) {
  runtime rt(with_procs(2));
  const heddle::chan<int> never;
  std::atomic<int> destroyed{0};
  EXPECT_EQ(rt.run([&] {
    for (int i = 0; i < 100; ++i)
      heddle::go([&] {
        struct flag {
          std::atomic<int> &count;
          ~flag() { count.fetch_add(1); }
        };
        const flag f{destroyed};
        (void)never.recv();
      });
    while (heddle::stats().parks < 100) heddle::gosched();
    return 3;
  }),
            3);
  EXPECT_EQ(rt.stats().goroutines, 100u);
  EXPECT_EQ(rt.stats().spawned, 101u);
  EXPECT_EQ(destroyed.load(), 0);
  rt.shutdown();
  rt.shutdown();
  EXPECT_EQ(rt.stats().goroutines, 100u);
}

// What waits for the end of goroutines may outlive their runtime: it does not wait for those that never come to an end.
TEST(Shutdown, scopes_and_tasks_that_outlive_it_have_ended) {
  heddle::scope s;
  heddle::task<int> parked, runnable, done;
  std::atomic<bool> waited{false};
  std::thread outside;
  static const heddle::chan<int> nothing;  // an abandoned goroutine's own would leak with it
  heddle::task_local<std::unique_ptr<int, void (*)(int *)>> waits([] {
    return std::unique_ptr<int, void (*)(int *)>(new int(1), [](int *p) {
      delete p;
      (void)nothing.recv();
    });
  });
  run_on(1, [&] {
    s.spawn([] { (void)nothing.recv(); });
    s.spawn([&] {
      const abandoned_on_purpose value;
      (void)waits.get();  // abandoned in a destructor, after it has told the scope of its end
    });
    parked = heddle::spawn([] { return nothing.recv().value_or(1); });
    done = heddle::spawn([] { return 7; });
    heddle::yield();
    heddle::yield();
    outside = std::thread([&] {
      s.wait();
      waited = true;
    });
    heddle::blocking([] { std::this_thread::sleep_for(std::chrono::milliseconds(20)); });
    EXPECT_FALSE(waited);
    s.spawn([] {});
    runnable = heddle::spawn([] { return 2; });
  });
  outside.join();
  s.wait();
  EXPECT_TRUE(parked.done() && runnable.done());
  EXPECT_THROW(parked.get(), std::runtime_error);
  EXPECT_EQ(done.get(), 7);
  const heddle::task<int> gone = std::move(runnable);  // and is destroyed
  run_on(1, [&] {
    s.spawn([] {});
    s.wait();
  });
}

TEST(Shutdown, abandons_what_is_runnable) {
  for (const int procs : {1, 2}) {
    runtime rt(with_procs(procs));
    std::atomic<std::uint64_t> ran{0};
    EXPECT_EQ(rt.run([&] {
      for (int i = 0; i < 1000; ++i) heddle::go([&] { ran.fetch_add(1); });
    }),
              0);
    EXPECT_EQ(rt.stats().goroutines + ran.load(), 1000u);
  }
}

TEST(Shutdown, of_a_runtime_that_never_ran) {
  { const runtime rt(with_procs(4)); }
  runtime rt(with_procs(4));
  rt.shutdown();
  EXPECT_EQ(rt.stats().spawned, 0u);
  EXPECT_EQ(rt.stats().threads, 0);
}

TEST(Shutdown, waits_for_whoever_computes) {
  std::atomic<bool> started{false}, ended{false};
  EXPECT_EQ(run_on(2,
                   [&] {
                     heddle::go([&] {
                       started.store(true);
                       std::this_thread::sleep_for(std::chrono::milliseconds(30));
                       ended.store(true);
                     });
                     while (!started.load()) heddle::detail::cpu_relax();
                   }),
            0);
  EXPECT_TRUE(ended.load());
}

// -------------------------------------------------------------------------------------------------------------
// closures

TEST(Closure, may_be_move_only_and_is_destroyed_at_its_end) {
  auto alive = std::make_shared<int>(0);
  EXPECT_EQ(run_on(1,
                   [&] {
                     auto p = std::make_unique<int>(7);
                     int got = 0;
                     heddle::go([p = std::move(p), alive, &got] { got = *p; });
                     EXPECT_EQ(alive.use_count(), 2);
                     heddle::yield();
                     EXPECT_EQ(got, 7);
                     EXPECT_EQ(alive.use_count(), 1);
                     const auto kept = [alive] {};
                     heddle::go(kept);  // copied
                     EXPECT_EQ(alive.use_count(), 3);
                     heddle::yield();
                     EXPECT_EQ(alive.use_count(), 2);
                   }),
            0);
  EXPECT_EQ(alive.use_count(), 1);
}

template <std::size_t Align>
void check_aligned() {
  struct alignas(Align) aligned {
    std::array<unsigned char, 2 * Align> bytes{};
  };
  std::atomic<int> right{0};
  EXPECT_EQ(run_on(1,
                   [&] {
                     for (int i = 0; i < 40; ++i) {
                       aligned a;
                       a.bytes.fill(static_cast<unsigned char>(i));
                       heddle::go([a, i, &right] {
                         heddle::yield();
                         const bool ok =
                             reinterpret_cast<std::uintptr_t>(&a) % Align == 0 &&
                             std::all_of(a.bytes.begin(), a.bytes.end(), [i](unsigned char b) { return b == i; });
                         right.fetch_add(ok);
                       });
                     }
                     while (heddle::num_goroutine() != 1) heddle::yield();
                   }),
            0);
  EXPECT_EQ(right.load(), 40) << Align;
}

TEST(Closure, may_be_over_aligned) {
  check_aligned<16>();
  check_aligned<64>();
  check_aligned<256>();
  check_aligned<2048>();
}

struct throws_when_copied {
  throws_when_copied() = default;
  throws_when_copied(const throws_when_copied &) { throw std::runtime_error("no copy"); }
  void operator()() const { ADD_FAILURE() << "runs although it was never made"; }
};

TEST(Closure, that_throws_when_it_is_made_leaves_nothing_behind) {
  EXPECT_EQ(run_on(1,
                   [] {
                     const throws_when_copied bad;
                     for (int i = 0; i < 1000; ++i) EXPECT_THROW(heddle::go(bad), std::runtime_error);
                     EXPECT_EQ(heddle::num_goroutine(), 1u);
                     EXPECT_EQ(heddle::stats().spawned, 1u);
                     heddle::wait_group wg;
                     EXPECT_THROW(wg.go(bad), std::runtime_error);
                     wg.wait();  // not counted
                     bool ran = false;
                     wg.go([&] { ran = true; });
                     wg.wait();
                     EXPECT_TRUE(ran);
                     EXPECT_EQ(heddle::detail::getm()->sched->allglen.get(), heddle::detail::geometry::gblock)
                         << "a g got lost at each throw";
                   }),
            0);
  runtime rt(with_procs(1));
  const throws_when_copied bad;
  EXPECT_THROW(rt.go(bad), std::runtime_error);
  EXPECT_EQ(rt.stats().spawned, 0u);
}

template <std::size_t Size>
struct heavy {
  std::array<unsigned char, Size> bytes{};
  std::atomic<int> *out;
  void operator()() const { out->fetch_add(bytes[0] + bytes[Size - 1]); }
};

TEST(Closure, large_ones_fit_or_are_refused) {
  constexpr std::size_t stack_size = heddle::detail::geometry::stack_size;
  std::atomic<int> sum{0};
  runtime rt(with_procs(1));
  const auto fits = std::make_unique<heavy<stack_size / 2>>();
  fits->bytes.fill(1);
  fits->out = &sum;
  rt.go(*fits);
  EXPECT_TRUE(wait_until([&] { return sum.load() == 2; }));
  const auto too_large = std::make_unique<heavy<stack_size>>();
  too_large->bytes.fill(2);
  too_large->out = &sum;
  EXPECT_THROW(rt.go(*too_large), std::bad_alloc);
  EXPECT_EQ(rt.stats().spawned, 1u);
  rt.go(*too_large, 4 * stack_size);
  EXPECT_TRUE(wait_until([&] { return sum.load() == 6; }));
  EXPECT_THROW(rt.go([] {}, ~std::size_t{0}), std::bad_alloc);
  EXPECT_THROW(rt.go([] {}, std::size_t{1} << 60), std::bad_alloc);
  rt.shutdown();
  EXPECT_EQ(rt.stats().goroutines, 0u);
  EXPECT_EQ(rt.stats().spawned, 2u);
}

// --------------------------------------------------------------------------------------------------------------
// figures

TEST(Figures, add_up) {
  runtime rt(with_procs(2));
  EXPECT_EQ(rt.run([] {
    heddle::wait_group wg;
    for (int i = 0; i < 100; ++i) wg.go([] { heddle::yield(); });
    wg.wait();
    const heddle::statistics s = heddle::stats();
    EXPECT_EQ(s.procs, 2);
    EXPECT_GE(s.threads, 1);
    EXPECT_EQ(s.spawned, 101u);
    EXPECT_GE(s.executes, 200u);
    EXPECT_LE(s.steals, s.stolen);
  }),
            0);
  EXPECT_EQ(rt.stats().spawned, 101u);
  EXPECT_EQ(rt.stats().goroutines, 0u);
}

// How many threads two Ps need depends on the kernel as well: an M that has given its P up, and is taken off its
// processor before it goes to sleep, is not there when an M is needed in between. With one P no thread is awake to need
// one.
TEST(Figures, one_p_makes_one_thread) {
  runtime rt(with_procs(1));
  EXPECT_EQ(rt.run([] {
    heddle::wait_group wg;
    for (int i = 0; i < 100; ++i) wg.go([] { heddle::yield(); });
    wg.wait();
    EXPECT_EQ(heddle::stats().threads, 1);
  }),
            0);
  EXPECT_EQ(rt.stats().threads, 1);
}

TEST(Figures, every_p_gets_work) {
  runtime rt(with_procs(4));
  EXPECT_EQ(rt.run([] {
    heddle::wait_group wg;
    std::atomic<int> in{0};
    for (int i = 0; i < 4; ++i)
      wg.go([&] {
        in.fetch_add(1);
        while (in.load() != 4) heddle::detail::cpu_relax();  // each on an M of its own
      });
    wg.wait();  // parked: a main that only yields would keep its own P busy, and a goroutine on another P might wait
                // for ever
  }),
            0);
  EXPECT_GE(rt.stats().steals, 1u);
}

// --------------------------------------------------------------------------------------------------------------
// options

TEST(Options, that_cannot_be_had_are_refused) {
  const auto refused = [](options o, const std::string &words) {
    try {
      const runtime rt(o);
      ADD_FAILURE() << "accepted: " << words;
    } catch (const heddle::config_error &e) {
      EXPECT_NE(std::string(e.what()).find(words), std::string::npos) << e.what();
    }
  };
  options o;
  o.procs = -3;
  refused(o, "options.procs=-3");
  o.procs = 1025;
  refused(o, "options.procs=1025");
  o = with_procs(1);
  o.threads_max = -1;
  refused(o, "options.threads_max=-1");
  o = with_procs(1);
  o.stack_size = 1000;
  refused(o, "options.stack_size=1000");
  o.stack_size = std::size_t{2} << 30;
  refused(o, "options.stack_size=2147483648");
}

TEST(Options, run_reports_them_and_returns_2) {
  options o;
  o.procs = -1;
  testing::internal::CaptureStderr();
  EXPECT_EQ(heddle::run([] { return 0; }, o), 2);
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(text, "heddle: options.procs=-1: want a whole number from 1 to 1024\n");
}

TEST(Options, default_is_at_least_one_p) {
  options o;
  o.log = false;
  EXPECT_GE(runtime(o).procs(), 1);
}

TEST(Options, one_thread_may_have_to_do) {
  options o = with_procs(8);
  o.threads_max = 1;
  runtime rt(o);
  std::atomic<int> ran{0};
  EXPECT_EQ(rt.run([&] {
    heddle::wait_group wg;
    for (int i = 0; i < 100; ++i) wg.go([&] { ran.fetch_add(1); });
    wg.wait();
  }),
            0);
  EXPECT_EQ(ran.load(), 100);
  EXPECT_EQ(rt.stats().threads, 1);
}

[[noreturn]] void run_without_address_space() {
  options o = with_procs(1);
  o.stack_size = std::size_t{1} << 30;
  {
    runtime rt(o);
    const rlimit limit{std::size_t{512} << 20, std::size_t{512} << 20};
    setrlimit(RLIMIT_AS, &limit);
    try {
      rt.run([] {});
    } catch (const std::bad_alloc &) {
      std::fputs("thrown\n", stderr);
    }
  }
  child_exit(7);
}

TEST(OptionsDeathTest, no_memory_for_the_main_stack_is_thrown_and_the_runtime_can_go) {
  if (heddle_test::asan || heddle_test::tsan) {  // these need terabytes of address space; the stack can be had then
    options o = with_procs(1);
    o.stack_size = std::size_t{1} << 30;
    EXPECT_EQ(heddle::run([] { return 1; }, o), 1);
  } else {
    EXPECT_EXIT(run_without_address_space(), testing::ExitedWithCode(7), "thrown");
  }
}

// ----------------------------------------------------------------------------------------------------------
// environment

// Runs f in a child process, whose exit status is the number of Ps, or 200 + what heddle::run returned.
[[noreturn]] void procs_by_environment(const char *heddle_procs, const char *gomaxprocs) {
  if (heddle_procs != nullptr)
    setenv("HEDDLE_PROCS", heddle_procs, 1);
  else
    unsetenv("HEDDLE_PROCS");
  if (gomaxprocs != nullptr)
    setenv("GOMAXPROCS", gomaxprocs, 1);
  else
    unsetenv("GOMAXPROCS");
  options o;
  o.log = false;
  int procs = 0;
  const int status = heddle::run([&] { procs = heddle::procs(); }, o);
  child_exit(status == 0 ? procs : 200 + status);
}

TEST(EnvironmentDeathTest, numbers_are_used) {
  for (const int n : {1, 2, 8}) {
    const std::string text = std::to_string(n);
    EXPECT_EXIT(procs_by_environment(text.c_str(), nullptr), testing::ExitedWithCode(n), "");
    EXPECT_EXIT(procs_by_environment(nullptr, text.c_str()), testing::ExitedWithCode(n), "");
    EXPECT_EXIT(procs_by_environment(text.c_str(), "77"), testing::ExitedWithCode(n), "");
  }
}

TEST(EnvironmentDeathTest, anything_else_is_refused_with_status_2) {
  for (const std::string text : {"0", "-3", "abc", "", "99999999999999999999", "1025", "2x", "1.5"}) {
    EXPECT_EXIT(procs_by_environment(text.c_str(), nullptr), testing::ExitedWithCode(202),
                "heddle: HEDDLE_PROCS=" + text + ": want a whole number from 1 to 1024\n");
  }
}

// It was set for another program: the number of Ps is what it would be without.
TEST(EnvironmentDeathTest, what_is_meant_for_go_is_ignored_with_a_word) {
  for (const std::string text : {"0", "-3", "abc", "", "99999999999999999999", "1025", "2x", "1.5"})
    EXPECT_EXIT(procs_by_environment(nullptr, text.c_str()), testing::ExitedWithCode(heddle::detail::cpus_granted()),
                "^heddle: GOMAXPROCS=" + text + ": want a whole number from 1 to 1024: ignored\n$");
}

TEST(EnvironmentDeathTest, unknown_words_of_debug_are_ignored_with_a_word_that_is_said_once) {
  EXPECT_EXIT(
      {
        setenv("HEDDLE_DEBUG", "gctrace=1,leak=0,schedtrace=often", 1);
        child_exit(run_on(1, [] { return 3; }) + run_on(1, [] { return 4; }));
      },
      testing::ExitedWithCode(7),
      "^heddle: HEDDLE_DEBUG=gctrace=1,leak=0,schedtrace=often: \"gctrace=1\" is none of [^\n]*: ignored\n$");
}

TEST(EnvironmentDeathTest, options_come_before_it) {
  EXPECT_EXIT(
      {
        setenv("HEDDLE_PROCS", "abc", 1);
        child_exit(run_on(3, [] { return heddle::procs(); }));
      },
      testing::ExitedWithCode(3), "");
}

}  // namespace
