#include "verify/mutation/source.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <stdexcept>

namespace verify {
namespace {

// The source that is compiled for every world, room by room.
constexpr const char *folders[] = {"queues/include/heddle/detail",
                                   "queues",
                                   "sched/include/heddle/detail",
                                   "sched",
                                   "sched/switch",
                                   "runtime/include/heddle/detail",
                                   "runtime/include/heddle",
                                   "runtime"};

const std::map<std::string, std::memory_order> orders = {
    {"relaxed", std::memory_order_relaxed}, {"acquire", std::memory_order_acquire},
    {"release", std::memory_order_release}, {"acq_rel", std::memory_order_acq_rel},
    {"seq_cst", std::memory_order_seq_cst},
};

// The name of an operation, its kind, and how many orders it names.
struct operation {
  const char *name;
  access what;
  unsigned orders;
};
constexpr operation members[] = {
    {"load", access::load, 1},     {"store", access::store, 1},
    {"exchange", access::rmw, 1},  {"compare_exchange_weak", access::cas_success, 2},
    {"fetch_add", access::rmw, 1}, {"compare_exchange_strong", access::cas_success, 2},
    {"fetch_sub", access::rmw, 1},
};
constexpr operation functions[] = {
    {"fence", access::fence, 1},
    {"fence_light", access::light, 0},
    {"fence_heavy", access::heavy, 0},
    {"futex_wake", access::wake, 0},
};

bool in_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

std::string trimmed(const std::string &text) {
  const std::size_t first = text.find_first_not_of(" \n");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \n") - first + 1);
}

// A file in two parts: the code without comments and literals, and the comment of each line. Lines and columns stay.
struct split_file {
  std::string name;
  std::string code;
  std::vector<std::size_t> line_start;  // of line i + 1 in code
  std::vector<std::string> code_lines;
  std::vector<std::string> comments;

  int line_at(std::size_t at) const {
    return static_cast<int>(std::upper_bound(line_start.begin(), line_start.end(), at) - line_start.begin());
  }
  [[noreturn]] void fail(int line, const std::string &what) const {
    throw std::runtime_error(name + ":" + std::to_string(line) + ": " + what);
  }
};

// Blanks the literals of a line and cuts its comment off.
std::string without_comment(const std::string &line, std::string &comment) {
  std::string code;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (line.compare(i, 2, "//") == 0) {
      comment = trimmed(line.substr(i + 2));
      break;
    }
    if (c != '"' && (c != '\'' || (i > 0 && in_word(line[i - 1])))) {  // an apostrophe in a number begins no literal
      code += c;
      continue;
    }
    code += ' ';
    for (++i; i < line.size() && line[i] != c; ++i) {
      if (line[i] == '\\') {
        ++i;
        code += ' ';
      }
      code += ' ';
    }
    code += ' ';
  }
  return code;
}

split_file take_apart(const std::string &name, const std::string &text) {
  split_file f;
  f.name = name;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    std::string comment;
    std::string code = without_comment(line, comment);
    if (!code.empty() && code.find_first_not_of(' ') != std::string::npos && trimmed(code)[0] == '#') code.clear();
    f.line_start.push_back(f.code.size());
    f.code += code + '\n';
    f.code_lines.push_back(trimmed(code));
    f.comments.push_back(comment);
  }
  return f;
}

std::size_t closing(const split_file &f, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < f.code.size(); ++i) {
    if (f.code[i] == '(') ++depth;
    if (f.code[i] == ')' && --depth == 0) return i;
  }
  f.fail(f.line_at(open), "this bracket is never closed");
}

// Returns where the expression begins that ends before `end`: names, members, calls and subscripts.
std::size_t receiver_start(const std::string &code, std::size_t end) {
  std::size_t at = end;
  int depth = 0;
  while (at > 0) {
    const char c = code[at - 1];
    if (c == ')' || c == ']') {
      ++depth;
    } else if (c == '(' || c == '[') {
      if (depth == 0) break;
      --depth;
    } else if (depth == 0 && !in_word(c) && c != '.' && c != '>' && c != '-' && c != ':') {
      break;
    }
    --at;
  }
  return at;
}

