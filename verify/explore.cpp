#include "verify/explore.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <map>
#include <utility>

namespace verify {
namespace {

using clock = std::chrono::steady_clock;

constexpr double red_patience = 5;

double seconds_since(clock::time_point t) { return std::chrono::duration<double>(clock::now() - t).count(); }
clock::time_point after(double seconds) {
  return clock::now() + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(seconds));
}

std::unique_ptr<strategy> make_strategy(const task &t, const extent &e) {
  return t.how.kind == mode::random ? make_mix(e.seed, e.window, t.part) : make_search(t.how.switches, t.part);
}

// The model checker's word, in ours.
std::string in_words(const std::string &verdict) {
  static const std::map<std::string, const char *> words = {
      {"USER ASSERT FAILED", "a check failed"},
      {"USER INVARIANT FAILED", "an invariant is broken"},
      {"DATA RACE", "data race: two accesses to plain data, one of them a write, with no order between them"},
      {"ACCESS TO FREED MEMORY", "use after free"},
      {"DOUBLE FREE", "double free"},
      {"MEMORY LEAK", "memory leak"},
      {"RESOURCE LEAK", "leak of an atomic or of plain data"},
      {"ACCESS TO UNINITIALIZED VARIABLE", "read before initialisation: the object was published without order"},
      {"DEADLOCK", "deadlock: every thread that has not ended sleeps (a lost wake-up looks like this)"},
      {"LIVELOCK", "livelock: too many steps in one execution"},
  };
  const auto found = words.find(verdict);
  return found == words.end() ? verdict : found->second;
}

// "USER ASSERT FAILED (I20: q.empty())" on the first line: what is in the brackets, when it is ours.
std::string condition_of(const std::string &history, const std::string &verdict) {
  if (!verdict.starts_with("USER")) return {};
  std::string text = history.substr(0, history.find("\n\nexecution history"));
  const std::size_t open = text.find('(');
  if (open == std::string::npos) return {};
  text = text.substr(open + 1, text.size() - open - 2);
  return text.substr(0, text.find_last_not_of('\n') + 1);
}

void erase_all(std::string &text, const std::string &what) {
  if (what.empty()) return;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos;) text.erase(at, what.size());
}

// Addresses differ from run to run: number them in the order of appearance. Paths count from the top of the source
// tree.
std::string readable(const std::string &history) {
  std::string text;
  std::map<std::string, std::size_t> names;
  for (std::size_t at = 0; at < history.size();) {
    std::size_t end = at;
    if (history.compare(at, 2, "0x") == 0)
      for (end = at + 2; end < history.size() && std::isxdigit(static_cast<unsigned char>(history[end]));) ++end;
    if (end > at + 2) {
      const auto [name, fresh] = names.try_emplace(history.substr(at, end - at), names.size() + 1);
      text += "@" + std::to_string(name->second);
      at = end;
    } else {
      text += history[at++];
    }
  }
  const std::string here = __FILE__;
  erase_all(text, here.substr(0, here.rfind("verify/explore.cpp")));
  erase_all(text, "iteration: 1\n");  // ours has another name: the token
  for (std::size_t at = 0; (at = text.find(", in fiber_proc_impl, ", at)) != std::string::npos;)
    text.erase(at, text.find('\n', at) - at);
  return text;
}

struct attempt {
  result r;
  std::string history;
};

attempt run_once(const suite_entry &suite, strategy &how, live_view &view, recording &record, bool sequential) {
  session s;
  s.how = &how;
  s.view = &view;
  s.record = &record;
  s.executions_max = 1;
  s.sequential = sequential;
  attempt a;
  a.r = suite.run(suite.info, s, &a.history);
  a.history = readable(a.history);
  return a;
}

// Is it a memory order or the interleaving? The same schedule with every order seq_cst, then a second of others like
// it.
std::string find_cause(const suite_entry &suite, live_view &view, recording &record) {
  const std::unique_ptr<strategy> same = make_follow(record);
  const auto scratch = std::make_unique<recording>();
  if (run_once(suite, *same, view, *scratch, true).r.failed)
    return "interleaving (this schedule fails with every order seq_cst as well)";
  const char *const passes = "memory order (this schedule passes with every order seq_cst";
  if (suite.info.expected == expect::red) return std::string(passes) + ")";
  const std::unique_ptr<strategy> others = make_mix(1);
  session s;
  s.how = others.get();
  s.view = &view;
  s.record = scratch.get();
  s.sequential = true;
  s.executions_max = 100'000;
  s.deadline = after(1);
  if (suite.run(suite.info, s, nullptr).failed)
    return "interleaving, probably (this schedule passes with every order seq_cst, but another one fails)";
  return std::string(passes) + ", and so do " + std::to_string(s.executions) + " others)";
}

