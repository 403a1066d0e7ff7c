#include "verify/tool/litmus_table.hpp"

#include <algorithm>
#include <string_view>

namespace verify {
namespace {

// A suite with the findings of all its modes.
struct finding {
  const suite_info *suite = nullptr;
  bool expected = true;
  bool settled = true;
  bool exhausted = false;
  std::uint64_t executions = 0;
};

std::vector<finding> collect(const std::vector<row> &rows) {
  std::vector<finding> list;
  for (const row &r : rows) {
    const suite_info &s = r.what.suite->info;
    if (s.cxx20 == ruling::none) continue;
    auto f = std::find_if(list.begin(), list.end(), [&](const finding &o) { return o.suite == &s; });
    if (f == list.end()) f = list.insert(f, finding{&s});
    f->expected = f->expected && as_expected(s, r.got);
    if (r.got.how == outcome::end::passed && r.what.how.kind != mode::random && !r.got.exhausted) f->settled = false;
    f->exhausted = f->exhausted || r.got.exhausted;
    if (r.got.exhausted || !f->exhausted) f->executions = r.got.executions;
  }
  std::stable_sort(list.begin(), list.end(), [](const finding &a, const finding &b) {
    return std::string_view(a.suite->component) < b.suite->component;
  });
  return list;
}

std::string measured(const finding &f) {
  if (!f.expected) return f.suite->expected == expect::red ? "NOT SEEN" : "SEEN";
  if (f.suite->expected == expect::red) return "seen";
  return (f.exhausted ? "never, of all " : "never, of ") + grouped(f.executions);
}

const char *verdict(const finding &f) {
  if (!f.expected) return "UNEXPECTED";
  if (!f.settled) return "NOT FINISHED";
  const bool shows = f.suite->expected == expect::red;
  if (shows == (f.suite->cxx20 == ruling::allowed)) return "right";
  return shows ? "false alarm" : "misses";
}

}  // namespace

bool print_litmus_table(std::FILE *out, const std::vector<row> &rows) {
  std::vector<cells> lines = {{"shape", "asked", "Relacy", "C++20", "verdict", "suite"}};
  std::size_t right = 0;
  std::size_t misses = 0;
  std::size_t alarms = 0;
  bool settled = true;
  const std::vector<finding> findings = collect(rows);
  for (const finding &f : findings) {
    const std::string v = verdict(f);
    right += v == "right";
    misses += v == "misses";
    alarms += v == "false alarm";
    settled = settled && f.settled;
    lines.push_back({f.suite->component, f.suite->what, measured(f),
                     f.suite->cxx20 == ruling::allowed ? "allowed" : "forbidden", v, f.suite->name});
  }
  print_aligned(out, lines, "llllll");
  std::fprintf(out, "\n%zu right, %zu misses, %zu false alarms\n", right, misses, alarms);
  return settled;
}

}  // namespace verify
