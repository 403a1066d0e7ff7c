// Decides which steps a report leaves out.
#include "verify/story/explain.hpp"

namespace verify {
namespace {

constexpr std::size_t steps_shown_anyway = 30;  // an execution that is this short is shown as a whole
constexpr std::size_t fold_least = 3;
constexpr std::size_t rows_max = 400, rows_kept_at_end = 40;

}  // namespace

std::vector<passage> fold(const std::vector<step> &steps, bool full) {
  std::vector<passage> rows;
  const bool all = full || steps.size() <= steps_shown_anyway;
  for (std::size_t i = 0; i < steps.size();) {
    std::size_t end = i;
    while (end < steps.size() && !steps[end].telling && steps[end].alone == steps[i].alone) ++end;
    const std::size_t count = end - i;
    if (!all && count >= fold_least) {
      rows.push_back({i, count, true});
      i = end;
    } else {
      rows.push_back({i, 1, false});
      ++i;
    }
  }
  if (full || rows.size() <= rows_max) return rows;
  const std::size_t from = rows_max - rows_kept_at_end, to = rows.size() - rows_kept_at_end;
  const std::size_t first = rows[from].first;
  rows[from] = {first, rows[to].first - first, true};
  rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(from) + 1, rows.begin() + static_cast<std::ptrdiff_t>(to));
  return rows;
}

}  // namespace verify
