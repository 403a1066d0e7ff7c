// What the entries of heddle::preemptible and heddle::preemptible_loops cost: three programs, compiled in each way
// (CMakeLists.txt), with HEDDLE_COMPILED_FOR as its name.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "heddle/heddle.hpp"

namespace {

// Nothing but calls: 1.6 of them for each addition.
[[gnu::noinline]] std::uint64_t fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

void calls(benchmark::State &state) {
  for (auto _ : state) benchmark::DoNotOptimize(fib(25));
  state.SetItemsProcessed(state.iterations() * 242'785);  // calls
}

// Calls and loops, as most code has them.
[[gnu::noinline]] void quicksort(std::uint32_t *a, std::ptrdiff_t n) {
  if (n < 2) return;
  const std::uint32_t pivot = a[n / 2];
  std::ptrdiff_t i = 0, j = n - 1;
  while (i <= j) {
    while (a[i] < pivot) ++i;
    while (a[j] > pivot) --j;
    if (i <= j) std::swap(a[i++], a[j--]);
  }
  quicksort(a, j + 1);
  quicksort(a + i, n - i);
}

void sort(benchmark::State &state) {
  constexpr std::ptrdiff_t n = 20'000;
  std::vector<std::uint32_t> a(n);
  for (auto _ : state) {
    std::uint32_t x = 1;
    for (std::uint32_t &v : a) v = x = x * 1'664'525u + 1'013'904'223u;
    quicksort(a.data(), n);
    benchmark::DoNotOptimize(a.data());
  }
  state.SetItemsProcessed(state.iterations() * n);  // numbers
}

// Nothing but a short loop.
void loop(benchmark::State &state) {
  constexpr std::size_t n = 100'000;
  std::vector<char> composite(n);
  for (auto _ : state) {
    composite.assign(n, 0);
    for (std::size_t i = 2; i * i < n; ++i)
      if (composite[i] == 0)
        for (std::size_t k = i * i; k < n; k += i) composite[k] = 1;
    benchmark::DoNotOptimize(composite.data());
  }
  state.SetItemsProcessed(state.iterations() * 241'000);  // turns of the inner loop
}

void add(const char *name, void (*f)(benchmark::State &)) {
  benchmark::RegisterBenchmark((std::string("entries/") + name + "/" + HEDDLE_COMPILED_FOR).c_str(),
                               [f](benchmark::State &state) { heddle::run([&] { f(state); }); })
      ->UseRealTime();
}
const bool added = [] {
  add("calls", calls);
  add("sort", sort);
  add("loop", loop);
  return true;
}();

}  // namespace
