#include "verify/story/page.hpp"

#include "verify/story/lanes.hpp"
#include "verify/story/markup.hpp"

#include <cctype>
#include <filesystem>
#include <fstream>

namespace verify {
namespace {

// There are two palettes; a printed page has the light one.
constexpr const char *style = R"css(
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1c2430; --faint: #6b7684; --rule: #d5dbe3; --box: #f4f6f9;
  --write: #dcebfb; --writeline: #4a86c5; --stale: #c2410c; --stalebox: #ffedd5; --race: #b91c1c; --fault: #fee2e2;
  --sleep: #e8e4f5; --sleepline: #7460b5; --wake: #15803d; --wakebox: #dcf5e4; --sync: #2563ab; --read: #8a97a8;
  --move: #15803d; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181f; --ink: #e4e9f0; --faint: #93a0b0; --rule: #343d4a;
  --box: #1e252f; --write: #1c3550; --writeline: #5b9bdc; --stale: #fb923c; --stalebox: #43260f; --race: #f87171;
  --fault: #4c1616; --sleep: #2c2646; --sleepline: #a593e0; --wake: #4ade80; --wakebox: #12351f; --sync: #6cb0f5;
  --read: #7d8b9d; --move: #4ade80; } }
@media print { :root { color-scheme: light; --paper: #ffffff; --ink: #000000; --faint: #444444; --rule: #bbbbbb;
  --box: #f4f6f9; --write: #dcebfb; --writeline: #4a86c5; --stale: #c2410c; --stalebox: #ffedd5; --race: #b91c1c;
  --fault: #fee2e2; --sleep: #e8e4f5; --sleepline: #7460b5; --wake: #15803d; --wakebox: #dcf5e4; --sync: #2563ab;
  --read: #8a97a8; --move: #15803d; } body { margin: 0; } svg { max-width: 100%; height: auto; } }
body { background: var(--paper); color: var(--ink); font: 14px/1.45 system-ui, sans-serif; margin: 24px; }
h1 { font-size: 20px; margin: 0 0 2px; } h1 + p { margin: 0 0 14px; color: var(--faint); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 16px; margin: 0 0 14px; max-width: 1100px; }
dt { color: var(--faint); } dd { margin: 0; } dd.fault { color: var(--race); font-weight: 600; }
code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 12.5px; overflow-wrap: anywhere; }
.legend { display: flex; flex-wrap: wrap; gap: 6px 22px; margin: 0 0 12px; color: var(--faint); font-size: 13px; }
.legend svg { vertical-align: middle; margin-right: 6px; }
svg text { font: 11.5px ui-monospace, "DejaVu Sans Mono", monospace; fill: var(--ink); }
svg .title { font: 600 13px system-ui, sans-serif; } svg .faint { fill: var(--faint); }
svg .remark { fill: var(--stale); font-weight: 600; } svg .remark.race, svg .remark.fault { fill: var(--race); }
svg .remark.waking { fill: var(--wake); } svg .remark.sleeping { fill: var(--sleepline); } svg .move { fill: var(--move); font-weight: 600; }
svg .lifeline { stroke: var(--rule); stroke-width: 1.5; } svg .asleep { stroke: var(--sleepline); stroke-width: 4; opacity: .45; }
svg rect { fill: var(--box); stroke: var(--rule); } svg .write rect { fill: var(--write); stroke: var(--writeline); }
svg .stale rect { fill: var(--stalebox); stroke: var(--stale); stroke-width: 2; }
svg .race rect, svg .fault rect { fill: var(--fault); stroke: var(--race); stroke-width: 2; }
svg .sleeping rect { fill: var(--sleep); stroke: var(--sleepline); }
svg .waking rect { fill: var(--wakebox); stroke: var(--wake); }
svg .arrow { fill: none; stroke: var(--read); stroke-width: 1.3; } svg .arrow.syncs { stroke: var(--sync); stroke-width: 1.8; }
svg .arrow.old { stroke: var(--stale); stroke-width: 1.8; } svg .arrow.missed { stroke: var(--stale); stroke-width: 1.8; stroke-dasharray: 5 4; }
svg .arrow.wakes { stroke: var(--wake); stroke-width: 2.2; } svg .arrow.races { stroke: var(--race); stroke-width: 2; stroke-dasharray: 2 3; }
svg .head { fill: var(--read); } svg .head.syncs { fill: var(--sync); } svg .head.old, svg .head.missed { fill: var(--stale); }
svg .head.wakes { fill: var(--wake); } svg .head.races { fill: var(--race); }
svg .link:hover .arrow { stroke-width: 4; } svg .step:hover rect { stroke: var(--ink); stroke-width: 2; }
)css";

struct sample {
  const char *arrow;
  const char *says;
};
constexpr sample samples[] = {
    {"syncs", "read from: acquire of a release, orders what was before"},
    {"reads", "read from: orders nothing by itself"},
    {"missed", "the newest value, which a stale load did not get"},
    {"old", "the older store that a stale load got"},
    {"wakes", "wakes, or starts"},
    {"races", "no order between the two"},
};

std::string legend(const story &s) {
  std::string out = "<div class=\"legend\">";
  const std::string drawn = lanes(s);
  for (const sample &x : samples) {
    if (drawn.find(std::string("class=\"arrow ") + x.arrow) == std::string::npos) continue;
    out += "<span><svg width=\"44\" height=\"10\">" + arrow_line("M0 5 L36 5", x.arrow) +
           arrow_head(36, 5, 1, x.arrow) + "</svg>" + escaped(x.says) + "</span>";
  }
  return out +
         "<span>time runs down; one column for each thread; point at a step for its place in the source</span></div>\n";
}

std::string entry(const std::string &what, const std::string &how, const char *kind = "") {
  if (how.empty()) return {};
  return "<dt>" + escaped(what) + "</dt><dd class=\"" + kind + "\">" + how + "</dd>\n";
}

std::string code(const std::string &text) { return text.empty() ? "" : "<code>" + escaped(text) + "</code>"; }

std::string replay_line(const std::string &token, const char *option = "") {
  return token.empty() ? "" : code("./dev verify " + std::string(option) + "--replay " + token);
}

std::string file_name(const story &s) {
  std::string name;
  for (const char c : s.token.empty() ? s.suite : s.token)
    name += std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-' ? c : '-';
  if (name.size() > 100) name = name.substr(0, 83) + "-" + std::to_string(std::hash<std::string>{}(name)&0xffffffff);
  return name + ".html";
}

}  // namespace

std::string page(const story &s) {
  std::string out = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n<title>" +
                    escaped(s.suite) + "</title>\n<style>" + style + "</style>\n</head>\n<body>\n";
  out += "<h1>" + escaped(s.suite) + "</h1>\n<p>checks that " + escaped(s.what) + "</p>\n<dl>\n";
  out += entry("verdict", escaped(s.verdict), "fault");
  for (const std::string &i : s.invariants) out += entry(s.condition.empty() ? "it checks" : "broken", escaped(i));
  out += entry("condition", code(s.condition));
  out += entry("kind", escaped(s.cause));
  out += entry("replay", replay_line(s.token));
  out += entry("as found", replay_line(s.original, "--no-shrink "));
  out += entry("", escaped(s.shortening));
  out += entry("at the start", code(s.start));
  out += entry("at the end", code(s.end));
  out += "</dl>\n" + legend(s) + lanes(s);
  if (!s.rest.empty()) out += "<pre>" + escaped(s.rest) + "</pre>\n";
  return out + "</body>\n</html>\n";
}

bool write_page(const std::string &folder, const story &s) {
  if (folder.empty()) return true;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const std::filesystem::path file = std::filesystem::path(folder) / file_name(s);
  std::ofstream out(file);
  out << page(s);
  if (!out.flush()) return false;
  std::printf("page: %s\n", file.string().c_str());
  return true;
}

}  // namespace verify
