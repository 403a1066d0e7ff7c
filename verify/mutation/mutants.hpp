#pragma once
// The mistakes that can be made on purpose: for every site of the shared source each weaker order, and what else can be
// done to it.
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

// The next weaker orders of each site - of acq_rel both acquire and release - and for a fence none at all; a
// read-modify-write as a load and a store; a strong compare-exchange that may fail for no reason; one side of an
// asymmetric fence missing; a wake lost or doubled.
std::vector<mutant> mutants_of(const std::vector<source_site> &sites);

// What the source says of a mutant that lives: null when it says nothing.
const survival *remark_on(const mutant &m, const std::vector<source_site> &sites);

}  // namespace verify
