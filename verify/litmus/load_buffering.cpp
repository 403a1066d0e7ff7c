// Load buffering: each thread reads one place, then writes the other.
#include "verify/litmus/litmus.hpp"

namespace litmus {
namespace {

template <leg A, leg B>
struct load_buffering : verify::suite<2> {
  word place[2];
  int value[2] = {};
  void thread(unsigned i) {
    const leg self = i == 0 ? A : B;
    value[i] = place[i].load(self.first);
    fence(self.between);
    place[1 - i].store(1, self.second);
  }
  void after() { VERIFY_CHECK(!(value[0] == 1 && value[1] == 1)); }
};

#define SHAPE "load buffering"
#define ASKED "both loads new"

// Relacy executes each thread in program order; RC11 also forbids every cycle of sequenced-before and reads-from. C++20
// has no such rule. An acquire or a release that pairs with nothing orders nothing, so by the text of C++20 the outcome
// is allowed with either of them alone.
LITMUS(lb_relaxed, "all relaxed", never, allowed, load_buffering<leg{}, leg{}>)
LITMUS(lb_one_acquire, "one acquire load", never, allowed, load_buffering<leg{.first = acquire}, leg{}>)
LITMUS(lb_one_release, "one release store", never, allowed, load_buffering<leg{.second = release}, leg{}>)
LITMUS(lb_acquire_only, "acquire loads, relaxed stores", never, allowed,
       load_buffering<leg{.first = acquire}, leg{.first = acquire}>)
LITMUS(lb_release_only, "relaxed loads, release stores", never, allowed,
       load_buffering<leg{.second = release}, leg{.second = release}>)

LITMUS(lb_one_pair, "one release store and the acquire load of it", never, forbidden,
       load_buffering<leg{.first = acquire}, leg{.second = release}>)
LITMUS(lb_rel_acq, "acquire loads, release stores", never, forbidden,
       load_buffering<leg{acquire, release}, leg{acquire, release}>)
LITMUS(lb_fences, "acq_rel fences", never, forbidden, load_buffering<leg{.between = acq_rel}, leg{.between = acq_rel}>)
LITMUS(lb_seq_cst, "all seq_cst", never, forbidden, load_buffering<leg{seq_cst, seq_cst}, leg{seq_cst, seq_cst}>)

}  // namespace
}  // namespace litmus
