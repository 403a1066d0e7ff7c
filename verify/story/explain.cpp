#include "verify/story/explain.hpp"

#include "verify/story/step_words.hpp"

#include <algorithm>
#include <set>
#include <sstream>
#include <utility>

namespace verify {
namespace {

constexpr std::size_t values_max = 16;

bool acquires(const std::string &order) { return order == "acquire" || order == "acq_rel" || order == "seq_cst"; }
bool releases(const std::string &order) { return order == "release" || order == "acq_rel" || order == "seq_cst"; }

std::string base(const std::string &path) { return path.substr(path.rfind('/') + 1); }
std::string at_step(const step &s) { return "step " + std::to_string(s.number); }

class teller {
 public:
  teller(const telling &t, const outcome &o, story &to) : t_(t), names_(t), words_(t, o, names_), story_(to) {}

  void tell() {
    for (const event &e : t_.events)
      if (e.part == event::threads && !e.object.empty()) touched_by_[e.object].insert(e.thread);
    for (std::size_t i = 0; i < t_.events.size(); ++i) {
      tell(t_.events[i], i);
      if (writes(t_.events[i])) stores_[t_.events[i].object].push_back(i);
    }
    for (const auto &[thread, starter] : started_by_)
      for (std::size_t i = 0; i < story_.steps.size() && story_.steps[starter].wakes < 0; ++i)
        if (story_.steps[i].thread == thread) story_.steps[starter].wakes = static_cast<int>(i);
    mark_ends_of_arrows();
    make_lanes();
    story_.start = values(false);
    story_.end = values(true);
  }

 private:
  using index = std::size_t;

  void tell(const event &e, index i) {
    if (e.part == event::setup && e.kind != event::verdict) {
      story_.setup += e.kind != event::hidden;
      return;
    }
    if (e.kind == event::woken) return end_sleep(e);
    if (e.kind == event::hidden) return;
    step s;
    s.number = static_cast<unsigned>(story_.steps.size() + 1);
    s.thread = e.thread;
    s.site = base(e.file) + ":" + std::to_string(e.line);
    s.path = e.file + ":" + std::to_string(e.line);
    s.function = e.function;
    s.alone = e.part == event::after;
    if (e.line == 0) s.site = s.path = "";
    s.text = words_.text(e);
    s.move = words_.move(e);
    s.telling = !s.move.empty();
    if (writes(e)) s.tone = step::write;
    story_.steps.push_back(s);
    step_of_[i] = story_.steps.size() - 1;
    relate(e, i, story_.steps.back());
  }

  // Links the step to the steps that it depends on.
  void relate(const event &e, index i, step &s) {
    const std::vector<index> &stores = stores_[e.object];
    switch (e.kind) {
      case event::load:
      case event::cas:
      case event::rmw: {
        if (!stores.empty()) read(e, s, e.stale ? older_store(e, stores) : stores.back(), stores.back());
        // A lock that no thread waits for tells the reader nothing.
        const bool shared = touched_by_[e.object].size() > 1 && names_.member(e.object) != "locked_";
        if (shared && writes(e) && e.kind != event::store) s.telling = true;
        if (e.spurious) s.telling = true;
        break;
      }
      case event::sleep:
        s.tone = step::sleeping;
        s.telling = true;
        asleep_[e.thread] = story_.steps.size() - 1;
        break;
      case event::join:
        s.telling = true;
        asleep_[e.thread] = story_.steps.size() - 1;
        break;
      case event::start:
        started_by_[e.other] = story_.steps.size() - 1;
        s.tone = step::waking;
        s.telling = true;
        break;
      case event::wake:
        s.tone = step::waking;
        s.telling = true;
        break;
      case event::sleep_for_nothing:
      case event::sleep_over:
        asleep_.erase(e.thread);
        s.telling = true;
        break;
      case event::wake_nobody:
      case event::sleep_refused:
      case event::finish:
      case event::message:
      case event::start_refused: s.telling = true; break;
      case event::fence: s.telling = e.order == "seq_cst" || e.order == "light" || e.order == "heavy"; break;
      case event::verdict: fault(i, s); break;
      default: break;
    }
  }

  index older_store(const event &e, const std::vector<index> &stores) const {
    for (index k = stores.size() - 1; k-- > 0;)
      if (t_.events[stores[k]].written == e.read) return stores[k];
    return stores.front();
  }

  void read(const event &e, step &s, index from, index newest) {
    const event &store = t_.events[from];
    const auto at = step_of_.find(from);
    if (store.thread != e.thread && at != step_of_.end()) {
      s.from = static_cast<int>(at->second);
      s.synchronises = acquires(e.order) && releases(store.order);
    }
    // The same value, read again at the same place: one turn of a loop.
    const std::string key = std::to_string(e.thread) + s.path + e.object;
    const bool again = std::exchange(last_read_[key], from + 1) == from + 1;
    if (s.from >= 0 && !again) s.telling = true;
    if (again && !writes(e)) s.from = -1;
    if (!e.stale) return;
    s.tone = step::stale;
    s.telling = !again;
    s.remark = "STALE: the newest is " + names_.value(e.object, t_.events[newest].written);
    if (const auto n = step_of_.find(newest); n != step_of_.end()) {
      s.missed = static_cast<int>(n->second);
      s.remark += ", " + at_step(story_.steps[n->second]);
    }
  }

