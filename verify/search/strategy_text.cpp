// Executions as short text: "uniform-<seed>.<iteration>", "pct<depth>.<points>-<seed>.<iteration>", "full-<path>",
// "bound<n>-<path>", "path-<differences>".
#include "verify/search/strategy_path.hpp"

#include <charconv>
#include <cstring>

namespace verify {
namespace {

// One character for each choice below 61, Z123_ for the others; n equal choices in a row are written once, with _n_
// behind.
constexpr char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXY";
constexpr unsigned digits_count = sizeof digits - 1;

// Repeats one iteration of a sampling strategy.
class once final : public strategy {
 public:
  once(std::unique_ptr<strategy> how, std::uint64_t iteration) : how_(std::move(how)), iteration_(iteration) {}
  void begin(std::uint64_t) override { how_->begin(iteration_); }
  unsigned choose_thread(std::uint64_t runnable, unsigned current, bool yielded) override {
    return how_->choose_thread(runnable, current, yielded);
  }
  void ran(unsigned thread) override { how_->ran(thread); }
  unsigned choose(unsigned limit, choice kind) override { return how_->choose(limit, kind); }
  bool end() override { return true; }
  bool samples() const override { return how_->samples(); }
  std::string text() const override { return how_->text(); }

 private:
  std::unique_ptr<strategy> how_;
  std::uint64_t iteration_;
};

// Reads a number at `at`, and the character that must follow it (0: the end).
bool number(const std::string &text, std::size_t &at, std::uint64_t &value, char after) {
  const char *const end = text.data() + text.size();
  const auto [p, error] = std::from_chars(text.data() + at, end, value);
  if (error != std::errc{}) return false;
  at = static_cast<std::size_t>(p - text.data());
  if (after == 0) return p == end;
  if (p == end || *p != after) return false;
  ++at;
  return true;
}

std::unique_ptr<strategy> search_from_text(unsigned switches, const std::string &path_text) {
  search_path path;
  return path_from_text(path_text, path) ? make_search_path(switches, path) : nullptr;
}

}  // namespace

std::string path_to_text(const search_path &path) {
  std::size_t size = path.size();
  while (size > 0 && path[size - 1] == 0) --size;
  std::string text;
  for (std::size_t i = 0; i < size;) {
    std::size_t run = 1;
    while (i + run < size && path[i + run] == path[i]) ++run;
    const bool small = path[i] < digits_count;
    const std::string one = small ? std::string(1, digits[path[i]]) : "Z" + std::to_string(path[i]) + "_";
    if (run > 4)
      text += one + "_" + std::to_string(run) + "_";
    else
      for (std::size_t k = 0; k < run; ++k) text += one;
    i += run;
  }
  return text;
}

bool path_from_text(const std::string &text, search_path &path) {
  for (std::size_t at = 0; at < text.size();) {
    std::uint64_t index = 0;
    std::uint64_t run = 1;
    if (text[at] == 'Z') {
      if (!number(text, ++at, index, '_') || index > 0xffff) return false;
    } else {
      const char *const digit = std::strchr(digits, text[at++]);
      if (!digit || !*digit) return false;
      index = static_cast<std::uint64_t>(digit - digits);
    }
    const bool repeated = at < text.size() && text[at] == '_';
    if (repeated && (!number(text, ++at, run, '_') || run == 0 || run > 1'000'000)) return false;
    path.insert(path.end(), run, static_cast<std::uint16_t>(index));
  }
  return true;
}

std::unique_ptr<strategy> strategy_from_text(const std::string &text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string::npos) return nullptr;
  const std::string name = text.substr(0, dash);
  const std::string rest = text.substr(dash + 1);
  std::size_t at = 5;
  if (name == "path") {
    difference_list list;
    return differences_from_text(rest, list) ? make_path(list) : nullptr;
  }
  if (name == "full") return search_from_text(unbounded, rest);
  if (name.starts_with("bound")) {
    std::uint64_t switches = 0;
    return number(name, at, switches, 0) && switches < 1000 ? search_from_text(static_cast<unsigned>(switches), rest)
                                                            : nullptr;
  }
  std::uint64_t seed = 0;
  std::uint64_t iteration = 0;
  at = 0;
  if (!number(rest, at, seed, '.') || !number(rest, at, iteration, 0)) return nullptr;
  if (name == "uniform") return std::make_unique<once>(make_uniform(seed), iteration);
  std::uint64_t depth = 0;
  std::uint64_t points = 0;
  at = 3;
  if (!name.starts_with("pct") || !number(name, at, depth, '.') || !number(name, at, points, 0)) return nullptr;
  if (depth < 1 || depth > 16 || points < 1 || points > 1'000'000) return nullptr;
  return std::make_unique<once>(make_pct(seed, static_cast<unsigned>(depth), static_cast<unsigned>(points)), iteration);
}

}  // namespace verify
