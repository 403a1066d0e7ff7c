// Code that is compiled for heddle::preemptible gives way where its functions begin, and that for
// heddle::preemptible_loops (HEDDLE_LOOPS) also inside them. In all of these but one no P is taken, so nothing else
// helps. heddle is a shared library here, and shows what it shows to users.
#include <gtest/gtest.h>

#include <immintrin.h>
#include <signal.h>
#include <sys/time.h>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#include "heddle/heddle.hpp"

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using flag = std::atomic<bool>;

template <class F>
int run_on(int procs, F &&f, int hogs_max = -1) {
  heddle::options o;
  o.procs = procs;
  o.log = false;
  o.hogs_max = hogs_max;
  return heddle::run(f, o);
}

// Returns whether `over` is set.
[[gnu::noinline]] bool look(const flag &over) { return over.load(std::memory_order_relaxed); }

// --------------------------------------------------------------------------------------------------------- giving way

class Preemptible : public testing::TestWithParam<int> {};

TEST_P(Preemptible, the_others_run_beside_loops_that_call) {
  EXPECT_EQ(run_on(GetParam(),
                   [n = GetParam()] {
                     flag over{false};
                     heddle::wait_group all;
                     for (int i = 0; i < 2 * n; ++i)
                       all.go([&over] {
                         while (!look(over)) {
                         }
                       });
                     for (int i = 0; i < 5; ++i) heddle::sleep_for(1ms);
                     over = true;
                     all.wait();
                   }),
            0);
}

#ifdef HEDDLE_LOOPS
TEST_P(Preemptible, the_others_run_beside_loops_that_call_nothing) {
  EXPECT_EQ(run_on(GetParam(),
                   [n = GetParam()] {
                     bool over = false;
                     heddle::wait_group all;
                     for (int i = 0; i < 2 * n; ++i)
                       all.go([&over] {
                         while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
                         }
                       });
                     for (int i = 0; i < 5; ++i) heddle::sleep_for(1ms);
                     __atomic_store_n(&over, true, __ATOMIC_RELAXED);
                     all.wait();
                   }),
            0);
}
#endif

// The world stops, and the number of Ps changes, though nothing calls heddle.
TEST_P(Preemptible, the_world_stops) {
  EXPECT_EQ(run_on(GetParam(),
                   [n = GetParam()] {
                     flag over{false};
                     heddle::wait_group all;
                     for (int i = 0; i < n; ++i)
                       all.go([&over] {
                         while (!look(over)) {
                         }
                       });
                     for (int i = 0; i < 20; ++i) {
                       heddle::stop_the_world([] {});
                       heddle::set_procs(n);
                       heddle::yield();
                     }
                     over = true;
                     all.wait();
                   }),
            0);
}

INSTANTIATE_TEST_SUITE_P(procs, Preemptible, testing::Values(1, 2, 4));

#ifndef HEDDLE_LOOPS
// A goroutine whose P was taken, while it was in code that is not compiled for this, waits for its turn at the next
// entry: the others have theirs before it goes on, though it calls nothing of heddle's.
[[gnu::no_instrument_function]] void wait_for(const int *ran) {
  while (__atomic_load_n(ran, __ATOMIC_RELAXED) == 0) {
  }
}
[[gnu::noinline]] int value_of(const int *ran) { return __atomic_load_n(ran, __ATOMIC_RELAXED); }
TEST(PreemptibleHog, gives_way_at_its_next_entry) {
  EXPECT_EQ(run_on(
                1,
                [] {
                  int ran = 0;
                  heddle::wait_group all;
                  all.go([&ran] {
                    __atomic_store_n(&ran, 1, __ATOMIC_RELAXED);
                    for (int i = 0; i < 10; ++i) heddle::gosched();
                    __atomic_store_n(&ran, 2, __ATOMIC_RELAXED);
                  });
                  wait_for(&ran);
                  for (const auto end = steady_clock::now() + 10s; value_of(&ran) != 2 && steady_clock::now() < end;) {
                  }
                  EXPECT_EQ(value_of(&ran), 2);
                  EXPECT_GE(heddle::stats().hogs, 1u);
                  all.wait();
                },
                0),
            0);
}
#endif

// ---------------------------------------------------------------------------------------------- what an entry preserves

