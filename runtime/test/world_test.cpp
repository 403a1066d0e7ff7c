// The world is stopped and started again, there are more and fewer Ps, and a runtime ends in all of that.
#include <sys/resource.h>
#include <cstring>
#include <fstream>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "runtime/test/test_support.hpp"

namespace {

using heddle::blocking;
using heddle::blocking_long;
using heddle_test::child_exit;
using heddle_test::run_in_order;
using heddle_test::run_on;
using heddle_test::tsan;
using heddle_test::wait_until;
using heddle_test::with_procs;

void sleep_ms(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

// Goroutines that count without any lock, giving way at safepoints; the counts stand still while the world is stopped.
class load {
 public:
  explicit load(std::size_t n) : counts_(n) {}
  void start(heddle::wait_group &wg) {
    for (count &c : counts_)
      wg.go([this, &c] {
        while (!over_.load(std::memory_order_relaxed)) {
          for (int i = 0; i < 100; ++i) ++c.value;
          heddle::safepoint();
          if (c.value % 5000 == 0) blocking([] { std::this_thread::yield(); });
          if (c.value % 7000 == 0) heddle::gosched();
        }
      });
  }
  void end() { over_.store(true, std::memory_order_relaxed); }
  // Reads them while the world is stopped.
  std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (const count &c : counts_) sum += c.value;
    return sum;
  }
  void expect_still() const {
    const std::uint64_t before = total();
    for (int i = 0; i < 1000; ++i) heddle::detail::cpu_relax();
    EXPECT_EQ(total(), before);
  }

 private:
  struct alignas(64) count {
    std::uint64_t value = 0;
  };
  std::vector<count> counts_;
  std::atomic<bool> over_{false};
};

// ------------------------------------------------------------------------------------------------------ stop_the_world

TEST(StopTheWorld, from_a_goroutine_under_load) {
  for (const int procs : {1, 2, 4, 8}) {
    load l(8);
    int stops = 0;
    EXPECT_EQ(run_on(procs,
                     [&] {
                       heddle::wait_group wg;
                       l.start(wg);
                       for (; stops < 50; ++stops) {
                         heddle::stop_the_world([&] { l.expect_still(); });
                         if (stops % 3 == 0) heddle::gosched();
                       }
                       l.end();
                       wg.wait();
                     }),
              0);
    EXPECT_EQ(stops, 50);
  }
}

TEST(StopTheWorld, from_within_a_call_and_from_a_locked_thread) {
  for (const int procs : {1, 2, 4}) {
    load l(4);
    EXPECT_EQ(run_on(procs,
                     [&] {
                       heddle::wait_group wg;
                       l.start(wg);
                       for (int i = 0; i < 20; ++i) {
                         blocking([&] { heddle::stop_the_world([&] { l.expect_still(); }); });
                         blocking_long([&] { heddle::stop_the_world([&] { l.expect_still(); }); });
                         heddle::lock_os_thread();
                         heddle::stop_the_world([&] { l.expect_still(); });
                         heddle::unlock_os_thread();
                       }
                       l.end();
                       wg.wait();
                     }),
              0);
  }
}

TEST(StopTheWorld, from_threads_outside) {
  for (const int procs : {1, 2, 4}) {
    load l(4);
    heddle::runtime rt(with_procs(procs));
    heddle::wait_group wg(1);
    rt.go([&] {
      l.start(wg);
      wg.done();
    });
    std::vector<std::thread> threads;
    std::atomic<int> stops{0};
    int plain = 0;  // plain: one party at a time has the world stopped
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 30; ++i)
          rt.stop_the_world([&] {
            l.expect_still();
            ++plain;
            stops.fetch_add(1);
          });
      });
    for (std::thread &t : threads) t.join();
    EXPECT_EQ(stops.load(), 90);
    EXPECT_EQ(plain, 90);
    l.end();
    wg.wait();
  }
}

TEST(StopTheWorld, of_another_runtime) {
  heddle::runtime other(with_procs(2));
  load l(3);
  heddle::wait_group wg(1);
  other.go([&] {
    l.start(wg);
    wg.done();
  });
  EXPECT_EQ(run_on(2,
                   [&] {
                     heddle::wait_group stoppers;
                     for (int i = 0; i < 3; ++i)
                       stoppers.go([&] {
                         for (int k = 0; k < 20; ++k) other.stop_the_world([&] { l.expect_still(); });
                       });
                     stoppers.wait();
                   }),
            0);
  l.end();
  wg.wait();
}

