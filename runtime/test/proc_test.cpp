// Tests of Go's runtime/proc_test.go, crash_test.go and semasleep_test.go in heddle's terms, under their names:
// progress, parallelism, preemption. Where Go preempts a loop, these are run twice: with a safepoint in it, at which the
// goroutine gives way, and without one, so that its P is taken. Where Go sleeps, these are in blocking(f).
#include <dirent.h>
#include <unistd.h>
#include <csignal>
#include <cstring>
#include <vector>

#include "runtime/test/test_support.hpp"

namespace {

using heddle::blocking;
using heddle_test::run_on;
using heddle_test::wait_until;
using heddle_test::with_procs;
using std::chrono::microseconds;
using std::chrono::milliseconds;

void sleep_for(microseconds time) {
  blocking([time] { std::this_thread::sleep_for(time); });
}

// Waits for others without giving the P away. With fewer CPUs than threads the others need the CPU time of this one.
template <class F>
void spin_until(F &&done) {
  for (unsigned turns = 0; !done(); ++turns) {
    if (turns % 1024 == 1023)
      std::this_thread::yield();
    else
      heddle::detail::cpu_relax();
  }
}

// What a loop does that only looks.
void look(bool at_safepoint) {
  if (at_safepoint)
    heddle::safepoint();
  else
    heddle::detail::cpu_relax();
}

// ------------------------------------------------------------------------------------------------------------ progress

TEST(Proc, TestStopTheWorldDeadlock) {
  EXPECT_EQ(run_on(3,
                   [] {
                     heddle::wait_group wg;
                     int stopped = 0;
                     wg.go([&] {
                       for (int i = 0; i < 300; ++i) heddle::stop_the_world([&] { ++stopped; });
                     });
                     wg.go([] {
                       for (int i = 0; i < 300; ++i) heddle::set_procs(3);
                     });
                     wg.wait();
                     EXPECT_EQ(stopped, 300);
                   }),
            0);
}

void yield_progress(int procs, bool locked) {
  EXPECT_EQ(run_on(procs,
                   [locked] {
                     const heddle::chan<bool> c, ack;
                     heddle::go([&, locked] {
                       if (locked) heddle::lock_os_thread();
                       while (!c.try_recv()) heddle::gosched();
                       ack.send(true);
                     });
                     sleep_for(milliseconds(10));
                     c.send(true);
                     EXPECT_EQ(ack.recv(), true);
                   }),
            0);
}

TEST(Proc, TestYieldProgress) {
  for (const int procs : {1, 2, 4}) yield_progress(procs, false);
}

TEST(Proc, TestYieldLockedProgress) {
  for (const int procs : {1, 2, 4}) yield_progress(procs, true);
}

TEST(Proc, TestYieldLocked) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       const heddle::chan<bool> c;
                       heddle::go([&] {
                         heddle::lock_os_thread();
                         const long thread = heddle_test::thread_id();
                         for (int i = 0; i < 10; ++i) {
                           heddle::gosched();
                           sleep_for(milliseconds(1));
                           EXPECT_EQ(heddle_test::thread_id(), thread);
                         }
                         c.send(true);
                       });
                       EXPECT_EQ(c.recv(), true);
                     }),
              0);
}

TEST(Proc, TestBlockLocked) {
  constexpr int n = 10;
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       const heddle::chan<int> c;
                       heddle::go([&] {
                         heddle::lock_os_thread();
                         for (int i = 0; i < n; ++i) c.send(i);
                         heddle::unlock_os_thread();
                       });
                       for (int i = 0; i < n; ++i) EXPECT_EQ(c.recv(), i);
                     }),
              0);
}

