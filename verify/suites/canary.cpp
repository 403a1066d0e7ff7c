// The canary: an error that every run must report. If it is reported, the checker finds errors.
#include "verify/suite.hpp"

namespace {

// Message passing whose flag is stored relaxed: the payload is read without order after it was written.
struct relaxed_flag : verify::suite<2> {
  heddle::detail::plain<int> payload{0};
  heddle::detail::atomic<int> flag{0};
  VERIFY_NAMES(payload, flag)
  void thread(unsigned i) {
    if (i == 0) {
      payload.set(42);
      flag.store(1, heddle::detail::relaxed);
    } else if (flag.load(heddle::detail::acquire) == 1) {
      VERIFY_CHECK(payload.get() == 42);
    }
  }
};
HEDDLE_SUITE(relaxed_flag, {.name = "canary.relaxed_flag",
                            .component = "verify",
                            .invariants = "",
                            .what = "message passing through a relaxed flag must be reported as a data race",
                            .modes = {verify::random_mix(2), verify::full_search(2)},
                            .expected = verify::expect::red})

}  // namespace
