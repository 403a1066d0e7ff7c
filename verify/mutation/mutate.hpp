#pragma once
// Puts each mistake to the suites, the smallest first, until one notices.
#include "verify/mutation/mutants.hpp"
#include "verify/registry.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace verify {

// Which suites make the operations of which site, and what an execution of theirs costs.
struct reach {
  const suite_entry *suite = nullptr;
  double steps = 0;  // of an execution, on average
};
struct census {
  std::vector<std::vector<reach>> sites;  // for each site, the shortest executions first
  std::vector<std::string> strangers;     // "queues/runq.hpp:12 load": made by a suite, but not among the sites
};

struct trial {
  enum class verdict { killed, survived } how = verdict::survived;
  std::string suite;             // that noticed
  std::string said;              // the broken condition, or the checker's word
  std::uint64_t executions = 0;  // of that suite, or of all when none noticed
  double seconds = 0;
};

struct mutate_options {
  unsigned jobs = 1;
  double seconds = 40;            // of one processor, for a mutant that nothing has noticed
  double seconds_justified = 10;  // the same where the source says that it survives
  bool progress = false;
};

// One suite and how many executions it took last time: tried first.
struct known_kill {
  std::string suite;
  std::uint64_t executions = 0;
};

census take_census(const std::vector<source_site> &sites, unsigned jobs, bool progress);

// Tries them all; `done` is called in the order of completion. `known` by index into `mutants`.
void try_mutants(const std::vector<source_site> &sites, const std::vector<mutant> &mutants, const census &where,
                 const std::map<std::size_t, known_kill> &known, const mutate_options &options,
                 const std::function<void(std::size_t, const trial &)> &done);

}  // namespace verify
