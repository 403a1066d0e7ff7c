#include "verify/story/events.hpp"

#include <sstream>

namespace verify {
namespace {

// Returns what follows `key`, up to the next comma, bracket or blank.
std::string field(const std::string &text, const std::string &key) {
  const std::size_t at = text.find(key);
  if (at == std::string::npos) return {};
  const std::size_t from = at + key.size();
  return text.substr(from, text.find_first_of(",) [", from) - from);
}

bool has(const std::string &text, const char *what) { return text.find(what) != std::string::npos; }

unsigned last_number(const std::string &text) {
  const std::size_t at = text.find_last_of(' ');
  return static_cast<unsigned>(std::strtoul(text.c_str() + (at == std::string::npos ? 0 : at + 1), nullptr, 10));
}

struct phrase {
  const char *begins;
  event::kind_t kind;
};

// A longer phrase comes before the phrase that it begins with.
constexpr phrase on_objects[] = {
    {"atomic load", event::load},
    {"atomic store", event::store},
    {"CAS ", event::cas},
    {"load", event::get},
    {"store", event::set},
    {"futex sleep: the value has changed", event::sleep_refused},
    {"futex sleep: woken for no reason", event::sleep_for_nothing},
    {"futex sleep: the time is over", event::sleep_over},
    {"futex sleep", event::sleep},
    {"futex wake: no thread sleeps", event::wake_nobody},
    {"futex wake", event::wake},
};
constexpr phrase others[] = {
    {"yield(", event::yield},
    {"blocking current thread", event::hidden},
    {"unblocking thread", event::woken},
    {"thread start: refused", event::start_refused},
    {"thread start: thread", event::start},
    {"thread join", event::join},
    {"[THREAD FINISHED]", event::finish},
    {"[", event::hidden},
    {"memory ", event::hidden},
};

void read_object(event &e, const std::string &text) {
  e.kind = event::rmw;  // all other operations have a name of their own
  for (const phrase &p : on_objects)
    if (text.starts_with(p.begins)) {
      e.kind = p.kind;
      break;
    }
  e.order = field(text, "order=");
  e.stale = has(text, "[NOT CURRENT]");
  switch (e.kind) {
    case event::load:
    case event::get: e.read = field(text, "value="); break;
    case event::store:
    case event::set:
      e.written = field(text, "value=");
      e.previous = field(text, "prev value=");
      break;
    case event::cas:
      e.done = has(text, "CAS succ");
      e.spurious = has(text, "[SPURIOUSLY]");
      e.read = field(text, "orig=");
      e.expected = field(text, "cmp=");
      e.written = field(text, "xchg=");
      break;
    case event::rmw:
      e.operation = text.substr(0, text.find(' '));
      e.read = field(text, "prev=");
      e.written = field(text, "new=");
      e.expected = field(text, "arg=");
      break;
    default: break;
  }
}

void read_text(event &e) {
  const std::string &t = e.text;
  if (t.starts_with("<@")) {
    const std::size_t end = t.find('>');
    e.object = t.substr(1, end - 1);
    return read_object(e, t.substr(end + 2));
  }
  if (t.ends_with(" fence")) {
    e.kind = event::fence;
    e.order = t.substr(0, t.find(' '));
    return;
  }
  for (const phrase &p : others) {
    if (!t.starts_with(p.begins)) continue;
    e.kind = p.kind;
    if (p.kind == event::woken || p.kind == event::start) e.other = last_number(t);
    return;
  }
}

// "[12] 1: <@5> atomic load, value=3, order=relaxed, in f<g, h>, queues/runq.hpp(95)"
event read_event(const std::string &line) {
  event e;
  std::size_t at = line.find("] ") + 2;
  e.thread = static_cast<unsigned>(std::strtoul(line.c_str() + at, nullptr, 10));
  at = line.find(": ", at) + 2;
  std::size_t end = line.size();
  const std::size_t place = line.rfind(", ");
  const std::size_t in = line.find(", in ", at);
  if (in != std::string::npos && place > in && line.ends_with(")")) {
    e.function = line.substr(in + 5, place - in - 5);
    const std::size_t bracket = line.rfind('(');
    // Places in the model checker itself have an absolute path.
    if (line[place + 2] != '/') e.file = line.substr(place + 2, bracket - place - 2);
    if (!e.file.empty()) e.line = static_cast<unsigned>(std::strtoul(line.c_str() + bracket + 1, nullptr, 10));
    end = in;
  }
  e.text = line.substr(at, end - at);
  e.function = e.function.substr(0, e.function.find('<', 1));
  read_text(e);
  return e;
}

void read_name(telling &t, const std::string &line) {
  std::istringstream words(line);
  std::string kind, a, b, c;
  words >> kind >> a >> b;
  std::getline(words >> std::ws, c);
  if (kind == "at") t.places["@" + a] = {c, std::strtoul(b.c_str(), nullptr, 10)};
  if (kind == "thread") t.threads[static_cast<unsigned>(std::strtoul(a.c_str(), nullptr, 10))] = b;
  if (kind == "value") t.values[a][b] = c;
}

// The text of an event may have several lines.
std::vector<std::string> event_lines(const std::string &text, std::string &rest) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  bool blank = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("[") && !blank)
      lines.push_back(line);
    else if (line.empty())
      blank = true;
    else if (!blank && !lines.empty())
      lines.back() += " " + line;
    else
      rest += line + "\n";
  }
  return lines;
}

}  // namespace

telling read_history(const std::string &text) {
  telling t;
  const std::string title = "execution history (";
  std::size_t from = text.find(title);
  if (from == std::string::npos) return t;
  from = text.find('\n', from) + 1;
  const std::size_t names = text.find("\nnames:\n", from);
  event::part_t part = event::setup;
  for (const std::string &line : event_lines(text.substr(from, names - from), t.rest)) {
    event e = read_event(line);
    if (e.text == "[AFTER BEGIN]") part = event::after;
    e.part = part;
    if (e.text == "[BEFORE END]") part = event::threads;
    t.events.push_back(e);
  }
  if (!t.events.empty()) t.events.back().kind = event::verdict;
  if (names == std::string::npos) return t;
  std::istringstream in(text.substr(names + 8));
  for (std::string line; std::getline(in, line);) read_name(t, line);
  return t;
}

}  // namespace verify
