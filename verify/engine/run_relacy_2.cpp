// The model checker for 2 threads.
#include "verify/engine/run_relacy_impl.hpp"

namespace verify {
template result run_relacy<1, 1>(const suite_calls &, const suite_info &, session &, std::string *);
template result run_relacy<2, 0>(const suite_calls &, const suite_info &, session &, std::string *);
}  // namespace verify
