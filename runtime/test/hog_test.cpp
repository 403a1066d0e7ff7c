// Goroutines that compute, or block their threads, and never call heddle: the others run all the same.
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/test/test_support.hpp"

extern char **environ;

namespace {

using heddle_test::with_procs;
using namespace std::chrono_literals;
using std::chrono::steady_clock;
using flag = std::atomic<bool>;

// ------------------------------------------------------------------------------------------------ what they do

// A hog of each kind holds its P until `over` is set, as often as it looks.
struct hogs {
  flag over{false};
  std::atomic<long> turns{0};
  std::mutex wanted_by_all;
  std::once_flag once;
  int pipe_ends[2] = {-1, -1};
  pid_t child = 0;

  hogs() { EXPECT_EQ(pipe(pipe_ends), 0); }
  ~hogs() {
    close(pipe_ends[0]);
    close(pipe_ends[1]);
  }
  // Lets go of those that cannot look.
  void end(int n) {
    over = true;
    const std::vector<char> bytes(static_cast<std::size_t>(n), 'x');
    EXPECT_EQ(write(pipe_ends[1], bytes.data(), bytes.size()), n);
    if (child != 0) kill(child, SIGKILL);
  }
  bool goes_on() {
    turns.fetch_add(1, std::memory_order_relaxed);
    return !over.load(std::memory_order_relaxed);
  }
};

void nothing(hogs &h) {
  while (h.goes_on()) {
  }
}

void memory(hogs &h) {
  while (h.goes_on()) {
    const auto some = std::make_unique<char[]>(100);
    some[0] = 1;
  }
}

void with_a_mutex(hogs &h) {
  const std::lock_guard hold(h.wanted_by_all);
  nothing(h);
}

void a_read(hogs &h) {
  char byte;
  h.turns += read(h.pipe_ends[0], &byte, 1);
}

void a_sleep(hogs &h) {
  while (h.goes_on()) usleep(1'000'000);
}

void a_sort(hogs &h) {
  std::vector<unsigned> numbers(300'000);
  while (h.goes_on()) {
    unsigned x = 1;
    for (unsigned &n : numbers) n = x = x * 1'103'515'245u + 12'345u;
    std::sort(numbers.begin(), numbers.end());
  }
}

void exceptions(hogs &h) {
  while (h.goes_on()) try {
      throw 1;
    } catch (int) {
    }
}

void a_child(hogs &h) {
  int status = 0;
  waitpid(h.child, &status, 0);  // the others find none
  h.turns += 1;
}

// As the initialiser of a static does: those that come later wait on their threads.
void an_initialiser(hogs &h) {
  std::call_once(h.once, [&h] { nothing(h); });
  h.turns += 1;
}

struct kind {
  const char *name;
  void (*f)(hogs &);
};
const kind kinds[] = {{"nothing", nothing},       {"memory", memory},   {"with_a_mutex", with_a_mutex},
                      {"a_read", a_read},         {"a_sleep", a_sleep}, {"a_sort", a_sort},
                      {"exceptions", exceptions}, {"a_child", a_child}, {"an_initialiser", an_initialiser}};

pid_t start_child() {
  char name[] = "sleep", seconds[] = "1000";
  char *const arguments[] = {name, seconds, nullptr};
  pid_t child = 0;
  EXPECT_EQ(posix_spawnp(&child, name, nullptr, nullptr, arguments, environ), 0);
  return child;
}

// ------------------------------------------------------------------------------------------------ what the others do

// Returns how long the longest of some rounds took in which a goroutine is started, is waited for, and sleeps a little.
steady_clock::duration longest_round() {
  steady_clock::duration longest{};
  for (int i = 0; i < 15; ++i) {
    const auto begin = steady_clock::now();
    heddle::chan<int> c;
    heddle::go([c] { c.send(1); });
    EXPECT_TRUE(c.recv().has_value());
    heddle::sleep_for(1ms);
    longest = std::max(longest, steady_clock::now() - begin);
  }
  return longest;
}

class Hogs : public testing::TestWithParam<std::tuple<int, kind>> {};

TEST_P(Hogs, keep_no_other_from_running) {
  const auto [procs, what] = GetParam();
  steady_clock::duration longest{};
  std::uint64_t taken = 0;
  hogs h;
  const int status = heddle_test::run_on(procs, [&, n = procs, f = what.f] {
    if (f == a_child) h.child = start_child();
    heddle::wait_group all;
    for (int i = 0; i < n; ++i) all.go([&h, f] { f(h); });
    longest = longest_round();
    h.end(n);
    all.wait();
    taken = heddle::stats().hogs;
  });
  EXPECT_EQ(status, 0);
  EXPECT_GE(taken, 1u);
  EXPECT_GT(h.turns, 0) << "it gets on meanwhile";
  // They do not wait for the end of the hogs. No closer bound holds on a busy machine; the report has the figure.
  EXPECT_LT(longest, 20s);
  RecordProperty("longest_us",
                 static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(longest).count()));
}

INSTANTIATE_TEST_SUITE_P(procs, Hogs, testing::Combine(testing::Values(1, 2, 8), testing::ValuesIn(kinds)),
                         [](const auto &i) {
                           return std::string(std::get<1>(i.param).name) + "_on_" +
                                  std::to_string(std::get<0>(i.param));
                         });

// ------------------------------------------------------------------------------------------------ loops of short calls

// Calls that neither wait nor give way, again and again.
struct loop {
  const char *name;
  void (*f)(flag &over);
};
const loop loops[] = {
    {"try_recv",
     [](flag &over) {
       const heddle::chan<int> c(1);
       while (!over) (void)c.try_recv();
     }},
    {"try_send",
     [](flag &over) {
       const heddle::chan<int> c(1);
       c.send(1);
       while (!over) (void)c.try_send(1);
     }},
    {"try_lock",
     [](flag &over) {
       heddle::mutex m;
       while (!over)
         if (m.try_lock()) m.unlock();
     }},
    {"try_acquire",
     [](flag &over) {
       heddle::semaphore s(0);
       while (!over) (void)s.try_acquire();
     }},
    {"sleep_for_0",
     [](flag &over) {
       while (!over) heddle::sleep_for(0ns);
     }},
    {"err",
     [](flag &over) {
       const heddle::context c = heddle::with_cancel(heddle::context());
       while (!over) (void)c.err();
     }},
    {"goid",
     [](flag &over) {
       while (!over) (void)heddle::goid();
     }},
    {"num_goroutine",
     [](flag &over) {
       while (!over) (void)heddle::num_goroutine();
     }},
    {"wait_at_zero",
     [](flag &over) {
       heddle::wait_group w;
       while (!over) w.wait();
     }},
};

class Loops : public testing::TestWithParam<std::tuple<int, loop>> {};

TEST_P(Loops, keep_no_other_from_running) {
  const auto [procs, what] = GetParam();
  steady_clock::duration longest{};
  const int status = heddle_test::run_on(procs, [&, n = procs, f = what.f] {
    flag over{false};
    heddle::wait_group all;
    for (int i = 0; i < n; ++i) all.go([&over, f] { f(over); });
    longest = longest_round();
    over = true;
    all.wait();
  });
  EXPECT_EQ(status, 0);
  EXPECT_LT(longest, 20s);
}

INSTANTIATE_TEST_SUITE_P(procs, Loops, testing::Combine(testing::Values(1, 2), testing::ValuesIn(loops)),
                         [](const auto &i) {
                           return std::string(std::get<1>(i.param).name) + "_on_" +
                                  std::to_string(std::get<0>(i.param));
                         });

// ------------------------------------------------------------------------------------------------ the limit

TEST(HogLimit, further_ones_keep_their_Ps) {
  heddle::options o = with_procs(2);
  o.hogs_max = 1;
  const auto body = [] {
    flag over{false};
    std::atomic<int> ran{0};
    heddle::wait_group all;
    for (int i = 0; i < 4; ++i)
      all.go([&] {
        ++ran;
        while (!over) heddle::detail::cpu_relax();
      });
    // One computes without a P, two with one each, and the fourth waits.
    heddle::detail::schedt *const sched = heddle::detail::getm()->sched;
    std::thread ends([&over, sched] {
      while (sched->hogsrefused.get() == 0) std::this_thread::sleep_for(1ms);
      over = true;
    });
    all.wait();
    ends.join();
    EXPECT_EQ(ran, 4);
    EXPECT_GE(heddle::stats().hogs_refused, 1u);
  };
  EXPECT_EQ(heddle::run(heddle_test::and_settle(body), o), 0);
}

TEST(HogLimit, below_zero_no_P_is_taken) {
  heddle::options o = with_procs(1);
  o.hogs_max = -1;
  const auto body = [] {
    std::atomic<bool> ran{false};
    heddle::go([&ran] { ran = true; });
    const auto begin = steady_clock::now();
    while (steady_clock::now() - begin < 60ms) heddle::detail::cpu_relax();
    EXPECT_FALSE(ran);
    EXPECT_EQ(heddle::stats().hogs, 0u);
    heddle::yield();
    EXPECT_TRUE(ran);
  };
  EXPECT_EQ(heddle::run(heddle_test::and_settle(body), o), 0);
}

// ------------------------------------------------------------------------------------------------ much of it

// Ps are taken and given back for a while, from goroutines that do all that can be done without a P.
TEST(HogStress, nothing_is_lost) {
  const int status = heddle_test::run_on(2, [] {
    const auto end = steady_clock::now() + 1s;
    std::atomic<long> started{0}, ended{0};
    heddle::mutex m;
    long in_section = 0, sections = 0;
    heddle::wait_group all;
    const heddle::chan<int> c(3);
    for (int k = 0; k < 6; ++k)
      all.go([&, k] {
        for (int i = 0; steady_clock::now() < end; ++i) {
          const auto until = steady_clock::now() + 1ms * (5 + (i * 7 + k * 5) % 20);
          while (steady_clock::now() < until) heddle::detail::cpu_relax();
          switch ((i + k) % 7) {
            case 0:
              started.fetch_add(1);
              heddle::go([&ended] { ended.fetch_add(1); });
              break;
            case 1: heddle::yield(); break;
            case 2: heddle::sleep_for(1ms); break;
            case 3: heddle::blocking([] { usleep(100); }); break;
            case 4: {
              const std::lock_guard hold(m);
              ++in_section;
              ++sections;
              --in_section;
              break;
            }
            case 5: {
              c.send(1);
              (void)c.recv();
              break;
            }
            case 6: heddle::stop_the_world([] {}); break;
          }
        }
      });
    all.wait();
    while (ended != started) heddle::yield();
    EXPECT_EQ(in_section, 0);
    EXPECT_GT(heddle::stats().hogs, 0u);
    EXPECT_EQ(heddle::stats().procs, 2);
  });
  EXPECT_EQ(status, 0);
}

}  // namespace
