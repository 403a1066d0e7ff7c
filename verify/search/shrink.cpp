#include "verify/search/shrink.hpp"

#include "verify/search/attempt.hpp"

#include <chrono>
#include <cstring>
#include <tuple>

namespace verify {
namespace {

// About two seconds in all, part of which it takes to make a new model checker each time.
constexpr std::uint64_t steps_for_all = 3'000'000;
constexpr std::uint64_t steps_for_search = 600'000;     // for each bound
constexpr std::uint64_t steps_for_removal = 1'000'000;  // for each execution that is reduced
constexpr std::uint64_t steps_per_start = 100;
constexpr unsigned livelock_share = 5;
constexpr unsigned bounds = 3;
constexpr unsigned easy = 2;
constexpr unsigned depths = 4, sample_steps = 200;
constexpr unsigned other_faults_max = 8;
constexpr std::size_t pairs_of_max = 24;

using clock = std::chrono::steady_clock;

// How much a reader has to follow.
unsigned effort(const shape &s) { return s.preemptions + s.unusual; }
auto rank(const shape &s) { return std::tuple(effort(s), s.switches, s.steps); }

// Lets a strategy choose which thread runs, and the outcomes of chance; nothing unusual happens besides.
class usual_only final : public strategy {
 public:
  explicit usual_only(std::unique_ptr<strategy> inner) : inner_(std::move(inner)) {}
  void begin(std::uint64_t iteration) override { inner_->begin(iteration); }
  unsigned choose_thread(std::uint64_t runnable, unsigned current, bool yielded) override {
    return inner_->choose_thread(runnable, current, yielded);
  }
  void ran(unsigned thread) override { inner_->ran(thread); }
  unsigned choose(unsigned limit, choice kind) override {
    return kind == choice::user || kind == choice::turn ? inner_->choose(limit, kind) : 0;
  }
  bool end() override { return inner_->end(); }
  bool samples() const override { return inner_->samples(); }
  std::string text() const override { return inner_->text(); }

 private:
  std::unique_ptr<strategy> inner_;
};

struct candidate {
  difference_list list;
  shape seen;   // in the quick try, for comparison
  shape whole;  // in full
};

class shrinker {
 public:
  shrinker(const suite_entry &suite, live_view &view, recording &record)
      : suite_(suite), view_(view), record_(record) {}

  // Makes the execution to begin with, and remembers the fault that every candidate must show.
  bool begin(const std::string &strategy_text, candidate &c) {
    const auto how = make_observed(strategy_from_text(strategy_text));
    const attempt a = run_once(suite_, *how, view_, record_);
    if (!a.r.failed) return false;
    verdict_ = a.r.verdict;
    signature_ = signature(a);
    original_ = how->seen();
    original_list_ = how->differences();
    budget_ = steps_for_removal;
    return fails(original_list_, nullptr, c);
  }

  const shape &original() const { return original_; }

  // Most of the random choices have nothing to do with the fault; a window of them may be enough.
  void keep_window(candidate &c) {
    budget_ = steps_for_removal;
    for (std::size_t size = original_list_.size() / 2; size > 0; size /= 2)
      for (std::size_t from = 0; from < original_list_.size(); from += (size + 1) / 2)
        improve(c, window(original_list_, from, size));
  }

  void reduce(candidate &c, std::uint64_t budget = steps_for_removal) {
    budget_ = budget;
    for (shape before; rank(before) != rank(c.seen);) {
      before = c.seen;
      for (std::size_t chunk = (c.list.size() + 1) / 2; chunk > 0; chunk /= 2) remove(c, chunk);
      if (c.list.size() <= pairs_of_max) remove_pairs(c);
    }
    for (std::size_t i = 0; i < c.list.size(); ++i) {
      if (c.list[i].kind == choice::thread || c.list[i].answer < 2) continue;
      difference_list simpler = c.list;
      simpler[i].answer = 1;
      improve(c, simpler);
    }
  }

  // Looks for the first failure in a depth-first search that allows few preemptions.
  bool search(unsigned switches, bool unusual, candidate &c) {
    return first_failure(make_search(switches), unusual, steps_for_search, c);
  }

  // Another execution that fails in this way may have an easier one near it: tries those with few changes of priority.
  void sample(bool unusual, candidate &best) {
    for (unsigned depth = 1; depth <= depths; ++depth) {
      candidate c;
      const unsigned steps = std::min(original_.steps, sample_steps);
      if (!first_failure(make_pct(depth, depth, steps), unusual, steps_for_search / depths, c)) continue;
      reduce(c, steps_for_removal / depths);
      if (rank(c.seen) < rank(best.seen)) best = c;
    }
  }

