// verify mutate: weakens every memory order and says which suite notices.
#include "verify/mutation/mutation_report.hpp"
#include "verify/tool/arguments.hpp"
#include "verify/tool/report.hpp"
#include "verify/tool/tools.hpp"

#include <unistd.h>
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace verify {
namespace {

struct mutate_arguments {
  std::string filter;
  std::string budget;
  std::string shard_text = "1/1";
  std::string known;
  std::string state;
  std::string json;
  std::string junit;
  bool list = false;
  bool fresh = false;
  bool first_suite_only = false;
  mutate_options run;
};

// Selects the mutants whose site has the filter in its name.
std::vector<mutant> select(const std::vector<source_site> &sites, const std::string &filter, const shard &part) {
  std::vector<mutant> selected;
  unsigned turn = 0;
  for (const mutant &m : mutants_of(sites))
    if (sites[m.site].key().find(filter) != std::string::npos && turn++ % part.count == part.index)
      selected.push_back(m);
  return selected;
}

// A result of another build says nothing about this one.
std::string build_id() {
  const std::string program = read_file("/proc/self/exe");
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : program) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return std::to_string(hash);
}

class state_file {
 public:
  state_file(std::string path, bool fresh) : path_(std::move(path)), build_(build_id()) {
    if (!path_.empty() && !fresh && std::filesystem::exists(path_))
      kept_ = mutation_from_text(read_file(path_), build_);
  }
  const std::vector<mutation_row> &kept() const { return kept_; }
  void save(const std::vector<mutation_row> &rows) const {
    if (path_.empty()) return;
    std::ofstream(path_ + ".new") << mutation_to_text(rows, build_);
    std::filesystem::rename(path_ + ".new", path_);
  }

 private:
  std::string path_;
  std::string build_;
  std::vector<mutation_row> kept_;
};

const mutation_row *find(const std::vector<mutation_row> &rows, const std::string &site, const std::string &name) {
  for (const mutation_row &r : rows)
    if (r.site == site && r.mutant == name) return &r;
  return nullptr;
}

int run(const mutate_arguments &a, const shard &part) {
  const auto start = std::chrono::steady_clock::now();
  const std::vector<source_site> sites = scan_source(source_root());
  std::vector<mutant> mutants = select(sites, a.filter, part);
  if (a.list) {
    for (const mutant &m : mutants)
      std::printf("%s:%d  %s -> %s\n", sites[m.site].file.c_str(), sites[m.site].first_line,
                  sites[m.site].key().c_str(), m.name.c_str());
    return 0;
  }
  if (mutants.empty()) {
    std::fprintf(stderr, "verify mutate: nothing matches '%s'; see verify mutate --list\n", a.filter.c_str());
    return 2;
  }
  const std::vector<mutation_row> before =
      a.known.empty() ? std::vector<mutation_row>() : mutation_from_text(read_file(a.known), "");
  if (!a.known.empty())
    std::erase_if(mutants, [&](const mutant &m) {
      const mutation_row *r = find(before, sites[m.site].key(), m.name);
      return !r || r->verdict != "killed";
    });
  census where;
  if (a.first_suite_only)
    where.sites.resize(sites.size());
  else
    where = take_census(sites, a.run.jobs, a.run.progress);
  std::vector<mutation_row> rows;
  for (const mutant &m : mutants) rows.push_back(row_of(sites, m));

  state_file state(a.state, a.fresh);
  std::vector<mutant> open;
  std::vector<std::size_t> index;
  std::map<std::size_t, known_kill> known;
  for (std::size_t i = 0; i < mutants.size(); ++i) {
    if (const mutation_row *r = find(state.kept(), rows[i].site, rows[i].mutant)) {
      rows[i] = *r;
      continue;
    }
    if (const mutation_row *r = find(before, rows[i].site, rows[i].mutant))
      known[open.size()] = {r->suite, r->executions};
    open.push_back(mutants[i]);
    index.push_back(i);
  }
  if (!state.kept().empty())
    std::fprintf(stderr, "%zu of %zu are known from %s\n", mutants.size() - open.size(), mutants.size(),
                 a.state.c_str());

  try_mutants(sites, open, where, known, a.run, [&](std::size_t i, const trial &t) {
    mutation_row &r = rows[index[i]];
    judge(r, t, sites, open[i]);
    if (!a.run.progress)
      std::fprintf(stderr, "%s -> %s: %s\n", r.site.c_str(), r.mutant.c_str(), verdict_line(r).c_str());
    std::vector<mutation_row> tried;
    for (const mutation_row &row : rows)
      if (!row.verdict.empty()) tried.push_back(row);
    state.save(tried);
  });
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (!a.first_suite_only && where.sites[mutants[i].site].empty() && rows[i].verdict == "open")
      rows[i].said = "no suite comes here";

  print_mutation(stdout, rows);
  std::vector<std::string> unreached;
  for (std::size_t i = 0; i < sites.size() && !a.first_suite_only; ++i)
    if (where.sites[i].empty() && sites[i].key().find(a.filter) != std::string::npos)
      unreached.push_back(sites[i].key());
  for (const std::string &u : unreached) std::printf("never reached by a suite: %s\n", u.c_str());
  for (const std::string &s : where.strangers) std::printf("not understood in the source: %s\n", s.c_str());
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  bool written = a.json.empty() || static_cast<bool>(std::ofstream(a.json) << mutation_to_text(rows, "") << std::flush);
  written = (a.junit.empty() || mutation_junit(a.junit, rows, seconds)) && written;
  if (!written) std::fprintf(stderr, "verify mutate: cannot write the report\n");
  const mutation_tally t = count(rows);
  std::printf("%.0f s\nkilled %zu of %zu, justified %zu, open %zu\n", seconds, t.killed, rows.size(), t.justified,
              t.open + unreached.size() + where.strangers.size());
  return t.open == 0 && unreached.empty() && where.strangers.empty() && written ? 0 : 1;
}

}  // namespace