[[gnu::noinline]] double sum(int a, long b, unsigned char c, const int *d, double e, float f, double g, double h,
                             double i, double j, double k, double l, int m, long n) {
  return a + static_cast<double>(b) + c + *d + e + static_cast<double>(f) + g + h + i + j + k + l + m +
         static_cast<double>(n);
}
[[gnu::noinline]] int sum_of(int n, ...) {  // rax says how many vector registers are used
  __builtin_va_list list;
  __builtin_va_start(list, n);
  double s = 0;
  for (int i = 0; i < n; ++i) s += __builtin_va_arg(list, double);
  __builtin_va_end(list);
  return static_cast<int>(s);
}
template <std::size_t N>
int sum_of(const std::array<int, N> &numbers) {
  int s = 0;
  for (const int v : numbers) s += v;
  return s;
}
[[gnu::noinline, gnu::target("avx2")]] int sum_256(__m256i a, __m256i b) {
  std::array<int, 8> x{};
  _mm256_storeu_si256(reinterpret_cast<__m256i *>(x.data()), _mm256_add_epi32(a, b));
  return sum_of(x);
}
[[gnu::noinline, gnu::target("avx512f")]] int sum_512(__m512i a, __m512i b) {
  std::array<int, 16> x{};
  _mm512_storeu_si512(x.data(), _mm512_add_epi32(a, b));
  return sum_of(x);
}
[[gnu::target("avx2")]] int twice_256(int k) { return sum_256(_mm256_set1_epi32(k), _mm256_set1_epi32(k)); }
[[gnu::target("avx512f")]] int twice_512(int k) { return sum_512(_mm512_set1_epi32(k), _mm512_set1_epi32(k)); }

void check_arguments(int k) {
  ASSERT_EQ(sum(k, k, static_cast<unsigned char>(k), &k, k, static_cast<float>(k), k, k, k, k, k, k, k, k), 14 * k);
  ASSERT_EQ(sum_of(3, 1.0 * k, 2.0 * k, 3.0 * k), 6 * k);
  if (__builtin_cpu_supports("avx2")) {
    ASSERT_EQ(twice_256(k), 16 * k);
  }
  if (__builtin_cpu_supports("avx512f")) {
    ASSERT_EQ(twice_512(k), 32 * k);
  }
}

// Runs f on so many Ps, while a thread has all goroutines give way all the time. Aborts when `turns` stands still.
template <class F>
void run_under_pressure(int procs, F &&f, const std::atomic<long> &turns) {
  heddle::options o;
  o.procs = procs;
  o.log = false;
  o.hogs_max = -1;
  heddle::runtime r(o);
  flag over{false};
  std::thread other([&] {
    long seen = -1;
    for (auto since = steady_clock::now(); !over;) {
      r.stop_the_world([] {});
      if (turns != seen) since = steady_clock::now();
      seen = turns;
      if (steady_clock::now() - since > 60s) std::abort();  // the runtime cannot end
    }
  });
  EXPECT_EQ(r.run(f), 0);
  over = true;
  other.join();
}

// Each goroutine has other values.
TEST(PreemptibleEntry, arguments_come_through) {
  std::atomic<long> turns{0};
  run_under_pressure(
      2,
      [&turns] {
        const auto end = steady_clock::now() + 1s;
        heddle::wait_group all;
        for (int k = 1; k <= 5; ++k)
          all.go([k, end, &turns] {
            for (; steady_clock::now() < end; ++turns) check_arguments(k);
          });
        all.wait();
      },
      turns);
}

// ---------------------------------------------------------------------------------------------- where it is no safepoint

TEST(PreemptibleNot, inside_no_preempt_but_at_its_end) {
  EXPECT_EQ(run_on(1,
                   [] {
                     flag ran{false};
                     heddle::yield();  // the first pick of a P looks into the global queue first
                     heddle::go([&ran] { ran = true; });
                     {
                       const heddle::no_preempt here;
                       for (const auto end = steady_clock::now() + 40ms; steady_clock::now() < end;)
                         ASSERT_FALSE(look(ran));
                     }
                     EXPECT_TRUE(ran) << "the request that came meanwhile stands";
                   }),
            0);
}

