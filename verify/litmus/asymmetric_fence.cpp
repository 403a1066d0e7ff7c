// The asymmetric fences of the world. C++20 has none, so the verdicts are those of P1202: a heavy fence does all that a
// seq_cst fence does, and so does a light fence towards a heavy one; two light fences do nothing for each other.
#include "verify/litmus/litmus.hpp"

namespace litmus {
namespace {

enum class side { none, light, heavy };

inline void pass(side s) {
  if (s == side::light) heddle::detail::fence_light();
  if (s == side::heavy) heddle::detail::fence_heavy();
}

template <side A, side B>
struct buffering : verify::suite<2> {
  word place[2];
  int value[2] = {};
  void thread(unsigned i) {
    place[i].store(1, relaxed);
    pass(i == 0 ? A : B);
    value[i] = place[1 - i].load(relaxed);
  }
  void after() { VERIFY_CHECK(!(value[0] == 0 && value[1] == 0)); }
};

#define SHAPE "asymmetric SB"
#define ASKED "both loads old"

LITMUS(asym_light_heavy, "light and heavy", never, forbidden, buffering<side::light, side::heavy>)
LITMUS(asym_heavy_light, "heavy and light", never, forbidden, buffering<side::heavy, side::light>)
LITMUS(asym_heavy_both, "heavy on both sides", never, forbidden, buffering<side::heavy, side::heavy>)
LITMUS(asym_light_both, "light on both sides", seen, allowed, buffering<side::light, side::light>)
LITMUS(asym_heavy_none, "heavy and none", seen, allowed, buffering<side::heavy, side::none>)

template <side Writer, side Reader>
struct passing : verify::suite<2> {
  heddle::detail::plain<int> payload{0};
  word flag{0};
  void thread(unsigned i) {
    if (i == 0) {
      payload.set(1);
      pass(Writer);
      flag.store(1, relaxed);
    } else if (flag.load(relaxed) == 1) {
      pass(Reader);
      VERIFY_CHECK(payload.get() == 1);
    }
  }
};

#undef SHAPE
#undef ASKED
#define SHAPE "asymmetric MP"
#define ASKED "data race"

LITMUS(asym_mp_heavy_writer, "heavy in the writer, light in the reader", never, forbidden,
       passing<side::heavy, side::light>)
LITMUS(asym_mp_heavy_reader, "light in the writer, heavy in the reader", never, forbidden,
       passing<side::light, side::heavy>)
LITMUS(asym_mp_light_both, "light on both sides", seen, allowed, passing<side::light, side::light>)

}  // namespace
}  // namespace litmus
