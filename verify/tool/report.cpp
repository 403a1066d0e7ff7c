#include "verify/tool/report.hpp"

#include "verify/story/timeline.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

namespace verify {
namespace {

using nlohmann::json;

std::string fixed(const char *format, double v) {
  char text[64];
  std::snprintf(text, sizeof text, format, v);
  return text;
}

constexpr unsigned text_width = 120;  // the columns of a history in a file

const char *end_name(outcome::end e) {
  switch (e) {
    case outcome::end::passed: return "passed";
    case outcome::end::failed: return "failed";
    default: return "crashed";
  }
}

std::string hex(std::uint64_t v) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(v));
  return text;
}

std::string shard_name(shard s) { return std::to_string(s.index + 1) + "/" + std::to_string(s.count); }

json to_json(const outcome &o) {
  return {{"end", end_name(o.how)},
          {"verdict", o.verdict},
          {"broken", o.broken},
          {"cause", o.cause},
          {"token", o.token},
          {"history", o.history},
          {"original", o.original},
          {"shortening", o.shortening},
          {"executions", o.executions},
          {"steps", o.steps},
          {"choices", o.choices},
          {"points", o.points},
          {"fingerprint", hex(o.fingerprint)},  // most readers of JSON would round the number
          {"distinct", o.distinct},
          {"distinct_full", o.distinct_full},
          {"unseen", o.unseen ? json(*o.unseen) : json()},
          {"saturated", o.saturated},
          {"exhausted", o.exhausted},
          {"seconds", o.seconds}};
}

std::string unseen_text(const outcome &o) {
  if (o.how != outcome::end::passed || !o.unseen) return "-";
  return (o.distinct_full ? "<" : "") + fixed("%.1e", *o.unseen);
}

std::string failure_text(const row &r, unsigned width, bool full) {
  const outcome &o = r.got;
  std::string text = std::string(r.what.suite->info.name) + " (" + mode_name(r.what.how) + "): ";
  if (o.how == outcome::end::passed) return text + "passed, but it is there to fail: the alarm is broken\n";
  text += o.verdict + "\n";
  if (!o.history.empty()) text += timeline(explain(r.what.suite->info, o, full), width);
  return text;
}

}  // namespace

void print_aligned(std::FILE *out, const std::vector<cells> &lines, const std::string &sides) {
  std::vector<std::size_t> width;
  for (const cells &line : lines)
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (width.size() <= i) width.push_back(0);
      width[i] = std::max(width[i], line[i].size());
    }
  for (const cells &line : lines) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string pad(width[i] - line[i].size(), ' ');
      text += sides[i] == 'r' ? pad + line[i] : line[i] + pad;
      text += "  ";
    }
    text.erase(text.find_last_not_of(' ') + 1);
    std::fprintf(out, "%s\n", text.c_str());
  }
}

std::string xml(const std::string &text) {
  static const std::map<char, const char *> names = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}};
  // What is not UTF-8 becomes U+FFFD, as it does between processes.
  const std::string valid = json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace));
  std::string out;
  for (std::size_t at = 0; at < valid.size(); ++at) {
    const char c = valid[at];
    // XML allows neither U+FFFE and U+FFFF nor most characters below the space.
    if (valid.compare(at, 3, "\xef\xbf\xbe") == 0 || valid.compare(at, 3, "\xef\xbf\xbf") == 0)
      at += 2;
    else if (const auto found = names.find(c); found != names.end())
      out += found->second;
    else if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t')
      out += c;
  }
  return out;
}

std::string grouped(std::uint64_t n) {
  std::string text = std::to_string(n);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ' ');
  return text;
}

std::string short_count(double n) {
  if (n < 1000) return fixed("%.0f", n);
  return n < 1e6 ? fixed("%.0fk", n / 1e3) : fixed("%.1fM", n / 1e6);
}

std::string to_text(const outcome &o) { return to_json(o).dump(-1, ' ', false, json::error_handler_t::replace); }

bool from_text(const std::string &text, outcome &o) {
  const json j = json::parse(text, nullptr, false);
  if (j.is_discarded() || !j.is_object()) return false;
  for (const auto e : {outcome::end::passed, outcome::end::failed, outcome::end::crashed})
    if (j.at("end") == end_name(e)) o.how = e;
  o.verdict = j.at("verdict");
  o.broken = j.at("broken");
  o.cause = j.at("cause");
  o.token = j.at("token");
  o.history = j.at("history");
  o.original = j.at("original");
  o.shortening = j.at("shortening");
  o.executions = j.at("executions");
  o.steps = j.at("steps");
  o.choices = j.at("choices");
  o.points = j.at("points");
  o.fingerprint = std::stoull(j.at("fingerprint").get<std::string>(), nullptr, 16);
  o.distinct = j.at("distinct");
  o.distinct_full = j.at("distinct_full");
  if (!j.at("unseen").is_null()) o.unseen = j.at("unseen").get<double>();
  o.saturated = j.at("saturated");
  o.exhausted = j.at("exhausted");
  o.seconds = j.at("seconds");
  return true;
}

