#include "verify/mutation/evidence.hpp"

#include "verify/tool/report.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

namespace verify {
namespace {

constexpr const char *generated = "<!-- Written by ./dev evidence. Change the source, not this file. -->\n";

std::string cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, "\\");
  return text;
}

std::string code(const std::string &text) { return "`" + cell(text) + "`"; }

// A remark such as "release: pairs with ..." without the order, which has a column of its own, and without the ids.
std::string reason(const source_site &s) {
  std::string text = s.remark;
  if (const std::string order = order_name(s.order); text.starts_with(order)) {
    const std::size_t colon = text.find(':');
    if (colon != std::string::npos && colon < 40) text.erase(0, colon + 1);
  }
  for (std::size_t open; (open = text.find(" [")) != std::string::npos;) {
    const std::size_t close = text.find(']', open);
    if (close == std::string::npos) break;
    text.erase(open, close - open + 1);
  }
  const std::size_t first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first);
}

std::string joined(const std::vector<std::string> &words, const char *between) {
  std::string text;
  for (const std::string &w : words) text += (text.empty() ? "" : between) + w;
  return text;
}

std::string order_of(const source_site &s) {
  if (s.what == access::light || s.what == access::heavy || s.what == access::wake) return access_name(s.what);
  return order_name(s.order) + std::string(s.what == access::cas_failure ? " on failure" : "");
}

std::string fate(const mutation_row &r) {
  if (r.verdict == "killed")
    return "**" + r.mutant + "**: " + cell(r.said) + " (" + r.suite + ", " + grouped(r.executions) + ")";
  return "**" + r.mutant + "**: " + r.verdict + ", " + r.said;
}

std::vector<const mutation_row *> rows_of(const evidence &e, const std::string &key) {
  std::vector<const mutation_row *> rows;
  for (const mutation_row &r : e.mutants)
    if (r.site == key) rows.push_back(&r);
  return rows;
}

std::vector<std::string> files_in_order(const std::vector<source_site> &sites) {
  std::vector<std::string> files;
  for (const source_site &s : sites)
    if (files.empty() || files.back() != s.file) files.push_back(s.file);
  return files;
}

void file_tables(std::ostream &out, const evidence &e, const std::string &file) {
  out << "\n### " << file
      << "\n\n| operation | in | order | what it is for | if it were |\n| --- | --- | --- | --- | --- |\n";
  for (const source_site &s : e.sites) {
    if (s.file != file) continue;
    std::vector<std::string> fates;
    for (const mutation_row *r : rows_of(e, s.key())) fates.push_back(fate(*r));
    out << "| " << code(s.operation) << " | " << (s.function.empty() ? "" : code(s.function)) << " | " << order_of(s)
        << " | " << cell(reason(s)) << (s.ids.empty() ? "" : " [" + joined(s.ids, ", ") + "]") << " | "
        << joined(fates, "<br>") << " |\n";
  }
}

void arguments_table(std::ostream &out, const evidence &e) {
  std::map<std::string, std::vector<std::string>> by_id;
  for (const source_site &s : e.sites)
    for (const std::string &id : s.ids) by_id[id].push_back(code(s.function + ": " + s.operation) + " " + order_of(s));
  out << "\n## Which operations pair\n\nThe operations that cite one argument: the sides of one edge.\n\n"
         "| argument | operations |\n| --- | --- |\n";
  for (const auto &[id, sites] : by_id) out << "| " << id << " | " << joined(sites, "<br>") << " |\n";
}

void survivors_table(std::ostream &out, const evidence &e) {
  out << "\n## What no suite notices\n\nKept, with the reason. *Load buffering* and *other architecture*: C++ allows "
         "an execution that "
         "the model checker does not\nshow (CAVEATS.md). *Equivalent*: no execution differs. *Statistic*: only a "
         "number "
         "in a report would.\n\n| operation | in | becomes | kind | why it stays |\n| --- | --- | --- | --- | --- |\n";
  for (const mutation_row &r : e.mutants) {
    if (r.verdict != "justified") continue;
    for (const source_site &s : e.sites)
      if (s.key() == r.site)
        for (const survival &v : s.survivals)
          if (v.mistake == r.mutant || v.mistake == r.mutant + " on failure")
            out << "| " << code(s.operation) << " | " << code(s.function) << " | " << r.mutant << " | " << v.kind
                << " | " << cell(v.why) << " |\n";
  }
}

// Writes "runq.drain runq.each_other" as "runq.* (2)", which is shorter; --list has the names.
std::string suites_that_check(const std::string &id) {
  std::map<std::string, unsigned> groups;
  for (const suite_entry &s : suites()) {
    std::istringstream ids(s.info.invariants);
    for (std::string word; ids >> word;)
      if (word == id) ++groups[std::string(s.info.name).substr(0, std::string_view(s.info.name).find('.'))];
  }
  std::vector<std::string> words;
  for (const auto &[group, n] : groups) words.push_back(group + ".* (" + std::to_string(n) + ")");
  return joined(words, ", ");
}

std::string functions_that_check(const evidence &e, const std::string &id) {
  std::vector<std::string> words;
  for (const invariant_check &c : e.checks)
    if (c.id == id && std::find(words.begin(), words.end(), code(c.function)) == words.end())
      words.push_back(code(c.function));
  return joined(words, ", ");
}

