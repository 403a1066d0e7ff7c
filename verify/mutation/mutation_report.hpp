#pragma once
// The result of each mistake, as a table, a file and a JUnit report.
#include "verify/mutation/mutate.hpp"

#include <cstdio>
#include <string>
#include <vector>

namespace verify {

struct mutation_row {
  std::string site;     // source_site::key()
  std::string mutant;   // mutant::name
  std::string partner;  // the arguments that the site cites; docs/memory_orders.md lists the sides of each
  std::string verdict;  // killed, justified, open; empty: not tried
  std::string suite;    // the suite that killed it
  std::string said;     // the broken condition or the checker's word; for an open one, what is wrong
  std::uint64_t executions = 0;
  double seconds = 0;
};

struct mutation_tally {
  std::size_t killed = 0;
  std::size_t justified = 0;
  std::size_t open = 0;
};

mutation_row row_of(const std::vector<source_site> &sites, const mutant &m);
// Fills in the verdict. A mistake that is killed although the source says that it survives is open: the remark is
// wrong.
void judge(mutation_row &r, const trial &t, const std::vector<source_site> &sites, const mutant &m);
mutation_tally count(const std::vector<mutation_row> &rows);

std::string verdict_line(const mutation_row &r);
void print_mutation(std::FILE *out, const std::vector<mutation_row> &rows);
bool mutation_junit(const std::string &file, const std::vector<mutation_row> &rows, double seconds);

// The rows as JSON, one to a line. `build` names the program that found them. If a build is asked for, the results of
// another one are not read.
std::string mutation_to_text(const std::vector<mutation_row> &rows, const std::string &build);
std::vector<mutation_row> mutation_from_text(const std::string &text, const std::string &build);

}  // namespace verify
