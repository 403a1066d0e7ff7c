#include "verify/story/receiver.hpp"

#include <cctype>
#include <filesystem>
#include <fstream>

namespace verify {
namespace {

bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// Looks for the top of the source tree above this program and above the working directory: a build may have moved, and
// __FILE__ need not be a path from here.
std::filesystem::path source_tree() {
  std::error_code error;
  for (std::filesystem::path from :
       {std::filesystem::read_symlink("/proc/self/exe", error), std::filesystem::current_path(error) / "x"})
    while (from.has_relative_path()) {
      from = from.parent_path();
      if (std::filesystem::exists(from / "verify/story/receiver.cpp", error)) return from;
    }
  return {};
}

const char *method_of(const event &e) {
  switch (e.kind) {
    case event::load: return "load(";
    case event::store: return "store(";
    case event::get: return "get(";
    case event::set: return "set(";
    case event::cas: return "compare_exchange_";
    case event::rmw: return e.operation == "exchange" ? "exchange(" : "fetch_";
    case event::sleep:
    case event::sleep_refused:
    case event::sleep_for_nothing:
    case event::sleep_over: return "futex_sleep";
    case event::wake:
    case event::wake_nobody: return "futex_wake(";
    default: return nullptr;
  }
}

// Returns the start of the expression that ends before `end`: names, calls and subscripts, joined by dots and arrows.
std::size_t expression_start(const std::string &line, std::size_t end) {
  std::size_t at = end;
  for (;;) {
    if (at > 0 && (line[at - 1] == ')' || line[at - 1] == ']')) {
      int depth = 0;
      do {
        --at;
        if (line[at] == ')' || line[at] == ']') ++depth;
        if (line[at] == '(' || line[at] == '[') --depth;
      } while (at > 0 && depth > 0);
    }
    while (at > 0 && is_name(line[at - 1])) --at;
    if (at > 0 && line[at - 1] == '.')
      --at;
    else if (at > 1 && line[at - 1] == '>' && line[at - 2] == '-')
      at -= 2;
    else
      return at;
  }
}

// A method's name has a dot or an arrow before it; the receiver of a function is its first argument.
void find_on(const std::string &line, const std::string &method, std::vector<std::string> &found) {
  const std::size_t comment = line.find("//");
  for (std::size_t at = 0; (at = line.find(method, at)) < comment; at += method.size()) {
    if (method.starts_with("futex")) {
      const std::size_t from = line.find('(', at) + 1;  // futex_sleep_for as well
      found.push_back(line.substr(from, line.find_first_of(",)", from) - from));
      continue;
    }
    std::size_t end = at;
    if (end > 0 && line[end - 1] == '.')
      --end;
    else if (end > 1 && line[end - 1] == '>' && line[end - 2] == '-')
      end -= 2;
    else
      continue;
    const std::size_t from = expression_start(line, end);
    if (from < end) found.push_back(line.substr(from, end - from));
  }
}

}  // namespace

const std::vector<std::string> &source_lines(const std::string &file) {
  static std::map<std::string, std::vector<std::string>> files;
  const auto [at, fresh] = files.try_emplace(file);
  if (!fresh) return at->second;
  static const std::filesystem::path tree = source_tree();
  std::ifstream in(tree / file);
  for (std::string line; std::getline(in, line);) at->second.push_back(line);
  return at->second;
}

std::string source_line(const std::string &file, unsigned line) {
  const std::vector<std::string> &lines = source_lines(file);
  return line >= 1 && line <= lines.size() ? lines[line - 1] : std::string();
}

std::vector<std::string> receivers(const event &e) {
  std::vector<std::string> found;
  const char *const method = method_of(e);
  if (method == nullptr) return found;
  for (const int away : {0, -1, 1, -2, 2}) {
    find_on(source_line(e.file, e.line + static_cast<unsigned>(away)), method, found);
    if (!found.empty()) break;
  }
  return found;
}

std::string member_of(const std::string &receiver) {
  std::size_t end = receiver.size();
  if (end > 0 && (receiver[end - 1] == ')' || receiver[end - 1] == ']')) {
    int depth = 0;
    do {
      --end;
      if (receiver[end] == ')' || receiver[end] == ']') ++depth;
      if (receiver[end] == '(' || receiver[end] == '[') --depth;
    } while (end > 0 && depth > 0);
  }
  std::size_t from = end;
  while (from > 0 && is_name(receiver[from - 1])) --from;
  return receiver.substr(from, end - from);
}

}  // namespace verify
