#pragma once
// An execution named by how it differs from the plain one. In the plain execution each thread goes on until it cannot
// or has nothing to do, then it is the next thread's turn, and nothing unusual happens. Each difference is independent
// of the others and names a step of one thread, so a list with some of them left out is still an execution. That is how
// executions are made shorter.
#include "verify/search/strategy.hpp"

#include <string>

namespace verify {

struct difference {
  unsigned thread = 0;  // after this thread's ...
  unsigned step = 0;    // ... step of this number
  unsigned nth = 0;     // the number of the question, among those of this kind that are asked there
  choice kind = choice::thread;
  unsigned answer = 0;
  bool operator==(const difference &) const = default;
};
using difference_list = untracked_vector<difference>;

std::string differences_to_text(const difference_list &list);  // 0.2to1_1.5old1
bool differences_from_text(const std::string &text, difference_list &list);

// How hard an execution is to read: the smaller, the easier.
struct shape {
  unsigned preemptions = 0;  // switches away from a thread that could go on
  unsigned unusual = 0;      // stale loads, compare-exchanges that fail for no reason, and so on
  unsigned switches = 0;
  unsigned steps = 0;
};

// Asks another strategy, or follows the plain execution with the given differences, and keeps what was chosen.
class observed : public strategy {
 public:
  virtual const difference_list &differences() const = 0;
  virtual shape seen() const = 0;
};
std::unique_ptr<observed> make_observed(std::unique_ptr<strategy> inner);
std::unique_ptr<observed> make_path(const difference_list &list);

}  // namespace verify