std::size_t kills_by(const evidence &e, const std::string &id) {
  return static_cast<std::size_t>(std::count_if(e.mutants.begin(), e.mutants.end(), [&](const mutation_row &r) {
    return r.verdict == "killed" && r.said.starts_with(id + ":");
  }));
}

}  // namespace

evidence read_evidence(const std::string &root) {
  evidence e;
  e.sites = scan_source(root);
  e.mutants = mutation_from_text(read_file(root + "docs/mutation.json"), "");
  e.checks = scan_invariants(root);
  std::istringstream lines(read_file(root + "verify/mutation/invariants.txt"));
  for (std::string line; std::getline(lines, line);)
    if (const std::size_t colon = line.find(": "); colon != std::string::npos && line[0] != '#')
      e.invariants.push_back({line.substr(0, colon), line.substr(colon + 2)});
  return e;
}

std::string memory_orders_document(const evidence &e) {
  std::ostringstream out;
  const mutation_tally t = count(e.mutants);
  out << "# Memory orders\n\n"
      << generated
      << "\nEvery atomic operation and fence of the shared source: the order it names, what that is for, and what "
         "happens when "
      << "it is\nweaker. `./dev mutate` makes each of these mistakes in the model checker, one at a time, until a "
         "suite "
         "notices; the\nbrackets name that suite and its execution. A read-modify-write is also *split* into a load "
         "and a "
         "store, a strong\ncompare-exchange made to fail for no reason (*spurious*), a wake or one side of an "
         "asymmetric "
         "fence left out (*lost*).\n\n"
      << e.sites.size() << " sites, " << e.mutants.size() << " mistakes: " << t.killed << " killed, " << t.justified
      << " kept with a reason, " << t.open << " open.\n\n## Site by site\n";
  for (const std::string &file : files_in_order(e.sites)) file_tables(out, e, file);
  arguments_table(out, e);
  survivors_table(out, e);
  return out.str();
}

std::string invariants_document(const evidence &e) {
  std::ostringstream out;
  out << "# Invariants\n\n"
      << generated
      << "\nThe ids that checks and comments cite. *Always on*: functions that check it in every build, production "
         "included. "
         "*Suites*:\nthose of the model checker that do; `./dev verify --list` has their names. *Kills*: mistakes of "
         "[memory_orders.md](memory_orders.md)\nthat this check was the first to notice.\n\n"
      << "| id | statement | always on | suites | kills |\n| --- | --- | --- | --- | --- |\n";
  for (const invariant_text &i : e.invariants) {
    const std::size_t kills = kills_by(e, i.id);
    out << "| " << i.id << " | " << cell(i.statement) << " | " << functions_that_check(e, i.id) << " | "
        << suites_that_check(i.id) << " | " << (kills ? std::to_string(kills) : "") << " |\n";
  }
  return out.str();
}

std::vector<std::string> complaints(const evidence &e) {
  std::vector<std::string> found;
  const auto known = [&](const std::string &id) {
    return std::any_of(e.invariants.begin(), e.invariants.end(), [&](const invariant_text &i) { return i.id == id; });
  };

  std::map<std::string, unsigned> cited;  // an order that pairs with itself, in another thread, counts for both sides
  for (const source_site &s : e.sites) {
    if (s.remark.empty()) found.push_back(s.key() + ": no comment says what this order is for");
    const bool ordered = s.order != std::memory_order_relaxed || s.what == access::light || s.what == access::heavy;
    if (ordered && s.ids.empty()) found.push_back(s.key() + ": no argument is cited, as [RUNQ-2]");
    for (const std::string &id : s.ids) cited[id] += s.remark.find("with itself") == std::string::npos ? 1 : 2;
    for (const survival &v : s.survivals)
      if (std::find(survival_kinds.begin(), survival_kinds.end(), v.kind) == survival_kinds.end())
        found.push_back(s.key() + ": no kind of survival: " + v.kind);
  }
  for (const auto &[id, n] : cited)
    if (n < 2) found.push_back(id + ": cited by one operation only; an order needs a partner");

  std::set<std::pair<std::string, std::string>> wanted;
  for (const mutant &m : mutants_of(e.sites)) wanted.emplace(e.sites[m.site].key(), m.name);
  std::set<std::pair<std::string, std::string>> tried;
  for (const mutation_row &r : e.mutants) {
    tried.emplace(r.site, r.mutant);
    if (r.verdict == "open") found.push_back(r.site + " -> " + r.mutant + ": " + r.said);
    if (!wanted.contains({r.site, r.mutant})) found.push_back(r.site + " -> " + r.mutant + ": no longer in the source");
  }
  for (const auto &[site, name] : wanted)
    if (!tried.contains({site, name})) found.push_back(site + " -> " + name + ": not tried yet (./dev mutate)");

  std::set<std::string> used;
  for (const invariant_check &c : e.checks) used.insert(c.id);
  for (const suite_entry &s : suites()) {
    std::istringstream ids(s.info.invariants);
    for (std::string word; ids >> word;) used.insert(word);
  }
  for (const std::string &id : used)
    if (!known(id)) found.push_back(id + ": checked, but verify/mutation/invariants.txt does not say what it is");
  for (const invariant_text &i : e.invariants)
    if (!used.contains(i.id)) found.push_back(i.id + ": in verify/mutation/invariants.txt, but nothing checks it");
  return found;
}

}  // namespace verify
