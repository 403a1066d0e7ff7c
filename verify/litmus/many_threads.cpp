// Shapes of three and four threads: do all threads see the same order?
#include "verify/litmus/litmus.hpp"

namespace litmus {
namespace {

template <order Store, leg Reader>
struct independent_reads : verify::suite<4> {
  word place[2];
  int first[2] = {};
  int second[2] = {};
  void thread(unsigned i) {
    if (i < 2) {
      place[i].store(1, Store);
    } else {
      const unsigned self = i - 2;
      first[self] = place[self].load(Reader.first);
      fence(Reader.between);
      second[self] = place[1 - self].load(Reader.second);
    }
  }
  void after() { VERIFY_CHECK(!(first[0] == 1 && second[0] == 0 && first[1] == 1 && second[1] == 0)); }
};

#define SHAPE "IRIW"
#define ASKED "opposite orders seen"

LITMUS(iriw_relaxed, "all relaxed", seen, allowed, independent_reads<relaxed, leg{}>)
LITMUS(iriw_rel_acq, "release stores, acquire loads", seen, allowed, independent_reads<release, leg{acquire, acquire}>)
LITMUS(iriw_seq_cst, "all seq_cst", never, forbidden, independent_reads<seq_cst, leg{seq_cst, seq_cst}>)
// P0668: forbidden since C++20, where coherence also orders a load of the value that another thread reads.
LITMUS_ROW(iriw_reader_fences, "relaxed, seq_cst fences in the readers", never, forbidden, LITMUS_LONG_SEARCH,
           independent_reads<relaxed, fenced>)
// The text of C++20 forbids it for the same reason, though the stores are relaxed. RC11 allows it: in RC11 only single
// steps between seq_cst accesses count, and these go through a store that is not seq_cst.
LITMUS(iriw_seq_cst_loads, "relaxed stores, seq_cst loads", seen, forbidden,
       independent_reads<relaxed, leg{seq_cst, seq_cst}>)

template <leg Middle, leg Reader>
struct write_to_read : verify::suite<3> {
  word x{0};
  word y{0};
  int relayed = 0;
  int flag = 0;
  int value = 0;
  void thread(unsigned i) {
    if (i == 0) {
      x.store(1, relaxed);
    } else if (i == 1) {
      relayed = x.load(Middle.first);
      y.store(1, Middle.second);
    } else {
      flag = y.load(Reader.first);
      value = x.load(Reader.second);
    }
  }
  void after() { VERIFY_CHECK(!(relayed == 1 && flag == 1 && value == 0)); }
};

#undef SHAPE
#undef ASKED
#define SHAPE "WRC"
#define ASKED "relayed value old"

LITMUS(wrc_relaxed, "all relaxed", seen, allowed, write_to_read<leg{}, leg{}>)
// The coherence of the two reads is enough: the store of x itself needs no release.
LITMUS(wrc_rel_acq, "release store of the flag, acquire load", never, forbidden,
       write_to_read<leg{.second = release}, leg{.first = acquire}>)

template <order Load>
struct relay : verify::suite<3> {
  word x{0};
  word y{0};
  word z{0};
  int relayed = 0;
  int flag = 0;
  int value = 0;
  void thread(unsigned i) {
    if (i == 0) {
      x.store(1, relaxed);
      y.store(1, release);
    } else if (i == 1) {
      relayed = y.load(Load);
      z.store(1, release);
    } else {
      flag = z.load(acquire);
      value = x.load(relaxed);
    }
  }
  void after() { VERIFY_CHECK(!(relayed == 1 && flag == 1 && value == 0)); }
};

#undef SHAPE
#undef ASKED
#define SHAPE "ISA2"
#define ASKED "relayed flag new, payload old"

LITMUS(isa2_rel_acq, "release and acquire throughout", never, forbidden, relay<acquire>)
LITMUS(isa2_relaxed_relay, "the relay reads relaxed", seen, allowed, relay<relaxed>)

// The program that made C++20 weaken seq_cst (P0668): happens-before through the release store no longer places the
// first store before the fetch_add in the total order. A seq_cst load of Relacy never passes over a seq_cst store.
struct seq_cst_beside_release : verify::suite<3> {
  word x{0};
  word y{0};
  int added_to = 0;
  int reread = 0;
  int value = 0;
  void thread(unsigned i) {
    if (i == 0) {
      x.store(1, seq_cst);
      y.store(1, release);
    } else if (i == 1) {
      added_to = y.fetch_add(1, seq_cst);
      reread = y.load(relaxed);
    } else {
      y.store(3, seq_cst);
      value = x.load(seq_cst);
    }
  }
  void after() { VERIFY_CHECK(!(added_to == 1 && reread == 3 && value == 0)); }
};

#undef SHAPE
#undef ASKED
#define SHAPE "Z6.U"
#define ASKED "seq_cst load old"

LITMUS(z6u_seq_cst, "one release store, the rest seq_cst", never, allowed, seq_cst_beside_release)

}  // namespace
}  // namespace litmus
