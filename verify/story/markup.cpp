#include "verify/story/markup.hpp"

#include <cstdio>

namespace verify {

std::string escaped(const std::string &text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') out += c;
    }
  return out;
}

std::string arrow_line(const std::string &path, const std::string &kind) {
  return "<path class=\"arrow " + kind + "\" d=\"" + path + "\"/>";
}

std::string arrow_head(double x, double y, int direction, const std::string &kind) {
  char points[96];
  std::snprintf(points, sizeof points, "%.1f,%.1f %.1f,%.1f %.1f,%.1f", x, y - 4, x + direction * 7, y, x, y + 4);
  return "<polygon class=\"head " + kind + "\" points=\"" + points + "\"/>";
}

}  // namespace verify