// The pair gets its turn beside a goroutine that never waits.
void ping_pong_hog(bool at_safepoint) {
  EXPECT_EQ(run_on(1,
                   [at_safepoint] {
                     const heddle::chan<bool> ping, pong;
                     std::atomic<bool> over{false};
                     std::uint64_t turns = 0;
                     heddle::wait_group wg;
                     wg.go([&] {
                       for (; !over.load(std::memory_order_relaxed); ++turns) look(at_safepoint);
                     });
                     wg.go([&] {
                       while (ping.recv()) pong.send(true);
                     });
                     for (int i = 0; i < 200; ++i) {
                       ping.send(true);
                       (void)pong.recv();
                     }
                     over.store(true, std::memory_order_relaxed);
                     ping.close();
                     wg.wait();
                     EXPECT_GT(turns, 0u);
                     EXPECT_GE(heddle::stats().hogs, at_safepoint ? 0u : 1u);
                   }),
            0);
}
TEST(Proc, TestPingPongHog) {
  ping_pong_hog(true);
  ping_pong_hog(false);
}

// --------------------------------------------------------------------------------------------------------- parallelism

// Each of p goroutines waits, without giving way, until all the others have had their turn.
void take_turns(std::uint32_t p) {
  std::atomic<std::uint32_t> x{0};
  heddle::wait_group wg;
  for (std::uint32_t who = 0; who < p; ++who)
    wg.go([&x, p, who] {
      for (std::uint32_t round = 0; round < 3; ++round) {
        spin_until([&] { return x.load() == p * round + who; });
        x.store(p * round + who + 1);
      }
    });
  wg.wait();
  EXPECT_EQ(x.load(), 3 * p);
}

TEST(Proc, TestGoroutineParallelism) {
  constexpr std::uint32_t p = 4;
  EXPECT_EQ(run_on(p,
                   [] {
                     for (int i = 0; i < 10; ++i) take_turns(p);
                   }),
            0);
}

TEST(Proc, TestGoroutineParallelism2) {
  constexpr std::uint32_t p = 4;
  for (const bool load : {false, true})
    for (const bool calls : {false, true})
      EXPECT_EQ(run_on(1,
                       [load, calls] {
                         for (int i = 0; i < 10; ++i) {
                           heddle::set_procs(1);
                           if (load) {  // every M has been busy and has gone to sleep again
                             heddle::set_procs(p);
                             heddle::wait_group wg;
                             for (std::uint32_t k = 0; k < p; ++k)
                               wg.go([] {
                                 for (int n = 0; n < 1000; ++n) heddle::safepoint();
                               });
                             wg.wait();
                             sleep_for(milliseconds(1));
                           }
                           if (calls)  // as Go's netpoll: meanwhile one M sleeps elsewhere
                             heddle::go([] { sleep_for(milliseconds(2)); });
                           heddle::set_procs(p);
                           take_turns(p);
                         }
                       }),
                0);
}

TEST(Proc, TestBigGOMAXPROCS) {
  std::atomic<int> ran{0};
  EXPECT_EQ(run_on(heddle::detail::geometry::procs_max,
                   [&] {
                     heddle::wait_group wg;
                     for (int i = 0; i < 2000; ++i) wg.go([&] { ran.fetch_add(1); });
                     wg.wait();
                     heddle::set_procs(1);
                     heddle::set_procs(heddle::detail::geometry::procs_max);
                     EXPECT_EQ(heddle::procs(), heddle::detail::geometry::procs_max);
                   }),
            0);
  EXPECT_EQ(ran.load(), 2000);
}

// ---------------------------------------------------------------------------------------------------------- preemption

// There is one P: each goroutine waits for the other, and only the end of a time slice lets the other run.
void preemption(bool at_safepoint) {
  constexpr std::uint32_t rounds = 5;
  EXPECT_EQ(run_on(1,
                   [at_safepoint] {
                     std::atomic<std::uint32_t> x{0};
                     heddle::wait_group wg;
                     for (std::uint32_t who = 0; who < 2; ++who)
                       wg.go([&x, who, at_safepoint] {
                         for (std::uint32_t i = 0; i < rounds; ++i) {
                           while (x.load() != 2 * i + who) look(at_safepoint);
                           x.store(2 * i + who + 1);
                         }
                       });
                     wg.wait();
                     EXPECT_EQ(x.load(), 2 * rounds);
                   }),
            0);
}
TEST(Proc, TestPreemption) {
  preemption(true);
  preemption(false);
}

