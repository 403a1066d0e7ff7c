// Goroutines that are locked to their thread: nesting, the end of the thread, and what others see of it. The names
// TestLockOSThread... are those of Go's tests.
#include <sys/prctl.h>
#include <csignal>
#include <cstring>
#include <string>
#include <vector>

#include "runtime/test/test_support.hpp"

namespace {

using heddle::lock_os_thread;
using heddle::unlock_os_thread;
using heddle_test::run_on;
using heddle_test::thread_id;
using heddle_test::tsan;
using heddle_test::wait_until;
using heddle_test::with_procs;

bool exists(long tid) { return syscall(SYS_tgkill, getpid(), tid, 0) == 0; }

bool locked() { return heddle::detail::getm()->lockedg.get() != nullptr; }

// It runs on this thread and no other, whatever happens.
void expect_stays(int turns) {
  const long thread = thread_id();
  for (int i = 0; i < turns; ++i) {
    switch (i % 4) {
      case 0: heddle::yield(); break;
      case 1: heddle::gosched(); break;
      case 2: heddle::blocking([] { std::this_thread::yield(); }); break;
      default: {
        heddle::wait_group wg;
        wg.go([] {});
        wg.wait();
      }
    }
    ASSERT_EQ(thread_id(), thread);
  }
}

TEST(LockOSThread, TestLockOSThreadNesting) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       heddle::wait_group wg;
                       wg.go([] {
                         EXPECT_FALSE(locked());
                         lock_os_thread();
                         lock_os_thread();
                         EXPECT_TRUE(locked());
                         unlock_os_thread();
                         EXPECT_TRUE(locked());
                         expect_stays(20);
                         unlock_os_thread();
                         EXPECT_FALSE(locked());
                         unlock_os_thread();  // one too many does nothing
                         lock_os_thread();
                         EXPECT_TRUE(locked());
                         unlock_os_thread();
                         EXPECT_FALSE(locked());
                         heddle::gosched();
                       });
                       wg.wait();
                     }),
              0);
}

TEST(LockOSThread, many_at_once_stay_where_they_are) {
  for (const int procs : {1, 2, 4})
    EXPECT_EQ(run_on(procs,
                     [] {
                       heddle::wait_group wg;
                       for (int i = 0; i < 10; ++i)
                         wg.go([] {
                           for (int k = 0; k < 5; ++k) {
                             lock_os_thread();
                             expect_stays(20);
                             unlock_os_thread();
                             heddle::gosched();
                           }
                         });
                       wg.wait();
                     }),
              0);
}

TEST(LockOSThread, nothing_else_runs_there) {
  EXPECT_EQ(run_on(2,
                   [] {
                     std::atomic<long> mine{0};
                     std::atomic<bool> over{false};
                     heddle::wait_group wg;
                     for (int i = 0; i < 4; ++i)
                       wg.go([&] {
                         while (!over.load()) {
                           EXPECT_NE(thread_id(), mine.load());
                           heddle::gosched();
                         }
                       });
                     wg.go([&] {
                       lock_os_thread();
                       mine.store(thread_id());
                       expect_stays(300);
                       mine.store(0);
                       over.store(true);
                       unlock_os_thread();
                     });
                     wg.wait();
                   }),
            0);
}

TEST(LockOSThread, locking_and_unlocking_within_a_call) {
  EXPECT_EQ(run_on(2,
                   [] {
                     heddle::wait_group wg;
                     for (int i = 0; i < 4; ++i)
                       wg.go([] {
                         for (int k = 0; k < 50; ++k) {
                           heddle::blocking_long([] {
                             lock_os_thread();
                             std::this_thread::yield();
                           });
                           const long thread = thread_id();
                           heddle::gosched();
                           EXPECT_EQ(thread_id(), thread);
                           heddle::blocking([] {
                             std::this_thread::yield();
                             unlock_os_thread();
                           });
                           EXPECT_FALSE(locked());
                         }
                       });
                     wg.wait();
                   }),
            0);
}

// ----------------------------------------------------------------------------------------------------- end of a thread

// A goroutine that ends locked takes its thread with it; the runtime goes on.
TEST(LockOSThread, TestLockOSThreadExit) {
  for (const int procs : {1, 2, 4}) {
    heddle::runtime rt(with_procs(procs));
    EXPECT_EQ(rt.run([] {
      std::vector<long> gone;
      for (int i = 0; i < 5; ++i) {
        const heddle::chan<long> tid;
        heddle::go([&] {
          lock_os_thread();
          lock_os_thread();
          tid.send(thread_id());
        });
        const long other = tid.recv().value();
        // If it was on main's own thread, that thread waits for the end of the runtime.
        if (other != getpid()) gone.push_back(other);
      }
      for (const long tid : gone) {
        EXPECT_TRUE(wait_until([tid] {
          heddle::blocking([] { std::this_thread::sleep_for(std::chrono::milliseconds(1)); });
          return !exists(tid);
        })) << tid;
        EXPECT_NE(thread_id(), tid);
      }
      expect_stays(0);
    }),
              0);
    EXPECT_EQ(rt.stats().goroutines, 0u);
  }
}

