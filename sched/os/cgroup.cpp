// The CPU quota of a process. /proc/self/cgroup names its cgroup in each hierarchy, and /proc/self/mountinfo says where
// a hierarchy is mounted, and which cgroup is at the root of that mount: in a container without a cgroup namespace it is
// the container's, while the name is the one that the host knows. A quota binds all that is below it, so all cgroups
// from the process's own up to the root of the mount are looked at.
#include "sched/os/cgroup.hpp"

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <string_view>

HEDDLE_DETAIL_BEGIN

namespace {

// Calls f(line) for each line of a file, without its end, until f returns true.
template <class F>
void each_line(const std::string &path, F &&f) {
  std::FILE *const file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return;
  std::string line;
  char piece[512];
  bool over = false;
  while (!over && std::fgets(piece, sizeof piece, file) != nullptr) {
    line += piece;
    if (line.empty() || line.back() != '\n') continue;
    line.pop_back();
    over = f(std::string_view(line));
    line.clear();
  }
  std::fclose(file);
  if (!over && !line.empty()) f(std::string_view(line));
}

// Takes the part of `text` before the first `end`, and leaves the rest behind it.
std::string_view cut(std::string_view &text, char end) {
  const std::size_t at = std::min(text.find(end), text.size());
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return part;
}

bool lists(std::string_view words, std::string_view word) {
  while (!words.empty())
    if (cut(words, ',') == word) return true;
  return false;
}

// mountinfo writes a space and the like as \040.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](std::size_t k) { return i + k < text.size() && text[i + k] >= '0' && text[i + k] <= '7'; };
    if (text[i] == '\\' && digit(1) && digit(2) && digit(3)) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

// A hierarchy of cgroups, as this process sees it.
struct hierarchy {
  bool found = false;     // the process is in it
  std::string name;       // of the process's cgroup
  std::string mount;      // where it is mounted
  std::string top = "/";  // the cgroup that is mounted there

  // Calls f(folder) for the process's cgroup, and for those above it.
  template <class F>
  void each_folder(const std::string &root, F &&f) const {
    if (!found) return;
    std::string below;  // the path of the cgroup below the mount
    if (name.find("/..") != std::string::npos)
      below = "";  // it lies outside the namespace: only the mount's own root can be seen
    else if (top == "/")
      below = name;
    else if (name == top || name.compare(0, top.size() + 1, top + "/") == 0)
      below = name.substr(top.size());
    while (!below.empty() && below.back() == '/') below.pop_back();
    for (;;) {
      f(root + mount + below);
      if (below.empty()) return;
      below.resize(below.rfind('/') == std::string::npos ? 0 : below.rfind('/'));
    }
  }
};

struct hierarchies {
  hierarchy first{false, "", "/sys/fs/cgroup/cpu", "/"}, second{false, "", "/sys/fs/cgroup", "/"};

  explicit hierarchies(const std::string &root) {
    each_line(root + "/proc/self/cgroup", [this](std::string_view line) {
      const std::string_view id = cut(line, ':'), controllers = cut(line, ':');
      if (id == "0" && controllers.empty())
        second.found = true, second.name = line;
      else if (lists(controllers, "cpu"))
        first.found = true, first.name = line;
      return false;
    });
    bool seen_first = false, seen_second = false;
    each_line(root + "/proc/self/mountinfo", [&](std::string_view line) {
      for (int skip = 0; skip < 3; ++skip) cut(line, ' ');
      const std::string_view top = cut(line, ' '), mount = cut(line, ' ');
      const std::size_t dash = line.find(" - ");
      if (dash == std::string_view::npos) return false;
      line.remove_prefix(dash + 3);
      const std::string_view kind = cut(line, ' ');
      cut(line, ' ');
      const bool is_first = kind == "cgroup" && lists(line, "cpu"), is_second = kind == "cgroup2";
      hierarchy &h = is_first ? first : second;
      bool &seen = is_first ? seen_first : seen_second;
      if ((is_first || is_second) && !seen) {
        seen = true;
        h.mount = unescaped(mount);
        h.top = unescaped(top);
      }
      return seen_first && seen_second;
    });
  }
};

long long number_in(const std::string &path) {
  long long n = -1;
  each_line(path, [&n](std::string_view line) {
    n = std::atoll(std::string(line).c_str());
    return true;
  });
  return n;
}

std::int32_t cpus(long long quota, long long period) {
  if (quota <= 0 || period <= 0) return INT_MAX;
  const long long n = quota / period + (quota % period != 0);
  return static_cast<std::int32_t>(std::clamp<long long>(n, 2, INT_MAX));
}

std::int32_t least_quota(const std::string &root) {
  std::int32_t least = INT_MAX;
  const hierarchies h(root);
  h.second.each_folder(root, [&least](const std::string &folder) {
    each_line(folder + "/cpu.max", [&least](std::string_view line) {
      long long quota = -1, period = 0;
      if (std::sscanf(std::string(line).c_str(), "%lld %lld", &quota, &period) == 2)  // "max 100000": no quota
        least = std::min(least, cpus(quota, period));
      return true;
    });
  });
  h.first.each_folder(root, [&least](const std::string &folder) {
    const long long quota = number_in(folder + "/cpu.cfs_quota_us");
    if (quota > 0) least = std::min(least, cpus(quota, number_in(folder + "/cpu.cfs_period_us")));
  });
  return least;
}

}  // namespace

std::int32_t cpus_by_cgroup(const char *root) noexcept {
  try {
    return least_quota(root);
  } catch (const std::bad_alloc &) {
    return INT_MAX;
  }
}

HEDDLE_DETAIL_END
