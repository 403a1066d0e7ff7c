// A thousand runtimes, one after another, leave nothing in the process: no thread, no descriptor, no mapping.
// AddressSanitizer and valgrind look for what they leave on the heap (./dev test runs this under both). HEDDLE_CYCLES
// says how many runtimes: 1000 if it is unset, 300 under ThreadSanitizer. With less than 200 the mappings are not
// compared, because what the C library keeps grows at first.
#include <dirent.h>
#include <malloc.h>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "runtime/test/test_support.hpp"

namespace {

using heddle_test::asan;
using heddle_test::tsan;
using heddle_test::wait_until;
using heddle_test::with_procs;

std::size_t entries(const char *folder) {
  std::size_t n = 0;
  DIR *dir = opendir(folder);
  while (const dirent *entry = readdir(dir)) n += entry->d_name[0] != '.';
  closedir(dir);
  return n;
}
std::size_t threads_now() { return entries("/proc/self/task"); }
std::size_t descriptors_now() { return entries("/proc/self/fd"); }

struct mappings {
  std::size_t count = 0;
  std::size_t kilobytes = 0;
};
mappings mappings_now() {
  mappings m;
  std::ifstream file("/proc/self/maps");
  for (std::string line; std::getline(file, line); ++m.count) {
    unsigned long long from = 0, to = 0;
    std::sscanf(line.c_str(), "%llx-%llx", &from, &to);
    m.kilobytes += static_cast<std::size_t>(to - from) / 1024;
  }
  return m;
}

// -------------------------------------------------------------------------------------------------- lives of a runtime

// Goroutines that end in all sorts of ways, all of them before main returns.
void a_full_life(int procs) {
  heddle::run(
      [procs] {
        heddle::wait_group wg;
        heddle::mutex mu;
        const heddle::chan<std::string> c(2);
        std::size_t length = 0;
        for (int i = 0; i < 20; ++i)
          wg.go([&, i] {
            heddle::gosched();
            c.send(std::string(100, static_cast<char>('a' + i)));
          });
        wg.go([&] {
          for (int i = 0; i < 20; ++i) {
            const std::string s = c.recv().value();
            const std::lock_guard hold(mu);
            length += s.size();
          }
        });
        heddle::go([] {}, std::size_t{256} * 1024);  // a stack of its own size
        wg.go([&] { heddle::blocking([] { std::this_thread::sleep_for(std::chrono::microseconds(50)); }); });
        wg.go([] { heddle::lock_os_thread(); });  // it takes its thread with it
        wg.go([] {
          try {
            throw std::runtime_error("caught");
          } catch (const std::exception &) {
          }
        });
        wg.wait();
        EXPECT_EQ(length, 2000u);
        if (procs > 1) heddle::set_procs(procs + 1);
        heddle::stop_the_world([] {});
      },
      with_procs(procs));
}

// The runtime is never run: everything comes from outside, and is waited for there.
void fed_from_outside(int procs) {
  heddle::runtime rt(with_procs(procs));
  heddle::wait_group wg(20);
  const auto feed = [&] {
    for (int i = 0; i < 10; ++i) rt.go([&] { wg.done(); });
  };
  std::thread other(feed);
  feed();
  wg.wait();
  other.join();
  rt.shutdown();
  rt.shutdown();
}

// Goroutines that are abandoned: parked, runnable, about to be started. They own nothing.
void cut_short(int procs) {
  const heddle::chan<int> never;
  heddle::runtime rt(with_procs(procs));
  for (int i = 0; i < 5; ++i) {
    rt.go([&never] { (void)never.recv(); });
    rt.go([] {
      for (;;) heddle::yield();
    });
  }
}

void never_used(int procs) { const heddle::runtime rt(with_procs(procs)); }

// The runtime is run, and meanwhile fed from outside; main leaves goroutines behind.
void run_and_fed(int procs) {
  heddle::runtime rt(with_procs(procs));
  heddle::wait_group fed(10);
  std::optional<std::thread> outside;
  rt.run([&] {
    outside.emplace([&] {
      for (int i = 0; i < 10; ++i) rt.go([&] { fed.done(); });
    });
    for (int i = 0; i < 5; ++i)
      heddle::go([] {
        for (;;) heddle::gosched();
      });
    fed.wait();
  });
  outside->join();
}

// -------------------------------------------------------------------------------------------------------------- cycles

int cycles() {
  const char *text = std::getenv("HEDDLE_CYCLES");
  return text != nullptr ? std::atoi(text) : tsan ? 300 : 1000;
}

TEST(Leak, runtimes_one_after_another_leave_nothing_in_the_process) {
  constexpr void (*lives[])(int) = {a_full_life, fed_from_outside, cut_short, never_used, run_and_fed};
  constexpr int turn = 4 * static_cast<int>(std::size(lives));  // each life with 1 to 4 Ps
  mallopt(M_ARENA_MAX, 1);  // otherwise each of the threads that happen to allocate at once may add an arena
  const int all = cycles(), warm_up = std::max(all / 5, 1);
  // The C library keeps the stacks of some threads, more or fewer by chance; a leak shows also in the smallest number
  // of a turn.
  mappings least[2];
  std::size_t threads = 0, descriptors = 0;
  const auto cycle = [&](int i) { lives[static_cast<std::size_t>(i) % std::size(lives)](1 + i / turn % 4); };
  const auto least_of_a_turn = [&](int from) {
    mappings m{~std::size_t{0}, ~std::size_t{0}};
    for (int i = 0; i < turn; ++i) {
      cycle(from + i);
      const mappings seen = mappings_now();
      m.count = std::min(m.count, seen.count);
      m.kilobytes = std::min(m.kilobytes, seen.kilobytes);
    }
    return m;
  };
  const bool compare = all >= 200 && !tsan;  // ThreadSanitizer's own mappings grow a lot
  for (int i = 0; i < warm_up; ++i) cycle(i);
  if (compare) least[0] = least_of_a_turn(warm_up);
  threads = threads_now();
  descriptors = descriptors_now();
  for (int i = warm_up; i < all; ++i) cycle(i);
  if (compare) least[1] = least_of_a_turn(all);
  EXPECT_TRUE(wait_until([&] { return threads_now() <= threads; }));  // the kernel forgets an ended thread a little
                                                                      // later
  EXPECT_EQ(threads_now(), threads);
  EXPECT_EQ(descriptors_now(), descriptors);
  // AddressSanitizer's own mappings grow a little; the smallest of ours is larger than all of that.
  const auto slack = static_cast<std::size_t>(asan ? all : 0);
  EXPECT_LE(least[1].count, least[0].count + slack / 20);
  EXPECT_LE(least[1].kilobytes, least[0].kilobytes + slack * 8);
}

}  // namespace
