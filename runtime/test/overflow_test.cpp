// What happens where there is not enough stack: an overflow says whose it is, reports find room on the smallest stacks,
// and main has as much as a thread. What the memory of stacks costs, and when it goes back.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "runtime/os/report.hpp"
#include "runtime/test/test_support.hpp"

namespace {

using heddle_test::asan;
using heddle_test::child_exit;
using heddle_test::run_on;
using heddle_test::tsan;
using heddle_test::wait_until;
using heddle_test::with_procs;
using testing::ContainsRegex;
using testing::HasSubstr;

constexpr std::size_t kib = 1024, page = 4096;

[[gnu::noinline]] int recurse(int depth) {
  volatile char frame[200];
  frame[depth % 200] = static_cast<char>(depth);
  if (depth == 0) return frame[0];
  return recurse(depth - 1) + frame[0] - frame[depth % 200];
}
constexpr int for_ever = 1 << 30;

void overflow_in_a_worker() {
  (void)run_on(1, [] {
    heddle::wait_group wg;
    wg.go([] {
      heddle::set_name("worker");
      (void)recurse(for_ever);
    });
    wg.wait();
  });
  child_exit(99);
}

// AddressSanitizer has a handler for the same signals, which reports and exits.
bool ended_by_fault(int status) {
  if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS;
  return WIFEXITED(status) && WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 99;
}

// ------------------------------------------------------------------------------------------------------------ overflow

TEST(OverflowDeathTest, names_the_goroutine_its_size_and_the_way_out) {
  EXPECT_EXIT(overflow_in_a_worker(), ended_by_fault,
              "fatal error: stack overflow\n\n"
              "goroutine [0-9]+ \\[running\\] \"worker\"\n"
              "  started at [^\n]*overflow_test.cpp:[0-9]+\n"
              "  it has used all of its stack, which has [0-9]+ KiB. options.stack_size sets the size for all "
              "goroutines, heddle::go\\(f, stack_size\\) for one\n"
              "    [^\n]*\\+0x[0-9a-f]+");
}

TEST(OverflowDeathTest, of_main_says_what_sets_the_size_of_main) {
  EXPECT_EXIT(
      {
        (void)run_on(1, [] { (void)recurse(for_ever); });
        child_exit(99);
      },
      ended_by_fault, "goroutine 1 \\[running\\] \\(main\\)\n.*RLIMIT_STACK \\(ulimit -s\\)");
}

TEST(OverflowDeathTest, is_told_on_every_thread_also_inside_a_call) {
  EXPECT_EXIT(
      {
        (void)run_on(4, [] {
          heddle::wait_group wg;
          wg.go([] {
            heddle::lock_os_thread();
            heddle::gosched();
            heddle::blocking_long([] { (void)recurse(for_ever); });
          });
          wg.wait();
        });
        child_exit(99);
      },
      ended_by_fault, "fatal error: stack overflow\n\ngoroutine [0-9]+ \\[running\\]\n");
}

// A frame that is larger than what is left of the stack, and that is written at its far end first.
[[gnu::noinline]] void large_frame() {
  char frame[100'000];
  frame[0] = 1;
  asm volatile("" : : "r"(frame) : "memory");  // or clang makes a frame for the first byte alone
}

TEST(OverflowDeathTest, of_one_frame_is_seen_though_it_is_larger_than_the_stack) {
  if (asan || tsan) GTEST_SKIP() << "sanitized stacks are larger than the frame";
  EXPECT_EXIT(
      {
        (void)run_on(1, [] {
          heddle::wait_group wg;
          wg.go(large_frame);
          wg.wait();
        });
        child_exit(99);
      },
      ended_by_fault, "fatal error: stack overflow\n");
}

// Whatever was there before decides how it ends: each kind of handler.
int told = 0;
void plain_handler(int number) { child_exit(number == SIGSEGV ? 42 : 13); }
void handler_with_info(int number, siginfo_t *info, void *context) {
  child_exit(number == SIGSEGV && info->si_addr != nullptr && context != nullptr ? 43 : 13);
}

void handle_segv(void (*plain)(int), void (*with_info)(int, siginfo_t *, void *) = nullptr) {
  struct sigaction action = {};
  if (with_info != nullptr) {
    action.sa_sigaction = with_info;
    action.sa_flags = SA_SIGINFO;
  } else {
    action.sa_handler = plain;
  }
  sigaction(SIGSEGV, &action, nullptr);
}

TEST(OverflowDeathTest, is_passed_on_to_a_handler_of_the_embedder) {
  EXPECT_EXIT((handle_segv(plain_handler), overflow_in_a_worker()), testing::ExitedWithCode(42),
              "fatal error: stack overflow\n");
  EXPECT_EXIT((handle_segv(nullptr, handler_with_info), overflow_in_a_worker()), testing::ExitedWithCode(43),
              "fatal error: stack overflow\n");
}

TEST(OverflowDeathTest, ends_by_the_signal_where_the_embedder_ignores_it_or_has_no_handler) {
  EXPECT_EXIT((handle_segv(SIG_IGN), overflow_in_a_worker()), testing::KilledBySignal(SIGSEGV), "stack overflow");
  EXPECT_EXIT((handle_segv(SIG_DFL), overflow_in_a_worker()), testing::KilledBySignal(SIGSEGV), "stack overflow");
}

// A wild pointer is no overflow.
void fault_on_a_goroutine() {
  (void)run_on(1, [] {
    volatile char *const nowhere = reinterpret_cast<volatile char *>(std::uintptr_t{16});
    *nowhere = 1;
  });
  child_exit(99);
}

TEST(OverflowDeathTest, other_faults_go_on_without_a_word) {
  EXPECT_EXIT((handle_segv(SIG_DFL), fault_on_a_goroutine()), testing::KilledBySignal(SIGSEGV), "^$");
  EXPECT_EXIT((handle_segv(plain_handler), fault_on_a_goroutine()), testing::ExitedWithCode(42), "^$");
  EXPECT_EXIT((handle_segv(nullptr, handler_with_info), fault_on_a_goroutine()), testing::ExitedWithCode(43), "^$");
}

TEST(OverflowDeathTest, a_signal_that_was_sent_does_what_it_would_do) {
  const auto sent = [] {
    (void)run_on(1, [] { raise(SIGSEGV); });
    child_exit(99);
  };
  EXPECT_EXIT((handle_segv(SIG_DFL), sent()), testing::KilledBySignal(SIGSEGV), "^$");
  EXPECT_EXIT((handle_segv(SIG_IGN), sent()), testing::ExitedWithCode(99), "^$");
  EXPECT_EXIT((handle_segv(plain_handler), sent()), testing::ExitedWithCode(42), "^$");
}

TEST(OverflowDeathTest, a_handler_that_the_embedder_installs_later_replaces_ours) {
  EXPECT_EXIT(
      {
        (void)run_on(1, [] {
          struct sigaction action = {};
          action.sa_handler = plain_handler;
          action.sa_flags = SA_ONSTACK;
          sigaction(SIGSEGV, &action, nullptr);
          (void)recurse(for_ever);
        });
      },
      testing::ExitedWithCode(42), "^$");
}

bool handler_is(void (*handler)(int)) {
  struct sigaction now = {};
  sigaction(SIGSEGV, nullptr, &now);
  return (now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == handler;
}

// In a process of its own: a runtime that another test has left keeps the handlers.
TEST(OverflowDeathTest, the_handlers_come_with_the_first_runtime_and_go_with_the_last) {
  EXPECT_EXIT(
      {
        handle_segv(plain_handler);
        bool right = true;
        for (int again = 0; again < 2; ++again) {
          (void)run_on(1, [&] {
            right &= !handler_is(plain_handler);
            std::thread([] { (void)run_on(1, [] {}); }).join();
            right &= !handler_is(plain_handler);
          });
          right &= handler_is(plain_handler);
        }
        child_exit(right ? 42 : 13);
      },
      testing::ExitedWithCode(42), "");
}

// The embedder's handler calls the one that it has found: ours, which must not call the embedder's in turn.
struct sigaction found;
void calls_what_it_has_found(int number, siginfo_t *info, void *context) {
  if (++told > 1) child_exit(14);
  found.sa_sigaction(number, info, context);
  child_exit(44);
}

TEST(OverflowDeathTest, the_embedders_handler_may_call_ours) {
  EXPECT_EXIT(
      {
        handle_segv(SIG_DFL);
        (void)run_on(1, [] {
          struct sigaction action = {};
          action.sa_sigaction = calls_what_it_has_found;
          action.sa_flags = SA_SIGINFO | SA_ONSTACK;
          sigaction(SIGSEGV, &action, &found);
        });
        overflow_in_a_worker();  // in a second runtime
      },
      testing::ExitedWithCode(44), "fatal error: stack overflow\n");
}

stack_t alternate_stack() {
  stack_t now = {};
  sigaltstack(nullptr, &now);
  return now;
}

TEST(Overflow, the_alternate_stacks_of_threads_are_kept_and_left_as_they_were) {
  std::thread([] {
    const stack_t before = alternate_stack();
    std::vector<stack_t> inside(1);
    EXPECT_EQ(run_on(1, [&] { inside[0] = alternate_stack(); }), 0);
    EXPECT_EQ(inside[0].ss_flags & SS_DISABLE, 0);
    EXPECT_EQ(alternate_stack().ss_flags, before.ss_flags);

    std::vector<char> mine(64 * kib);
    stack_t s = {};
    s.ss_sp = mine.data();
    s.ss_size = mine.size();
    sigaltstack(&s, nullptr);
    EXPECT_EQ(run_on(1, [&] { inside[0] = alternate_stack(); }), 0);
    EXPECT_EQ(inside[0].ss_sp, s.ss_sp);
    EXPECT_EQ(alternate_stack().ss_sp, s.ss_sp);
    sigaltstack(&before, nullptr);
  }).join();
}

// --------------------------------------------------------------------------------------------------- reports need room

heddle::options on_the_smallest_stacks() {
  heddle::options o = with_procs(1);
  o.stack_size = (asan || tsan ? 64 : 16) * kib;
  return o;
}

// Takes most of the stack of the calling goroutine before it calls f.
template <class F>
[[gnu::noinline]] void with_little_left(F &&f) {
  const heddle::detail::stack s = heddle::detail::getm()->curg.peek()->stack.get();
  const auto *const here = static_cast<const char *>(__builtin_frame_address(0));
  if (here - s.lo > static_cast<std::ptrdiff_t>((asan || tsan ? 24 : 4) * kib)) {
    volatile char frame[256];
    frame[0] = 1;
    with_little_left(f);
    frame[1] = frame[0];
  } else {
    f();
  }
}

template <class F>
void on_a_small_stack(F f) {
  (void)heddle::run(
      [&] {
        heddle::wait_group wg;
        wg.go([&] { with_little_left(f); });
        wg.wait();
      },
      on_the_smallest_stacks());
  child_exit(99);
}

const auto status_2 = testing::ExitedWithCode(2);

TEST(ReportsDeathTest, of_a_deadlock_fit_where_there_is_little_stack) {
  for (const bool dump : {false, true})
    EXPECT_EXIT(
        {
          if (dump) setenv("HEDDLE_DEBUG", "dump=1", 1);
          on_a_small_stack([] {
            heddle::blocking_long([] {
              while (heddle::stats().parks == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
              (void)heddle::chan<int>().recv();
            });
          });
        },
        status_2,
        "all goroutines are asleep - deadlock!\n\ngoroutine 1 .*\ngoroutine [0-9]+ \\[chan receive, in a call");
}

TEST(ReportsDeathTest, of_misuse_fit_where_there_is_little_stack) {
  EXPECT_EXIT(on_a_small_stack([] { heddle::mutex().unlock(); }), status_2,
              "fatal error: unlock of unlocked mutex\n\ngoroutine [0-9]+ \\[running\\]\n  started at");
}

TEST(Reports, dump_fits_where_there_is_little_stack) {
  std::string text;
  EXPECT_EQ(
      heddle::run(
          [&] {
            std::ostringstream out;
            heddle::wait_group wg;
            wg.go([&] { with_little_left([&] { text = heddle::detail::dump_text(*heddle::detail::getm()->sched); }); });
            wg.wait();
          },
          on_the_smallest_stacks()),
      0);
  EXPECT_THAT(text, HasSubstr("goroutine 1 ["));
  EXPECT_THAT(text, ContainsRegex("  stack: [0-9]+ of [0-9]+ KiB have been touched\n"));
}

// Where there is no memory for a stack for the report, one is in reserve.
TEST(ReportsDeathTest, are_made_where_the_system_has_no_memory) {
  if (asan || tsan) GTEST_SKIP() << "sanitizers need all the address space";
  EXPECT_EXIT(on_a_small_stack([] {
                const rlimit none = {1, 1};
                setrlimit(RLIMIT_AS, &none);
                heddle::mutex().unlock();
              }),
              status_2, "fatal error: unlock of unlocked mutex\n\ngoroutine [0-9]+ \\[running\\]\n");
}

// ------------------------------------------------------------------------------------------------------ main, and more

TEST(MainStack, is_as_large_as_that_of_a_thread) {
  rlimit before = {};
  getrlimit(RLIMIT_STACK, &before);
  const auto size_with = [&](rlim_t limit) {
    rlimit now = before;
    now.rlim_cur = limit;
    EXPECT_EQ(setrlimit(RLIMIT_STACK, &now), 0);
    std::size_t size = 0;
    EXPECT_EQ(run_on(1,
                     [&] {
                       const heddle::detail::stack s = heddle::detail::getm()->curg.peek()->stack.get();
                       size = static_cast<std::size_t>(s.hi - s.lo);
                     }),
              0);
    setrlimit(RLIMIT_STACK, &before);
    return size;
  };
  EXPECT_EQ(size_with(8192 * kib), 8192 * kib - page);
  EXPECT_EQ(size_with(20480 * kib), 20480 * kib - page);
  if (before.rlim_max == RLIM_INFINITY) {
    EXPECT_EQ(size_with(RLIM_INFINITY), 65536 * kib - page);
  }
  EXPECT_EQ(size_with(64 * kib), heddle::detail::geometry::stack_size - page);
}

TEST(MainStack, can_be_used) {
  EXPECT_EQ(run_on(1, [] { (void)recurse(asan || tsan ? 3000 : 20'000); }), 0);
}

TEST(MainStack, options_may_ask_for_more) {
  heddle::options o = with_procs(1);
  o.stack_size = std::size_t{256} << 20;
  EXPECT_EQ(heddle::run(
                [&] {
                  const heddle::detail::stack s = heddle::detail::getm()->curg.peek()->stack.get();
                  EXPECT_EQ(static_cast<std::size_t>(s.hi - s.lo), o.stack_size - page);
                },
                o),
            0);
}

std::string dumped() {
  std::ostringstream out;
  heddle::dump(out);
  return out.str();
}

TEST(HighWater, is_told_in_the_dump) {
  if (asan || tsan) GTEST_SKIP() << "instrumented frames are larger";
  std::string text;
  EXPECT_EQ(run_on(1,
                   [&] {
                     const heddle::chan<int> c;
                     heddle::go([&] {
                       (void)recurse(100);  // 100 frames of 256 to 320 bytes
                       (void)c.recv();
                     });
                     heddle::go([&] { (void)c.recv(); });
                     while (heddle::stats().parks < 2) heddle::yield();
                     text = dumped();
                     c.close();
                   }),
            0);
  const std::size_t at = text.find("\ngoroutine 2 ");
  ASSERT_NE(at, std::string::npos);
  int deep = 0, all = 0, shallow = 0;
  ASSERT_EQ(std::sscanf(text.c_str() + text.find("  stack: ", at), "  stack: %d of %d KiB", &deep, &all), 2) << text;
  const std::size_t third = text.find("\ngoroutine 3 ");
  ASSERT_EQ(std::sscanf(text.c_str() + text.find("  stack: ", third), "  stack: %d of", &shallow), 1) << text;
  EXPECT_GE(deep, 24);
  EXPECT_LE(deep, 44);
  EXPECT_EQ(all, 60);
  EXPECT_LE(shallow, 8);
}

// ------------------------------------------------------------------------------------------------ memory that goes back

std::size_t resident() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0, pages = 0;
  file >> total >> pages;
  return pages * page;
}

TEST(StackMemory, goes_back_to_the_system_when_nobody_has_used_it_for_a_while) {
  if (asan || tsan) GTEST_SKIP() << "the sanitizer's own memory is more than that of the stacks";
  const std::size_t n = 3000, each = 40 * kib;
  heddle::runtime rt(with_procs(2));
  EXPECT_EQ(rt.run([&] {
    const std::size_t before = resident();
    const auto use_all = [&] {
      const heddle::chan<int> gate;
      heddle::wait_group wg;
      for (std::size_t i = 0; i < n; ++i)
        wg.go([&] {
          (void)recurse(140);
          (void)gate.recv();
        });
      while (heddle::num_goroutine() != n + 1 || rt.stats().parks < n) heddle::yield();
      gate.close();
      wg.wait();
    };
    use_all();
    EXPECT_GT(resident() - before, n * each / 2);
    // A P keeps up to 64 dead goroutines for itself.
    EXPECT_TRUE(wait_until([&] { return resident() < before + n * each / 10; })) << (resident() - before) / kib;
    use_all();                                                             // they can be used again
    EXPECT_TRUE(wait_until([] { return heddle::num_goroutine() == 1; }));  // the last is done before it has ended
  }),
            0);
}

// A goroutine that did not ask for a stack of its own size does not get the small one of another that has ended.
TEST(StackMemory, of_an_own_size_is_not_the_next_goroutine_s) {
  EXPECT_EQ(run_on(1,
                   [] {
                     for (int i = 0; i < 3; ++i) {
                       heddle::wait_group wg(1);
                       heddle::go([&] { wg.done(); }, 16 * kib);
                       wg.wait();
                       wg.go([] { (void)recurse(140); });
                       wg.wait();
                     }
                   }),
            0);
}

// Nothing runs any more: sysmon does not sleep for good before.
TEST(StackMemory, goes_back_while_all_is_idle) {
  if (asan || tsan) GTEST_SKIP() << "as above";
  const std::size_t n = 1000, each = 40 * kib;
  EXPECT_EQ(run_on(2,
                   [&] {
                     const std::size_t before = resident();
                     heddle::wait_group wg;
                     for (std::size_t i = 0; i < n; ++i)
                       wg.go([] {
                         (void)recurse(140);
                         heddle::sleep_for(std::chrono::milliseconds(20));
                       });
                     wg.wait();
                     EXPECT_GT(resident() - before, n * each / 2);
                     heddle::sleep_for(std::chrono::milliseconds(3500));
                     EXPECT_LT(resident() - before, n * each / 4);
                   }),
            0);
}

// The pool alone: a stack is given back when it has been free for a whole period, and can be used again.
TEST(StackMemory, of_a_pool_goes_back_after_a_period) {
  heddle::detail::stackpool pool(64 * kib, false);
  std::vector<heddle::detail::stack> stacks;
  for (int i = 0; i < 1500; ++i) stacks.push_back(pool.stackalloc(0));
  EXPECT_FALSE(pool.unused() && stacks.empty());
  for (const heddle::detail::stack &s : stacks) std::memset(s.lo, 0x5a, static_cast<std::size_t>(s.hi - s.lo));
  for (const heddle::detail::stack &s : stacks) pool.stackfree(s);
  EXPECT_TRUE(pool.unused());
  const std::size_t before = resident();
  pool.give_back();
  EXPECT_EQ(pool.unused(), true) << "they have not been free for a whole period";
  const heddle::detail::stack used = pool.stackalloc(0);
  EXPECT_EQ(used.lo[0], 0x5a);
  pool.stackfree(used);
  pool.give_back();
  EXPECT_TRUE(pool.unused()) << "the one that was used meanwhile";
  pool.give_back();
  EXPECT_FALSE(pool.unused());
  if (!asan && !tsan) {
    EXPECT_LT(resident(), before - 1400 * 56 * kib);
  }
  std::vector<const char *> again;
  for (std::size_t i = 0; i < stacks.size() + 32; ++i) {  // so many are made ready at once, and some were left over
    const heddle::detail::stack s = pool.stackalloc(0);
    ASSERT_TRUE(s);
    EXPECT_EQ(s.lo[0], 0);
    s.lo[0] = s.hi[-1] = 1;
    again.push_back(s.lo);
  }
  std::sort(again.begin(), again.end());
  EXPECT_EQ(std::unique(again.begin(), again.end()), again.end());
  std::vector<const char *> first;
  for (const heddle::detail::stack &s : stacks) first.push_back(s.lo);
  std::sort(first.begin(), first.end());
  EXPECT_TRUE(std::includes(again.begin(), again.end(), first.begin(), first.end())) << "a stack is lost";
}

// ---------------------------------------------------------------------------------------------------------------- cores

// A core that gdb's gcore writes holds the stacks of goroutines: the pattern of each is found in it.
TEST(Core, by_gcore_holds_the_stacks) {
  if (asan || tsan) GTEST_SKIP() << "the core would have the sanitizer's shadow in it";
  if (std::system("which gcore > /dev/null 2>&1") != 0) GTEST_SKIP() << "gdb's gcore is not installed";
  constexpr std::size_t n = 200;
  const std::string prefix = testing::TempDir() + "heddle_core";
  std::string core;
  EXPECT_EQ(run_on(1,
                   [&] {
                     const heddle::chan<int> gate;
                     for (std::size_t i = 0; i < n; ++i)
                       heddle::go([&, i] {
                         volatile std::uint64_t mark[8];
                         for (auto &m : mark) m = 0x5ca1ab1e00000000 + i;
                         (void)gate.recv();
                         mark[0] = mark[1];
                       });
                     while (heddle::stats().parks < n) heddle::yield();
                     const std::string pid = std::to_string(getpid());
                     const std::string command = "gcore -o " + prefix + " " + pid + " > /dev/null 2>&1";
                     if (std::system(command.c_str()) == 0) core = prefix + "." + pid;
                     gate.close();
                   }),
            0);
  if (core.empty()) GTEST_SKIP() << "gcore may not attach here";
  std::ifstream file(core, std::ios::binary);
  std::vector<bool> seen(n);
  std::uint64_t words[4096];
  while (file.read(reinterpret_cast<char *>(words), sizeof words) || file.gcount() > 0) {
    const auto got = static_cast<std::size_t>(file.gcount()) / sizeof words[0];
    for (std::size_t i = 0; i + 7 < got; ++i)  // eight in a row are a goroutine's, and no temporary
      if (words[i] - 0x5ca1ab1e00000000 < n && words[i] == words[i + 1] && words[i] == words[i + 7])
        seen[words[i] - 0x5ca1ab1e00000000] = true;
  }
  std::remove(core.c_str());
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), static_cast<std::ptrdiff_t>(n));
}

}  // namespace
