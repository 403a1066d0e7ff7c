#pragma once
// The scheduler's workloads, a function for each. Google Benchmark (sched_bench.cpp) uses them, and so does the command
// line tool that bench/run.py starts beside its peers (workload_main.cpp). bench/README.md defines them.
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

// The result of one run. The clock is the program's own and starts when the main goroutine starts.
struct figure {
  double value = 0;  // in `unit`: per operation, or for the whole run where the unit is ms
  std::string_view unit;
  double elapsed_s = 0;                                   // of the measured part
  std::vector<std::pair<std::string_view, double>> more;  // further figures of the run; the unit ends the name
};

struct workload {
  std::string_view name;
  // procs: the Ps of the runtime. divisor: amounts of work are divided by it; 1 for figures worth reporting.
  // A run whose result is wrong ends the process with status 1.
  figure (*run)(int procs, std::int64_t divisor);
  int procs_min, procs_max;  // for which numbers of Ps the row means something (of 1 and 2)
  bool heavy;                // gigabytes of memory: only when asked for by name
  std::string_view what;
};

// The clock of all workloads, and a function that computes until a given time.
std::int64_t now_ns() noexcept;
void compute_until(std::int64_t deadline_ns) noexcept;

std::span<const workload> workloads() noexcept;
const workload *find_workload(std::string_view name) noexcept;

}  // namespace bench
