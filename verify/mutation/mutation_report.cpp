#include "verify/mutation/mutation_report.hpp"

#include "verify/tool/report.hpp"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

namespace verify {

using nlohmann::json;

mutation_row row_of(const std::vector<source_site> &sites, const mutant &m) {
  mutation_row r;
  r.site = sites[m.site].key();
  r.mutant = m.name;
  for (const std::string &id : sites[m.site].ids) r.partner += (r.partner.empty() ? "" : " ") + id;
  return r;
}

void judge(mutation_row &r, const trial &t, const std::vector<source_site> &sites, const mutant &m) {
  const survival *remark = remark_on(m, sites);
  r.executions = t.executions;
  r.seconds = t.seconds;
  r.suite = t.suite;
  r.said = t.said;
  if (t.how == trial::verdict::killed) {
    r.verdict = remark ? "open" : "killed";
    if (remark) r.said = "the source says that it survives, but " + t.suite + " kills it: " + t.said;
    return;
  }
  const bool known =
      remark && std::find(survival_kinds.begin(), survival_kinds.end(), remark->kind) != survival_kinds.end();
  r.verdict = known ? "justified" : "open";
  r.said = known    ? remark->kind
           : remark ? "no kind of survival: " + remark->kind
                    : "nothing notices, and the source does not say why";
}

mutation_tally count(const std::vector<mutation_row> &rows) {
  mutation_tally t;
  for (const mutation_row &r : rows) {
    t.killed += r.verdict == "killed";
    t.justified += r.verdict == "justified";
    t.open += r.verdict == "open";
  }
  return t;
}

std::string verdict_line(const mutation_row &r) {
  if (r.verdict == "killed") return "killed by " + r.suite + " after " + grouped(r.executions);
  return r.verdict + " (" + r.said + "), " + grouped(r.executions) + " executions";
}

void print_mutation(std::FILE *out, const std::vector<mutation_row> &rows) {
  std::vector<std::vector<std::string>> lines = {
      {"site", "becomes", "partner", "verdict", "executions", "suite", "what it said"}};
  for (const mutation_row &r : rows)
    if (!r.verdict.empty())
      lines.push_back({r.site, r.mutant, r.partner, r.verdict, grouped(r.executions), r.suite, r.said});
  print_aligned(out, lines, "llllrll");
}

bool mutation_junit(const std::string &file, const std::vector<mutation_row> &rows, double seconds) {
  std::ofstream out(file);
  out << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"mutate\" tests=\"" << rows.size()
      << "\" failures=\"" << count(rows).open << "\" time=\"" << seconds << "\">\n";
  for (const mutation_row &r : rows) {
    out << "<testcase classname=\"" << xml(r.site) << "\" name=\"" << xml(r.mutant) << "\" time=\"" << r.seconds
        << "\">";
    if (r.verdict.empty()) out << "<skipped/>";
    if (r.verdict == "open") out << "<failure message=\"" << xml(r.said) << "\"/>";
    out << "</testcase>\n";
  }
  out << "</testsuite>\n</testsuites>\n";
  return static_cast<bool>(out.flush());
}

std::string mutation_to_text(const std::vector<mutation_row> &rows, const std::string &build) {
  std::string text = "{\"build\": \"" + build + "\", \"mutants\": [";
  const char *between = "\n";
  for (const mutation_row &r : rows) {
    nlohmann::ordered_json j;
    j["site"] = r.site;
    j["mutant"] = r.mutant;
    j["partner"] = r.partner;
    j["verdict"] = r.verdict;
    j["suite"] = r.suite;
    j["said"] = r.said;
    j["executions"] = r.executions;
    if (!build.empty()) j["seconds"] = r.seconds;
    text += between + j.dump();
    between = ",\n";
  }
  return text + "\n]}\n";
}

std::vector<mutation_row> mutation_from_text(const std::string &text, const std::string &build) {
  std::vector<mutation_row> rows;
  const json all = json::parse(text, nullptr, false);
  if (!all.is_object() || (!build.empty() && all.value("build", "") != build)) return rows;
  for (const json &j : all.at("mutants"))
    rows.push_back({j.at("site"), j.at("mutant"), j.at("partner"), j.at("verdict"), j.at("suite"), j.at("said"),
                    j.at("executions"), j.value("seconds", 0.0)});
  return rows;
}

}  // namespace verify
