// One workload, one run, one line of JSON:   workload NAME PROCS [--quick]     workload --list
// Exit status: 0, 1 for a wrong result, 2 for wrong usage. The peers in bench/peers/ have the same command line and
// output.
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "bench/workloads.hpp"

#ifndef HEDDLE_BENCH_FLAGS
#define HEDDLE_BENCH_FLAGS "flags unknown"
#endif
#ifdef __clang__
#define HEDDLE_BENCH_COMPILER "clang " __clang_version__
#else
#define HEDDLE_BENCH_COMPILER "g++ " __VERSION__
#endif

namespace {

int usage() {
  std::fputs("usage: workload NAME PROCS [--quick]\n       workload --list\n", stderr);
  return 2;
}

void list() {
  for (const bench::workload &w : bench::workloads())
    std::printf("%-12s %s\n", std::string(w.name).c_str(), std::string(w.what).c_str());
}

void print(const bench::workload &w, int procs, const bench::figure &f) {
  std::printf("{\"name\": \"%s\", \"procs\": %d, \"value\": %.6g, \"unit\": \"%s\"", std::string(w.name).c_str(), procs,
              f.value, std::string(f.unit).c_str());
  for (const auto &[name, value] : f.more) std::printf(", \"%s\": %.6g", std::string(name).c_str(), value);
  constexpr const char *compiler = HEDDLE_BENCH_COMPILER " " HEDDLE_BENCH_FLAGS;
  std::printf(", \"elapsed_s\": %.6g, \"compiler\": \"%s\"}\n", f.elapsed_s, compiler);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc == 2 && std::strcmp(argv[1], "--list") == 0) {
    list();
    return 0;
  }
  const bool quick = argc == 4 && std::strcmp(argv[3], "--quick") == 0;
  if (argc != 3 && !quick) return usage();
  const bench::workload *w = bench::find_workload(argv[1]);
  int procs = 0;
  const std::string_view text = argv[2];
  const auto [end, error] = std::from_chars(text.begin(), text.end(), procs);
  if (w == nullptr || error != std::errc() || end != text.end() || procs < 1) return usage();
  print(*w, procs, w->run(procs, quick ? 10 : 1));
  return 0;
}
