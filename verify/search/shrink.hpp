#pragma once
// Makes a failing execution easier to read: fewer preemptions, fewer stale loads, fewer switches, fewer steps, the same
// fault. It is bounded by steps and not by time, so that the same execution is always made into the same one.
#include "verify/registry.hpp"
#include "verify/search/strategy_path.hpp"

#include <string>

namespace verify {

struct shortened {
  std::string strategy_text;
  shape before;
  shape after;
};

// Returns false if nothing better was found, or if the execution cannot be repeated as a list of differences.
bool shrink(const suite_entry &suite, const std::string &strategy_text, live_view &view, recording &record,
            shortened &s);

}  // namespace verify