// What a goroutine does that no safepoint of heddle's interrupts.
void compute(const std::atomic<bool> &over) {
  while (!over.load(std::memory_order_relaxed)) {
  }
}
struct frame {
  std::atomic<std::uint64_t> calls{0};
};
[[gnu::noinline]] void leaf(frame &f) { f.calls.fetch_add(1, std::memory_order_relaxed); }
void compute_in_leaves(const std::atomic<bool> &over) {
  for (frame f; !over.load(std::memory_order_relaxed);) leaf(f);
}
void compute_in_the_kernel(const std::atomic<bool> &over) {
  while (!over.load(std::memory_order_relaxed)) (void)getppid();
}

// One P; a goroutine on it never calls heddle. Main gets the P back, and gets it to stop.
TEST(Proc, TestAsyncPreempt) {
  for (const auto f : {compute, compute_in_leaves, compute_in_the_kernel})
    EXPECT_EQ(run_on(1,
                     [f] {
                       std::atomic<bool> over{false};
                       const heddle::chan<bool> ready;
                       heddle::wait_group wg;
                       wg.go([&] {
                         ready.send(true);
                         f(over);
                       });
                       (void)ready.recv();
                       heddle::gosched();  // it computes now
                       over.store(true, std::memory_order_relaxed);
                       wg.wait();
                       EXPECT_GE(heddle::stats().hogs, 1u);
                     }),
              0);
}

TEST(Proc, TestPreemptionGC) {
  EXPECT_EQ(run_on(5,
                   [] {
                     std::atomic<bool> over{false};
                     heddle::wait_group wg;
                     for (int i = 0; i < 5; ++i)
                       wg.go([&] {
                         while (!over.load(std::memory_order_relaxed)) heddle::safepoint();
                       });
                     for (int i = 0; i < 10; ++i) {
                       heddle::gosched();
                       heddle::stop_the_world([] {});
                     }
                     over.store(true, std::memory_order_relaxed);
                     wg.wait();
                   }),
            0);
}

// Loops whose only safepoint is the end of a call.
TEST(Proc, TestPreemptionAfterSyscall) {
  for (const int us : {1, 10, 100, 1000})
    EXPECT_EQ(run_on(2,
                     [us] {
                       for (int i = 0; i < 3; ++i) {
                         constexpr int n = 8;
                         const heddle::chan<bool> c(n);
                         std::atomic<bool> over{false};
                         for (int k = 0; k < n; ++k)
                           heddle::go([&] {
                             c.send(true);
                             while (!over.load()) sleep_for(microseconds(us));
                             c.send(true);
                           });
                         for (int k = 0; k < n; ++k) (void)c.recv();
                         over.store(true);
                         for (int k = 0; k < n; ++k) (void)c.recv();
                       }
                     }),
              0);
}

// The world also stops where goroutines do nothing but short calls.
TEST(Proc, TestGCFairness) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       std::atomic<bool> over{false};
                       heddle::wait_group wg;
                       for (int i = 0; i < 2; ++i)
                         wg.go([&] {
                           while (!over.load()) blocking([] { (void)heddle_test::thread_id(); });
                         });
                       for (int i = 0; i < 20; ++i) {
                         heddle::gosched();
                         heddle::stop_the_world([] {});
                       }
                       over.store(true);
                       wg.wait();
                     }),
              0);
}

// ------------------------------------------------------------------------------------------------------------- figures

TEST(Proc, TestNumGoroutine) {
  for (const int procs : {1, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       EXPECT_EQ(heddle::num_goroutine(), 1u);
                       const heddle::chan<int> c;
                       for (std::uint64_t n = 1; n <= 50; ++n) {
                         heddle::go([c] { (void)c.recv(); });  // a channel of its own: the count orders nothing
                         EXPECT_EQ(heddle::num_goroutine(), n + 1);
                       }
                       EXPECT_EQ(heddle::stats().goroutines, 51u);
                       c.close();
                       EXPECT_TRUE(wait_until([] {
                         heddle::gosched();
                         return heddle::num_goroutine() == 1;
                       }));
                     }),
              0);
}

