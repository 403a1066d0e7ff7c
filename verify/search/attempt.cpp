#include "verify/search/attempt.hpp"

#include <map>

namespace verify {
namespace {

// The place of the last event: "queues/runq.hpp(12)".
std::string last_place(const std::string &history) {
  const std::string events = history.substr(0, history.find("\nnames:\n"));
  const std::size_t last = events.rfind("\n[");
  const std::size_t end = events.find('\n', last + 1);
  const std::string line = events.substr(last + 1, end == std::string::npos ? end : end - last - 1);
  const std::size_t place = line.rfind(", ");
  return place == std::string::npos ? line : line.substr(place + 2);
}

}  // namespace

attempt run_once(const suite_entry &suite, strategy &how, live_view &view, recording &record, attempt_options o) {
  session s;
  s.how = &how;
  s.view = &view;
  s.record = &record;
  s.executions_max = 1;
  s.sequential = o.sequential;
  s.mutant = o.mutant;
  attempt a;
  suite_info info = suite.info;
  if (o.steps_max != 0) info.steps_max = o.steps_max;
  a.r = suite.run(info, s, o.tell ? &a.history : nullptr);
  return a;
}

std::string verdict_in_words(const std::string &verdict) {
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

// The first line is "USER ASSERT FAILED (I20: q.empty())".
std::string broken_condition(const attempt &a) {
  if (!std::string(a.r.verdict).starts_with("USER")) return {};
  std::string text = a.history.substr(0, a.history.find("\n\nexecution history"));
  const std::size_t open = text.find('(');
  if (open == std::string::npos) return {};
  text = text.substr(open + 1, text.size() - open - 2);
  return text.substr(0, text.find_last_not_of('\n') + 1);
}

std::string signature(const attempt &a) {
  const std::string verdict = a.r.verdict;
  if (verdict.starts_with("USER")) return verdict + broken_condition(a);
  if (verdict == "DEADLOCK" || verdict == "LIVELOCK" || verdict.ends_with("LEAK")) return verdict;
  return verdict + last_place(a.history);
}

}  // namespace verify