int mutate_main(int argc, char **argv) {
  mutate_arguments a;
  a.run.jobs = cpus();
  a.run.progress = isatty(STDERR_FILENO);
  CLI::App app{
      "Makes one mistake after another in the memory orders of the shared source, and says which suite notices.",
      "verify mutate"};
  app.add_flag("--list", a.list, "print the mistakes and end");
  app.add_option("--filter", a.filter, "only sites with this in their name, as runq or sched/wake.cpp");
  app.add_option("--budget", a.budget, "processor time for a mistake that nothing notices (default 40s)")
      ->type_name("TIME");
  app.add_option("--jobs", a.run.jobs, "processes at a time (default: the CPUs)")->check(CLI::Range(1u, 1024u));
  app.add_option("--shard", a.shard_text, "the i-th of n parts, as 1/4")->type_name("I/N");
  app.add_option("--known", a.known, "only what this file says is killed, with the suite that did it first")
      ->type_name("FILE");
  app.add_flag("--first-suite-only", a.first_suite_only,
               "with --known: try no other suite, and do not ask which places the suites come to");
  app.add_option("--state", a.state, "kept up to date while it runs; a run that was cut off goes on from there")
      ->type_name("FILE");
  app.add_flag("--fresh", a.fresh, "do not go on from the state file");
  app.add_option("--junit", a.junit, "write a JUnit report")->type_name("FILE");
  app.add_option("--json", a.json, "write a JSON report")->type_name("FILE");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    std::fprintf(stderr, "verify mutate: %s\n\n%s", e.what(), app.help().c_str());
    return 2;
  }
  const auto part = shard_from(a.shard_text);
  const auto budget = a.budget.empty() ? a.run.seconds : seconds_from(a.budget);
  if (!part || !budget) {
    std::fprintf(stderr, "verify mutate: not a %s\n",
                 part ? "time (write 90s, 20m or 8h)" : "shard (write 1/4 for the first of four)");
    return 2;
  }
  a.run.seconds = *budget;
  a.run.seconds_justified = *budget / 4;
  return run(a, *part);
}

}  // namespace verify
