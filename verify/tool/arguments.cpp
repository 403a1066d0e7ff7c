#include "verify/tool/arguments.hpp"

#include <sched.h>
#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace verify {
namespace {

// An option whose text stands for another value: `read` turns it into what goes to `to`, or the usage is wrong.
template <class T>
void add_parsed(CLI::App &app, const char *name, const char *type, T &to, std::optional<T> (*read)(const std::string &),
                const char *wrong, const char *right, const char *what) {
  app.add_option_function<std::string>(
         name,
         [=, &to](const std::string &text) {
           const std::optional<T> value = read(text);
           if (!value) throw CLI::ValidationError(std::string(wrong) + ": '" + text + "' (" + right + ")");
           to = *value;
         },
         what)
      ->type_name(type);
}

}  // namespace

unsigned cpus() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1;
}

std::optional<double> seconds_from(const std::string &text) {
  char *end = nullptr;
  const double n = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  if (end == text.c_str() || !(n > 0) || !std::isfinite(n)) return {};
  if (unit.empty() || unit == "s") return n;
  if (unit == "m") return n * 60;
  if (unit == "h") return n * 3600;
  return {};
}

std::optional<shard> shard_from(const std::string &text) {
  unsigned number = 0;
  unsigned count = 0;
  char rest = 0;
  if (std::sscanf(text.c_str(), "%u/%u%c", &number, &count, &rest) != 2) return {};
  if (number < 1 || number > count) return {};
  return shard{number - 1, count};
}

std::optional<std::vector<minimum>> minimums_from(const std::string &path) {
  std::ifstream file(path);
  if (!file) return {};
  std::vector<minimum> all;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    minimum m;
    if (!std::getline(fields, m.suite, '\t') || !std::getline(fields, m.mode, '\t') || !(fields >> m.executions))
      return {};
    all.push_back(m);
  }
  return all;
}

int usage_error(const arguments &a, const std::string &what) {
  std::fprintf(stderr, "verify: %s\n\n%s", what.c_str(), a.help.c_str());
  return 2;
}

std::optional<int> read_arguments(int argc, char **argv, arguments &a) {
  a.jobs = cpus();
  CLI::App app{"Explores the executions of every suite under the model checker.", "verify"};
  app.add_flag("--list", a.list, "print the suites and end");
  app.add_flag("--litmus", a.litmus, "run the suites of litmus/ and print what Relacy shows beside what C++20 says");
  app.add_option("--filter", a.filters, "only suites whose name matches this glob; may be repeated")->type_name("GLOB");
  app.add_option("--mode", a.modes, "only modes whose name matches this glob, as 'bound *'; may be repeated")
      ->type_name("GLOB");
  add_parsed(app, "--budget", "TIME", a.budget, seconds_from, "not a time", "write 90s, 20m or 8h",
             "time for the whole run, shared out, as 90s, 20m, 8h");
  app.add_option("--jobs", a.jobs, "processes at a time (default: the CPUs)")->check(CLI::Range(1u, 1024u));
  add_parsed(app, "--shard", "I/N", a.part, shard_from, "not a shard", "write 1/4 for the first of four",
             "the i-th of n parts of every run, as 1/4; together they hold each execution once");
  app.add_option("--replay", a.replay, "repeat one execution and tell it event by event")->type_name("TOKEN");
  app.add_flag("!--no-shrink", a.shorten, "tell a failing execution as it was found, and not a shorter one like it");
  app.add_flag("--full-history", a.full_history, "leave no step of a failing execution out");
  app.add_option("--html", a.html, "write a page for each failing execution")->type_name("DIR");
  app.add_option("--junit", a.junit, "write a JUnit report")->type_name("FILE");
  app.add_option("--json", a.json, "write a JSON report")->type_name("FILE");
  app.add_option("--executions", a.executions, "end each run after so many executions")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  add_parsed(app, "--at-least", "FILE", a.at_least, minimums_from, "not a file of minimums",
             "write lines of a suite, a mode and a number, with tabs between them",
             "make at least as many executions as the file says, even if the time is over");
  app.add_option("--seed", a.seed, "seed of the random strategies (default 1)");
  app.add_option("--window", a.window, "which iterations of the seed: from 10^12 times this on (default 0)")
      ->check(CLI::Range(0u, 1000000u));
  a.help = app.help();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    return usage_error(a, e.what());
  }
  return {};
}

}  // namespace verify
