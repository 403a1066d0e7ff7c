#include "verify/search/strategy_path.hpp"

#include <bit>
#include <charconv>

namespace verify {
namespace {

constexpr const char *kind_names[choice_kinds] = {"to", "old", "fail", "wake", "keep", "over", "pick", "turn"};

class recorder final : public observed {
 public:
  explicit recorder(std::unique_ptr<strategy> inner) : inner_(std::move(inner)) {}
  explicit recorder(const difference_list &list) : wanted_(list) {}

  void begin(std::uint64_t iteration) override {
    if (inner_) inner_->begin(iteration);
    chosen_.clear();
    shape_ = {};
    last_ = no_thread;
    for (unsigned &n : steps_) n = 0;
    forget_questions();
  }

  unsigned choose_thread(std::uint64_t runnable, unsigned current, bool yielded) override {
    const unsigned plain = plain_thread(runnable, current, yielded);
    difference d = question(choice::thread);
    unsigned answer = plain;
    if (inner_)
      answer = inner_->choose_thread(runnable, current, yielded);
    else if (const unsigned other = wanted(d, plain); other < 64 && runnable >> other & 1)
      answer = other;
    if (answer != plain) keep(d, answer);
    if (answer != current && !yielded && runnable >> current & 1) ++shape_.preemptions;
    return answer;
  }

  void ran(unsigned thread) override {
    if (inner_) inner_->ran(thread);
    if (thread != last_) ++shape_.switches;
    last_ = thread;
    ++steps_[thread];
    ++shape_.steps;
    forget_questions();
  }

  unsigned choose(unsigned limit, choice kind) override {
    difference d = question(kind);
    unsigned answer = inner_ ? inner_->choose(limit, kind) : wanted(d, 0);
    if (answer >= limit) answer = 0;
    if (answer == 0) return 0;
    keep(d, answer);
    if (kind != choice::user && kind != choice::turn) ++shape_.unusual;
    return answer;
  }

  bool end() override { return inner_ ? inner_->end() : true; }
  bool samples() const override { return inner_ ? inner_->samples() : true; }
  std::string text() const override { return "path-" + differences_to_text(chosen_); }
  const difference_list &differences() const override { return chosen_; }
  shape seen() const override {
    shape s = shape_;
    if (s.switches > 0) --s.switches;  // to begin with the first thread is not a switch
    return s;
  }

 private:
  static unsigned plain_thread(std::uint64_t runnable, unsigned current, bool yielded) {
    const std::uint64_t others = runnable & ~(std::uint64_t{1} << current);
    if (!yielded && others != runnable) return current;
    const std::uint64_t later = others & ~((std::uint64_t{2} << current) - 1);
    return static_cast<unsigned>(std::countr_zero(later ? later : others));
  }

  void forget_questions() {
    for (unsigned &n : asked_) n = 0;
  }
  difference question(choice kind) { return {last_, steps_[last_], asked_[static_cast<unsigned>(kind)]++, kind, 0}; }
  unsigned wanted(const difference &asked, unsigned otherwise) const {
    for (const difference &d : wanted_)
      if (d.thread == asked.thread && d.step == asked.step && d.nth == asked.nth && d.kind == asked.kind)
        return d.answer;
    return otherwise;
  }
  void keep(difference d, unsigned answer) {
    d.answer = answer;
    chosen_.push_back(d);
  }

  std::unique_ptr<strategy> inner_;
  difference_list wanted_;
  difference_list chosen_;
  shape shape_;
  unsigned last_ = no_thread;
  unsigned steps_[64] = {};
  unsigned asked_[choice_kinds] = {};
};

bool read_number(const char *&at, const char *end, unsigned &value) {
  const auto [p, error] = std::from_chars(at, end, value);
  at = p;
  return error == std::errc{};
}

bool read_difference(const char *&at, const char *end, difference &d) {
  if (!read_number(at, end, d.thread) || d.thread >= 64 || at == end || *at++ != '.') return false;
  if (!read_number(at, end, d.step)) return false;
  if (at != end && *at == '.' && !read_number(++at, end, d.nth)) return false;
  for (unsigned k = 0; k < choice_kinds; ++k) {
    const std::string name = kind_names[k];
    if (std::string(at, end).starts_with(name)) {
      d.kind = static_cast<choice>(k);
      at += name.size();
      return read_number(at, end, d.answer);
    }
  }
  return false;
}

}  // namespace

std::string differences_to_text(const difference_list &list) {
  std::string text;
  for (const difference &d : list) {
    if (!text.empty()) text += '_';
    text += std::to_string(d.thread) + "." + std::to_string(d.step);
    if (d.nth != 0) text += "." + std::to_string(d.nth);
    text += kind_names[static_cast<unsigned>(d.kind)] + std::to_string(d.answer);
  }
  return text;
}

bool differences_from_text(const std::string &text, difference_list &list) {
  const char *at = text.data();
  const char *const end = at + text.size();
  while (at != end) {
    difference d;
    if (!read_difference(at, end, d)) return false;
    list.push_back(d);
    if (at != end && *at++ != '_') return false;
    if (at == end && text.back() == '_') return false;
  }
  return true;
}

std::unique_ptr<observed> make_observed(std::unique_ptr<strategy> inner) {
  return std::make_unique<recorder>(std::move(inner));
}
std::unique_ptr<observed> make_path(const difference_list &list) { return std::make_unique<recorder>(list); }

}  // namespace verify
