#include "verify/mutation/mutate.hpp"

#include "verify/search/attempt.hpp"
#include "verify/tool/processes.hpp"
#include "verify/tool/report.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace verify {
namespace {

using nlohmann::json;
using clock = std::chrono::steady_clock;

constexpr std::uint64_t census_executions = 4000;
constexpr double census_seconds = 1.5;

// The operations that the executions of this process have made. It is filled while the model checker owns operator new,
// so its size is fixed.
struct meeting {
  const char *file;
  int line;
  access what;
};
constexpr std::size_t meetings_max = 4096;
meeting meetings[meetings_max];

void meet(const char *file, int line, access what, std::memory_order) {
  std::size_t at = (reinterpret_cast<std::uintptr_t>(file) ^
                    (static_cast<std::size_t>(line) * 31 + static_cast<std::size_t>(what))) %
                   meetings_max;
  while (meetings[at].file != nullptr) {
    if (meetings[at].line == line && meetings[at].what == what && meetings[at].file == file) return;
    at = (at + 1) % meetings_max;
  }
  meetings[at] = {file, line, what};
}

bool is_at(const meeting &m, const source_site &s) {
  return m.file != nullptr && m.what == s.what && m.line >= s.first_line && m.line <= s.last_line &&
         std::string_view(m.file).ends_with(s.file);
}

// True if the suite was written for the file: the components sched/wake and chan belong to sched/wake.cpp and
// .../chan.hpp.
bool is_of(const suite_entry &suite, const source_site &s) {
  return std::filesystem::path(suite.info.component).filename() == std::filesystem::path(s.file).stem();
}

// The path from the top of the tree, if the file belongs to the shared source.
std::string shared_name(const std::string &path) {
  for (const std::string &file : shared_files(source_root()))
    if (path.ends_with("/" + file)) return file;
  return {};
}

clock::time_point after(double seconds) {
  return clock::now() + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(seconds));
}

std::string census_of(const suite_entry &suite, const std::vector<source_site> &sites, shared_memory &shared) {
  const mode &first = suite.info.modes[0];
  const std::unique_ptr<strategy> how = first.kind == mode::random ? make_mix(1) : make_search(first.switches);
  session s;
  s.how = how.get();
  s.view = &shared.view;
  s.record = &shared.record;
  s.visit = &meet;
  s.executions_max = census_executions;
  s.deadline = after(census_seconds);
  suite.run(suite.info, s, nullptr);
  json strangers = json::array();
  for (const meeting &m : meetings)
    if (m.file != nullptr &&
        std::none_of(sites.begin(), sites.end(), [&](const source_site &site) { return is_at(m, site); }))
      if (const std::string file = shared_name(m.file); !file.empty())
        strangers.push_back(file + ":" + std::to_string(m.line) + " " + access_name(m.what));
  json reached = json::array();
  for (std::size_t i = 0; i < sites.size(); ++i)
    if (std::any_of(std::begin(meetings), std::end(meetings), [&](const meeting &m) { return is_at(m, sites[i]); }))
      reached.push_back(i);
  return json{{"steps", static_cast<double>(s.steps) / static_cast<double>(s.executions)},
              {"sites", reached},
              {"strangers", strangers}}
      .dump();
}

// Tries one mutant, in a process of its own.
class court {
 public:
  court(const mutant &m, double seconds, shared_memory &shared) : mutant_(m), shared_(shared), end_(after(seconds)) {}

  // Returns true if the suite noticed.
  bool try_suite(const suite_entry &suite, const mode &m, std::uint64_t executions, double seconds) {
    if (clock::now() >= end_) return false;
    const std::unique_ptr<strategy> how = m.kind == mode::random ? make_mix(1) : make_search(m.switches);
    session s;
    s.how = how.get();
    s.view = &shared_.view;
    s.record = &shared_.record;
    s.mutant = mutant_.change;
    s.executions_max = executions;
    s.deadline = std::min(end_, after(seconds));
    const result r = suite.run(suite.info, s, nullptr);
    executions_ += s.executions;
    if (!r.failed) return false;
    verdict_ = {{"suite", suite.info.name}, {"said", said(suite, how->text())}, {"executions", s.executions}};
    return true;
  }
  double left() const { return std::chrono::duration<double>(end_ - clock::now()).count(); }
  std::string report() const {
    return verdict_.is_null() ? json{{"suite", ""}, {"said", ""}, {"executions", executions_}}.dump() : verdict_.dump();
  }

 private:
  // Makes the failing execution once more and returns in few words what it says.
  std::string said(const suite_entry &suite, const std::string &execution) {
    const std::unique_ptr<strategy> how = strategy_from_text(execution);
    attempt_options o;
    o.mutant = mutant_.change;
    const attempt a = run_once(suite, *how, shared_.view, shared_.record, o);
    const std::string condition = broken_condition(a);
    const std::string verdict = verdict_in_words(a.r.verdict);
    return condition.empty() ? verdict.substr(0, verdict.find(':')) : condition.substr(0, condition.find('\n'));
  }

  const mutant &mutant_;
  shared_memory &shared_;
  clock::time_point end_;
  std::uint64_t executions_ = 0;
  json verdict_;
};

// Runs each suite only in its own modes: in another one it may fail for reasons that have nothing to do with the
// mutant.
bool try_all(court &c, const std::vector<reach> &where, bool sampling_too, std::uint64_t executions, double seconds) {
  for (const reach &r : where)
    for (const mode &m : r.suite->info.modes)
      if (m.kind != mode::none && (sampling_too || m.kind != mode::random) &&
          c.try_suite(*r.suite, m, executions, seconds))
        return true;
  return false;
}

