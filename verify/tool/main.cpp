// verify: runs the model-checking suites. Exit status 0: all ended as expected; 1: a fault; 2: wrong usage.
#include "verify/story/page.hpp"
#include "verify/story/timeline.hpp"
#include "verify/tool/arguments.hpp"
#include "verify/tool/jobs.hpp"
#include "verify/tool/litmus_table.hpp"
#include "verify/tool/report.hpp"
#include "verify/tool/tools.hpp"

#include <fnmatch.h>
#include <unistd.h>
#include <algorithm>
#include <cstdio>

namespace {

using namespace verify;

bool wanted(const std::string &name, const std::vector<std::string> &globs) {
  return globs.empty() || std::any_of(globs.begin(), globs.end(), [&](const std::string &glob) {
           return fnmatch(glob.c_str(), name.c_str(), 0) == 0;
         });
}

bool wanted(const mode &m, const arguments &a) { return m.kind != mode::none && wanted(mode_name(m), a.modes); }

std::vector<const suite_entry *> select(const arguments &a) {
  std::vector<const suite_entry *> selected;
  for (const suite_entry &s : suites())
    if (wanted(s.info.name, a.filters) &&
        std::any_of(std::begin(s.info.modes), std::end(s.info.modes), [&](const mode &m) { return wanted(m, a); }))
      selected.push_back(&s);
  return selected;
}

int run_replay(const arguments &a) {
  const std::string &token = a.replay;
  execution_name name;
  if (!parse_token(token, name))
    return usage_error(a, "no such execution: '" + token + "' (the token is <suite>:<strategy>-<where>)");
  const outcome o = replay_job(name, a.shorten);
  if (o.how == outcome::end::passed) {
    std::printf("%s: passed\n", token.c_str());
    return 0;
  }
  std::printf("%s: %s\n", token.c_str(), o.verdict.c_str());
  if (!o.history.empty()) {
    const story told = explain(name.suite->info, o, a.full_history);
    std::printf("%s\n", timeline(told, terminal_width()).c_str());
    if (!write_page(a.html, told)) std::fprintf(stderr, "verify: cannot write the page\n");
  }
  print_replay_hint(stdout, o);
  return 1;
}

// Every shard runs its part of every suite. A suite that must fail is judged as a whole, so one shard runs all of it;
// the shards take such suites in turn.
std::vector<task> plan(const arguments &a, const std::vector<const suite_entry *> &selected) {
  std::vector<task> tasks;
  unsigned turn = 0;
  for (const suite_entry *s : selected)
    for (mode m : s->info.modes) {
      if (!wanted(m, a)) continue;
      if (a.budget > 0) m.executions = 0;
      for (const minimum &least : a.at_least)
        if (least.suite == s->info.name && least.mode == mode_name(m))
          m.executions = std::max(m.executions, least.executions);
      if (s->info.expected != expect::red)
        tasks.push_back({s, m, m.seconds / a.part.count, a.part, a.shorten});
      else if (turn++ % a.part.count == a.part.index)
        tasks.push_back({s, m, m.seconds, {}, a.shorten});
    }
  return tasks;
}

int run_suites(const arguments &a, const std::vector<task> &tasks) {
  const bool terminal = isatty(STDERR_FILENO);
  job_options options;
  options.jobs = a.jobs;
  options.common = {a.seed, a.window, a.executions};
  options.budget = a.budget;
  options.progress = terminal;
  const auto start = std::chrono::steady_clock::now();
  const std::vector<outcome> outcomes = run_jobs(tasks, options, [&](const task &t, const outcome &o) {
    if (!terminal && !a.litmus)
      std::fprintf(stderr, "%s [%s]: %s, %s executions\n", t.suite->info.name, mode_name(t.how).c_str(),
                   verdict_text({t, o}).c_str(), grouped(o.executions).c_str());
  });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  std::vector<row> rows;
  for (std::size_t i = 0; i < tasks.size(); ++i) rows.push_back({tasks[i], outcomes[i]});
  bool finished = true;
  if (a.litmus)
    finished = print_litmus_table(stdout, rows);
  else
    print_table(stdout, rows);
  std::vector<const row *> faults;
  for (const row &r : rows)
    if (!as_expected(r.what.suite->info, r.got)) faults.push_back(&r);
  for (const row *r : faults) print_failure(stdout, *r, a.full_history);
  const tally t = count(rows);
  std::printf("\n%zu suites passed, %zu failed - %s executions - %.0fs - seed %llu, window %llu\n", t.passed, t.failed,
              grouped(t.executions).c_str(), seconds, static_cast<unsigned long long>(a.seed),
              static_cast<unsigned long long>(a.window));
  for (const row *r : faults) print_replay_hint(stdout, r->got);
  for (const row *r : faults)
    if (!r->got.history.empty() && !write_page(a.html, explain(r->what.suite->info, r->got, a.full_history)))
      std::fprintf(stderr, "verify: cannot write the page\n");

  bool written = a.json.empty() || write_json(a.json, rows, options.common, a.part, seconds);
  written = (a.junit.empty() || write_junit(a.junit, rows, seconds)) && written;
  if (!written) std::fprintf(stderr, "verify: cannot write the report\n");
  return faults.empty() && written && finished ? 0 : 1;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc > 1 && std::string_view(argv[1]) == "mutate") return mutate_main(argc - 1, argv + 1);
  if (argc > 1 && std::string_view(argv[1]) == "evidence") return evidence_main(argc - 1, argv + 1);
  arguments a;
  if (const auto status = read_arguments(argc, argv, a)) return *status;
  if (a.litmus && a.part.count > 1) return usage_error(a, "--litmus judges whole searches: leave out --shard");
  if (a.litmus && a.filters.empty()) a.filters = {"litmus.*"};
  const std::vector<const suite_entry *> selected = select(a);
  if (selected.empty()) return usage_error(a, "no suite and mode matches; see verify --list");
  if (a.list) {
    print_list(stdout, selected);
    return 0;
  }
  if (!a.replay.empty()) return run_replay(a);
  return run_suites(a, plan(a, selected));
}
