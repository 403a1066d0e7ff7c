// With HEDDLE_EARLIER_RUNTIME=1 in the environment no test has the first runtime of its process: before each one
// another runtime uses static objects of every kind, and ends while goroutines wait for all of them. The objects are
// the same from the first test to the last; together with --gtest_repeat=2 each test starts its own runtimes twice.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <utility>

#include "heddle/heddle.hpp"

using namespace std::chrono_literals;

namespace {

// What a goroutine can wait for. One that waits owns nothing, because it is abandoned there.
struct objects {
  heddle::chan<int> unbuffered, full{1}, also_full{1};
  heddle::mutex held, free;
  heddle::shared_mutex written, read;
  heddle::condition_variable cv;
  heddle::semaphore none{0};
  heddle::wait_group busy;
  heddle::barrier<> five{5};
  heddle::cancel_context top = heddle::with_cancel(heddle::context());
  heddle::receiver<std::monostate> canceled = top.done();
  std::stop_source source;
  heddle::stop_signal signal{source.get_token()};
  heddle::receiver<std::monostate> stopped = signal.done();
  // These can be used up.
  std::optional<heddle::latch> closed;
  std::optional<heddle::task<int>> endless;
  std::optional<heddle::receiver<heddle::time_point>> late;
};

objects &all() {
  static objects o;
  return o;
}

constexpr auto for_long = 1h;

// Each leaves one goroutine behind that waits.
constexpr std::array<void (*)(), 21> waits = {
    [] { all().unbuffered.recv(); },
    [] { (void)all().unbuffered.recv_for(for_long); },
    [] { all().full.send(2); },
    [] {
      int two = 2;
      std::optional<int> v;
      const heddle::select_case cases[] = {heddle::select_case::send(all().also_full, two),
                                           heddle::select_case::recv(all().unbuffered, v)};
      heddle::select(cases);
    },
    [] { all().held.lock(); },
    [] { (void)all().held.try_lock_for(for_long); },
    [] { all().written.lock(); },
    [] { all().written.lock_shared(); },
    [] { all().read.lock(); },
    [] {
      std::unique_lock hold(all().free);
      all().cv.wait(hold);
      hold.release();
    },
    [] {
      std::unique_lock hold(all().free);
      (void)all().cv.wait_for(hold, for_long);
    },
    [] { all().none.acquire(); },
    [] { (void)all().none.try_acquire_for(for_long); },
    [] { all().busy.wait(); },
    [] { all().five.arrive_and_wait(); },
    [] { all().closed->wait(); },
    [] { (void)all().endless->wait_for(for_long); },
    [] { all().canceled.recv(); },
    [] { all().stopped.recv(); },
    [] { (void)all().late->recv(); },
    [] { heddle::sleep_for(for_long); },
};

// Fills and locks what the waiters are to wait for.
void close_all() {
  objects &o = all();
  ASSERT_TRUE(o.full.try_send(1));
  ASSERT_TRUE(o.also_full.try_send(1));
  o.held.lock();
  o.written.lock();
  o.read.lock_shared();
  o.busy.add(1);
  o.closed.emplace(1);
}

// Every object is as if no goroutine had ever waited for it, but for those that have arrived at the barrier.
void open_all(int arrived) {
  objects &o = all();
  EXPECT_FALSE(o.unbuffered.try_send(1));
  EXPECT_EQ(o.full.recv().value_or(0), 1);
  EXPECT_FALSE(o.full.try_recv().has_value());
  EXPECT_EQ(o.also_full.recv().value_or(0), 1);
  EXPECT_FALSE(o.also_full.try_recv().has_value());
  o.held.unlock();
  o.written.unlock();
  o.read.unlock_shared();
  const std::lock_guard one(o.held), two(o.free);
  const std::lock_guard three(o.written), four(o.read);
  o.cv.notify_one();
  o.cv.notify_all();
  EXPECT_FALSE(o.none.try_acquire());
  o.none.release();
  EXPECT_TRUE(o.none.try_acquire());
  o.busy.done();
  o.busy.wait();
  for (int i = arrived; i < 5; ++i) (void)o.five.arrive();
  o.closed->count_down();
  EXPECT_TRUE(o.closed->try_wait());
  EXPECT_TRUE(o.endless->wait_for(0s));
  EXPECT_EQ(o.top.err(), heddle::context_error::none);
  EXPECT_FALSE(o.canceled.try_recv().has_value());
  EXPECT_FALSE(o.stopped.try_recv().has_value());
  EXPECT_FALSE(o.late->try_recv().has_value());
}

void run_earlier() {
  static bool used = false;
  heddle::options o;
  o.procs = 2;
  o.log = false;
  if (std::exchange(used, true)) {
    open_all(1);
    EXPECT_EQ(heddle::run([] { close_all(), open_all(0); }, o), 0);
    EXPECT_THROW((void)all().endless->get(), std::runtime_error);
  }
  close_all();
  EXPECT_EQ(heddle::run(
                [] {
                  all().late = heddle::after(for_long);
                  all().endless = heddle::spawn([] { return all().unbuffered.recv().value_or(0); });
                  for (const auto wait : waits) heddle::go(wait);
                  while (heddle::stats().parks < waits.size() + 1) heddle::gosched();
                },
                o),
            0);
}

class before_each_test : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo &) override { run_earlier(); }
};

class earlier_runtimes : public testing::Environment {
  void SetUp() override {
    static bool listens = false;
    const char *const wanted = std::getenv("HEDDLE_EARLIER_RUNTIME");
    if (wanted == nullptr || std::exchange(listens, true)) return;
    testing::UnitTest::GetInstance()->listeners().Append(new before_each_test);
  }
};

[[maybe_unused]] testing::Environment *const earlier = testing::AddGlobalTestEnvironment(new earlier_runtimes);

}  // namespace