// Runs a little of each suite first, because most mistakes show at once; then the searches; then all for the time left.
std::string try_one(const mutant &m, const std::vector<reach> &where, const known_kill *known, double seconds,
                    shared_memory &shared) {
  court c(m, seconds, shared);
  if (known) {
    for (const suite_entry &suite : suites())
      for (const mode &how : suite.info.modes)
        if (known->suite == suite.info.name && how.kind != mode::none &&
            c.try_suite(suite, how, std::max<std::uint64_t>(1000, known->executions * 20), seconds / 4))
          return c.report();
  }
  if (try_all(c, where, true, 200, 0.5) || try_all(c, where, true, 5000, 1) ||
      try_all(c, where, false, ~std::uint64_t{0}, 1))
    return c.report();
  for (std::size_t i = 0; i < where.size() && c.left() > 0; ++i)
    for (const mode &how : where[i].suite->info.modes)
      if (how.kind == mode::random &&
          c.try_suite(*where[i].suite, how, ~std::uint64_t{0}, c.left() / static_cast<double>(where.size() - i)))
        return c.report();
  return c.report();
}

void show(const char *what, std::size_t done, std::size_t all, const std::string &more) {
  char bar[21] = "....................";
  for (std::size_t i = 0; i < done * 20 / std::max<std::size_t>(all, 1); ++i) bar[i] = '#';
  std::fprintf(stderr, "\r\033[K[%s] %s %zu/%zu  %s", bar, what, done, all, more.c_str());
  std::fflush(stderr);
}

}  // namespace

census take_census(const std::vector<source_site> &sites, unsigned jobs, bool progress) {
  std::vector<const suite_entry *> all;
  for (const suite_entry &s : suites())
    if (s.info.expected == expect::pass && !std::string_view(s.info.name).starts_with("litmus.")) all.push_back(&s);
  census found;
  found.sites.resize(sites.size());
  process_pool pool;
  std::size_t next = 0;
  std::size_t done = 0;
  while (done < all.size()) {
    for (; next < all.size() && pool.size() < jobs; ++next)
      pool.start(next, [&](shared_memory &m) { return census_of(*all[next], sites, m); });
    pool.wait([&](std::size_t i, const process_report &r) {
      ++done;
      const json j = r.reported ? json::parse(r.text, nullptr, false) : json();
      if (!j.is_object()) return;
      for (const json &site : j["sites"])
        found.sites[site.get<std::size_t>()].push_back({all[i], j["steps"].get<double>()});
      for (const json &s : j["strangers"])
        if (std::find(found.strangers.begin(), found.strangers.end(), s) == found.strangers.end())
          found.strangers.push_back(s);
    });
    if (progress) show("suites looked at", done, all.size(), "");
  }
  if (progress) std::fprintf(stderr, "\r\033[K");
  // The suites that were written for the place come first, and short ones before long ones.
  for (std::size_t i = 0; i < sites.size(); ++i)
    std::sort(found.sites[i].begin(), found.sites[i].end(), [&](const reach &a, const reach &b) {
      const bool own[] = {is_of(*a.suite, sites[i]), is_of(*b.suite, sites[i])};
      if (own[0] != own[1]) return own[0];
      return a.steps != b.steps ? a.steps < b.steps : std::strcmp(a.suite->info.name, b.suite->info.name) < 0;
    });
  return found;
}

void try_mutants(const std::vector<source_site> &sites, const std::vector<mutant> &mutants, const census &where,
                 const std::map<std::size_t, known_kill> &known, const mutate_options &options,
                 const std::function<void(std::size_t, const trial &)> &done) {
  process_pool pool;
  std::size_t next = 0;
  std::size_t ended = 0;
  std::size_t killed = 0;
  while (ended < mutants.size()) {
    for (; next < mutants.size() && pool.size() < options.jobs; ++next) {
      const mutant &m = mutants[next];
      const auto k = known.find(next);
      const double seconds = remark_on(m, sites) ? options.seconds_justified : options.seconds;
      pool.start(next, [&](shared_memory &shared) {
        return try_one(m, where.sites[m.site], k == known.end() ? nullptr : &k->second, seconds, shared);
      });
    }
    pool.wait([&](std::size_t i, const process_report &r) {
      ++ended;
      trial t;
      t.seconds = r.seconds;
      const json j = r.reported ? json::parse(r.text, nullptr, false) : json();
      t.said = j.is_object() ? j["said"].get<std::string>() : r.text;
      t.suite = j.is_object() ? j["suite"].get<std::string>() : "the process";
      t.executions = j.is_object() ? j["executions"].get<std::uint64_t>() : r.executions;
      if (!t.suite.empty()) t.how = trial::verdict::killed;
      killed += !t.suite.empty();
      if (options.progress) std::fprintf(stderr, "\r\033[K");
      done(i, t);
    });
    if (options.progress) {
      std::string names;
      for (const process_pool::process &p : pool.running())
        names += "  " + sites[mutants[p.index].site].key() + " -> " + mutants[p.index].name;
      show("mutants", ended, mutants.size(), std::to_string(killed) + " killed" + names.substr(0, 90));
    }
  }
  if (options.progress) std::fprintf(stderr, "\r\033[K");
}

}  // namespace verify
