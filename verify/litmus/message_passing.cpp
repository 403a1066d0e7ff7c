// Message passing: x is written, then the flag y; the other thread reads y, then x.
#include "verify/litmus/litmus.hpp"

namespace litmus {
namespace {

template <leg Writer, leg Reader>
struct message_passing : verify::suite<2> {
  word x{0};
  word y{0};
  int flag = 0;
  int payload = 0;
  void thread(unsigned i) {
    if (i == 0) {
      x.store(1, Writer.first);
      fence(Writer.between);
      y.store(1, Writer.second);
    } else {
      flag = y.load(Reader.first);
      fence(Reader.between);
      payload = x.load(Reader.second);
    }
  }
  void after() { VERIFY_CHECK(!(flag == 1 && payload == 0)); }
};

#define SHAPE "message passing"
#define ASKED "new flag, old payload"

LITMUS(mp_relaxed, "all relaxed", seen, allowed, message_passing<leg{}, leg{}>)
LITMUS(mp_release_only, "release store", seen, allowed, message_passing<leg{.second = release}, leg{}>)
LITMUS(mp_acquire_only, "acquire load", seen, allowed, message_passing<leg{}, leg{.first = acquire}>)
LITMUS(mp_seq_cst_store_only, "seq_cst store, relaxed load", seen, allowed,
       message_passing<leg{.second = seq_cst}, leg{}>)
LITMUS(mp_rel_acq, "release store, acquire load", never, forbidden,
       message_passing<leg{.second = release}, leg{.first = acquire}>)
LITMUS(mp_seq_cst, "all seq_cst", never, forbidden, message_passing<leg{seq_cst, seq_cst}, leg{seq_cst, seq_cst}>)

// consume orders only a load that carries a dependency into what follows, and this one carries none.
LITMUS(mp_consume, "release store, consume load", never, allowed,
       message_passing<leg{.second = release}, leg{.first = std::memory_order_consume}>)

LITMUS(mp_release_fence_only, "release fence, relaxed load", seen, allowed,
       message_passing<leg{.between = release}, leg{}>)
LITMUS(mp_acquire_fence_only, "relaxed store, acquire fence", seen, allowed,
       message_passing<leg{}, leg{.between = acquire}>)
LITMUS(mp_fences_swapped, "acquire fence writes, release fence reads", seen, allowed,
       message_passing<leg{.between = acquire}, leg{.between = release}>)
LITMUS(mp_fences, "release fence, acquire fence", never, forbidden,
       message_passing<leg{.between = release}, leg{.between = acquire}>)
LITMUS(mp_fences_seq_cst, "seq_cst fences", never, forbidden, message_passing<fenced, fenced>)
LITMUS(mp_fence_load, "release fence, acquire load", never, forbidden,
       message_passing<leg{.between = release}, leg{.first = acquire}>)
LITMUS(mp_store_fence, "release store, acquire fence", never, forbidden,
       message_passing<leg{.second = release}, leg{.between = acquire}>)

// The same with plain data behind the flag: then the outcome is a data race, whatever value is read.
template <class Data, order Store, order Load>
struct message : verify::suite<2> {
  Data payload{0};
  word flag{0};
  static void put(heddle::detail::plain<int> &d) { d.set(1); }
  static void put(int &d) { d = 1; }
  static int get(const heddle::detail::plain<int> &d) { return d.get(); }
  static int get(const int &d) { return d; }
  void thread(unsigned i) {
    if (i == 0) {
      put(payload);
      flag.store(1, Store);
    } else if (flag.load(Load) == 1) {
      VERIFY_CHECK(get(payload) == 1);
    }
  }
};

#undef ASKED
#define ASKED "data race"

LITMUS(mp_plain_relaxed, "plain payload, all relaxed", seen, allowed,
       message<heddle::detail::plain<int>, relaxed, relaxed>)
LITMUS(mp_plain_rel_acq, "plain payload, release store, acquire load", never, forbidden,
       message<heddle::detail::plain<int>, release, acquire>)
LITMUS(mp_bare_relaxed, "payload outside plain<T>, all relaxed", never, allowed, message<int, relaxed, relaxed>)

}  // namespace
}  // namespace litmus
