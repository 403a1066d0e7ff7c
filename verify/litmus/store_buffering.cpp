// Store buffering: each thread writes its own place, then reads the other's.
#include "verify/litmus/litmus.hpp"

namespace litmus {
namespace {

template <leg A, leg B, bool Exchanges = false>
struct store_buffering : verify::suite<2> {
  word place[2];
  int value[2] = {};
  void thread(unsigned i) {
    const leg self = i == 0 ? A : B;
    if (Exchanges)
      place[i].exchange(1, self.first);
    else
      place[i].store(1, self.first);
    fence(self.between);
    value[i] = read(place[1 - i], self.reads, self.second);
  }
  void after() { VERIFY_CHECK(!(value[0] == 0 && value[1] == 0)); }
};

#define SHAPE "store buffering"
#define ASKED "both loads old"

constexpr leg rel_acq{release, acquire};
constexpr leg sc{seq_cst, seq_cst};

LITMUS(sb_relaxed, "all relaxed", seen, allowed, store_buffering<leg{}, leg{}>)
LITMUS(sb_rel_acq, "release stores, acquire loads", seen, allowed, store_buffering<rel_acq, rel_acq>)
LITMUS(sb_acq_rel_fences, "acq_rel fences", seen, allowed,
       store_buffering<leg{.between = acq_rel}, leg{.between = acq_rel}>)
LITMUS(sb_one_fence, "a seq_cst fence on one side", seen, allowed, store_buffering<fenced, leg{}>)
LITMUS(sb_fences, "seq_cst fences", never, forbidden, store_buffering<fenced, fenced>)
LITMUS(sb_seq_cst, "all seq_cst", never, forbidden, store_buffering<sc, sc>)
LITMUS(sb_exchange_seq_cst, "seq_cst exchange, seq_cst load", never, forbidden, store_buffering<sc, sc, true>)

// The loads have no place in the single total order, so that order says nothing about them. x86 shows neither outcome.
LITMUS(sb_seq_cst_acquire, "seq_cst stores, acquire loads", seen, allowed,
       store_buffering<leg{seq_cst, acquire}, leg{seq_cst, acquire}>)
LITMUS(sb_exchange_acquire, "seq_cst exchange, acquire loads", seen, allowed,
       store_buffering<leg{seq_cst, acquire}, leg{seq_cst, acquire}, true>)
LITMUS(sb_one_release, "all seq_cst but one release store", seen, allowed, store_buffering<leg{release, seq_cst}, sc>)

// [atomics.order]/4 relates a fence on one side to accesses on the other side: the outcome would need the total order
// fence < store < load < fence. In Relacy seq_cst accesses take no part in the clock of the fences.
LITMUS(sb_fence_and_seq_cst, "one side fenced, the other seq_cst", seen, forbidden, store_buffering<fenced, sc>)

// A read-modify-write must read the newest value, but the place that it reads need not have been written yet: nothing
// here fixes the order in which two places change, not even seq_cst read-modify-writes beside relaxed stores.
constexpr leg by_rmw{.second = acq_rel, .reads = by::rmw};
constexpr leg by_rmw_sc{.second = seq_cst, .reads = by::rmw};
constexpr leg by_cas{.second = relaxed, .reads = by::failing_cas};
LITMUS(sb_rmw, "reads by fetch_add(0, acq_rel)", never, allowed, store_buffering<by_rmw, by_rmw>)
LITMUS(sb_rmw_seq_cst, "reads by fetch_add(0, seq_cst), relaxed stores", never, allowed,
       store_buffering<by_rmw_sc, by_rmw_sc>)
LITMUS(sb_cas, "reads by failing relaxed CAS", never, allowed, store_buffering<by_cas, by_cas>)
LITMUS(sb_one_rmw, "one read by fetch_add(0, acq_rel)", seen, allowed, store_buffering<by_rmw, leg{}>)
LITMUS(sb_one_cas, "one read by failing relaxed CAS", seen, allowed, store_buffering<by_cas, leg{}>)

}  // namespace
}  // namespace litmus
