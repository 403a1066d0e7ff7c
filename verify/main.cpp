// verify: runs the model-checking suites. Exit status 0: all ended as expected; 1: a fault; 2: wrong usage.
#include "verify/jobs.hpp"
#include "verify/page.hpp"
#include "verify/report.hpp"
#include "verify/timeline.hpp"

#include <fnmatch.h>
#include <sched.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>

namespace {

using namespace verify;

struct arguments {
  bool list = false;
  std::vector<std::string> filters;
  std::string budget;
  std::string shard;
  std::string replay;
  bool shorten = true;
  bool full_history = false;
  std::string html;
  std::string junit;
  std::string json;
  unsigned jobs = 0;
  std::uint64_t seed = 1;
  std::uint64_t window = 0;
};

// A window holds more iterations than a night can run, so that two windows share none.
constexpr std::uint64_t window_size = 1'000'000'000'000;

unsigned cpus() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1;
}

// 90, 90s, 20m, 8h; negative when it is none of these.
double seconds_from(const std::string &text) {
  char *end = nullptr;
  const double n = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  if (end == text.c_str() || !(n > 0) || !std::isfinite(n)) return -1;
  if (unit.empty() || unit == "s") return n;
  if (unit == "m") return n * 60;
  return unit == "h" ? n * 3600 : -1;
}

bool shard_from(const std::string &text, unsigned &index, unsigned &count) {
  char rest = 0;
  return std::sscanf(text.c_str(), "%u/%u%c", &index, &count, &rest) == 2 && index >= 1 && index <= count;
}

std::vector<const suite_entry *> select(const std::vector<std::string> &filters) {
  std::vector<const suite_entry *> selected;
  for (const suite_entry &s : suites()) {
    bool wanted = filters.empty();
    for (const std::string &f : filters) wanted = wanted || fnmatch(f.c_str(), s.info.name, 0) == 0;
    if (wanted) selected.push_back(&s);
  }
  return selected;
}

int usage_error(const CLI::App &app, const std::string &what) {
  std::fprintf(stderr, "verify: %s\n\n%s", what.c_str(), app.help().c_str());
  return 2;
}

int run_replay(const CLI::App &app, const arguments &a) {
  const std::string &token = a.replay;
  execution_name name;
  if (!parse_token(token, name))
    return usage_error(app, "no such execution: '" + token + "' (the token is <suite>:<strategy>-<where>)");
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

int run_suites(const arguments &a, const std::vector<task> &tasks) {
  const bool terminal = isatty(STDERR_FILENO);
  job_options options;
  options.jobs = a.jobs;
  options.seed = a.seed;
  options.first_iteration = 1 + a.window * window_size;
  options.progress = terminal;
  const auto start = std::chrono::steady_clock::now();
  const std::vector<outcome> outcomes = run_jobs(tasks, options, [&](const task &t, const outcome &o) {
    if (!terminal)
      std::fprintf(stderr, "%s [%s]: %s, %s executions\n", t.suite->info.name, mode_name(t.how).c_str(),
                   verdict_text({t, o}).c_str(), grouped(o.executions).c_str());
  });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  std::vector<row> rows;
  for (std::size_t i = 0; i < tasks.size(); ++i) rows.push_back({tasks[i], outcomes[i]});
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

  bool written = a.json.empty() || write_json(a.json, rows, a.seed, a.window, seconds);
  written = (a.junit.empty() || write_junit(a.junit, rows, seconds)) && written;
  if (!written) std::fprintf(stderr, "verify: cannot write the report\n");
  return faults.empty() && written ? 0 : 1;
}

}  // namespace

int main(int argc, char **argv) {
  arguments a;
  a.jobs = cpus();
  CLI::App app{"Explores the executions of every suite under the model checker.", "verify"};
  app.add_flag("--list", a.list, "print the suites and end");
  app.add_option("--filter", a.filters, "only suites whose name matches this glob; may be repeated")->type_name("GLOB");
  app.add_option("--budget", a.budget, "time for the whole run, shared out, as 90s, 20m, 8h")->type_name("TIME");
  app.add_option("--jobs", a.jobs, "processes at a time (default: the CPUs)")->check(CLI::Range(1u, 1024u));
  app.add_option("--shard", a.shard, "run the i-th of n parts, as 1/4")->type_name("I/N");
  app.add_option("--replay", a.replay, "repeat one execution and tell it event by event")->type_name("TOKEN");
  app.add_flag("!--no-shrink", a.shorten, "tell a failing execution as it was found, and not a shorter one like it");
  app.add_flag("--full-history", a.full_history, "leave no step of a failing execution out");
  app.add_option("--html", a.html, "write a page for each failing execution")->type_name("DIR");
  app.add_option("--junit", a.junit, "write a JUnit report")->type_name("FILE");
  app.add_option("--json", a.json, "write a JSON report")->type_name("FILE");
  app.add_option("--seed", a.seed, "seed of the random strategies (default 1)");
  app.add_option("--window", a.window, "start of the iterations, in steps of 10^12 (default 0)")
      ->check(CLI::Range(0u, 1000000u));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    return usage_error(app, e.what());
  }

  const std::vector<const suite_entry *> selected = select(a.filters);
  if (selected.empty()) return usage_error(app, "no suite matches; see verify --list");
  if (a.list) {
    print_list(stdout, selected);
    return 0;
  }
  if (!a.replay.empty()) return run_replay(app, a);

  unsigned index = 1;
  unsigned count = 1;
  if (!a.shard.empty() && !shard_from(a.shard, index, count))
    return usage_error(app, "not a shard: '" + a.shard + "' (write 1/4 for the first of four)");
  std::vector<task> tasks;
  unsigned turn = 0;
  for (const suite_entry *s : selected)
    for (const mode &m : s->info.modes)
      if (m.kind != mode::none && turn++ % count == index - 1) tasks.push_back({s, m, m.seconds, a.shorten});
  if (!a.budget.empty()) {
    const double budget = seconds_from(a.budget);
    if (budget < 0) return usage_error(app, "not a time: '" + a.budget + "' (write 90s, 20m or 8h)");
    double all = 0;
    for (const task &t : tasks) all += t.seconds;
    for (task &t : tasks) t.seconds *= budget * a.jobs / all;
  }
  return run_suites(a, tasks);
}
