#include "verify/tool/explore.hpp"

#include "verify/search/attempt.hpp"
#include "verify/search/shrink.hpp"
#include "verify/story/events.hpp"

#include <algorithm>
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

// Counts the steps that the report shows.
unsigned steps_told(const std::string &history) {
  unsigned n = 0;
  for (const event &e : read_history(history).events)
    n += e.part != event::setup && e.kind != event::hidden && e.kind != event::woken;
  return n;
}

std::string in_words(const shortened &s) {
  const auto size = [](const shape &x) {
    return std::to_string(x.steps) + (x.steps == 1 ? " step, " : " steps, ") + std::to_string(x.switches) +
           (x.switches == 1 ? " switch" : " switches");
  };
  return "shortened from " + size(s.before) + " to " + size(s.after);
}

// Finds out whether a memory order or the interleaving is the cause: tries the same schedule with every order seq_cst,
// then schedules like it for about a second.
std::string find_cause(const suite_entry &suite, live_view &view, recording &record) {
  const std::unique_ptr<strategy> same = make_follow(record);
  const auto scratch = std::make_unique<recording>();
  if (run_once(suite, *same, view, *scratch, {.sequential = true, .tell = false}).r.failed)
    return "interleaving (this schedule fails with every order seq_cst as well)";
  const char *const passes = "memory order (this schedule passes with every order seq_cst";
  if (suite.info.expected == expect::red) return std::string(passes) + ")";
  const std::unique_ptr<strategy> others = make_mix(1);
  session s;
  s.how = others.get();
  s.view = &view;
  s.record = scratch.get();
  s.sequential = true;
  s.executions_max = 1'000'000 / (record.count + 40);  // about a second, and always as many
  if (suite.run(suite.info, s, nullptr).failed)
    return "interleaving, probably (this schedule passes with every order seq_cst, but another one fails)";
  return std::string(passes) + ", and so do " + std::to_string(s.executions) + " others)";
}

struct retold {
  attempt a;
  bool steady = false;  // both repetitions were the same
};

retold tell_twice(const suite_entry &suite, const std::string &text, live_view &view, recording &record) {
  attempt tries[2];
  for (attempt &a : tries) a = run_once(suite, *strategy_from_text(text), view, record);
  const bool steady = tries[0].r.failed && tries[1].r.failed && tries[0].history == tries[1].history &&
                      std::strcmp(tries[0].r.verdict, tries[1].r.verdict) == 0;
  return {tries[0].r.failed ? tries[0] : tries[1], steady};
}

// Repeats the failing execution twice, with its history, makes it shorter, and fills in the rest of the report.
void examine(const suite_entry &suite, const std::string &text, outcome &o, live_view &view, recording &record,
             bool shorten) {
  retold told = tell_twice(suite, text, view, record);
  o.token = make_token(suite.info, text);
  if (!told.a.r.failed && o.how == outcome::end::passed) return;
  o.how = outcome::end::failed;
  shortened s;
  const bool hangs = broken_condition(told.a).starts_with("hung: ");
  if (told.steady && shorten && !hangs && shrink(suite, text, view, record, s)) {
    const retold shorter = tell_twice(suite, s.strategy_text, view, record);
    if (shorter.steady) {
      s.before.steps = steps_told(told.a.history);
      s.after.steps = steps_told(shorter.a.history);
      told = shorter;
      o.original = std::exchange(o.token, make_token(suite.info, s.strategy_text));
      o.shortening = in_words(s);
    } else {
      tell_twice(suite, text, view, record);  // fills `record`
    }
  }
  const std::string verdict = told.a.r.verdict;
  if (told.a.r.failed) {
    o.broken = broken_condition(told.a);
    const bool died = o.broken.starts_with("crashed: ") || o.broken.starts_with("hung: ");
    o.verdict = died ? std::exchange(o.broken, {}) : verdict_in_words(verdict);
    o.history = told.a.history;
  }
  if (!told.steady) {
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
  s.executions_min = (t.how.executions + t.part.count - 1) / t.part.count;
  s.executions_max = e.executions_max;
  // A suite that must fail ends as soon as it fails. So a long limit costs nothing, and a busy machine raises no alarm.
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
  o.verdict = verdict_in_words(r.verdict);
  examine(*t.suite, how->text(), o, view, record, t.shorten && t.suite->info.expected != expect::red);
  return o;
}

outcome replay(const execution_name &name, bool shorten, live_view &view, recording &record) {
  outcome o;
  const bool short_already = name.strategy_text.starts_with("path-");
  examine(*name.suite, name.strategy_text, o, view, record, shorten && !short_already);
  o.executions = 1;
  return o;
}

}  // namespace verify
