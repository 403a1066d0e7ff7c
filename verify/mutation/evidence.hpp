#pragma once
// Writes the documents that say what each memory order and each invariant is for, from the source, the list of suites
// and the results of the mutation run.
#include "verify/mutation/mutation_report.hpp"

#include <string>
#include <vector>

namespace verify {

struct invariant_text {
  std::string id;
  std::string statement;
};

struct evidence {
  std::vector<source_site> sites;
  std::vector<mutation_row> mutants;
  std::vector<invariant_check> checks;
  std::vector<invariant_text> invariants;
};

// Reads the source, docs/mutation.json and verify/mutation/invariants.txt.
evidence read_evidence(const std::string &root);

std::string memory_orders_document(const evidence &e);
std::string invariants_document(const evidence &e);

// Lists what does not fit together: an order without a partner, a mistake that has not been tried, an invariant without
// a name.
std::vector<std::string> complaints(const evidence &e);

}  // namespace verify