// Repeats the failing execution twice, with its history, and fills in the rest of the report.
void examine(const suite_entry &suite, const std::string &text, outcome &o, live_view &view, recording &record) {
  attempt tries[2];
  for (attempt &a : tries) a = run_once(suite, *strategy_from_text(text), view, record, false);
  o.token = make_token(suite.info, text);
  if (!tries[0].r.failed && !tries[1].r.failed && o.how == outcome::end::passed) return;
  o.how = outcome::end::failed;
  const attempt &told = tries[0].r.failed ? tries[0] : tries[1];
  const std::string verdict = told.r.verdict;
  if (told.r.failed) {
    o.broken = condition_of(told.history, verdict);
    const bool died = o.broken.starts_with("crashed: ") || o.broken.starts_with("hung: ");
    o.verdict = died ? std::exchange(o.broken, {}) : in_words(verdict);
    o.history = told.history;
  }
  if (tries[0].r.failed != tries[1].r.failed || std::strcmp(tries[0].r.verdict, tries[1].r.verdict) != 0 ||
      tries[0].history != tries[1].history || !told.r.failed) {
    o.verdict += " - and it does not replay: the suite depends on something besides the strategy's choices";
    return;
  }
  o.cause = find_cause(suite, view, record);
}

}  // namespace

std::string mode_name(const mode &m) {
  if (m.kind == mode::random) return "random";
  if (m.kind == mode::full) return "full";
  return "bound " + std::to_string(m.switches);
}

bool as_expected(const suite_info &s, const outcome &o) {
  return o.how == (s.expected == expect::red ? outcome::end::failed : outcome::end::passed);
}

std::string make_token(const suite_info &s, const std::string &strategy_text) {
  return std::string(s.name) + ":" + strategy_text;
}

bool parse_token(const std::string &token, execution_name &name) {
  const std::size_t colon = token.find(':');
  if (colon == std::string::npos) return false;
  for (const suite_entry &s : suites())
    if (token.substr(0, colon) == s.info.name) name.suite = &s;
  name.strategy_text = token.substr(colon + 1);
  return name.suite && strategy_from_text(name.strategy_text);
}

outcome explore(const task &t, const extent &e, live_view &view, recording &record) {
  const clock::time_point start = clock::now();
  const std::unique_ptr<strategy> how = make_strategy(t, e);
  distinct_table seen;
  session s;
  s.how = how.get();
  s.view = &view;
  s.record = &record;
  s.seen = &seen;
  s.executions_max = e.executions_max;
  // One that must fail ends when it does, so patience costs nothing, and a busy machine raises no false alarm.
  s.deadline = after(t.suite->info.expected == expect::red ? std::max(t.seconds, red_patience) : t.seconds);
  const result r = t.suite->run(t.suite->info, s, nullptr);
  outcome o;
  o.seconds = seconds_since(start);
  o.executions = s.executions;
  const double made = static_cast<double>(std::max<std::uint64_t>(s.executions + s.uncounted, 1));
  o.steps = static_cast<double>(s.steps) / made;
  o.choices = static_cast<double>(s.choices) / made;
  o.points = how->points();
  o.fingerprint = s.fingerprint;
  o.distinct = seen.distinct();
  o.distinct_full = seen.full();
  o.exhausted = s.exhausted;
  o.saturated = s.saturated;
  if (how->samples() && !r.failed) o.unseen = seen.unseen();
  if (s.exhausted) o.unseen = 0;
  if (!r.failed) return o;
  o.how = outcome::end::failed;
  o.verdict = in_words(r.verdict);
  examine(*t.suite, how->text(), o, view, record);
  return o;
}

outcome replay(const execution_name &name, live_view &view, recording &record) {
  outcome o;
  examine(*name.suite, name.strategy_text, o, view, record);
  o.executions = 1;
  return o;
}

}  // namespace verify
