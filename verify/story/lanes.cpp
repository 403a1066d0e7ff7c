#include "verify/story/lanes.hpp"

#include "verify/story/markup.hpp"

#include <algorithm>
#include <cstdio>
#include <map>

namespace verify {
namespace {

constexpr double char_width = 6.95, line_height = 15, box_pad = 5, row_gap = 9, lane_gap = 76, top = 34, left_pad = 8;
constexpr std::size_t text_most = 46, text_few_lanes = 62;

const char *tone_name(step::tone_t t) {
  switch (t) {
    case step::write: return "write";
    case step::stale: return "stale";
    case step::race: return "race";
    case step::sleeping: return "sleeping";
    case step::waking: return "waking";
    case step::fault: return "fault";
    default: return "ordinary";
  }
}

std::string number(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", v);
  return text;
}

std::string attribute(const char *name, double v) { return std::string(" ") + name + "=\"" + number(v) + "\""; }

std::string text_at(double x, double y, const std::string &kind, const std::string &text) {
  return "<text class=\"" + kind + "\"" + attribute("x", x) + attribute("y", y) + ">" + escaped(text) + "</text>";
}

struct line {
  std::string text, kind;
};

struct box {
  double x = 0, y = 0, width = 0, height = 0;
  bool drawn = false;
  double middle() const { return y + height / 2; }
};

std::string place_of(const step &s) {
  const bool named = !s.function.empty() && s.tone != step::fault;
  return named ? s.site + " " + s.function : s.site;
}

// Arrows in one gap between lanes are drawn beside each other.
class tracks {
 public:
  double next(double gap, double y1, double y2) {
    const span wanted = {std::min(y1, y2), std::max(y1, y2)};
    auto &used = used_[gap];
    std::size_t n = 0;
    while (n < used.size() && std::any_of(used[n].begin(), used[n].end(), [&](const span &s) {
             return s.first <= wanted.second && wanted.first <= s.second;
           }))
      ++n;
    if (n == used.size()) used.emplace_back();
    used[n].push_back(wanted);
    return static_cast<double>(n % most) * distance;
  }

 private:
  using span = std::pair<double, double>;
  static constexpr std::size_t most = 5;
  static constexpr double distance = 6;
  std::map<double, std::vector<std::vector<span>>> used_;
};

class drawing {
 public:
  explicit drawing(const story &s) : s_(s), boxes_(s.steps.size()) {
    chars_ = s.lanes.size() <= 2 ? text_few_lanes : text_most;
    for (const step &x : s.steps) site_chars_ = std::max(site_chars_, place_of(x).size());
    site_chars_ = std::min<std::size_t>(site_chars_, 44);
    left_ = left_pad + static_cast<double>(site_chars_ + 6) * char_width + 12;
    std::size_t longest = 20;
    for (const passage &r : s.rows)
      if (!r.folded)
        for (const line &l : lines_of(s.steps[r.first])) longest = std::max(longest, l.text.size());
    box_ = static_cast<double>(longest) * char_width + 2 * box_pad;
    for (std::size_t i = 0; i < s.lanes.size(); ++i)
      lane_x_[s.lanes[i].thread] = left_ + static_cast<double>(i) * (box_ + lane_gap);
    width_ = left_ + static_cast<double>(s.lanes.size()) * (box_ + lane_gap);
  }

  std::string draw() {
    double y = top + 10;
    bool alone = false;
    for (const passage &r : s_.rows) {
      const step &first = s_.steps[r.first];
      if (first.alone && !alone) y = note_alone(y);
      alone = first.alone;
      y = (r.folded ? fold(r, y) : one(r.first, y)) + row_gap;
    }
    const double bottom = ends(y);
    std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\"" + attribute("width", width_) +
                      attribute("height", bottom + 10) + " viewBox=\"0 0 " + number(width_) + " " +
                      number(bottom + 10) + "\">\n";
    for (const lane &l : s_.lanes) out += lane_markup(l, bottom);
    out += sleeps(bottom) + steps_ + arrows();
    return out + "</svg>\n";
  }

 private:
  double lane_x(unsigned thread) const { return lane_x_.at(thread); }
  double axis(unsigned thread) const { return lane_x(thread) + 14; }