TEST(StopTheWorld, of_a_runtime_in_which_nothing_has_ever_run) {
  heddle::runtime rt(with_procs(4));
  int stops = 0;
  for (; stops < 100; ++stops) rt.stop_the_world([] {});
  rt.set_procs(2);
  EXPECT_EQ(rt.procs(), 2);
  std::atomic<bool> ran{false};
  rt.go([&] { ran.store(true); });
  EXPECT_TRUE(wait_until([&] { return ran.load(); }));
}

TEST(StopTheWorld, what_f_throws_comes_back_after_the_world_runs_again) {
  EXPECT_EQ(run_on(2,
                   [] {
                     EXPECT_THROW(heddle::stop_the_world([] { throw std::runtime_error("stopped"); }),
                                  std::runtime_error);
                     heddle::wait_group wg;
                     wg.go([] {});
                     wg.wait();
                     heddle::stop_the_world([] {});
                   }),
            0);
  heddle::runtime rt(with_procs(2));
  EXPECT_THROW(rt.stop_the_world([] { throw 1; }), int);
  rt.stop_the_world([] {});
}

// Waiting goroutines are woken while the world is stopped; they run after it.
TEST(StopTheWorld, f_may_start_and_wake) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       const heddle::chan<int> c(1);
                       heddle::wait_group wg;
                       std::atomic<bool> stopped{false};
                       for (int i = 0; i < 50; ++i) {
                         wg.go([&, i] {
                           EXPECT_EQ(c.recv(), i);
                           EXPECT_FALSE(stopped.load());
                         });
                         if (i % 2 == 0) heddle::gosched();
                         heddle::stop_the_world([&] {
                           stopped.store(true);
                           EXPECT_TRUE(c.try_send(i));
                           wg.go([&] { EXPECT_FALSE(stopped.load()); });
                           std::this_thread::yield();
                           stopped.store(false);
                         });
                         wg.wait();
                       }
                     }),
              0);
}

TEST(StopTheWorld, waits_for_no_preempt) {
  EXPECT_EQ(run_on(2,
                   [] {
                     std::atomic<int> state{0};
                     heddle::wait_group wg;
                     wg.go([&] {
                       const heddle::no_preempt outer;
                       state.store(1);
                       {
                         const heddle::no_preempt inner;
                         for (int i = 0; i < 20; ++i) {
                           sleep_ms(1);
                           heddle::safepoint();
                         }
                       }
                       heddle::safepoint();
                       state.store(2);
                     });
                     while (state.load() == 0) heddle::gosched();
                     heddle::stop_the_world([&] { EXPECT_EQ(state.load(), 2); });
                     wg.wait();
                   }),
            0);
}

// ----------------------------------------------------------------------------------------------------------- set_procs

TEST(SetProcs, up_and_down_under_load) {
  constexpr unsigned at_once = tsan ? 30 : 300;  // TSan maps memory for each goroutine
  for (const int procs : {1, 2, 4}) {
    std::atomic<std::uint64_t> ran{0};
    EXPECT_EQ(run_on(procs,
                     [&] {
                       heddle::wait_group wg;
                       load l(4);
                       l.start(wg);
                       for (int i = 0; i < 60; ++i) {
                         for (unsigned k = 0; k < at_once; ++k)
                           wg.go([&] {
                             if (ran.fetch_add(1) % 7 == 0) blocking([] { std::this_thread::yield(); });
                             heddle::gosched();
                           });
                         const int n = i % 10 == 9 ? 40 : 1 + i * 5 % 8;
                         if (i % 2 == 0)
                           heddle::set_procs(n);
                         else
                           blocking([n] { heddle::set_procs(n); });
                         EXPECT_EQ(heddle::procs(), n);
                       }
                       l.end();
                       wg.wait();
                     }),
              0);
    EXPECT_EQ(ran.load(), 60u * at_once);
  }
}

