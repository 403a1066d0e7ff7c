// Google Benchmark over the scheduler's workloads: sched/NAME/procs:N. One iteration is one run of the workload in a
// runtime of its own; the time is the workload's own clock, the figure per operation is the counter.
#include <benchmark/benchmark.h>

#include <string>

#include "bench/workloads.hpp"

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

}  // namespace
