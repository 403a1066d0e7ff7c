// Tests what the tool's behaviour does not show: that the shards hold every execution once and none twice, that
// outcomes are dealt in turn, and that reports stay well-formed whatever a failure says. Usage: parts_test JUNIT JSON;
// it writes both files.
#include "verify/search/strategy.hpp"
#include "verify/tool/report.hpp"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace {

using namespace verify;

int failures = 0;
void check(bool good, const std::string &what) {
  if (good) return;
  ++failures;
  std::printf("failed: %s\n", what.c_str());
}

// An invented program of three threads, in which the questions depend on the answers. Returns a hash of its path.
std::uint64_t run(strategy &how, std::uint64_t program) {
  unsigned steps[] = {3, 4, 3};
  splitmix64 state{program};
  unsigned current = no_thread;
  bool yielded = false;
  for (;;) {
    std::uint64_t runnable = 0;
    for (unsigned i = 0; i < 3; ++i)
      if (steps[i] > 0) runnable |= std::uint64_t{1} << i;
    if (runnable == 0) return state.state;
    current = std::has_single_bit(runnable) ? static_cast<unsigned>(std::countr_zero(runnable))
                                            : how.choose_thread(runnable, current, yielded);
    how.ran(current);
    --steps[current];
    state.state = state.next() + current;
    unsigned answer = 0;
    if (state.below(8) == 0) answer = how.choose(2 + state.below(2), choice::user);
    state.state = state.next() + answer;
    if (state.below(8) == 0) state.state = state.next() + how.choose(2, choice::stale_load);
    yielded = steps[current] > 0 && state.below(6) == 0;
  }
}

// The executions that count, and how often each was made.
std::map<std::uint64_t, unsigned> search_all(unsigned switches, shard part, std::uint64_t program) {
  const auto how = make_search(switches, part);
  std::map<std::uint64_t, unsigned> paths;
  for (std::uint64_t n = 0;; ++n) {
    how->begin(n);
    const std::uint64_t path = run(*how, program);
    if (how->counts()) ++paths[path];
    if (how->end()) return paths;
  }
}

void test_searches() {
  for (const unsigned switches : {0u, 1u, 3u, unbounded})
    for (std::uint64_t program = 1; program <= 3; ++program) {
      const auto whole = search_all(switches, {}, program);
      const auto twice = [](const auto &p) { return p.second != 1; };
      const std::string name = "search " + std::to_string(switches) + " of program " + std::to_string(program);
      check(std::none_of(whole.begin(), whole.end(), twice), name + " repeats nothing");
      for (unsigned n = 2; n <= 5; ++n) {
        std::map<std::uint64_t, unsigned> together;
        std::size_t largest = 0;
        for (unsigned i = 0; i < n; ++i) {
          const auto part = search_all(switches, {i, n}, program);
          largest = std::max(largest, part.size());
          for (const auto &[path, times] : part) together[path] += times;
        }
        check(together == whole, name + ": " + std::to_string(n) + " shards hold each execution once");
        check(whole.size() < 10'000 || largest < whole.size() * 2 / n,
              name + ": none of " + std::to_string(n) + " shards has twice its share");
      }
    }
}

std::vector<std::string> sample(std::uint64_t window, shard part, std::uint64_t executions) {
  const auto how = make_mix(7, window, part);
  std::vector<std::string> names;
  for (std::uint64_t n = 0; names.size() < executions; ++n) {
    how->begin(n);
    run(*how, 1);
    if (how->counts()) names.push_back(how->text());
    how->end();
  }
  return names;
}

void test_samples() {
  constexpr std::uint64_t measured = 70;
  constexpr std::uint64_t kinds = 7;
  for (unsigned n = 1; n <= 8; ++n) {
    const auto whole = sample(3, {}, measured + n * kinds * 10);
    std::set<std::string> together;
    std::size_t size = 0;
    for (unsigned i = 0; i < n; ++i) {
      const auto part = sample(3, {i, n}, kinds * 10 + (i == 0 ? measured : 0));
      size += part.size();
      together.insert(part.begin(), part.end());
      std::set<std::string> kinds_met;
      for (const std::string &name : part) kinds_met.insert(name.substr(0, 4));
      check(kinds_met.size() == kinds, std::to_string(n) + " shards: each has every kind");
    }
    check(size == together.size(), std::to_string(n) + " shards: no iteration twice");
    check(together == std::set<std::string>(whole.begin(), whole.end()), std::to_string(n) + " shards: all iterations");
  }
  const auto one = sample(1, {}, 1000);
  const auto other = sample(2, {}, 1000);
  std::set<std::string> common;
  for (const std::string &name : one)
    if (std::count(other.begin(), other.end(), name) != 0) common.insert(name);
  check(common.size() == measured, "windows share the measured iterations only");
}

// With n outcomes, n executions in a row each have another one, whichever strategy samples.
void test_turns() {
  const auto how = make_mix(7, 2, {});
  std::set<unsigned> dealt;
  for (std::uint64_t n = 0; n < 100; ++n) {
    how->begin(n);
    run(*how, 1);
    const unsigned ones = how->choose(10, choice::turn);
    dealt.insert(how->choose(10, choice::turn) * 10 + ones);
    how->end();
  }
  check(dealt.size() == 100, "a hundred executions in a row are dealt a hundred outcomes");
  const auto again = strategy_from_text("pct3.20-7.1234");
  again->begin(0);
  const unsigned ones = again->choose(100, choice::turn);
  check(ones == 34 && again->choose(100, choice::turn) == 12, "a name repeats what was dealt");
}

void test_coverage() {
  distinct_table few;
  for (std::uint64_t i = 0; i < 49'990; ++i) few.add(i % 10);
  check(few.distinct() == 10 && few.unseen() == 0, "ten are told apart");
  check(!few.saturated(), "too early to be saturated");
  for (std::uint64_t i = 0; i < 20; ++i) few.add(i % 10);
  check(few.saturated(), "saturated");
  few.add(10);
  check(few.saturated(), "one new is no reason to go on");
  few.add(11);
  check(!few.saturated(), "two are");

  distinct_table many;
  splitmix64 hashes{1};
  std::uint64_t added = 0;
  for (; !many.full(); ++added) many.add(hashes.next());
  check(many.distinct() == added && many.unseen() == 1, "nothing is known of a table that has just become full");
  for (unsigned i = 0; i < 100; ++i) many.add(hashes.next());
  hashes.state = 1;
  for (unsigned i = 0; i < 300; ++i) many.add(hashes.next());
  check(many.distinct() == added && many.unseen() == 0.25, "one in four is not in the full table");
}

bool write_reports(const char *junit, const char *json) {
  std::string all;
  for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
  suite_entry suite;
  suite.info.name = "a.<suite>&\"'";
  suite.info.component = "]]>";
  outcome o;
  o.how = outcome::end::failed;
  o.verdict = o.broken = o.history = all + "\xef\xbf\xbf]]>\xf0\x9f\xa7\xb5";
  o.token = "a:full-1";
  const std::vector<row> rows = {{{&suite, random_mix(1), 1, {}}, o}, {{&suite, bounded(2, 1), 1, {1, 3}}, outcome{}}};
  return write_junit(junit, rows, 1) && write_json(json, rows, {}, {}, 1);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  test_searches();
  test_samples();
  test_turns();
  test_coverage();
  check(write_reports(argv[1], argv[2]), "the reports are written");
  return failures == 0 ? 0 : 1;
}
