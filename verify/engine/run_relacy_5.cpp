// The model checker for 5 threads.
#include "verify/engine/run_relacy_impl.hpp"

namespace verify {
template result run_relacy<1, 4>(const suite_calls &, const suite_info &, session &, std::string *);
template result run_relacy<2, 3>(const suite_calls &, const suite_info &, session &, std::string *);
template result run_relacy<3, 2>(const suite_calls &, const suite_info &, session &, std::string *);
}  // namespace verify
