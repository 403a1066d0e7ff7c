#include "verify/story/timeline.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>

namespace verify {
namespace {

constexpr std::size_t number_width = 5, text_least = 56, lane_most = 26, lane_least = 4;

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

// Breaks the words into as many lines as they need.
std::vector<std::string> wrapped(const std::string &text, std::size_t width) {
  std::vector<std::string> lines;
  std::string rest = text;
  while (rest.size() > width) {
    std::size_t cut = rest.rfind(' ', width);
    if (cut == std::string::npos || cut < width / 2) cut = std::min(width, rest.size());
    lines.push_back(rest.substr(0, cut));
    rest = rest.substr(std::min(rest.size(), rest[cut] == ' ' ? cut + 1 : cut));
  }
  lines.push_back(rest);
  return lines;
}

class drawing {
 public:
  drawing(const story &s, unsigned width) : s_(s), width_(width) {
    for (const step &x : s.steps) site_ = std::max(site_, x.site.size());
    site_ = std::min<std::size_t>(site_, 26) + 2;
    const std::size_t left = number_width + site_ + text_least;
    const std::size_t gaps = s.lanes.size() > 1 ? s.lanes.size() - 1 : 1;
    lane_ = std::clamp(width > left ? (width - left) / gaps : 0, lane_least, lane_most);
  }

  std::string draw() {
    titles();
    bool alone = false;
    for (const passage &r : s_.rows) {
      const step &first = s_.steps[r.first];
      if (first.alone && !alone) line("", "", no_lane, "-- all threads have ended; after(), alone --");
      alone = first.alone;
      r.folded ? fold(r) : one(first);
    }
    for (std::size_t i = 0; i < s_.lanes.size(); ++i)
      if (!s_.lanes[i].end.empty()) line("", "", i, "(" + s_.lanes[i].title + " " + s_.lanes[i].end + ")");
    return text_;
  }

 private:
  static constexpr std::size_t no_lane = ~std::size_t{0};

  std::size_t lane_of(unsigned thread) const {
    for (std::size_t i = 0; i < s_.lanes.size(); ++i)
      if (s_.lanes[i].thread == thread) return i;
    return 0;
  }

  // A text begins in its thread's column and may extend over the columns to the right, which are empty in this row.
  void line(const std::string &number, const std::string &site, std::size_t lane, const std::string &text) {
    std::string left =
        number.empty() ? "" : std::string(number_width - 2 - std::min<std::size_t>(number.size(), 3), ' ') + number;
    left = padded(padded(left, number_width) + site, number_width + site_);
    std::string before;
    for (std::size_t i = 0; lane != no_lane && i < lane; ++i) before += padded("|", lane_);
    const std::size_t used = left.size() + before.size();
    const std::size_t room = width_ > used + 20 ? width_ - used : 20;
    std::string pad = left;
    for (const std::string &part : wrapped(text, room)) {
      std::string out = pad + before + part;
      for (std::size_t i = lane == no_lane ? s_.lanes.size() : lane + 1; i < s_.lanes.size(); ++i)
        if (const std::size_t at = left.size() + i * lane_; out.size() + 1 < at) out = padded(out, at) + "|";
      out.erase(out.find_last_not_of(' ') + 1);
      text_ += out + "\n";
      pad = std::string(left.size(), ' ');
    }
  }

  void titles() {
    std::string left(number_width + site_, ' ');
    for (std::size_t i = 0; i < s_.lanes.size(); ++i) {
      std::string title = s_.lanes[i].title;
      const std::size_t room = i + 1 < s_.lanes.size() ? lane_ - 1 : width_;
      if (title.size() > room) title = title.substr(0, title.find(" ("));
      if (title.size() > room) title = "t" + std::to_string(s_.lanes[i].thread);
      left += padded(title, lane_);
    }
    left.erase(left.find_last_not_of(' ') + 1);
    text_ += left + "\n";
  }

  void fold(const passage &r) {
    std::map<unsigned, std::size_t> counts;
    for (std::size_t i = r.first; i < r.first + r.count; ++i) ++counts[s_.steps[i].thread];
    const auto steps = [](std::size_t n) { return "..." + std::to_string(n) + (n == 1 ? " step" : " steps"); };
    for (const auto &[thread, n] : counts) line("", "", lane_of(thread), steps(n));
  }

  void one(const step &s) {
    std::string text = s.text;
    if (s.from >= 0 && s.missed < 0)
      text += "  <- " + std::to_string(s_.steps[static_cast<std::size_t>(s.from)].number);
    if (!s.remark.empty()) text += "  " + s.remark;
    if (!s.move.empty()) text += "  [" + s.move + "]";
    line(std::to_string(s.number), s.site, lane_of(s.thread), text);
  }

  const story &s_;
  std::size_t width_;
  std::size_t site_ = 0;
  std::size_t lane_ = 0;
  std::string text_;
};

}  // namespace

unsigned terminal_width() {
  const char *const columns = std::getenv("COLUMNS");
  const long n = columns ? std::strtol(columns, nullptr, 10) : 0;
  return n >= 60 && n <= 1000 ? static_cast<unsigned>(n) : 120;
}

std::string timeline(const story &s, unsigned width) {
  std::string text;
  const auto say = [&](const std::string &what, const std::string &how) {
    if (!how.empty()) text += what + how + "\n";
  };
  for (const std::string &i : s.invariants) say(s.condition.empty() ? "it checks " : "broken: ", i);
  say(s.invariants.empty() ? "broken: " : "condition: ", s.condition);
  say("kind: ", s.cause);
  say("", s.shortening);
  text += "\n";
  const auto say_values = [&](const std::string &when, const std::string &values) {
    if (values.empty()) return;
    for (const std::string &part : wrapped(when + values, width)) text += part + "\n";
  };
  say_values("at the start: ", s.start);
  text += drawing(s, width).draw();
  say_values("at the end: ", s.end);
  say("", s.rest);
  return text;
}

}  // namespace verify