// ------------------------------------------------------------------------------------------------------------- threads

TEST(Proc, TestNewOSProc0) {
  heddle::detail::thread t;
  std::atomic<int> ran{0};
  ASSERT_EQ(
      heddle::detail::thread_start(
          t, [](void *arg) { static_cast<std::atomic<int> *>(arg)->fetch_add(heddle::detail::getm() == nullptr); },
          &ran),
      0);
  heddle::detail::thread_join(t);
  EXPECT_EQ(ran.load(), 1);
}

// Go ends the program. Here threads_max is a bound: calls take turns. Only if every thread is locked to a goroutine
// that waits for one that has no thread can the program not go on, and that is reported.
TEST(ProcDeathTest, TestThreadExhaustion) {
  heddle::options o = with_procs(4);
  o.threads_max = 10;
  EXPECT_EQ(heddle::run(
                [] {
                  heddle::wait_group wg;
                  for (int i = 0; i < 100; ++i) wg.go([] { sleep_for(microseconds(500)); });
                  wg.wait();
                  EXPECT_LE(heddle::stats().threads, 10);
                },
                o),
            0);
  EXPECT_EXIT((void)heddle::run(
                  [] {
                    const heddle::chan<bool> ack;
                    for (int i = 0; i < 20; ++i)
                      heddle::go([&] {
                        heddle::lock_os_thread();
                        ack.send(true);
                        (void)heddle::chan<int>().recv();
                      });
                    heddle::lock_os_thread();
                    for (int i = 0; i < 20; ++i) (void)ack.recv();
                  },
                  o),
              testing::ExitedWithCode(2),
              "fatal error: goroutines can run, but all threads are locked to others and threads_max allows no more - "
              "deadlock!\n");
}

// Asks for the M under a goroutine again and again while the goroutine moves.
TEST(Proc, TestGetgThreadSwitch) {
  EXPECT_EQ(run_on(4,
                   [] {
                     heddle::wait_group wg;
                     for (int i = 0; i < 8; ++i)
                       wg.go([] {
                         const heddle::detail::g *self = heddle::detail::getm()->curg.peek();
                         const std::uint64_t goid = heddle::goid();
                         for (int k = 0; k < 2000; ++k) {
                           if (k % 3 == 0)
                             blocking([] { std::this_thread::yield(); });
                           else
                             heddle::gosched();
                           ASSERT_EQ(heddle::detail::getm()->curg.peek(), self);
                           ASSERT_EQ(heddle::goid(), goid);
                         }
                       });
                     wg.wait();
                   }),
            0);
}

// A signal ends the sleep of a thread early, but must not end the wait for which the thread sleeps.
TEST(Proc, TestSpuriousWakeupsNeverHangSemasleep) {
  struct sigaction restartless {};
  restartless.sa_handler = [](int) {};
  sigaction(SIGUSR2, &restartless, nullptr);
  const long self = heddle_test::thread_id();
  heddle::runtime rt(with_procs(2));
  const heddle::chan<int> there, back;
  rt.go([&] {
    for (const int v : there) {
      sleep_for(microseconds(300));
      back.send(v + 1);
    }
    back.close();
  });
  std::atomic<bool> over{false};
  std::thread storm([&] {
    while (!over.load()) {
      DIR *dir = opendir("/proc/self/task");
      while (const dirent *entry = readdir(dir)) {
        const long tid = std::atol(entry->d_name);
        if (tid != 0 && tid != self) syscall(SYS_tgkill, getpid(), tid, SIGUSR2);
      }
      closedir(dir);
      std::this_thread::sleep_for(microseconds(200));
    }
  });
  for (int i = 0; i < 100; ++i) {
    there.send(i);
    EXPECT_EQ(back.recv(), i + 1);
  }
  there.close();
  EXPECT_EQ(back.recv(), std::nullopt);
  over.store(true);
  storm.join();
  rt.shutdown();
  std::signal(SIGUSR2, SIG_DFL);
}

}  // namespace
