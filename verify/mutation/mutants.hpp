#pragma once
// The mistakes that can be made on purpose: for every site of the shared source each next weaker order, and what else
// can be done to it.
#include "verify/mutation/source.hpp"

#include <string>
#include <vector>

namespace verify {

struct mutant {
  std::size_t site = 0;  // index into the scanned sites
  alteration change;
  std::string name;    // what becomes of the site: "relaxed", "split", "dropped"
  std::string wanted;  // the same in a survival remark: "relaxed on failure"
};

// For each site the next weaker orders (for acq_rel both acquire and release); for a fence, that it is left out; for a
// read-modify-write, a load and a store; for a strong compare-exchange, that it may fail for no reason; for an
// asymmetric fence, that one side is missing; for a wake, that it is lost or doubled.
std::vector<mutant> mutants_of(const std::vector<source_site> &sites);

// What the source says about a mutant that survives; null if it says nothing.
const survival *remark_on(const mutant &m, const std::vector<source_site> &sites);

}  // namespace verify