  // The threads that a step wakes are told right after that step.
  void end_sleep(const event &e) {
    const auto at = asleep_.find(e.other);
    if (at == asleep_.end()) return;
    for (index i = story_.steps.size(); i-- > 0;) {
      step &waker = story_.steps[i];
      if (waker.thread != e.thread) continue;
      waker.wakes = static_cast<int>(at->second);
      waker.tone = step::waking;
      waker.remark = "wakes " + words_.thread(e.other) + ", asleep since " + at_step(story_.steps[at->second]);
      break;
    }
    asleep_.erase(at);
  }

  void fault(index i, step &s) {
    s.tone = step::fault;
    s.telling = true;
    if (!t_.events[i].text.starts_with("DATA RACE")) return;
    // The access that found the race has just been told; its value says nothing.
    index at = i;
    while (at > 0 && (t_.events[at].thread != s.thread || t_.events[at].object.empty())) --at;
    const event &found = t_.events[at];
    const auto found_step = step_of_.find(at);
    if (found_step == step_of_.end()) return;
    step &here = story_.steps[found_step->second];
    here.text = names_.object(found.object) + (found.kind == event::get ? ".get()" : ".set()");
    here.tone = step::race;
    here.telling = true;
    for (index k = at; k-- > 0;) {
      const event &other = t_.events[k];
      if (other.object != found.object || other.thread == found.thread) continue;
      if (found.kind == event::get && other.kind != event::set) continue;
      here.remark = "RACE: no order with ";
      const auto there = step_of_.find(k);
      if (there == step_of_.end()) {
        here.remark += "the start";
        return;
      }
      here.remark += at_step(story_.steps[there->second]);
      here.races = static_cast<int>(there->second);
      return;
    }
  }

  void mark_ends_of_arrows() {
    std::vector<step> &steps = story_.steps;
    for (const step &s : steps)
      for (const int end : {s.telling ? s.from : -1, s.missed, s.wakes, s.races})
        if (end >= 0) steps[static_cast<index>(end)].telling = true;
  }

  void make_lanes() {
    std::map<unsigned, const step *> last;
    for (const step &s : story_.steps) {
      const step *&l = last[s.thread];
      if (l == nullptr || !s.alone) l = &s;
    }
    for (const auto &[thread, s] : last) {
      lane l{thread, words_.thread(thread), {}};
      if (t_.threads.contains(thread)) l.title += " (thread " + std::to_string(thread) + ")";
      if (const auto a = asleep_.find(thread); a != asleep_.end())
        l.end = (story_.steps[a->second].tone == step::sleeping ? "sleeps since " : "waits since ") +
                at_step(story_.steps[a->second]);
      story_.lanes.push_back(l);
    }
  }

  // Shows what the threads share, and every goroutine that has not ended.
  std::string values(bool at_end) const {
    std::map<std::string, std::string> found;
    for (const event &e : t_.events) {
      if (!writes(e) || e.kind == event::set || (!at_end && e.part != event::setup)) continue;
      const std::string value = names_.value(e.object, e.written);
      const bool status = names_.member(e.object) == "atomicstatus";
      const auto touched = touched_by_.find(e.object);
      if (!status && (touched == touched_by_.end() || touched->second.size() < 2)) continue;
      if (status) found.erase(names_.object(e.object));
      if (!status || (value != "dead" && value != "idle")) found[names_.object(e.object)] = value;
    }
    std::string text;
    std::size_t n = 0;
    for (const auto &[object, value] : found) {
      if (object.starts_with("@")) continue;
      if (n++ == values_max) return text + ", ...";
      text += (text.empty() ? "" : ", ") + object + "=" + value;
    }
    return text;
  }

  const telling &t_;
  object_names names_;
  step_words words_;
  story &story_;
  std::map<std::string, std::set<unsigned>> touched_by_;
  std::map<std::string, std::vector<index>> stores_;  // for each object
  std::map<index, index> step_of_;                    // event: step
  std::map<std::string, index> last_read_;            // for each thread, place and object: the event, plus one
  std::map<unsigned, index> asleep_;                  // thread: its step
  std::map<unsigned, index> started_by_;
};

std::vector<std::string> ids_in(const std::string &text) {
  std::vector<std::string> ids;
  std::istringstream words(text);
  for (std::string id; words >> id;) ids.push_back(id);
  return ids;
}

}  // namespace

story explain(const suite_info &suite, const outcome &o, bool full) {
  story s;
  s.suite = suite.name;
  s.what = suite.what;
  s.verdict = o.verdict;
  s.condition = o.broken;
  s.cause = o.cause;
  s.token = o.token;
  s.original = o.original;
  s.shortening = o.shortening;
  const std::string id = o.broken.substr(0, o.broken.find(':'));
  const bool named = !o.broken.empty() && !invariant_in_words(id).empty();
  for (const std::string &i : named ? std::vector{id} : ids_in(suite.invariants))
    if (const std::string words = invariant_in_words(i); !words.empty()) s.invariants.push_back(i + ": " + words);
  const telling t = read_history(o.history);
  s.rest = t.rest;
  teller(t, o, s).tell();
  s.rows = fold(s.steps, full);
  return s;
}

}  // namespace verify