 private:
  bool first_failure(std::unique_ptr<strategy> inner, bool unusual, std::uint64_t steps, candidate &c) {
    if (!unusual) inner = std::make_unique<usual_only>(std::move(inner));
    const auto how = make_observed(std::move(inner));
    suite_info info = suite_.info;
    if (quick_steps() != 0) info.steps_max = quick_steps();
    session s;
    s.how = how.get();
    s.view = &view_;
    s.record = &record_;
    for (unsigned others = 0; s.steps < steps && all_ > 0 && others < other_faults_max; ++others) {
      s.executions_max = s.executions + (steps - s.steps) / (std::min(original_.steps, sample_steps) + 1) + 1;
      const std::uint64_t executions = s.executions, spent = s.steps;
      const clock::time_point start = clock::now();
      const result r = suite_.run(info, s, nullptr);
      s.first_iteration += s.executions - executions;
      spend(s.steps - spent, r.failed ? start : clock::now());
      if (!r.failed) return false;
      const difference_list found = how->differences();
      const bool more = !how->end();
      budget_ = steps_for_removal;
      if (std::strcmp(r.verdict, verdict_) == 0 && fails(found, nullptr, c)) return true;
      if (!more) return false;
    }
    return false;
  }

  // The parent stops an execution that hangs without a step, but only after a long time and only a few times: such an
  // execution is not made shorter.
  void spend(std::uint64_t steps, clock::time_point since) {
    if (clock::now() - since > std::chrono::seconds(15)) all_ = 0;
    steps += steps_per_start;
    budget_ -= std::min(budget_, steps);
    all_ -= std::min(all_, steps);
  }

  // True if this list of differences fails in the same way. Then `found` is the execution that it led to, without the
  // differences that no longer apply. With `than`, true only if `found` is better.
  bool fails(const difference_list &list, const shape *than, candidate &found) {
    const auto how = make_path(list);
    const clock::time_point start = clock::now();
    const attempt quick = run_once(suite_, *how, view_, record_, {.tell = false, .steps_max = quick_steps()});
    const shape seen = how->seen();
    spend(seen.steps, start);
    if (!quick.r.failed || std::strcmp(quick.r.verdict, verdict_) != 0) return false;
    if (than && rank(seen) >= rank(*than)) return false;
    const auto whole = make_path(how->differences());
    if (signature(run_once(suite_, *whole, view_, record_)) != signature_) return false;
    spend(whole->seen().steps, start);
    found = {whole->differences(), seen, whole->seen()};
    return true;
  }

  // An execution that never ends can be recognised sooner; a candidate that passes is run again in full.
  unsigned quick_steps() const {
    return std::strcmp(verdict_, "LIVELOCK") == 0 ? suite_.info.steps_max / livelock_share : 0;
  }

  bool improve(candidate &c, const difference_list &list) { return budget_ > 0 && all_ > 0 && fails(list, &c.seen, c); }

  static difference_list window(const difference_list &list, std::size_t from, std::size_t size) {
    const auto at = list.begin() + static_cast<std::ptrdiff_t>(from);
    return {at, at + static_cast<std::ptrdiff_t>(std::min(size, list.size() - from))};
  }
  static difference_list without(const difference_list &list, std::size_t from, std::size_t count) {
    difference_list rest = list;
    const auto at = rest.begin() + static_cast<std::ptrdiff_t>(from);
    rest.erase(at, at + static_cast<std::ptrdiff_t>(std::min(count, list.size() - from)));
    return rest;
  }

  void remove(candidate &c, std::size_t chunk) {
    for (std::size_t from = 0; from < c.list.size();)
      if (!improve(c, without(c.list, from, chunk))) from += chunk;
  }

  // A switch there and the switch back: neither can be left out alone.
  void remove_pairs(candidate &c) {
    for (std::size_t i = 0; i < c.list.size(); ++i)
      for (std::size_t k = i + 1; k < c.list.size();)
        if (!improve(c, without(without(c.list, k, 1), i, 1))) ++k;
  }

  const suite_entry &suite_;
  live_view &view_;
  recording &record_;
  const char *verdict_ = "";
  shape original_;
  difference_list original_list_;
  std::string signature_;
  std::uint64_t budget_ = 0;  // steps that the present part may still make
  std::uint64_t all_ = steps_for_all;
};

}  // namespace

bool shrink(const suite_entry &suite, const std::string &strategy_text, live_view &view, recording &record,
            shortened &s) {
  shrinker work(suite, view, record);
  candidate best;
  if (!work.begin(strategy_text, best)) return false;
  s.before = work.original();
  work.keep_window(best);
  work.reduce(best);
  // An interleaving that fails without unusual outcomes is the easiest to follow.
  for (const bool unusual : {false, true}) {
    for (unsigned switches = 0; switches < bounds && switches < effort(best.seen); ++switches) {
      candidate c;
      if (!work.search(switches, unusual, c)) continue;
      work.reduce(c);
      if (rank(c.seen) < rank(best.seen)) best = c;
      break;
    }
    if (effort(best.seen) > easy) work.sample(unusual, best);
  }
  s.after = best.whole;
  s.strategy_text = "path-" + differences_to_text(best.list);
  return rank(s.after) < rank(s.before);
}

}  // namespace verify
