// Where the embedder's destructors, moves and functions run: under no lock of heddle's, and in goroutines. Where a value
// moves under a channel's lock, a call of heddle from there ends the process with words.
#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/test/test_support.hpp"

namespace {

using heddle_test::run_on;
using heddle_test::with_procs;
using namespace std::chrono_literals;

const auto status_2 = testing::ExitedWithCode(2);

// What is done when the value that is told goes.
struct last_words {
  explicit last_words(std::function<void()> f) : say(std::move(f)) {}
  last_words(const last_words &) = delete;
  last_words &operator=(const last_words &) = delete;
  ~last_words() { say(); }
  std::function<void()> say;
};
using told = std::shared_ptr<last_words>;
using channel = heddle::chan<told>;

told value(std::function<void()> f) { return std::make_shared<last_words>(std::move(f)); }

// --------------------------------------------------------------------------------------------- old values of a select

// Each way in which a select comes to its value; the variable holds an older one, whose end does everything that takes
// the channels' locks, and waits.
TEST(UserCodeTest, the_old_value_of_a_select_goes_under_no_lock) {
  run_on(2, [] {
    for (const int how : {0, 1, 2, 3}) {
      const channel c(how == 0 ? 1 : 0), d;
      int ends = 0;
      bool again = false;
      std::optional<told> v = value([&] {
        (void)c.size();
        (void)d.try_recv();
        heddle::yield();
        heddle::sleep_for(1us);
        ++ends;
      });
      heddle::wait_group others;
      const auto give = [&] {
        if (how == 3)
          c.close();
        else
          c.send(value([&] { again = true; }));
      };
      if (how == 0 || how == 3)
        give();  // it is there
      else
        others.go([&] {
          if (how == 2) heddle::sleep_for(1ms);  // the select parks
          give();
        });
      if (how == 1) heddle::sleep_for(1ms);  // the sender waits
      const std::array cases{heddle::select_case::recv(d, v), heddle::select_case::recv(c, v)};
      EXPECT_EQ(heddle::select(cases), 1u);
      EXPECT_EQ(ends, 1);
      EXPECT_EQ(v.has_value(), how != 3);
      others.wait();
      EXPECT_FALSE(again);
    }
  });
}

// A value that shows when it is moved, copied or destroyed.
struct watched {
  explicit watched(int *n) : moves(n) {}
  watched(watched &&other) noexcept : moves(other.moves) { ++*moves; }
  watched &operator=(watched &&) = delete;
  ~watched() { ++*moves; }
  int *moves;
};

TEST(UserCodeTest, another_case_is_done_and_the_variable_is_not_touched) {
  run_on(1, [] {
    const heddle::chan<watched> c;
    const heddle::chan<int> other(20);
    int touched = 0;
    std::optional<watched> v(std::in_place, &touched);
    const watched *const at = &*v;
    int n = 1;
    for (const bool many : {false, true}) {
      std::vector<heddle::select_case> cases{heddle::select_case::recv(c, v), heddle::select_case::send(other, n)};
      if (many) cases.resize(12);
      EXPECT_EQ(heddle::select(cases), 1u);
      EXPECT_EQ(heddle::try_select(std::span(cases).first(1)), std::nullopt);
      std::optional<watched> w(std::in_place, &touched);  // two cases with values, neither of them done
      std::vector<heddle::select_case> both{heddle::select_case::recv(c, v), heddle::select_case::recv(c, w)};
      EXPECT_EQ(heddle::try_select(both), std::nullopt);
      EXPECT_EQ(touched, 0);
      w.reset();
      touched = 0;
    }
    EXPECT_EQ(&*v, at);
  });
}

// A case that lives longer than a select keeps the last value; it goes before the next select begins.
TEST(UserCodeTest, a_case_that_is_used_again_drops_its_value_under_no_lock) {
  run_on(1, [] {
    const channel c(4);
    int ends = 0;
    for (int i = 0; i < 3; ++i)
      c.send(value([&] {
        (void)c.size();
        heddle::yield();
        ++ends;
      }));
    {
      auto again = heddle::on_recv(c);  // its function takes no value, so that the value stays in the case
      for (int i = 0; i < 3; ++i) {
        heddle::select(again);
        EXPECT_EQ(ends, i);
      }
    }
    EXPECT_EQ(ends, 3);
  });
}

// The channel's last handle goes with values in it.
TEST(UserCodeTest, values_of_a_channel_go_under_no_lock) {
  run_on(1, [] {
    int ends = 0;
    const channel other(2);
    {
      const channel c(4);
      for (int i = 0; i < 3; ++i)
        c.send(value([&] {
          (void)other.size();
          heddle::yield();
          ++ends;
        }));
    }
    EXPECT_EQ(ends, 3);
  });
}

// ----------------------------------------------------------------------------------------------------- not on g0 either

const heddle::context_key<told> a_key;

// The timer's function drops the last reference of a context, and with it a value from above.
TEST(UserCodeTest, values_of_a_context_whose_deadline_comes_go_in_a_goroutine) {
  run_on(2, [] {
    constexpr int rounds = 300;
    std::atomic<int> ends{0};
    heddle::mutex m;
    for (int i = 0; i < rounds; ++i) {
      auto with = heddle::with_value({}, a_key, value([&] {
                                       const std::lock_guard hold(m);  // a wait: misuse on g0
                                       heddle::yield();
                                       ++ends;
                                     }));
      std::optional<heddle::cancel_context> timed = heddle::with_timeout(with, std::chrono::microseconds(i % 60));
      std::optional<heddle::cancel_context> below = heddle::with_cancel(*timed);
      with = {};
      const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(i % 80);
      while (std::chrono::steady_clock::now() < until) heddle::yield();
      timed.reset();
      below.reset();
    }
    while (ends < rounds) heddle::sleep_for(100us);
  });
}

// Whether the call, a stop or the last handle comes first, the function's own destructor runs in a goroutine.
TEST(UserCodeTest, the_function_of_after_func_goes_in_a_goroutine) {
  run_on(2, [] {
    constexpr int rounds = 2000;
    std::atomic<int> ends{0};
    for (int i = 0; i < rounds; ++i) {
      std::optional t = heddle::after_func(std::chrono::microseconds(i % 30), [v = value([&] {
                                                                                 heddle::yield();
                                                                                 ++ends;
                                                                               })] {});
      const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(i % 40);
      while (std::chrono::steady_clock::now() < until) heddle::yield();
      if (i % 2 == 0) t->stop();
      t.reset();
    }
    while (ends < rounds) heddle::sleep_for(100us);
  });
}

// --------------------------------------------------------------------------------------------- calls from under a lock

// Its move calls f.
struct mover {
  explicit mover(const std::function<void()> *f) : call(f) {}
  mover(mover &&other) noexcept : call(other.call) {
    if (call != nullptr) (*call)();
  }
  mover &operator=(mover &&) = delete;
  const std::function<void()> *call;
};

constexpr const char *told_of = "fatal error: heddle called by the move or destructor of a value that is on its way";

// Sends a value whose move does f under the lock of the channel.
void move_with(const heddle::chan<mover> &c, const std::function<void()> &f) {
  mover v(nullptr);
  v.call = &f;
  (void)c.try_send(std::move(v));
}

TEST(UserCodeDeathTest, a_move_that_calls_its_own_channel) {
  const auto look = [] {
    const heddle::chan<mover> c(2);
    move_with(c, [&] { (void)c.size(); });
  };
  EXPECT_EXIT((void)run_on(1, look), status_2, told_of);
  EXPECT_EXIT((void)run_on(2, [&] { heddle::blocking(look); }), status_2, told_of);
  EXPECT_EXIT(look(), status_2, told_of);  // a thread that runs no goroutine
}

TEST(UserCodeDeathTest, a_move_that_waits_gives_way_readies_or_starts_a_goroutine) {
  const auto each = [](const std::function<void()> &f) {
    EXPECT_EXIT((void)run_on(1, [&] { move_with(heddle::chan<mover>(2), f); }), status_2, told_of);
    EXPECT_EXIT((void)run_on(2, [&] { heddle::blocking([&] { move_with(heddle::chan<mover>(2), f); }); }), status_2,
                told_of);
  };
  each([] { (void)heddle::chan<int>().recv(); });
  each([] { (void)heddle::chan<int>().recv_for(1ms); });
  each([] { heddle::yield(); });
  each([] { heddle::gosched(); });
  each([] { heddle::sleep_for(1ms); });
  each([] { heddle::go([] {}); });
  each([] { heddle::blocking([] {}); });
  each([] { (void)heddle::spawn([] {}); });
}

TEST(UserCodeDeathTest, a_move_that_readies_a_waiter) {
  EXPECT_EXIT((void)run_on(1,
                           [] {
                             const heddle::chan<int> waited;
                             heddle::go([=] { (void)waited.recv(); });
                             heddle::yield();
                             move_with(heddle::chan<mover>(2), [&] { (void)waited.try_send(1); });
                           }),
              status_2, told_of);
}

TEST(UserCodeDeathTest, a_thread_whose_value_waits) {
  EXPECT_EXIT(move_with(heddle::chan<mover>(2), [] { (void)heddle::chan<int>().recv_for(1ms); }), status_2, told_of);
  EXPECT_EXIT(move_with(heddle::chan<mover>(2), [] { heddle::sleep_for(1ms); }), status_2, told_of);
  EXPECT_EXIT(
      {
        heddle::runtime rt(with_procs(1));
        move_with(heddle::chan<mover>(2), [&] { rt.go([] {}); });
      },
      status_2, told_of);
}

// On every way of a value: out of the buffer, from sender to receiver, into a select.
TEST(UserCodeDeathTest, every_way_of_a_value_is_watched) {
  EXPECT_EXIT((void)run_on(1,
                           [] {  // out of the buffer, by a receive
                             const heddle::chan<mover> c(2);
                             const std::function<void()> nothing = [] {}, look = [&] { (void)c.size(); };
                             std::function<void()> now = nothing;
                             mover v(&now);
                             (void)c.try_send(std::move(v));
                             now = look;
                             (void)c.recv();
                           }),
              status_2, told_of);
  EXPECT_EXIT((void)run_on(1,
                           [] {  // from a sender that waits, by a select
                             const heddle::chan<mover> c;
                             std::function<void()> now = [] {};
                             heddle::go([&] { c.send(mover(&now)); });
                             heddle::yield();
                             now = [] { heddle::yield(); };
                             heddle::select(heddle::on_recv(c));
                           }),
              status_2, told_of);
  EXPECT_EXIT((void)run_on(1,
                           [] {  // to a receiver that waits
                             const heddle::chan<mover> c;
                             heddle::go([&] { (void)c.recv(); });
                             heddle::yield();
                             move_with(c, [&] { (void)c.closed(); });
                           }),
              status_2, told_of);
}

// Types that run no code of the embedder's when they move pay nothing for the watch.
using heddle::detail::moves_silently, heddle::detail::value_moves;
struct deleter {
  void operator()(int *p) const { delete p; }
};
static_assert(moves_silently<int> && moves_silently<std::array<char, 99>> && moves_silently<std::string> &&
              moves_silently<told>);
static_assert(moves_silently<std::unique_ptr<mover>> && moves_silently<std::vector<mover>>);
static_assert(!moves_silently<mover> && !moves_silently<std::optional<mover>>);
static_assert(!moves_silently<std::unique_ptr<int, deleter>>);
static_assert(std::is_empty_v<value_moves<int>>);

}  // namespace
