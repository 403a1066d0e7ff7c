#include "walk.hpp"

#include <utility>
#include <vector>

namespace fs = std::filesystem;

void walk(const fs::path &dir, const std::function<void(fs::path)> &found,
          const std::function<void(const fs::path &, std::error_code)> &failed) {
  std::vector<fs::path> pending{dir};
  while (!pending.empty()) {
    const fs::path current = std::move(pending.back());
    pending.pop_back();
    std::error_code error;
    fs::directory_iterator entry(current, error);
    while (!error && entry != fs::directory_iterator()) {
      std::error_code status_error;
      const fs::file_type type = entry->symlink_status(status_error).type();
      if (status_error)
        failed(entry->path(), status_error);
      else if (type == fs::file_type::directory)
        pending.push_back(entry->path());
      else if (type == fs::file_type::regular)
        found(entry->path());
      entry.increment(error);
    }
    if (error) failed(current, error);
  }
}