// The orders among the arguments between two brackets.
std::vector<std::memory_order> orders_in(const std::string &arguments) {
  std::vector<std::memory_order> found;
  int depth = 0;
  std::string word;
  const auto take = [&] {
    std::string w = trimmed(word);
    for (const std::string_view name_space : {"heddle::", "detail::"})
      if (w.starts_with(name_space)) w.erase(0, name_space.size());
    if (const auto o = orders.find(w); o != orders.end()) found.push_back(o->second);
    word.clear();
  };
  for (const char c : arguments) {
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (c == ',' && depth == 0)
      take();
    else
      word += c;
  }
  take();
  return found;
}

// Returns the name of the function whose body begins after `header`; empty for a block, a lambda or a class.
std::string function_name(const std::string &header) {
  static const std::regex block("^\\s*(if|else|for|while|do|switch|return)\\b");
  const std::size_t open = header.find('(');
  if (open == std::string::npos || std::regex_search(header, block) || header.find("](") != std::string::npos ||
      header.find("[=]") != std::string::npos || header.find("[this]") != std::string::npos)
    return {};
  std::size_t begin = open;
  while (begin > 0 && (in_word(header[begin - 1]) || header[begin - 1] == '~')) --begin;
  const std::string name = header.substr(begin, open - begin);
  return name == "alignas" ? "" : name;
}

// Finds the innermost function around each position of interest, in one pass.
std::string function_at(const split_file &f, std::size_t position) {
  std::vector<std::string> open;
  std::size_t header = 0;
  for (std::size_t i = 0; i < position; ++i) {
    const char c = f.code[i];
    if (c == '{') open.push_back(function_name(f.code.substr(header, i - header)));
    if (c == '}' && !open.empty()) open.pop_back();
    if (c == '{' || c == '}' || c == ';') header = i + 1;
  }
  for (auto name = open.rbegin(); name != open.rend(); ++name)
    if (!name->empty()) return *name;
  return {};
}

bool ends_statement(const std::string &code) {
  return code.empty() || std::string_view(";{}:").find(code.back()) != std::string_view::npos;
}

// The comment block right above a line (1-based) as one text, and the line where it begins.
std::string block_above(const split_file &f, int line, int &begins) {
  begins = line;
  while (begins > 1) {
    const std::size_t i = static_cast<std::size_t>(begins - 2);
    if (!f.code_lines[i].empty() || f.comments[i].empty()) break;
    --begins;
  }
  std::string text;
  for (int l = begins; l < line; ++l) text += f.comments[static_cast<std::size_t>(l - 1)] + " ";
  return text;
}

// What the comments say about the statement around [first, last]: above it, and at the ends of its lines.
std::string comment_of(const split_file &f, int first, int last, int &begins) {
  while (first > 1 && !ends_statement(f.code_lines[static_cast<std::size_t>(first - 2)])) --first;
  const auto end = static_cast<int>(f.code_lines.size());
  while (last < end && !ends_statement(f.code_lines[static_cast<std::size_t>(last - 1)])) ++last;
  std::string text = block_above(f, first, begins);
  for (int l = first; l <= last; ++l)
    if (const std::string &c = f.comments[static_cast<std::size_t>(l - 1)]; !c.empty()) text += c + " ";
  return trimmed(text);
}

// Of "release: pairs with ... [RUNQ-1]  relaxed on failure: ..." returns the part that begins with this order's name.
std::string section_of(const std::string &comment, const std::string &order, bool failure) {
  static const std::regex marker(
      "\\b(relaxed|acquire|release|acq_rel|seq_cst)( store| on success)?( on failure)?"
      "( is not needed|, an RMW)?[:(]");
  std::string best;
  std::string named;
  std::string text;
  const auto keep = [&] {
    if (!best.empty() || named.empty()) return;
    best = text;
  };
  std::size_t at = 0;
  for (std::sregex_iterator i(comment.begin(), comment.end(), marker), end; i != end; ++i) {
    text = comment.substr(at, static_cast<std::size_t>(i->position()) - at);
    keep();
    at = static_cast<std::size_t>(i->position());
    named = (*i)[1] == order && (*i)[3].matched == failure ? order : "";
  }
  text = comment.substr(at);
  keep();
  return trimmed(best);
}

