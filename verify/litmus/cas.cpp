// Compare-exchange: what each order covers, and failure for no reason. Since C++17 (P0418) the failure order may be
// stronger than the success order. The world makes the success order stronger then, because Relacy has no such pair.
#include "verify/litmus/litmus.hpp"

namespace litmus {
namespace {

template <bool Succeeds, order Success, order Failure>
struct reads_flag : verify::suite<2> {
  heddle::detail::plain<int> payload{0};
  word flag{0};
  void thread(unsigned i) {
    if (i == 0) {
      payload.set(1);
      flag.store(1, release);
    } else {
      int value = Succeeds ? 1 : -1;
      if (flag.compare_exchange_strong(value, 2, Success, Failure) == Succeeds && value == 1)
        VERIFY_CHECK(payload.get() == 1);
    }
  }
};

#define SHAPE "CAS orders"
#define ASKED "data race"

LITMUS(cas_fails_acq_rel_acquire, "fails with (acq_rel, acquire)", never, forbidden,
       reads_flag<false, acq_rel, acquire>)
LITMUS(cas_fails_acq_rel_relaxed, "fails with (acq_rel, relaxed)", seen, allowed, reads_flag<false, acq_rel, relaxed>)
LITMUS(cas_fails_seq_cst_relaxed, "fails with (seq_cst, relaxed)", seen, allowed, reads_flag<false, seq_cst, relaxed>)
LITMUS(cas_fails_release_relaxed, "fails with (release, relaxed)", seen, allowed, reads_flag<false, release, relaxed>)
LITMUS(cas_fails_release_acquire, "fails with (release, acquire)", never, forbidden,
       reads_flag<false, release, acquire>)
LITMUS(cas_fails_relaxed_acquire, "fails with (relaxed, acquire)", never, forbidden,
       reads_flag<false, relaxed, acquire>)

LITMUS(cas_succeeds_acquire, "succeeds with (acquire, relaxed)", never, forbidden, reads_flag<true, acquire, relaxed>)
LITMUS(cas_succeeds_relaxed, "succeeds with (relaxed, relaxed)", seen, allowed, reads_flag<true, relaxed, relaxed>)
LITMUS(cas_succeeds_release, "succeeds with (release, relaxed)", seen, allowed, reads_flag<true, release, relaxed>)
// The price of that: the success order of such a pair is not tested.
LITMUS(cas_succeeds_release_acquire, "succeeds with (release, acquire)", never, allowed,
       reads_flag<true, release, acquire>)
LITMUS(cas_succeeds_relaxed_acquire, "succeeds with (relaxed, acquire)", never, allowed,
       reads_flag<true, relaxed, acquire>)

template <order Success>
struct writes_flag : verify::suite<2> {
  heddle::detail::plain<int> payload{0};
  word flag{0};
  void thread(unsigned i) {
    if (i == 0) {
      payload.set(1);
      int value = 0;
      flag.compare_exchange_strong(value, 1, Success, relaxed);
    } else if (flag.load(acquire) == 1) {
      VERIFY_CHECK(payload.get() == 1);
    }
  }
};
LITMUS(cas_writes_release, "writes with (release, relaxed)", never, forbidden, writes_flag<release>)
LITMUS(cas_writes_acquire, "writes with (acquire, relaxed)", seen, allowed, writes_flag<acquire>)

template <bool Weak, int Times>
struct fails : verify::suite<2> {
  word x{0};
  int failures = 0;
  void thread(unsigned i) {
    for (int n = 0; i == 0 && n < Times; ++n) {
      int value = 0;
      const bool done = Weak ? x.compare_exchange_weak(value, 0, relaxed, relaxed)
                             : x.compare_exchange_strong(value, 0, relaxed, relaxed);
      failures += !done;
    }
  }
  void after() { VERIFY_CHECK(failures < Times); }
};

#undef SHAPE
#undef ASKED
#define SHAPE "CAS failure"
#define ASKED "fails on an equal value"

LITMUS(cas_strong, "strong", never, forbidden, fails<false, 1>)
LITMUS(cas_weak, "weak", seen, allowed, fails<true, 1>)
LITMUS_ROW(cas_weak_twice_random, "weak, twice in a row, sampled", seen, allowed, LITMUS_RANDOM, fails<true, 2>)
LITMUS_ROW(cas_weak_twice_search, "weak, twice in a row, searched", never, allowed, LITMUS_SEARCH, fails<true, 2>)

}  // namespace
}  // namespace litmus
