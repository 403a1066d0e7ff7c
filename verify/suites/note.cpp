// note: a wake-up is never lost, whether it comes before the sleep, while the sleeper goes to sleep, or after.
#include "sched/note.hpp"

#include "verify/suite.hpp"

namespace {

using heddle::detail::acquire;
using heddle::detail::release;

// As stopm and startm use it, twice in a row: the sleeper says that it may be woken, the waker writes and wakes once.
struct handover : verify::suite<2> {
  heddle::detail::note park;
  heddle::detail::atomic<std::uint32_t> listed;  // stands for midle
  heddle::detail::plain<std::uint32_t> nextp;
  void thread(unsigned i) {
    for (std::uint32_t round = 1; round <= 2; ++round) {
      if (i == 0) {
        while (listed.load(acquire) != round) heddle::detail::cpu_relax();
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

// A sleep with a time, as sysmon sleeps. A wake-up in time, or too late, is noticed once: by this sleep or by the next,
// and by none after noteclear.
template <bool Timed>
struct in_time : verify::suite<2> {
  heddle::detail::note park;
  heddle::detail::plain<std::uint32_t> nextp;
  VERIFY_NAMES(park, nextp)
  void thread(unsigned i) {
    if (i == 0) {
      nextp.set(1);
      park.notewakeup();
      return;
    }
    if (!park.notetsleep(3000)) {
      if (Timed)
        while (!park.notetsleep(3000)) heddle::detail::cpu_relax();
      else
        park.notesleep();
    }
    VERIFY_INV("I38", nextp.get() == 1);
    park.noteclear();
    VERIFY_INV("I38", !park.notetsleep(3000));
  }
};
HEDDLE_WORLDS(
    in_time, "sched/note", "I38",
    {verify::world<in_time<true>>({.name = "note.timed",
                                   .what = "a wake-up in or out of a sleep's time is noticed by it or by the next",
                                   .modes = {verify::random_mix(2), verify::full_search(5)}}),
     verify::world<in_time<false>>({.name = "note.timed_then_for_good",
                                    .what = "the same, and the next sleep has no end of its own",
                                    .modes = {verify::random_mix(2), verify::full_search(5)}})})

// The same note, twice: a wake-up that comes when the time is over belongs to the round in which it was made.
struct rounds : verify::suite<2> {
  heddle::detail::note park;
  heddle::detail::atomic<std::uint32_t> listed;
  heddle::detail::plain<std::uint32_t> nextp;
  VERIFY_NAMES(park, listed, nextp)
  void thread(unsigned i) {
    for (std::uint32_t round = 1; round <= 2; ++round) {
      if (i == 0) {
        while (listed.load(acquire) != round) heddle::detail::cpu_relax();
        nextp.set(round);
        park.notewakeup();
      } else {
        listed.store(round, release);
        if (!park.notetsleep(3000)) park.notesleep();
        park.noteclear();
        VERIFY_INV("I38", nextp.get() == round);
      }
    }
  }
};
HEDDLE_SUITE(rounds, {.name = "note.timed_rounds",
                      .component = "sched/note",
                      .invariants = "I38",
                      .what = "sleeps with a time, and again after noteclear",
                      .modes = {verify::random_mix(2), verify::bounded(3, 5)}})

}  // namespace
