// What the release of a flag still covers after the flag has been written again, and what a fence covers.
#include "verify/litmus/litmus.hpp"

namespace litmus {
namespace {

#define SHAPE "release sequence"
#define ASKED "data race"

enum class how { store, rmw };

inline void set(word &flag, how change, int value) {
  if (change == how::store)
    flag.store(value, relaxed);
  else
    flag.fetch_add(1, relaxed);
}

// The flag goes from 1 to 2 in another thread.
template <how Change>
struct by_another : verify::suite<3> {
  heddle::detail::plain<int> payload{0};
  word flag{0};
  void thread(unsigned i) {
    if (i == 0) {
      payload.set(1);
      flag.store(1, release);
    } else if (i == 1) {
      if (flag.load(relaxed) == 1) set(flag, Change, 2);
    } else if (flag.load(acquire) == 2) {
      VERIFY_CHECK(payload.get() == 1);
    }
  }
};
LITMUS(rs_other_rmw, "through another thread's relaxed RMW", never, forbidden, by_another<how::rmw>)
LITMUS(rs_other_store, "after another thread's relaxed store", seen, allowed, by_another<how::store>)

// The flag goes from 1 to 2, and perhaps to 3, in the thread that released it.
template <how First, bool Again = false, bool Fence = false>
struct by_itself : verify::suite<2> {
  heddle::detail::plain<int> payload{0};
  word flag{0};
  void thread(unsigned i) {
    if (i == 0) {
      payload.set(1);
      if (Fence) fence(release);
      flag.store(1, Fence ? relaxed : release);
      set(flag, First, 2);
      if (Again) set(flag, how::rmw, 3);
    } else if (flag.load(acquire) == (Again ? 3 : 2)) {
      VERIFY_CHECK(payload.get() == 1);
    }
  }
};
LITMUS(rs_own_rmw, "through the same thread's relaxed RMW", never, forbidden, by_itself<how::rmw>)
LITMUS(rs_fence, "a release fence covers every later store", never, forbidden, by_itself<how::store, false, true>)
// C++20 (P0982) took the plain stores of the releasing thread out of the release sequence; Relacy has C++11's rule.
LITMUS(rs_own_store, "through the same thread's relaxed store", never, allowed, by_itself<how::store>)
LITMUS(rs_own_store_rmw, "through such a store and a relaxed RMW", never, allowed, by_itself<how::store, true>)

// A read-modify-write that reads the released value but does not acquire.
struct rmw_reads : verify::suite<2> {
  heddle::detail::plain<int> payload{0};
  word flag{0};
  void thread(unsigned i) {
    if (i == 0) {
      payload.set(1);
      flag.store(1, release);
    } else if (flag.fetch_add(1, release) == 1) {
      VERIFY_CHECK(payload.get() == 1);
    }
  }
};
LITMUS(rs_release_rmw_reads, "read by a release RMW", seen, allowed, rmw_reads)

// The total order of two seq_cst fences is not happens-before. The second thread enters only if the first had read y
// before the store to it, so the first fence precedes the second one. But the second thread learns that by a relaxed
// load after its fence, and only a load before its fence could synchronise.
template <order Load>
struct fence_order : verify::suite<2> {
  heddle::detail::plain<int> payload{0};
  word y{0};
  word early{0};
  void thread(unsigned i) {
    if (i == 0) {
      payload.set(1);
      fence(seq_cst);
      if (y.load(relaxed) == 0) early.store(1, relaxed);
    } else {
      y.store(1, relaxed);
      fence(seq_cst);
      if (early.load(Load) == 1) VERIFY_CHECK(payload.get() == 1);
    }
  }
};

#undef SHAPE
#define SHAPE "fence order"

LITMUS(fence_order_relaxed, "seq_cst fences in a known order", never, allowed, fence_order<relaxed>)
LITMUS(fence_order_acquire, "the same, and an acquire load", never, forbidden, fence_order<acquire>)

}  // namespace
}  // namespace litmus
