// Stacks: how large they are, how cheap, and what lies below them.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "runtime/test/test_support.hpp"

namespace {

using heddle_test::child_exit;
using heddle_test::run_on;
using heddle_test::with_procs;

constexpr std::size_t page = 4096;

std::size_t maps() {
  std::ifstream file("/proc/self/maps");
  std::size_t n = 0;
  for (std::string line; std::getline(file, line);) ++n;
  return n;
}

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * page;
}

// Returns whether this kernel has guard pages that need no mapping of their own (Linux 6.13).
bool has_light_guards() {
  void *at = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const bool yes = madvise(at, page, 102) == 0;  // MADV_GUARD_INSTALL
  munmap(at, page);
  return yes;
}

// Asks the kernel whether the memory can be used, without dying of it and without a sanitizer in the way.
bool readable(const char *at) {
  char byte = 0;
  const iovec to = {&byte, 1}, from = {const_cast<char *>(at), 1};
  return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == 1;
}

// Tests each of them, and more than are made ready at once: all of each stack can be used, and below it is a guard.
bool each_has_its_guard() {
  heddle::detail::stackpool pool(64 * 1024, false);
  for (int i = 0; i < 1500; ++i) {
    const heddle::detail::stack s = pool.stackalloc(0);
    *s.lo = s.hi[-1] = 1;
    if (readable(s.lo - 1) || !readable(s.lo) || !readable(s.hi - 1)) return false;
  }
  return true;
}

void forbid_process_madvise() {
  sock_filter rules[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
                         {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_process_madvise},
                         {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EPERM},
                         {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
  const sock_fprog program = {4, rules};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    child_exit(12);
}

void leave_address_space(std::size_t bytes) {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  file >> total;
  const rlimit most = {total * page + bytes, total * page + bytes};
  if (setrlimit(RLIMIT_AS, &most) != 0) child_exit(16);
}

[[gnu::noinline]] int recurse(int depth) {
  volatile char frame[512];
  frame[0] = static_cast<char>(depth);
  if (depth == 0) return frame[0];
  const int below = recurse(depth - 1);
  return below + frame[0] - frame[0];
}

// --------------------------------------------------------------------------------------------------------------- pool

TEST(Stackpool, gives_the_same_stack_again_and_no_stack_twice) {
  heddle::detail::stackpool pool(64 * 1024, false);
  const heddle::detail::stack first = pool.stackalloc(0);
  ASSERT_TRUE(first);
  EXPECT_EQ(static_cast<std::size_t>(first.hi - first.lo), pool.usable(0));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first.lo) % page, 0u);
  pool.stackfree(first);
  std::vector<heddle::detail::stack> stacks;
  for (int i = 0; i < 3000; ++i) stacks.push_back(pool.stackalloc(0));  // more than two slabs
  EXPECT_EQ(stacks[0].lo, first.lo) << "a warm stack comes back first";
  std::sort(stacks.begin(), stacks.end(), [](auto a, auto b) { return a.lo < b.lo; });
  for (std::size_t i = 0; i + 1 < stacks.size(); ++i) ASSERT_LE(stacks[i].hi + page, stacks[i + 1].lo);
  for (const heddle::detail::stack &s : stacks) {
    *s.lo = 1;
    s.hi[-1] = 1;
  }
  for (const heddle::detail::stack &s : stacks) pool.stackfree(s);
}