// Channels move values under their locks, in functions that are compiled here. One that gave way there would have the
// others spin, on the only P, for a lock that it cannot give back.
template <class T>
void hand_round(const T &first, std::atomic<long> &turns) {
  const auto end = steady_clock::now() + 300ms;
  const heddle::chan<T> c(4);
  heddle::wait_group all;
  for (int i = 0; i < 4; ++i)
    all.go([&] {
      for (; steady_clock::now() < end; ++turns) {
        c.send(T(first));
        EXPECT_TRUE(c.recv().has_value());
      }
    });
  all.wait();
}
// Its move is a function with an entry, and says that it is none of the embedder's.
struct unwatched {
  explicit unwatched(int n) : a(n) {}
  [[gnu::noinline]] unwatched(unwatched &&o) noexcept : a(o.a) {}
  unwatched(const unwatched &) = default;
  int a;
};
}  // namespace
template <>
inline constexpr bool heddle::detail::moves_silently<unwatched> = true;
namespace {
struct of_three {
  explicit of_three(int n) : a(n) {}
  of_three(of_three &&o) noexcept : a(o.a) { touch(); }
  of_three(const of_three &o) : a(o.a) { touch(); }
  ~of_three() { touch(); }
  [[gnu::noinline]] void touch() {}
  int a;
};
TEST(PreemptibleNot, where_a_spinlock_is_held) {
  for (const int procs : {1, 3}) {
    std::atomic<long> turns{0};
    run_under_pressure(
        procs,
        [&turns] {
          hand_round(std::vector<int>{1, 2, 3}, turns);
          hand_round(of_three(3), turns);
          hand_round(unwatched(3), turns);
          hand_round(3, turns);
        },
        turns);
    EXPECT_GT(turns, 10);
  }
}

TEST(PreemptibleNot, in_a_call_or_on_a_thread_of_the_embedder) {
  EXPECT_EQ(run_on(2,
                   [] {
                     flag over{false};
                     heddle::wait_group all;
                     all.go([&over] {
                       heddle::blocking([&over] {
                         while (!look(over)) {
                         }
                       });
                     });
                     std::thread other([&over] {
                       while (!look(over)) {
                       }
                     });
                     heddle::sleep_for(30ms);
                     over = true;
                     all.wait();
                     other.join();
                   }),
            0);
}

std::atomic<long> handled{0};
flag interrupted{false};
pthread_t runs_goroutines;
[[gnu::noinline]] void count() { ++handled; }
void handle(int) {
  if (pthread_equal(pthread_self(), runs_goroutines) == 0) return;
  interrupted = true;
  for (const auto end = steady_clock::now() + 3ms; steady_clock::now() < end;) count();
  interrupted = false;
}
// The threads of a runtime have alternate stacks. A handler that runs there has interrupted a goroutine, which is often
// asked to give way meanwhile.
TEST(PreemptibleNot, in_a_signal_handler) {
#ifdef HEDDLE_TSAN
  GTEST_SKIP() << "ThreadSanitizer calls handlers later, from a function of the goroutine's and on its stack";
#endif
  struct sigaction now = {}, before = {};
  now.sa_handler = handle;
  now.sa_flags = SA_ONSTACK | SA_RESTART;
  runs_goroutines = pthread_self();
  ASSERT_EQ(sigaction(SIGALRM, &now, &before), 0);
  const itimerval often{{0, 7000}, {0, 7000}}, never{};
  ASSERT_EQ(setitimer(ITIMER_REAL, &often, nullptr), 0);
  EXPECT_EQ(run_on(1,
                   [] {
                     const auto end = steady_clock::now() + 300ms;
                     heddle::wait_group all;
                     for (int i = 0; i < 3; ++i)
                       all.go([end] {
                         while (steady_clock::now() < end) ASSERT_FALSE(look(interrupted));
                       });
                     all.wait();
                   }),
            0);
  EXPECT_EQ(setitimer(ITIMER_REAL, &never, nullptr), 0);
  EXPECT_EQ(sigaction(SIGALRM, &before, nullptr), 0);
  EXPECT_GT(handled, 0);
}

#ifdef HEDDLE_FINDS_HELD_MUTEXES
[[noreturn]] void hold_and_compute() {
  const int status = run_on(1, [] {
    std::mutex m;
    flag over{false};
    heddle::go([] {});
    const std::lock_guard hold(m);
    for (const auto end = steady_clock::now() + 50ms; steady_clock::now() < end;) (void)look(over);
  });
  std::exit(status == 0 ? 42 : 1);
}
TEST(PreemptibleDeathTest, a_mutex_that_is_held_is_told) {
  EXPECT_EXIT(hold_and_compute(), testing::ExitedWithCode(42), "should give way where it holds a std::mutex");
}
#endif

}  // namespace
