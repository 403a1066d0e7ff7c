// Objects that outlive runtimes: what one runtime has abandoned does not stand in the way of the next, nor of a thread.
// Every object here is static and is used by several runtimes in turn.
#include <gtest/gtest.h>

#include <chrono>
#include <mutex>
#include <thread>

#include "heddle/heddle.hpp"
#include "sched/status.hpp"

using namespace std::chrono_literals;

namespace {

constexpr int rounds = 3;

// Returns how many goroutines of the calling one's runtime wait.
int parked() {
  int n = 0;
  heddle::detail::each_g(*heddle::detail::getm()->sched, [&n](const heddle::detail::g *gp) {
    n += heddle::detail::readgstatus(gp) == heddle::detail::gstatus::waiting;
  });
  return n;
}

// Runs `waiters` goroutines that call wait and are abandoned there.
template <class F>
void abandon(F wait, int waiters = 3, int procs = 2) {
  heddle::options o;
  o.procs = procs;
  heddle::run(
      [&] {
        for (int i = 0; i < waiters; ++i) heddle::go(wait);
        for (int i = 0; i < 4; ++i) heddle::yield();
        heddle::sleep_for(1ms);
      },
      o);
}

// Calls f in a runtime of its own and on a thread that runs no goroutine.
template <class F>
void use(F f) {
  f();
  EXPECT_EQ(heddle::run(f), 0);
}

TEST(Outlive, ChanOfReceivers) {
  static heddle::chan<int> c;
  for (int i = 0; i < rounds; ++i) {
    abandon([] { c.recv(); });
    use([] { EXPECT_FALSE(c.try_send(1)); });
    abandon([] { (void)c.recv_for(1h); });
    use([] { EXPECT_FALSE(c.try_send(1)); });
  }
}

TEST(Outlive, ChanOfSenders) {
  static heddle::chan<int> c(1);
  for (int i = 0; i < rounds; ++i) {
    abandon([] { c.send(7); });
    use([] {
      EXPECT_EQ(c.size(), 1u);
      EXPECT_EQ(*c.recv(), 7);
      EXPECT_FALSE(c.try_recv().has_value());
      EXPECT_TRUE(c.try_send(7));
    });
    EXPECT_TRUE(c.try_recv().has_value());
  }
}

TEST(Outlive, ChanIsClosed) {
  for (int i = 0; i < rounds; ++i) {
    heddle::chan<int> c;
    abandon([&c] { c.recv(); });
    c.close();
    EXPECT_TRUE(c.try_recv().closed());
  }
}

TEST(Outlive, Select) {
  static heddle::chan<int> a, b(1);
  for (int i = 0; i < rounds; ++i) {
    ASSERT_TRUE(b.try_send(1));
    abandon([] {
      std::optional<int> v;
      int two = 2;
      const heddle::select_case cases[] = {heddle::select_case::recv(a, v), heddle::select_case::send(b, two)};
      heddle::select(cases);
    });
    use([] {
      EXPECT_FALSE(a.try_send(1));
      EXPECT_EQ(*b.recv(), 1);
      EXPECT_FALSE(b.try_recv().has_value());
      EXPECT_TRUE(b.try_send(1));
    });
    EXPECT_EQ(*b.recv(), 1);
  }
}

TEST(Outlive, Mutex) {
  static heddle::mutex mu;
  for (int i = 0; i < rounds; ++i) {
    mu.lock();
    abandon([] { mu.lock(); });
    abandon([] { (void)mu.try_lock_for(1h); });
    mu.unlock();
    use([] { const std::lock_guard hold(mu); });
  }
}

TEST(Outlive, SharedMutex) {
  static heddle::shared_mutex mu;
  for (int i = 0; i < rounds; ++i) {
    mu.lock();
    abandon([] { mu.lock(); });
    abandon([] { mu.lock_shared(); });
    mu.unlock();
    use([] { const std::lock_guard hold(mu); });
    mu.lock_shared();
    abandon([] { mu.lock(); });
    mu.unlock_shared();
    use([] { const std::lock_guard hold(mu); });
  }
}

TEST(Outlive, ConditionVariable) {
  static heddle::mutex mu;
  static heddle::condition_variable cv;
  for (int i = 0; i < rounds; ++i) {
    abandon([] {
      std::unique_lock hold(mu);
      cv.wait(hold);
    });
    abandon([] {
      std::unique_lock hold(mu);
      cv.wait_for(hold, 1h);
    });
    use([] {
      cv.notify_one();
      cv.notify_all();
    });
    // A waiter of the next runtime gets the next notification.
    EXPECT_EQ(heddle::run([] {
                bool open = false;
                heddle::go([&] {
                  const std::lock_guard hold(mu);
                  open = true;
                  cv.notify_one();
                });
                std::unique_lock hold(mu);
                cv.wait(hold, [&] { return open; });
              }),
              0);
  }
}

TEST(Outlive, Semaphore) {
  static heddle::semaphore s(0);
  for (int i = 0; i < rounds; ++i) {
    abandon([] { s.acquire(); });
    use([] {
      s.release();
      EXPECT_TRUE(s.try_acquire());
    });
  }
}

TEST(Outlive, WaitGroup) {
  static heddle::wait_group wg;
  for (int i = 0; i < rounds; ++i) {
    wg.add(1);
    abandon([] { wg.wait(); });
    wg.done();
    use([] { wg.wait(); });
  }
}

TEST(Outlive, Latch) {
  for (int i = 0; i < rounds; ++i) {
    heddle::latch l(1);
    abandon([&l] { l.wait(); });
    l.count_down();
    use([&l] { EXPECT_TRUE(l.try_wait()); });
  }
}

TEST(Outlive, Barrier) {
  static heddle::barrier<> b(4);
  for (int i = 0; i < rounds; ++i) {
    abandon([] { b.arrive_and_wait(); });
    (void)b.arrive();  // ends the phase in which three have been abandoned
    EXPECT_EQ(heddle::run([] {
                heddle::wait_group wg;
                for (int k = 0; k < 4; ++k) wg.go([] { b.arrive_and_wait(); });
                wg.wait();
              }),
              0);
  }
}

TEST(Outlive, Once) {
  for (int i = 0; i < rounds; ++i) {
    heddle::once once;
    int done = 0;
    EXPECT_EQ(heddle::run([&] { once.call([&] { ++done; }); }), 0);
    use([&] { once.call([&] { ++done; }); });
    EXPECT_EQ(done, 1);
  }
}

TEST(Outlive, TaskThatIsJoinedByAbandonedGoroutines) {
  for (int i = 0; i < rounds; ++i) {
    heddle::chan<int> c;
    heddle::task<int> t;
    EXPECT_EQ(heddle::run([&] {
                t = heddle::spawn([&] { return *c.recv(); });
                for (int k = 0; k < 2; ++k) heddle::go([&] { (void)t.wait_for(1h); });
                heddle::yield();
                heddle::yield();
                c.send(5);
                (void)t.wait_for(1h);
              }),
              0);
    EXPECT_EQ(t.get(), 5);
  }
}

TEST(Outlive, ContextAndItsChannel) {
  static std::optional<heddle::cancel_context> top;
  top = heddle::with_cancel(heddle::context());  // the test may be run again
  // The contexts below are no goroutine's own: those of an abandoned goroutine would leak with it.
  static std::optional<heddle::cancel_context> below;
  static std::optional<heddle::receiver<std::monostate>> done;
  for (int i = 0; i < rounds; ++i) {
    abandon(
        [] {
          below = heddle::with_timeout(*top, 1h);
          done = below->done();
          done->recv();
        },
        1);
    use([] { EXPECT_EQ(top->err(), heddle::context_error::none); });
    below.reset();  // its timer was that of the runtime
    done.reset();
  }
  top->cancel();
  use([] { EXPECT_EQ(top->err(), heddle::context_error::canceled); });
}

TEST(Outlive, StopSignal) {
  std::stop_source stop;
  const heddle::stop_signal signal(stop.get_token());
  const heddle::receiver<std::monostate> done = signal.done();
  for (int i = 0; i < rounds; ++i) abandon([&] { done.recv(); });
  stop.request_stop();
  use([&] { EXPECT_FALSE(signal.done().recv().has_value()); });
}

TEST(Outlive, TimersOfARuntimeThatHasEnded) {
  for (int i = 0; i < rounds; ++i) {
    std::optional<heddle::receiver<heddle::time_point>> later;
    EXPECT_EQ(heddle::run([&] { later = heddle::after(1h); }), 0);
    use([&] { EXPECT_FALSE(later->try_recv().has_value()); });
  }
}

// Main's variables go while others wait for them. The runtime does not look there when it ends.
TEST(Outlive, MainsOwnVariables) {
  for (int i = 0; i < rounds; ++i)
    EXPECT_EQ(heddle::run([] {
                heddle::chan<int> c;
                heddle::mutex mu;
                heddle::condition_variable cv;
                heddle::wait_group wg(1);
                heddle::semaphore s(0);
                heddle::go([&] { c.recv(); });
                heddle::go([&] { wg.wait(); });
                heddle::go([&] { s.acquire(); });
                heddle::go([&] {
                  std::unique_lock hold(mu);
                  cv.wait(hold);
                });
                while (parked() < 4) heddle::yield();  // or one could begin when the variables have gone
                heddle::stop_the_world([] {});         // what they did comes before what main does now
              }),
              0);
}

// Threads go on all the time with what the runtimes' goroutines wait for.
TEST(Outlive, ThreadsGoOn) {
  heddle::chan<int> c, d;
  heddle::semaphore s(0);
  heddle::mutex mu;
  std::atomic<bool> over{false};
  std::thread other([&] {
    while (!over) {
      (void)c.try_send(1);
      (void)d.try_recv();
      s.release();
      (void)s.try_acquire();
      const std::lock_guard hold(mu);
    }
  });
  for (int i = 0; i < 100; ++i) {
    heddle::options o;
    o.procs = 2;
    o.detect_deadlock = false;
    heddle::run(
        [&] {
          for (int k = 0; k < 4; ++k) {
            heddle::go([&] { c.recv(); });
            heddle::go([&] {
              std::optional<int> v;
              int two = 2;
              const heddle::select_case cases[] = {heddle::select_case::recv(c, v), heddle::select_case::send(d, two)};
              heddle::select(cases);
            });
            heddle::go([&] { (void)c.recv_for(50us); });
            heddle::go([&] { s.acquire(); });
          }
          heddle::sleep_for(100us);
        },
        o);
  }
  over = true;
  other.join();
}

}  // namespace