// When a P is taken away, its goroutines run before all others, in their order.
TEST(SetProcs, what_waits_on_a_p_that_goes_is_kept_in_order) {
  std::vector<int> order;
  EXPECT_EQ(run_in_order([&order] {
              heddle::wait_group wg;
              for (int i = 0; i < 20; ++i) wg.go([&order, i] { order.push_back(i); });
              heddle::set_procs(1);
              wg.wait();
            }),
            0);
  EXPECT_EQ(order.front(), 19) << "runnext";
  for (int i = 1; i < 20; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i - 1);
}

TEST(SetProcs, as_many_as_asked_for_run_at_once) {
  EXPECT_EQ(run_on(1,
                   [] {
                     for (const int n : {3, 1, 4, 2}) {
                       heddle::set_procs(n);
                       std::atomic<int> in{0}, most{0};
                       heddle::wait_group wg;
                       for (int i = 0; i < 3 * n; ++i)
                         wg.go([&] {
                           const int now = in.fetch_add(1) + 1;
                           for (int seen = most.load(); seen < now && !most.compare_exchange_weak(seen, now);) {
                           }
                           for (int k = 0; k < 1000; ++k) heddle::detail::cpu_relax();
                           in.fetch_sub(1);
                         });
                       wg.wait();
                       EXPECT_LE(most.load(), n);
                       wg.add(n);  // and all of them at once if they wait for each other
                       std::atomic<int> met{0};
                       for (int i = 0; i < n; ++i)
                         heddle::go([&] {
                           met.fetch_add(1);
                           while (met.load() < n) std::this_thread::yield();
                           wg.done();
                         });
                       wg.wait();
                     }
                   }),
            0);
}

TEST(SetProcs, from_threads_outside_and_while_the_world_is_stopped_by_others) {
  heddle::runtime rt(with_procs(2));
  heddle::wait_group wg(1);
  load l(4);
  rt.go([&] {
    l.start(wg);
    wg.done();
  });
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 40; ++i)
        if ((i + t) % 2 == 0)
          rt.set_procs(1 + (i + t) % 6);
        else
          rt.stop_the_world([&] { l.expect_still(); });
    });
  for (std::thread &t : threads) t.join();
  l.end();
  wg.wait();
}

TEST(SetProcsDeathTest, a_number_that_cannot_be_is_misuse) {
  for (const int n : {0, -1, 1025}) {
    EXPECT_EXIT((void)run_on(1, [n] { heddle::set_procs(n); }), testing::ExitedWithCode(2),
                "set_procs: want a number of Ps from 1 to 1024");
    EXPECT_EXIT(heddle::runtime(with_procs(1)).set_procs(n), testing::ExitedWithCode(2),
                "set_procs: want a number of Ps from 1 to 1024");
  }
}

TEST(ForEachP, comes_to_each_once) {
  for (const int procs : {1, 2, 4, 8})
    EXPECT_EQ(run_on(procs,
                     [procs] {
                       heddle::wait_group wg;
                       load l(3);
                       l.start(wg);
                       for (int i = 0; i < 20; ++i) {
                         std::vector<int> visits(static_cast<std::size_t>(procs));
                         const auto visit = [](void *all, heddle::detail::p *pp) {
                           ++(*static_cast<std::vector<int> *>(all))[static_cast<std::size_t>(pp->id)];
                         };
                         const auto all = [&] {
                           heddle::detail::for_each_p(*heddle::detail::getm()->sched, visit, &visits);
                         };
                         if (i % 2 == 0)
                           all();
                         else
                           blocking(all);
                         for (const int v : visits) EXPECT_EQ(v, 1);
                       }
                       l.end();
                       wg.wait();
                     }),
              0);
}

// ------------------------------------------------------------------------------------------------------------- the end

TEST(End, with_goroutines_in_calls_waits_for_them) {
  for (const int procs : {1, 2, 4}) {
    std::atomic<int> in{0}, back{0};
    heddle::runtime rt(with_procs(procs));
    EXPECT_EQ(rt.run([&] {
      for (int i = 0; i < 10; ++i)
        heddle::go([&, i] {
          const auto f = [&] {
            in.fetch_add(1);
            sleep_ms(30);
            back.fetch_add(1);
          };
          if (i % 2 == 0)
            blocking(f);
          else
            blocking_long(f);
        });
      while (in.load() < 10) blocking([] { sleep_ms(1); });
    }),
              0);
    EXPECT_EQ(back.load(), 10);
  }
}

