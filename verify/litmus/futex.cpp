// The futex, on which a note sleeps. The verdicts are those of the kernel's interface: a sleep compares its word within
// the call; a wake without a sleeper is lost; a sleep may end for no reason, and a timed sleep also because its time is
// over; and none of this orders memory.
#include "verify/litmus/litmus.hpp"

namespace litmus {
namespace {

using note_word = heddle::detail::atomic<std::uint32_t>;

template <order Store, order Load>
struct sleep_and_wake : verify::suite<2> {
  note_word note{0};
  heddle::detail::plain<int> payload{0};
  void thread(unsigned i) {
    if (i == 0) {
      payload.set(1);
      note.store(1, Store);
      heddle::detail::futex_wake(note);
    } else {
      while (note.load(Load) == 0) heddle::detail::futex_sleep(note, 0);
      VERIFY_CHECK(payload.get() == 1);
    }
  }
};

struct wake_only : verify::suite<2> {
  note_word note{0};
  void thread(unsigned i) {
    if (i == 0)
      heddle::detail::futex_wake(note);
    else
      heddle::detail::futex_sleep(note, 0);
  }
};

struct sleep_once : verify::suite<2> {
  note_word note{0};
  bool awake = false;
  bool changed = false;
  void thread(unsigned i) {
    if (i == 0) {
      note.store(1, release);
      heddle::detail::futex_wake(note);
    } else {
      heddle::detail::futex_sleep(note, 0);
      changed = note.peek() == 1;
      awake = true;
    }
  }
  void after() { VERIFY_CHECK(!(awake && !changed)); }
};

// No thread stores anything: a timed sleep that returns true was woken, or has ended for no reason.
struct timed_sleep : verify::suite<2> {
  note_word note{0};
  bool asked = false;
  bool over = false;
  void thread(unsigned i) {
    if (i == 0) {
      heddle::detail::futex_wake(note);
    } else {
      over = !heddle::detail::futex_sleep_for(note, 0, 1000);
      asked = true;
    }
  }
};
struct timed_over : timed_sleep {
  void after() { VERIFY_CHECK(!(asked && over)); }
};
struct timed_woken : timed_sleep {
  void after() { VERIFY_CHECK(!(asked && !over)); }
};
struct timed_alone : timed_sleep {
  void thread(unsigned i) {
    if (i == 0) return;
    timed_sleep::thread(i);
  }
  void after() { VERIFY_CHECK(over); }
};

template <order Store, order Load>
struct timed_message : verify::suite<2> {
  note_word note{0};
  heddle::detail::plain<int> payload{0};
  void thread(unsigned i) {
    if (i == 0) {
      payload.set(1);
      note.store(1, Store);
      heddle::detail::futex_wake(note);
    } else {
      while (note.load(Load) == 0) heddle::detail::futex_sleep_for(note, 0, 1000);
      VERIFY_CHECK(payload.get() == 1);
    }
  }
};

#define SHAPE "futex"

#define ASKED "a lost wake-up or a data race"
LITMUS(futex_wakes, "the waker stores with release, then wakes", never, forbidden, sleep_and_wake<release, acquire>)
#undef ASKED
#define ASKED "data race"
LITMUS(futex_relaxed, "sleep and wake around a relaxed word", seen, allowed, sleep_and_wake<relaxed, relaxed>)
#undef ASKED
#define ASKED "lost wake-up"
LITMUS(futex_lost, "the waker stores nothing", seen, allowed, wake_only)
#undef ASKED
#define ASKED "sleep ends, word unchanged"
LITMUS_ROW(futex_spurious_random, "sampled", seen, allowed, LITMUS_RANDOM, sleep_once)
LITMUS_ROW(futex_spurious_search, "searched", never, allowed, LITMUS_SEARCH, sleep_once)
#undef ASKED
#define ASKED "a timed sleep's time is over"
LITMUS(futex_timed_over, "a thread wakes it, in time or not", seen, allowed, timed_over)
#undef ASKED
#define ASKED "a timed sleep is woken"
LITMUS(futex_timed_woken, "a thread wakes it, in time or not", seen, allowed, timed_woken)
#undef ASKED
#define ASKED "a timed sleep ends, no thread wakes it, time left"
LITMUS_ROW(futex_timed_spurious_random, "sampled", seen, allowed, LITMUS_RANDOM, timed_alone)
LITMUS_ROW(futex_timed_spurious_search, "searched", never, allowed, LITMUS_SEARCH, timed_alone)
#undef ASKED
#define ASKED "a lost wake-up or a data race"
LITMUS(futex_timed_wakes, "timed sleeps until the word has changed", never, forbidden, timed_message<release, acquire>)
#undef ASKED
#define ASKED "data race"
LITMUS(futex_timed_relaxed, "timed sleeps around a relaxed word", seen, allowed, timed_message<relaxed, relaxed>)

}  // namespace
}  // namespace litmus
