// The order in which two places change: the shapes 2+2W, S and R. Relacy appends each store to its place when the store
// is executed, so it misses outcomes in which the order of two stores is reversed and no load is stale.
#include "verify/litmus/litmus.hpp"

namespace litmus {
namespace {

constexpr leg rel{release, release};
constexpr leg sc{seq_cst, seq_cst};

template <leg A, leg B>
struct two_by_two_writes : verify::suite<2> {
  word place[2];
  void thread(unsigned i) {
    const leg self = i == 0 ? A : B;
    place[i].store(1, self.first);
    fence(self.between);
    place[1 - i].store(2, self.second);
  }
  void after() { VERIFY_CHECK(!(place[0].peek() == 1 && place[1].peek() == 1)); }
};

#define SHAPE "2+2W"
#define ASKED "first stores last"

LITMUS(w22_relaxed, "all relaxed", never, allowed, two_by_two_writes<leg{}, leg{}>)
LITMUS(w22_release, "all release", never, allowed, two_by_two_writes<rel, rel>)
LITMUS(w22_fences, "seq_cst fences", never, forbidden, two_by_two_writes<fenced, fenced>)
LITMUS(w22_seq_cst, "all seq_cst", never, forbidden, two_by_two_writes<sc, sc>)

template <leg Writer, leg Reader>
struct store_after_read : verify::suite<2> {
  word x{0};
  word y{0};
  int flag = 0;
  void thread(unsigned i) {
    if (i == 0) {
      x.store(2, Writer.first);
      fence(Writer.between);
      y.store(1, Writer.second);
    } else {
      flag = y.load(Reader.first);
      fence(Reader.between);
      x.store(1, Reader.second);
    }
  }
  void after() { VERIFY_CHECK(!(flag == 1 && x.peek() == 2)); }
};

#undef SHAPE
#undef ASKED
#define SHAPE "S"
#define ASKED "new flag, stores reversed"

LITMUS(s_relaxed, "all relaxed", never, allowed, store_after_read<leg{}, leg{}>)
LITMUS(s_release_only, "release store, relaxed load", never, allowed, store_after_read<leg{.second = release}, leg{}>)
LITMUS(s_acquire_only, "relaxed store, acquire load", never, allowed, store_after_read<leg{}, leg{.first = acquire}>)
LITMUS(s_rel_acq, "release store, acquire load", never, forbidden,
       store_after_read<leg{.second = release}, leg{.first = acquire}>)

template <leg Writer, leg Reader>
struct write_after_write : verify::suite<2> {
  word x{0};
  word y{0};
  int value = 0;
  void thread(unsigned i) {
    if (i == 0) {
      x.store(1, Writer.first);
      fence(Writer.between);
      y.store(1, Writer.second);
    } else {
      y.store(2, Reader.first);
      fence(Reader.between);
      value = x.load(Reader.second);
    }
  }
  void after() { VERIFY_CHECK(!(y.peek() == 2 && value == 0)); }
};

#undef SHAPE
#undef ASKED
#define SHAPE "R"
#define ASKED "second store last, load old"

LITMUS(r_relaxed, "all relaxed", seen, allowed, write_after_write<leg{}, leg{}>)
LITMUS(r_rel_acq, "release stores, acquire load", seen, allowed, write_after_write<rel, leg{release, acquire}>)
LITMUS(r_one_fence, "a seq_cst fence beside the load", seen, allowed, write_after_write<leg{}, fenced>)
LITMUS(r_fences, "seq_cst fences", never, forbidden, write_after_write<fenced, fenced>)
LITMUS(r_seq_cst, "all seq_cst", never, forbidden, write_after_write<sc, sc>)
LITMUS(r_fence_and_seq_cst, "one side fenced, the other seq_cst", seen, forbidden, write_after_write<fenced, sc>)

}  // namespace
}  // namespace litmus