TEST(End, with_goroutines_everywhere) {
  for (const int procs : {1, 2, 4})
    for (int round = 0; round < 20; ++round) {
      heddle::chan<int> never;
      heddle::mutex held;
      heddle::runtime rt(with_procs(procs));
      EXPECT_EQ(rt.run([&] {
        held.lock();
        for (int i = 0; i < 30; ++i)
          heddle::go([&, i] {
            switch (i % 6) {
              case 0: (void)never.recv(); break;
              case 1: held.lock(); break;
              case 2:
                heddle::lock_os_thread();
                (void)never.recv();
                break;
              case 3:
                for (;;) heddle::safepoint();
              case 4:
                heddle::lock_os_thread();
                for (;;) heddle::gosched();
              default:
                for (;;) heddle::stop_the_world([] {});
            }
          });
        if (round % 2 == 0) blocking([] { sleep_ms(1); });
        return round;
      }),
                round);
    }
}

TEST(End, by_shutdown_while_others_use_it) {
  for (int round = 0; round < 20; ++round) {
    auto rt = std::make_unique<heddle::runtime>(with_procs(2));
    std::atomic<bool> over{false};
    int started = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&, t] {
        while (!over.load()) switch (t) {
            case 0:
              if (started++ < 5'000) rt->go([] { blocking([] { std::this_thread::yield(); }); });
              break;
            case 1: rt->stop_the_world([] {}); break;
            default: (void)rt->stats(); break;
          }
      });
    sleep_ms(round % 4);
    rt->shutdown();
    over.store(true);
    for (std::thread &t : threads) t.join();
  }
}

// --------------------------------------------------------------------------------------- what the system does not give

// Runs in a child process with too little address space for another thread's stack, while goroutines go on and on.
[[noreturn]] void run_without_threads(int procs, int calls) {
  heddle::options o = with_procs(procs);
  heddle::runtime rt(o);
  std::ifstream statm("/proc/self/statm");
  std::size_t pages = 0;
  statm >> pages;
  // Room for a slab of stacks (64 MiB), one of gs (16 MiB) and what malloc takes; a thread would take 256 MiB.
  const rlimit limit{pages * 4096 + (std::size_t{160} << 20), RLIM_INFINITY};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, std::size_t{256} << 20);
  pthread_setattr_default_np(&attributes);
  setrlimit(RLIMIT_AS, &limit);
  std::atomic<int> ran{0};
  const int status = rt.run([&] {
    heddle::wait_group wg;
    for (int i = 0; i < 200; ++i)
      wg.go([&, i] {
        heddle::gosched();
        if (i % 20 == 0 && calls != 0) blocking([] { sleep_ms(1); });
        if (i % 50 == 0) heddle::stop_the_world([] {});
        ran.fetch_add(1);
      });
    wg.wait();
    return 3;
  });
  std::fprintf(stderr, "%d of 200 on %d threads\n", ran.load(), rt.stats().threads);
  child_exit(status);
}

TEST(NoThreadsDeathTest, the_runtime_goes_on_with_those_that_it_has) {
  if (heddle_test::asan || tsan) GTEST_SKIP() << "needs terabytes of address space";
  for (const int procs : {1, 2, 8})
    for (const int calls : {0, 1})
      EXPECT_EXIT(run_without_threads(procs, calls), testing::ExitedWithCode(3), "200 of 200 on 1 threads");
}

[[noreturn]] void make_without_threads() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, std::size_t{1} << 40);
  pthread_setattr_default_np(&attributes);
  const rlimit limit{std::size_t{4} << 30, RLIM_INFINITY};
  setrlimit(RLIMIT_AS, &limit);
  child_exit(heddle::run([] { return 0; }, with_procs(2)));
}

TEST(NoThreadsDeathTest, a_runtime_that_gets_none_at_all_says_so) {
  if (heddle_test::asan || tsan) GTEST_SKIP() << "needs terabytes of address space";
  EXPECT_EXIT(make_without_threads(), testing::ExitedWithCode(2), "heddle: the system gives no thread for sysmon: ");
}

}  // namespace
