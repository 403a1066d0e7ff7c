// The scheduler's workloads for Google Benchmark: sched/NAME/procs:N. One iteration is one run of the workload in a
// runtime of its own. The time is that of the workload's own clock; the figure for each operation is the counter.
// Also wake-ups between two goroutines that both have work of their own: sched/wakeup_parallel_...
#include <benchmark/benchmark.h>

#include <cstdint>
#include <ctime>
#include <string>

#include "bench/workloads.hpp"
#include "heddle/heddle.hpp"

namespace {

void run(benchmark::State &state, const bench::workload &w) {
  const int procs = static_cast<int>(state.range(0));
  for (auto _ : state) {
    const bench::figure f = w.run(procs, 1);
    state.SetIterationTime(f.elapsed_s);
    if (f.more.empty()) state.counters[std::string(f.unit)] += f.value;
    for (const auto &[name, value] : f.more) state.counters[std::string(name)] += value;
  }
  for (auto &[name, counter] : state.counters) counter.flags = benchmark::Counter::kAvgIterations;
}

const bool registered = [] {
  for (const bench::workload &w : bench::workloads()) {
    if (w.heavy) continue;  // bench/run.py --million
    auto *b = benchmark::RegisterBenchmark(("sched/" + std::string(w.name)).c_str(),
                                           [&w](benchmark::State &state) { run(state, w); });
    b->ArgName("procs")->DenseRange(w.procs_min, w.procs_max)->UseManualTime()->Unit(benchmark::kMillisecond);
  }
  return true;
}();

// A wake-up between two goroutines that both have work. Source: Go's benchmarkWakeupParallel (proc_test.go).
//
// One side wakes the other by a send. Then both compute for `delay`, so that both want to run at the same time. The
// sender computes wake_delay longer, so that the receiver has parked by then. There and back is one iteration. On two
// cores it takes 2 * (overhead + wake_delay + delay), and `overhead_us` is the same at every delay. Where the woken
// goroutine waits for the waker's core, all four delays come one after the other and overhead_us grows with the delay.
constexpr std::int64_t wake_delay_ns = 5'000;

template <class Work>
void wake_and_work(std::int64_t delay_ns, const heddle::chan<char> &other, Work work) {
  work(wake_delay_ns + delay_ns);
  other.send(0);
}

template <class Work>
void work_and_wait(std::int64_t delay_ns, const heddle::chan<char> &mine, Work work) {
  work(delay_ns);
  mine.recv();
}

template <class Work>
void wakeup_parallel(benchmark::State &state, Work work) {
  constexpr std::int64_t batch = 200;
  const std::int64_t delay_ns = state.range(0) * 1000;
  heddle::options two;
  two.procs = 2;
  double total_s = 0;
  while (state.KeepRunningBatch(batch)) {
    double elapsed_s = 0;
    const int status = heddle::run(
        [&] {
          const heddle::chan<char> ping, pong;
          heddle::wait_group done;
          const std::int64_t start = bench::now_ns();
          done.go([=] {
            for (std::int64_t i = 0; i < batch; ++i) {
              wake_and_work(delay_ns, ping, work);
              work_and_wait(delay_ns, pong, work);
            }
          });
          done.go([=] {
            for (std::int64_t i = 0; i < batch; ++i) {
              work_and_wait(delay_ns, ping, work);
              wake_and_work(delay_ns, pong, work);
            }
          });
          done.wait();
          elapsed_s = static_cast<double>(bench::now_ns() - start) * 1e-9;
        },
        two);
    if (status != 0) return state.SkipWithError("the runtime did not start");
    state.SetIterationTime(elapsed_s);
    total_s += elapsed_s;
  }
  const double one_way_us = total_s * 1e6 / static_cast<double>(state.iterations()) / 2;
  state.counters["overhead_us"] = one_way_us - static_cast<double>(wake_delay_ns + delay_ns) * 1e-3;
}

void wakeup_parallel_spinning(benchmark::State &state) {
  wakeup_parallel(state, [](std::int64_t ns) { bench::compute_until(bench::now_ns() + ns); });
}

// Instead of computing, both sides sleep in the kernel; meanwhile another M may retake the P.
void wakeup_parallel_syscall(benchmark::State &state) {
  wakeup_parallel(state, [](std::int64_t ns) {
    heddle::blocking([ns] {
      const std::timespec duration{0, ns};
      nanosleep(&duration, nullptr);
    });
  });
}

void delays(benchmark::internal::Benchmark *b) {
  b->ArgName("delay_us")->UseManualTime()->Unit(benchmark::kMicrosecond);
  for (const int us : {0, 1, 2, 5, 10, 20, 50, 100}) b->Arg(us);
}
// What such a call costs one goroutine, with one P and with two. Go's counterparts: BenchmarkSyscall, LockOSThread with
// Gosched, and calls of runtime.GOMAXPROCS.
template <class F>
void on_a_goroutine(benchmark::State &state, F f) {
  heddle::options o;
  o.procs = static_cast<int>(state.range(0));
  heddle::run(
      [&] {
        for (auto _ : state) f();
      },
      o);
}

void blocking_empty(benchmark::State &state) {
  on_a_goroutine(state, [] { heddle::blocking([] { benchmark::ClobberMemory(); }); });
}
void blocking_long_empty(benchmark::State &state) {
  on_a_goroutine(state, [] { heddle::blocking_long([] { benchmark::ClobberMemory(); }); });
}
void safepoint_unasked(benchmark::State &state) {
  on_a_goroutine(state, [] { heddle::safepoint(); });
}
void stop_the_world_empty(benchmark::State &state) {
  on_a_goroutine(state, [] { heddle::stop_the_world([] {}); });
}
void yield_locked(benchmark::State &state) {
  on_a_goroutine(state, [locked = false]() mutable {
    if (!locked) heddle::lock_os_thread();
    locked = true;
    heddle::yield();
  });
}

BENCHMARK(blocking_empty)->Name("sched/blocking")->ArgName("procs")->DenseRange(1, 2)->UseRealTime();
BENCHMARK(blocking_long_empty)->Name("sched/blocking_long")->ArgName("procs")->DenseRange(1, 2)->UseRealTime();
BENCHMARK(safepoint_unasked)->Name("sched/safepoint")->ArgName("procs")->Arg(1);
BENCHMARK(stop_the_world_empty)->Name("sched/stop_the_world")->ArgName("procs")->DenseRange(1, 2)->UseRealTime();
BENCHMARK(yield_locked)->Name("sched/yield_locked")->ArgName("procs")->DenseRange(1, 2)->UseRealTime();
BENCHMARK(wakeup_parallel_spinning)->Name("sched/wakeup_parallel_spinning")->Apply(delays);
BENCHMARK(wakeup_parallel_syscall)->Name("sched/wakeup_parallel_syscall")->Apply(delays);

}  // namespace