TEST(Stackpool, other_sizes_are_mapped_and_unmapped_one_by_one) {
  heddle::detail::stackpool pool(64 * 1024, false);
  pool.stackfree(pool.stackalloc(0));
  const std::size_t before = maps();
  for (int i = 0; i < 200; ++i) {
    const heddle::detail::stack s = pool.stackalloc(100'000);
    ASSERT_TRUE(s);
    EXPECT_GE(s.hi - s.lo, 100'000 - static_cast<std::ptrdiff_t>(page));
    *s.lo = s.hi[-1] = 1;
    pool.stackfree(s);
  }
  EXPECT_LE(maps(), before + 4);
  const heddle::detail::stack huge = pool.stackalloc(std::size_t{200} << 20);  // larger than a slab
  ASSERT_TRUE(huge);
  *huge.lo = 1;
  pool.stackfree(huge);
}

TEST(Stackpool, each_of_many_has_its_guard) { EXPECT_TRUE(each_has_its_guard()); }

// On an older kernel, or in a sandbox.
TEST(StackDeathTest, each_of_many_has_its_guard_where_they_are_laid_one_by_one) {
  EXPECT_EXIT(
      {
        forbid_process_madvise();
        child_exit(each_has_its_guard() ? 42 : 13);
      },
      testing::ExitedWithCode(42), "");
}

TEST(Stackpool, says_no_when_there_is_no_address_space) {
  heddle::detail::stackpool pool(64 * 1024, false);
  EXPECT_FALSE(pool.stackalloc(std::size_t{1} << 60));
  EXPECT_FALSE(pool.stackalloc(~std::size_t{0}));
  EXPECT_TRUE(pool.stackalloc(0));
}

// With little address space left, each goroutine that could be made gets its stack; the others are refused when they
// are made.
[[noreturn]] void stackpool_keeps_its_promises() {
  heddle::detail::stackpool pool(64 * 1024, false);
  if (!pool.promises()) child_exit(42);
  leave_address_space(200 << 20);
  std::size_t promised = 0, had = 0;
  while (pool.promise()) ++promised;
  while (had < promised && pool.stackalloc(0)) ++had;
  child_exit(promised >= 1000 && had == promised && !pool.stackalloc(0) ? 42 : 14);
}

[[noreturn]] void goroutines_that_could_be_started_run() {
  std::size_t started = 0, ran = 0;
  (void)run_on(1, [&] {
    const heddle::chan<int> gate;
    const auto wait = [&] {
      ++ran;
      (void)gate.recv();
    };
    leave_address_space(200 << 20);
    try {
      for (;; ++started) heddle::go(wait);
    } catch (const std::bad_alloc &) {
    }
    while (ran != started) heddle::yield();
    gate.close();
  });
  child_exit(started >= 1000 ? 42 : 15);
}

TEST(StackDeathTest, what_is_promised_is_there) {
  if (heddle_test::asan || heddle_test::tsan) GTEST_SKIP() << "sanitizers need all the address space";
  EXPECT_EXIT(stackpool_keeps_its_promises(), testing::ExitedWithCode(42), "");
  EXPECT_EXIT(goroutines_that_could_be_started_run(), testing::ExitedWithCode(42), "");
}

TEST(Stackpool, the_smallest_stack_is_four_pages) {
  heddle::detail::stackpool pool(1, false);
  EXPECT_EQ(pool.usable(0), 3 * page);
  EXPECT_EQ(pool.usable(1), 3 * page);
  EXPECT_EQ(pool.usable(5 * page), 4 * page);
  EXPECT_EQ(pool.usable(5 * page + 1), 5 * page);
}

// --------------------------------------------------------------------------------------------------------------- sizes

TEST(Stack, a_goroutine_may_ask_for_more) {
  EXPECT_EQ(run_on(2,
                   [] {
                     int depth = 0;
                     heddle::wait_group wg;
                     wg.add(1);
                     heddle::go(
                         [&] {
                           recurse(2000);
                           depth = 2000;
                           wg.done();
                         },
                         std::size_t{8} << 20);
                     wg.wait();
                     EXPECT_EQ(depth, 2000);
                   }),
            0);
}

TEST(Stack, options_set_the_size) {
  for (const std::size_t size : {std::size_t{16} << 10, std::size_t{1} << 20, std::size_t{128} << 20}) {
    heddle::options o = with_procs(2);
    o.stack_size = size;
    if (size < heddle::detail::geometry::stack_size && (heddle_test::asan || heddle_test::tsan))
      o.stack_size = size * 4;
    EXPECT_EQ(heddle::run(
                  [&] {
                    heddle::wait_group wg;
                    wg.go([&] {
                      const heddle::detail::stack s = heddle::detail::getm()->curg.peek()->stack.get();
                      EXPECT_EQ(static_cast<std::size_t>(s.hi - s.lo), o.stack_size - page);
                    });
                    for (int i = 0; i < 10; ++i) wg.go([] { heddle::yield(); });
                    if (size >= std::size_t{1} << 20) wg.go([] { recurse(700); });
                    wg.wait();
                  },
                  o),
              0);
  }
}

TEST(Stack, many_parked_goroutines_fit_and_are_small) {
  std::size_t n = heddle_test::tsan ? 1500 : heddle_test::asan ? 20'000 : 100'000;
  if (!has_light_guards())
    n = std::min<std::size_t>(n, 25'000);  // two mappings a stack: vm.max_map_count says how many
  heddle::runtime rt(with_procs(1));
  std::size_t before = 0, parked = 0, maps_before = 0, maps_parked = 0;
  EXPECT_EQ(rt.run([&] {
    heddle::chan<int> gate;
    heddle::wait_group wg;
    before = resident_bytes();
    maps_before = maps();
    for (std::size_t i = 0; i < n; ++i) {
      wg.go([&] { (void)gate.recv(); });
      if (i % 64 == 0) heddle::yield();
    }
    heddle::yield();
    parked = resident_bytes();
    maps_parked = maps();
    EXPECT_EQ(heddle::num_goroutine(), n + 1);
    gate.close();
    wg.wait();
    EXPECT_EQ(heddle::num_goroutine(), 1u);
  }),
            0);
  EXPECT_EQ(rt.stats().spawned, n + 1);
  if (!heddle_test::asan && !heddle_test::tsan) {
    EXPECT_LT((parked - before) / n, 8192u) << "resident bytes per parked goroutine";
  }
  if (has_light_guards() && !heddle_test::tsan) {  // which maps memory of its own for each
    // Two for each of the 512 stacks that have hard guards (sched/os/guard.cpp).
    EXPECT_LT(maps_parked, maps_before + 2 * 512 + n / 100 + 50) << "mappings for " << n << " goroutines";
  }
}

// -------------------------------------------------------------------------------------------------------------
// overflow

[[gnu::noinline]] int recurse_for_ever(int depth) {
  volatile char frame[256];
  frame[depth % 256] = static_cast<char>(depth);
  if (depth == 1 << 30) return frame[0];  // far beyond any stack; the compilers refuse a recursion that cannot end
  return recurse_for_ever(depth + 1) + frame[0];
}

bool ended_by_fault(int status) {
  if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGSEGV;
  // A sanitizer catches the signal, reports and exits.
  return WIFEXITED(status) && WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 99;
}

TEST(StackDeathTest, overflow_hits_the_guard_page) {
  EXPECT_EXIT(
      {
        (void)run_on(1, [] {
          heddle::wait_group wg;
          wg.go([] { (void)recurse_for_ever(0); });
          wg.wait();
        });
        child_exit(99);
      },
      ended_by_fault, "");
}

// The fault is in the guard page of the goroutine that overflowed, and its neighbours' stacks are as they were.
struct scene {
  char *lo = nullptr;
  std::vector<heddle::detail::stack> neighbours;
} the_scene;

constexpr std::size_t pattern_size = 1024;

void on_fault(int, siginfo_t *info, void *) {
  const auto *at = static_cast<const char *>(info->si_addr);
  if (at >= the_scene.lo || at < the_scene.lo - page) child_exit(10);
  for (const heddle::detail::stack &s : the_scene.neighbours)
    for (std::size_t i = 0; i < pattern_size; ++i)
      if (s.lo[i] != 0x5a) child_exit(11);
  child_exit(42);
}

TEST(StackDeathTest, overflow_does_not_touch_the_neighbours) {
  EXPECT_EXIT(
      {
        (void)run_on(1, [] {
          static char alternate[64 * 1024];
          stack_t alt = {};
          alt.ss_sp = alternate;
          alt.ss_size = sizeof alternate;
          sigaltstack(&alt, nullptr);
          struct sigaction action = {};
          action.sa_sigaction = on_fault;
          action.sa_flags = SA_SIGINFO | SA_ONSTACK;
          sigaction(SIGSEGV, &action, nullptr);
          heddle::chan<int> gate;
          for (int i = 0; i < 10; ++i) {
            heddle::go([&gate] { (void)gate.recv(); });
            if (i == 5)
              heddle::go([] {
                heddle::gosched();
                heddle::gosched();
                the_scene.lo = heddle::detail::getm()->curg.peek()->stack.get().lo;
                (void)recurse_for_ever(0);
              });
          }
          heddle::yield();
          // The lowest bytes of every parked goroutine's stack: far below what it uses.
          const heddle::detail::schedt &sched = *heddle::detail::getm()->sched;
          for (heddle::detail::g *gp = sched.allgs.peek(); gp != nullptr; gp = gp->alllink.peek())
            if (gp->atomicstatus.peek() == heddle::detail::gstatus::waiting) {
              std::memset(gp->stack.get().lo, 0x5a, pattern_size);
              the_scene.neighbours.push_back(gp->stack.get());
            }
          if (the_scene.neighbours.size() != 10) child_exit(12);
          for (;;) heddle::gosched();
        });
        child_exit(99);
      },
      testing::ExitedWithCode(42), "");
}

}  // namespace