// The first thread is the caller's: whatever ends there locked, run returns on it.
TEST(LockOSThread, main_may_end_locked) {
  for (const int procs : {1, 2}) {
    const long thread = thread_id();
    EXPECT_EQ(run_on(procs,
                     [thread] {
                       lock_os_thread();
                       EXPECT_EQ(thread_id(), thread);
                       expect_stays(20);
                       return 3;
                     }),
              3);
    EXPECT_EQ(thread_id(), thread);
    EXPECT_EQ(run_on(procs, [] { return 4; }), 4);
  }
}

TEST(LockOSThread, another_goroutine_may_end_locked_on_main_s_thread) {
  for (const int procs : {1, 2, 4}) {
    const long thread = thread_id();
    bool was_there = false;
    for (int tries = 0; tries < 200 && !was_there; ++tries)
      EXPECT_EQ(run_on(procs,
                       [&] {
                         heddle::wait_group wg;
                         wg.go([&] {
                           lock_os_thread();
                           was_there = thread_id() == thread;
                         });
                         wg.wait();
                         for (int i = 0; i < 10; ++i) {
                           heddle::wait_group more;
                           for (int k = 0; k < 4; ++k) more.go([] { heddle::gosched(); });
                           more.wait();
                         }
                         EXPECT_TRUE(!was_there || thread_id() != thread);
                         return 5;
                       }),
                5);
    EXPECT_TRUE(was_there) << procs << " Ps";
  }
}

TEST(LockOSThread, threads_that_end_are_replaced) {
  for (const int procs : {1, 2}) {
    heddle::runtime rt(with_procs(procs));
    EXPECT_EQ(rt.run([] {
      for (int i = 0; i < (tsan ? 30 : 300); ++i) {
        heddle::wait_group wg;
        for (int k = 0; k < 3; ++k)
          wg.go([k] {
            lock_os_thread();
            if (k == 0) heddle::gosched();
          });
        wg.wait();
      }
      EXPECT_LT(heddle::stats().threads, 40);
    }),
              0);
  }
}

// ----------------------------------------------------------------------------------------------------- what others see

struct traces {
  bool blocked;
  std::string name;
};

traces traces_here() {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  char name[16] = "";
  prctl(PR_GET_NAME, name);
  return {sigismember(&mask, SIGWINCH) == 1, name};
}

void leave_traces() {
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGWINCH);
  pthread_sigmask(SIG_BLOCK, &mask, nullptr);
  prctl(PR_SET_NAME, "tainted");
}

// Runs on n Ms at once, so that threads are started if there are none yet.
void expect_no_traces_on(int n) {
  std::atomic<int> in{0};
  heddle::wait_group wg;
  for (int i = 0; i < n; ++i)
    wg.go([&] {
      in.fetch_add(1);
      while (in.load() < n) std::this_thread::yield();
      const traces t = traces_here();
      EXPECT_FALSE(t.blocked);
      EXPECT_NE(t.name, "tainted");
    });
  wg.wait();
}

TEST(LockOSThread, TestLockOSThreadAvoidsStatePropagation) {
  for (int round = 0; round < 5; ++round)
    EXPECT_EQ(run_on(4,
                     [] {
                       heddle::wait_group wg;
                       wg.go([] {
                         lock_os_thread();
                         if (thread_id() == getpid()) return;  // the caller's own thread, which the caller keeps
                         leave_traces();
                         expect_no_traces_on(3);
                         heddle::blocking_long([] {
                           for (int i = 0; i < 3; ++i) heddle::go([] { EXPECT_FALSE(traces_here().blocked); });
                         });
                         EXPECT_TRUE(traces_here().blocked);
                       });
                       wg.wait();
                       expect_no_traces_on(4);
                     }),
              0);
}

// What a thread outside has done to itself does not reach the runtime's threads either.
TEST(LockOSThread, threads_are_not_clones_of_the_one_that_submits) {
  heddle::runtime rt(with_procs(4));
  std::thread([&] {
    leave_traces();
    const heddle::chan<bool> done;
    rt.go([&] {
      expect_no_traces_on(4);
      done.send(true);
    });
    EXPECT_EQ(done.recv(), true);
  }).join();
}

// The first lock, and the first thread that must be started because of it, at the same moment.
TEST(LockOSThread, TestLockOSThreadTemplateThreadRace) {
  for (int round = 0; round < (tsan ? 20 : 100); ++round)
    EXPECT_EQ(run_on(2 + round % 3,
                     [] {
                       heddle::wait_group wg;
                       for (int i = 0; i < 4; ++i)
                         wg.go([] {
                           lock_os_thread();
                           heddle::wait_group inner;
                           inner.go([] { lock_os_thread(); });
                           inner.wait();
                         });
                       wg.wait();
                     }),
              0);
}

}  // namespace