  void wrap(const std::string &text, const std::string &kind, std::vector<line> &to) const {
    std::string rest = text;
    while (rest.size() > chars_) {
      std::size_t cut = rest.rfind(' ', chars_);
      if (cut == std::string::npos || cut < chars_ / 2) cut = chars_;
      to.push_back({rest.substr(0, cut), kind});
      rest = "  " + rest.substr(rest[cut] == ' ' ? cut + 1 : cut);
    }
    to.push_back({rest, kind});
  }

  std::vector<line> lines_of(const step &s) const {
    std::vector<line> lines;
    wrap(s.text, "what", lines);
    if (!s.remark.empty()) wrap(s.remark, std::string("remark ") + tone_name(s.tone), lines);
    if (!s.move.empty()) wrap(s.move, "move", lines);
    return lines;
  }

  double one(std::size_t i, double y) {
    const step &s = s_.steps[i];
    const std::vector<line> lines = lines_of(s);
    box &b = boxes_[i];
    std::size_t longest = 0;
    for (const line &l : lines) longest = std::max(longest, l.text.size());
    b = {lane_x(s.thread), y, static_cast<double>(longest) * char_width + 2 * box_pad,
         static_cast<double>(lines.size()) * line_height + box_pad, true};
    steps_ += std::string("<g class=\"step ") + tone_name(s.tone) + "\"><title>" + escaped(tip(s)) + "</title>";
    steps_ += text_at(
        left_pad, y + line_height - 1, "faint",
        std::string(4 - std::min<std::size_t>(4, std::to_string(s.number).size()), ' ') + std::to_string(s.number));
    steps_ += text_at(left_pad + 6 * char_width, y + line_height - 1, "faint", place_of(s).substr(0, 44));
    steps_ += "<rect rx=\"3\"" + attribute("x", b.x) + attribute("y", b.y) + attribute("width", b.width) +
              attribute("height", b.height) + "/>";
    double at = y + line_height - 1;
    for (const line &l : lines) {
      steps_ += text_at(b.x + box_pad, at, l.kind, l.text);
      at += line_height;
    }
    steps_ += "</g>\n";
    return y + b.height;
  }

  std::string tip(const step &s) const {
    std::string text = "step " + std::to_string(s.number) + ", thread " + std::to_string(s.thread) + "\n" + s.path;
    if (!s.function.empty()) text += " in " + s.function;
    text += "\n" + s.text;
    if (s.from >= 0)
      text += "\nread from step " + std::to_string(s_.steps[static_cast<std::size_t>(s.from)].number) + ": " +
              s_.steps[static_cast<std::size_t>(s.from)].text;
    if (!s.remark.empty()) text += "\n" + s.remark;
    return text;
  }

  double fold(const passage &r, double y) {
    std::map<unsigned, std::size_t> counts;
    std::map<unsigned, std::string> tips;
    for (std::size_t i = r.first; i < r.first + r.count; ++i) {
      const step &s = s_.steps[i];
      if (++counts[s.thread] <= 40) tips[s.thread] += std::to_string(s.number) + "  " + s.site + "  " + s.text + "\n";
    }
    for (const auto &[thread, n] : counts)
      steps_ += "<g class=\"folded\"><title>" + escaped(tips[thread]) + "</title>" +
                text_at(lane_x(thread) + box_pad, y + line_height - 3, "faint",
                        "... " + std::to_string(n) + (n == 1 ? " step" : " steps")) +
                "</g>\n";
    return y + line_height;
  }

  double note_alone(double y) {
    steps_ += text_at(left_, y + line_height, "title faint", "all threads have ended; after(), alone:") + "\n";
    return y + line_height + 12;
  }

  double ends(double y) {
    double bottom = y;
    for (const lane &l : s_.lanes) {
      if (l.end.empty()) continue;
      steps_ += text_at(lane_x(l.thread) + box_pad, y + line_height, "remark sleeping", l.end) + "\n";
      bottom = y + line_height + 8;
    }
    return bottom;
  }

  std::string lane_markup(const lane &l, double bottom) const {
    return "<g class=\"lane\">" + text_at(lane_x(l.thread), 20, "title", l.title) + "<line class=\"lifeline\"" +
           attribute("x1", axis(l.thread)) + attribute("x2", axis(l.thread)) + attribute("y1", top - 6) +
           attribute("y2", bottom - 4) + "/></g>\n";
  }

