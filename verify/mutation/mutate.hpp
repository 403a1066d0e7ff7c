#pragma once
// Tries each mistake with the suites, the smallest first, until one notices.
#include "verify/mutation/mutants.hpp"
#include "verify/registry.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace verify {

// Which suites make the operations of which site, and what one of their executions costs.
struct reach {
  const suite_entry *suite = nullptr;
  double steps = 0;  // how many steps an execution has, on average
};
struct census {
  std::vector<std::vector<reach>> sites;  // for each site, the shortest executions first
  std::vector<std::string> strangers;     // such as "queues/runq.hpp:12 load": a suite makes it, but it is not a site
};

struct trial {
  enum class verdict { killed, survived } how = verdict::survived;
  std::string suite;             // the suite that noticed
  std::string said;              // the broken condition, or the checker's word
  std::uint64_t executions = 0;  // of that suite, or of all suites if none noticed
  double seconds = 0;
};

struct mutate_options {
  unsigned jobs = 1;
  double seconds = 40;            // on one processor, for a mutant that no suite notices
  double seconds_justified = 10;  // the same if the source says that it survives
  bool progress = false;
};

// The suite that noticed last time, and after how many executions: it is tried first.
struct known_kill {
  std::string suite;
  std::uint64_t executions = 0;
};

census take_census(const std::vector<source_site> &sites, unsigned jobs, bool progress);

// Tries all mutants and calls `done` for each as it ends. The keys of `known` are indices into `mutants`.
void try_mutants(const std::vector<source_site> &sites, const std::vector<mutant> &mutants, const census &where,
                 const std::map<std::size_t, known_kill> &known, const mutate_options &options,
                 const std::function<void(std::size_t, const trial &)> &done);

}  // namespace verify