std::string verdict_text(const row &r) {
  const outcome &o = r.got;
  const bool expected = as_expected(r.what.suite->info, o);
  if (o.how == outcome::end::crashed) return "CRASHED";
  if (o.how == outcome::end::failed) return expected ? "failed as it must" : "FAILED";
  if (!expected) return "NOT RED, and it must be";
  const mode &m = r.what.how;
  if (m.kind == mode::random) return o.saturated ? "pass (saturated)" : "pass";
  if (!o.exhausted) return "pass (search not finished)";
  const shard part = r.what.part;
  const std::string all = part.count > 1 ? "all of " + shard_name(part) : "all";
  return "pass (" + (m.kind == mode::bound ? all + ", " + mode_name(m) : all) + ")";
}

void print_list(std::FILE *out, const std::vector<const suite_entry *> &list) {
  std::vector<cells> lines = {{"suite", "component", "invariants", "modes", "expected", "checks that"}};
  for (const suite_entry *s : list) {
    std::string modes;
    for (const mode &m : s->info.modes)
      if (m.kind != mode::none) modes += (modes.empty() ? "" : ", ") + mode_name(m);
    lines.push_back({s->info.name, s->info.component, *s->info.invariants ? s->info.invariants : "-", modes,
                     s->info.expected == expect::red ? "red" : "pass", s->info.what});
  }
  print_aligned(out, lines, "llllll");
}

void print_table(std::FILE *out, const std::vector<row> &rows) {
  std::vector<cells> lines = {
      {"suite", "mode", "executions", "distinct", "unseen", "steps/exec", "choices", "rate", "time", "verdict"}};
  for (const row &r : rows) {
    const outcome &o = r.got;
    lines.push_back({r.what.suite->info.name, mode_name(r.what.how), grouped(o.executions),
                     (o.distinct_full ? ">" : "") + grouped(o.distinct), unseen_text(o), fixed("%.1f", o.steps),
                     fixed("%.1f", o.choices),
                     o.seconds < 0.05 ? "-" : short_count(static_cast<double>(o.executions) / o.seconds) + "/s",
                     fixed("%.1fs", o.seconds), verdict_text(r)});
  }
  print_aligned(out, lines, "llrrrrrrrl");
}

void print_failure(std::FILE *out, const row &r, bool full) {
  std::fprintf(out, "\n%s", failure_text(r, terminal_width(), full).c_str());
}

void print_replay_hint(std::FILE *out, const outcome &o) {
  if (!o.token.empty()) std::fprintf(out, "replay: ./dev verify --replay %s\n", o.token.c_str());
  if (!o.original.empty()) std::fprintf(out, "as found: ./dev verify --no-shrink --replay %s\n", o.original.c_str());
}

tally count(const std::vector<row> &rows) {
  tally t;
  std::map<std::string, bool> good;
  for (const row &r : rows) {
    bool &g = good.try_emplace(r.what.suite->info.name, true).first->second;
    g = g && as_expected(r.what.suite->info, r.got);
    t.executions += r.got.executions;
  }
  for (const auto &[name, g] : good) ++(g ? t.passed : t.failed);
  return t;
}

bool write_json(const std::string &file, const std::vector<row> &rows, const extent &e, shard part, double seconds) {
  const tally t = count(rows);
  json out = {{"passed", t.passed}, {"failed", t.failed}, {"executions", t.executions}, {"seconds", seconds},
              {"seed", e.seed},     {"window", e.window}, {"shard", shard_name(part)},  {"rows", json::array()}};
  for (const row &r : rows) {
    json j = to_json(r.got);
    j["history"] = r.got.history.empty() ? "" : failure_text(r, text_width, false);
    j["suite"] = r.what.suite->info.name;
    j["component"] = r.what.suite->info.component;
    j["invariants"] = r.what.suite->info.invariants;
    j["mode"] = mode_name(r.what.how);
    j["bound"] = r.what.how.kind == mode::bound ? json(r.what.how.switches) : json();
    j["shard"] = shard_name(r.what.part);
    j["red"] = r.what.suite->info.expected == expect::red;
    j["expected"] = as_expected(r.what.suite->info, r.got);
    j["text"] = verdict_text(r);
    out["rows"].push_back(j);
  }
  std::ofstream stream(file);
  stream << out.dump(2, ' ', false, json::error_handler_t::replace) << "\n";
  return static_cast<bool>(stream.flush());
}

bool write_junit(const std::string &file, const std::vector<row> &rows, double seconds) {
  std::ofstream out(file);
  const auto bad =
      std::count_if(rows.begin(), rows.end(), [](const row &r) { return !as_expected(r.what.suite->info, r.got); });
  out << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"verify\" tests=\"" << rows.size()
      << "\" failures=\"" << bad << "\" time=\"" << fixed("%.3f", seconds) << "\">\n";
  for (const row &r : rows) {
    const suite_info &s = r.what.suite->info;
    out << "<testcase classname=\"" << xml(s.component) << "\" name=\"" << xml(s.name) << " [" << mode_name(r.what.how)
        << "]\" time=\"" << fixed("%.3f", r.got.seconds) << "\">";
    if (!as_expected(s, r.got))
      out << "<failure message=\"" << xml(verdict_text(r)) << "\">" << xml(failure_text(r, text_width, false))
          << "replay: " << xml(r.got.token) << "\n</failure>";
    out << "</testcase>\n";
  }
  out << "</testsuite>\n</testsuites>\n";
  return static_cast<bool>(out.flush());
}

}  // namespace verify