  // Draws a bar along the lane of a thread that sleeps, from that step to the step that wakes it.
  std::string sleeps(double bottom) const {
    std::string out;
    for (std::size_t i = 0; i < s_.steps.size(); ++i) {
      if (s_.steps[i].tone != step::sleeping || !boxes_[i].drawn) continue;
      double to = bottom - 14;
      for (std::size_t k = 0; k < s_.steps.size(); ++k) {
        if (s_.steps[k].wakes == static_cast<int>(i)) to = boxes_[k].drawn ? boxes_[k].middle() : to;
        if (k > i && s_.steps[k].thread == s_.steps[i].thread && boxes_[k].drawn) to = std::min(to, boxes_[k].y);
      }
      const double x = axis(s_.steps[i].thread);
      out += "<line class=\"asleep\"" + attribute("x1", x) + attribute("x2", x) +
             attribute("y1", boxes_[i].y + boxes_[i].height) + attribute("y2", to) + "/>\n";
    }
    return out;
  }

  // The arrow goes along the row of its step, where there is no other box, down the gap beside its target's lane, and
  // in.
  std::string arrow(int from, int to, const std::string &kind, const std::string &says) {
    if (from < 0 || to < 0) return {};
    const box &a = boxes_[static_cast<std::size_t>(from)], &b = boxes_[static_cast<std::size_t>(to)];
    if (!a.drawn || !b.drawn) return {};
    const double y1 = a.middle(), y2 = b.middle();
    const bool right = b.x > a.x;  // false: it comes back to the right side of the box
    const double x1 = a.x < b.x || a.x == b.x ? a.x + a.width : a.x;
    const double x2 = right ? b.x : b.x + b.width;
    const double x = right ? b.x - 14 - tracks_.next(b.x, y1, y2) : b.x + box_ + 8 + tracks_.next(b.x + box_, y1, y2);
    const int direction = right ? 1 : -1;
    const double tip_x = x2 - direction * 7, down = y2 > y1 ? 5 : -5, in = x > x1 ? -5 : 5;
    const auto at = [](double px, double py) { return number(px) + " " + number(py); };
    std::string out = "<g class=\"link\"><title>" + escaped(says) + "</title>";
    out += arrow_line("M" + at(x1, y1) + " L" + at(x + in, y1) + " Q" + at(x, y1) + " " + at(x, y1 + down) + " L" +
                          at(x, y2 - down) + " Q" + at(x, y2) + " " + at(x + direction * 5, y2) + " L" + at(tip_x, y2),
                      kind);
    return out + arrow_head(tip_x, y2, direction, kind) + "</g>\n";
  }

  std::string arrows() {
    std::string out;
    for (std::size_t i = 0; i < s_.steps.size(); ++i) {
      const step &s = s_.steps[i];
      const int self = static_cast<int>(i);
      const auto pair = [&](int a, int b) {
        return a < 0 || b < 0 ? std::string()
                              : "step " + std::to_string(s_.steps[static_cast<std::size_t>(a)].number) + " to step " +
                                    std::to_string(s_.steps[static_cast<std::size_t>(b)].number);
      };
      const bool old = s.tone == step::stale;
      out += arrow(s.from, self,
                   old              ? "old"
                   : s.synchronises ? "syncs"
                                    : "reads",
                   pair(s.from, self) + (old ? ": an older value" : ": the value read"));
      out += arrow(s.missed, self, "missed", pair(s.missed, self) + ": the newest value, not seen");
      out += arrow(self, s.wakes, "wakes", pair(self, s.wakes));
      out += arrow(s.races, self, "races", pair(s.races, self) + ": no order between them");
    }
    return out;
  }

  const story &s_;
  std::vector<box> boxes_;
  std::size_t chars_ = 0, site_chars_ = 0;
  double left_ = 0, box_ = 0, width_ = 0;
  std::map<unsigned, double> lane_x_;
  tracks tracks_;
  std::string steps_;
};

}  // namespace

std::string lanes(const story &s) { return drawing(s).draw(); }

}  // namespace verify
