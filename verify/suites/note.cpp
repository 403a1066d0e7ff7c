// note: a wake-up is never lost, whether it comes before the sleep, while the sleeper lies down, or after.
#include "sched/note.hpp"

#include "verify/suite.hpp"

namespace {

using heddle::acquire;
using heddle::release;

// As stopm and startm use it, twice in a row: the sleeper says that it may be woken, the waker writes and wakes once.
struct handover : verify::suite<2> {
  heddle::note park;
  heddle::atomic<std::uint32_t> listed;  // stands for midle
  heddle::plain<std::uint32_t> nextp;
  void thread(unsigned i) {
    for (std::uint32_t round = 1; round <= 2; ++round) {
      if (i == 0) {
        while (listed.load(acquire) != round) heddle::cpu_relax();
        nextp.set(round);
        park.notewakeup();
      } else {
        listed.store(round, release);
        park.notesleep();
        park.noteclear();
        VERIFY_INV("I38", nextp.get() == round);
      }
    }
  }
};
HEDDLE_SUITE(handover, {.name = "note.handover",
                        .component = "sched/note",
                        .invariants = "I38",
                        .what = "a wake-up before, during and after the way to sleep, and again after noteclear",
                        .modes = {verify::random_mix(2), verify::bounded(3, 5)}})

}  // namespace