std::vector<std::string> ids_in(const std::string &text) {
  static const std::regex brackets("\\[([A-Z]+-[0-9]+(?:, [A-Z]+-[0-9]+)*)\\]");
  static const std::regex id("[A-Z]+-[0-9]+");
  std::vector<std::string> ids;
  for (std::sregex_iterator i(text.begin(), text.end(), brackets), end; i != end; ++i) {
    const std::string list = (*i)[1];
    for (std::sregex_iterator j(list.begin(), list.end(), id); j != end; ++j)
      if (std::find(ids.begin(), ids.end(), j->str()) == ids.end()) ids.push_back(j->str());
  }
  return ids;
}

// Takes the survival remarks out of a comment.
std::vector<survival> take_survivals(std::string &comment) {
  static const std::regex begin("Survives as ([a-z_ ]+) \\(([a-z ]+)\\): ");
  std::vector<survival> found;
  for (std::smatch m; std::regex_search(comment, m, begin);) {
    const auto at = static_cast<std::size_t>(m.position());
    const std::size_t after = at + static_cast<std::size_t>(m.length());
    std::size_t stop = comment.find("Survives as ", after);
    stop = std::min({stop, comment.find("  ", after), comment.size()});
    found.push_back({m[1], m[2], trimmed(comment.substr(after, stop - after))});
    comment = trimmed(comment.substr(0, at)) + "  " + comment.substr(stop);
  }
  comment = trimmed(comment);
  return found;
}

// The nearest remark above that is about this order, if the statement's own comment is not: one comment may stand
// before the two or three lines that it is about.
constexpr int reach_of_a_comment = 8;

void add_remark(const split_file &f, source_site &s) {
  const std::string order = order_name(s.order);
  const bool failure = s.what == access::cas_failure;
  const bool whole =
      s.what == access::fence || s.what == access::light || s.what == access::heavy || s.what == access::wake;
  int begins = s.first_line;
  std::string comment = comment_of(f, s.first_line, s.last_line, begins);
  s.survivals = take_survivals(comment);
  s.remark = whole ? comment : section_of(comment, order, failure);
  for (int line = begins - 1; s.remark.empty() && line > std::max(0, begins - reach_of_a_comment); --line) {
    int from = line;
    std::string other = comment_of(f, line, line, from);
    std::vector<survival> survivals = take_survivals(other);
    s.remark = whole ? other : section_of(other, order, failure);
    if (!s.remark.empty() && s.survivals.empty()) s.survivals = survivals;
    if (s.remark.empty() && f.code_lines[static_cast<std::size_t>(line - 1)] == "}") break;
  }
  s.ids = ids_in(s.remark);
}

void add(const split_file &f, std::vector<source_site> &sites, source_site s) {
  add_remark(f, s);
  s.number = 1 + static_cast<unsigned>(std::count_if(sites.begin(), sites.end(), [&](const source_site &o) {
               return o.file == s.file && o.operation == s.operation && o.what == s.what && o.order == s.order;
             }));
  sites.push_back(std::move(s));
}

void scan_call(const split_file &f, std::vector<source_site> &sites, const operation &op, std::size_t begin,
               std::size_t open) {
  const std::size_t close = closing(f, open);
  source_site s;
  s.file = f.name;
  s.function = function_at(f, begin);
  s.first_line = f.line_at(begin);
  s.last_line = f.line_at(close);
  s.operation = std::regex_replace(f.code.substr(begin, open - begin), std::regex("\\s+"), "");
  s.what = op.what;
  s.strong = s.operation.ends_with("strong");
  const std::vector<std::memory_order> named = orders_in(f.code.substr(open + 1, close - open - 1));
  if (named.size() != op.orders)
    f.fail(s.first_line,
           s.operation + " names " + std::to_string(named.size()) + " memory orders, not " + std::to_string(op.orders));
  if (op.orders != 0) s.order = named[0];
  add(f, sites, s);
  if (op.orders == 2) {
    s.what = access::cas_failure;
    s.order = named[1];
    add(f, sites, s);
  }
}

}  // namespace

