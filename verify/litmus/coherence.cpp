// One place in memory: all threads see its changes in one order, whatever the memory orders. And how old a value a load
// may return.
#include "verify/litmus/litmus.hpp"

namespace litmus {
namespace {

#define SHAPE "coherence"
#define ASKED "later load older"

struct read_read : verify::suite<2> {
  word x{0};
  int value[2] = {};
  void thread(unsigned i) {
    if (i == 0) {
      x.store(1, relaxed);
      x.store(2, relaxed);
    } else {
      value[0] = x.load(relaxed);
      value[1] = x.load(relaxed);
    }
  }
  void after() { VERIFY_CHECK(value[0] <= value[1]); }
};
LITMUS(co_rr, "two relaxed loads of one thread", never, forbidden, read_read)

struct write_read : verify::suite<2> {
  word x{0};
  int value = 0;
  void thread(unsigned i) {
    x.store(static_cast<int>(i) + 1, relaxed);
    if (i == 0) value = x.load(relaxed);
  }
  void after() { VERIFY_CHECK(value != 0); }
};
LITMUS(co_wr, "a relaxed load after a store of its own thread", never, forbidden, write_read)

#undef ASKED
#define ASKED "the earlier store comes last"

struct write_write : verify::suite<2> {
  word x{0};
  int value = 0;
  void thread(unsigned i) {
    if (i == 0) {
      x.store(1, relaxed);
      x.store(2, relaxed);
    } else {
      value = x.load(relaxed);
    }
  }
  void after() { VERIFY_CHECK(x.peek() == 2); }
};
LITMUS(co_ww, "two relaxed stores of one thread", never, forbidden, write_write)

struct read_write : verify::suite<2> {
  word x{0};
  int value = 0;
  void thread(unsigned i) {
    if (i == 0) {
      x.store(1, relaxed);
    } else {
      value = x.load(relaxed);
      x.store(2, relaxed);
    }
  }
  void after() { VERIFY_CHECK(!(value == 1 && x.peek() == 1)); }
};
LITMUS(co_rw, "a relaxed store after a load of the other", never, forbidden, read_write)

#undef ASKED
#define ASKED "readers disagree on the order"

struct agreement : verify::suite<4> {
  word x{0};
  int value[2][2] = {};
  void thread(unsigned i) {
    if (i < 2) return x.store(static_cast<int>(i) + 1, relaxed);
    for (int &v : value[i - 2]) v = x.load(relaxed);
  }
  void after() { VERIFY_CHECK(!(value[0][0] == 1 && value[0][1] == 2 && value[1][0] == 2 && value[1][1] == 1)); }
};
LITMUS(co_agree, "all relaxed", never, forbidden, agreement)

// A load may return any store after which no other store is ordered before the load. Relacy keeps three stores for each
// place; to keep the tree finite, the search goes back by only one.
template <int Back>
struct staleness : verify::suite<2> {
  word x{0};
  word flag{0};
  int value = 1;
  void thread(unsigned i) {
    if (i == 0) {
      for (int v = 1; v <= Back; ++v) x.store(v, relaxed);
      flag.store(1, relaxed);
    } else if (flag.load(relaxed) == 1) {
      value = x.load(relaxed);
    }
  }
  void after() { VERIFY_CHECK(value != 0); }
};

#undef SHAPE
#undef ASKED
#define SHAPE "staleness"
#define ASKED "an old value is read"

LITMUS(stale_one, "one store back", seen, allowed, staleness<1>)
LITMUS_ROW(stale_two_random, "two stores back, sampled", seen, allowed, LITMUS_RANDOM, staleness<2>)
LITMUS_ROW(stale_two_search, "two stores back, searched", never, allowed, LITMUS_SEARCH, staleness<2>)
LITMUS(stale_three, "three stores back", never, allowed, staleness<3>)

}  // namespace
}  // namespace litmus
