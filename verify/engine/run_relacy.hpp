#pragma once
// The model checker is one large template with the suite and the number of threads as parameters. It is compiled once
// for each pair of thread counts, in run_relacy_*.cpp, and calls the suite through pointers. So a suite takes one
// second to compile instead of five.
#include "verify/registry.hpp"
#include "verify/story/names.hpp"

namespace verify {

struct suite_calls {
  std::size_t size;
  std::size_t align;
  void (*construct)(void *);
  void (*destroy)(void *);
  void (*before)(void *);
  void (*thread)(void *, unsigned);
  void (*after)(void *);
  void (*invariant)(void *);  // null when there is none
  void (*describe)(void *, names &);
};

template <int Static, int Dynamic>
result run_relacy(const suite_calls &calls, const suite_info &info, session &s, std::string *history);

extern template result run_relacy<1, 1>(const suite_calls &, const suite_info &, session &, std::string *);
extern template result run_relacy<2, 0>(const suite_calls &, const suite_info &, session &, std::string *);
extern template result run_relacy<1, 2>(const suite_calls &, const suite_info &, session &, std::string *);
extern template result run_relacy<2, 1>(const suite_calls &, const suite_info &, session &, std::string *);
extern template result run_relacy<3, 0>(const suite_calls &, const suite_info &, session &, std::string *);
extern template result run_relacy<1, 3>(const suite_calls &, const suite_info &, session &, std::string *);
extern template result run_relacy<2, 2>(const suite_calls &, const suite_info &, session &, std::string *);
extern template result run_relacy<3, 1>(const suite_calls &, const suite_info &, session &, std::string *);
extern template result run_relacy<4, 0>(const suite_calls &, const suite_info &, session &, std::string *);
extern template result run_relacy<1, 4>(const suite_calls &, const suite_info &, session &, std::string *);

}  // namespace verify