const std::vector<std::string> survival_kinds = {"load buffering", "other architecture", "statistic", "equivalent"};

const char *order_name(std::memory_order o) {
  for (const auto &[name, order] : orders)
    if (order == o) return name.c_str();
  return "consume";
}

const char *access_name(access a) {
  switch (a) {
    case access::load: return "load";
    case access::store: return "store";
    case access::rmw: return "rmw";
    case access::cas_success: return "cas";
    case access::cas_failure: return "cas failure";
    case access::fence: return "fence";
    case access::light: return "light fence";
    case access::heavy: return "heavy fence";
    case access::wake: return "wake";
  }
  return "";
}

std::string source_site::key() const {
  std::string text = file + " " + operation;
  if (what != access::light && what != access::heavy && what != access::wake)
    text += std::string("(") + order_name(order) + (what == access::cas_failure ? " on failure" : "") + ")";
  return number == 1 ? text : text + " #" + std::to_string(number);
}

std::vector<source_site> scan_text(const std::string &file, const std::string &text) {
  const split_file f = take_apart(file, text);
  std::vector<source_site> sites;
  for (std::size_t at = 0; at < f.code.size(); ++at) {
    if (at > 0 && in_word(f.code[at - 1])) continue;
    std::size_t end = at;
    while (end < f.code.size() && in_word(f.code[end])) ++end;
    if (end == at || f.code[end] != '(') continue;
    const std::string word = f.code.substr(at, end - at);
    const char before = at > 0 ? f.code[at - 1] : ' ';
    if (before == '.' || (before == '>' && f.code[at - 2] == '-')) {
      for (const operation &op : members)
        if (word == op.name) scan_call(f, sites, op, receiver_start(f.code, at), end);
    } else {
      for (const operation &op : functions)
        if (word == op.name) scan_call(f, sites, op, at, end);
    }
  }
  return sites;
}

std::vector<std::string> shared_files(const std::string &root) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  for (const char *folder : folders) {
    std::vector<std::string> here;
    for (const fs::directory_entry &e : fs::directory_iterator(fs::path(root) / folder)) {
      const std::string name = e.path().filename().string();
      const bool ours = name.ends_with(".hpp") || name.ends_with(".cpp");
      if (ours && !name.starts_with("world")) here.push_back(std::string(folder) + "/" + name);
    }
    std::sort(here.begin(), here.end());
    files.insert(files.end(), here.begin(), here.end());
  }
  return files;
}

std::vector<source_site> scan_source(const std::string &root) {
  std::vector<source_site> all;
  for (const std::string &file : shared_files(root)) {
    std::vector<source_site> sites = scan_text(file, read_file(root + file));
    all.insert(all.end(), sites.begin(), sites.end());
  }
  return all;
}

std::vector<invariant_check> scan_invariants(const std::string &root) {
  static const std::regex check("HEDDLE_INV\\(\"([^\"]+)\"");
  std::vector<invariant_check> found;
  for (const std::string &file : shared_files(root)) {
    const std::string text = read_file(root + file);
    const split_file f = take_apart(file, text);
    for (std::sregex_iterator i(text.begin(), text.end(), check), end; i != end; ++i) {
      const auto before = text.begin() + i->position();
      const auto line = static_cast<std::size_t>(std::count(text.begin(), before, '\n'));
      found.push_back({(*i)[1], file, function_at(f, f.line_start[line])});
    }
  }
  return found;
}

std::string source_root() { return HEDDLE_SOURCE_ROOT; }

std::string read_file(const std::string &path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot read " + path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace verify
