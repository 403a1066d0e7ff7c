#pragma once
// An execution named by how it differs from the plain one, in which a thread goes on until it can't, or has nothing to
// do, and then the next one has its turn, and nothing unusual happens. Each difference stands by itself, at a step of
// one thread, so that a list with some left out is still an execution: that is how executions are made shorter.
#include "verify/search/strategy.hpp"

#include <string>

namespace verify {

struct difference {
  unsigned thread = 0;  // after this thread's ...
  unsigned step = 0;    // ... so manyeth step
  unsigned nth = 0;     // of the questions of this kind asked there, the one with this number
  choice kind = choice::thread;
  unsigned answer = 0;
  bool operator==(const difference &) const = default;
};
using difference_list = untracked_vector<difference>;

std::string differences_to_text(const difference_list &list);  // 0.2to1_1.5old1
bool differences_from_text(const std::string &text, difference_list &list);

// What an execution was like: the smaller, the easier to read.
struct shape {
  unsigned preemptions = 0;  // switches away from a thread that could go on
  unsigned unusual = 0;      // stale loads, compare-exchanges failing for no reason and so on
  unsigned switches = 0;
  unsigned steps = 0;
};

// Asks another strategy, or takes the plain execution with the given differences, and keeps what was chosen.
class observed : public strategy {
 public:
  virtual const difference_list &differences() const = 0;
  virtual shape seen() const = 0;
};
std::unique_ptr<observed> make_observed(std::unique_ptr<strategy> inner);
std::unique_ptr<observed> make_path(const difference_list &list);

}  // namespace verify
