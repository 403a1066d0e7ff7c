#pragma once
// The shared source as the mutation run and the documents see it: every operation on an atomic and every fence, with
// the orders that it names and the remarks beside it.
#include "verify/mutation/alteration.hpp"

#include <string>
#include <vector>

namespace verify {

// "Survives as relaxed (load buffering): why": a mistake that no suite notices, and the argument for keeping the order.
struct survival {
  std::string mistake;
  std::string kind;  // one of survival_kinds
  std::string why;
};
extern const std::vector<std::string> survival_kinds;

// One order of one operation; a compare-exchange has two orders, so it is two sites.
struct source_site {
  std::string file;  // from the top of the source tree
  std::string function;
  int first_line = 0;
  int last_line = 0;
  std::string operation;  // as written, without the arguments: head_.load
  unsigned number = 0;    // its number among those with this operation, access and order in its file
  access what = access::load;
  std::memory_order order = std::memory_order_relaxed;
  bool strong = false;              // a compare_exchange_strong
  std::string remark;               // what the comment says about this order
  std::vector<std::string> ids;     // those of the arguments that it cites, such as RUNQ-2
  std::vector<survival> survivals;  // those in the whole comment

  // A name that stays the same as long as the site's text does, whatever happens to the lines around it.
  std::string key() const;
};

const char *order_name(std::memory_order o);
const char *access_name(access a);

// The files of the shared source, from the top of the tree, layer by layer.
std::vector<std::string> shared_files(const std::string &root);
// The operations in these files. Throws std::runtime_error if a file cannot be read or an operation cannot be
// understood.
std::vector<source_site> scan_source(const std::string &root);
// Public for its tests.
std::vector<source_site> scan_text(const std::string &file, const std::string &text);

// Where the shared source checks an invariant.
struct invariant_check {
  std::string id;
  std::string file;
  std::string function;
};
std::vector<invariant_check> scan_invariants(const std::string &root);

// The top of the source tree that this program was built from.
std::string source_root();
std::string read_file(const std::string &path);

}  // namespace verify
