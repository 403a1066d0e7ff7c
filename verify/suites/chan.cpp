// Channels over the composed scheduler.
#include <optional>

#include "heddle/chan.hpp"
#include "verify/suites/scheduled.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// One sender, one receiver, `Count` values, in order; what the sender did before each send comes with it.
template <int Ms, int Procs, int Capacity, int Count>
struct handoff : scheduled<handoff<Ms, Procs, Capacity, Count>, Ms, Procs> {
  plain<int> before_send[Count];
  void body() {
    chan<int> c(Capacity);
    go([this, c] {
      for (int i = 0; i < Count; ++i) {
        before_send[i].set(i + 1);
        c.send(i);
      }
      c.close();
    });
    int next = 0;
    for (const int v : c) {
      VERIFY_INV("I55", v == next);
      VERIFY_INV("I55", before_send[v].get() == v + 1);
      ++next;
    }
    VERIFY_INV("I55", next == Count);
  }
};
using handoff_1p = handoff<2, 1, 0, 2>;
using handoff_2p = handoff<2, 2, 0, 2>;
using handoff_buffered = handoff<2, 2, 1, 3>;

// Two senders, two receivers, one channel: each value arrives once, whichever sender meets whichever receiver.
template <int Capacity>
struct crowd : scheduled<crowd<Capacity>, 2, 2> {
  plain<int> got[2];
  countdown all{3};
  void receive(const chan<int> &c) {
    const std::optional<int> v = c.recv();
    VERIFY_INV("I55", v.has_value());
    got[*v].set(got[*v].get() + 1);  // a value that came twice is a race here, or a two
  }
  void body() {
    chan<int> c(Capacity);
    for (int i = 0; i < 2; ++i)
      go([this, c, i] {
        c.send(i);
        all.arrive();
      });
    go([this, c] {
      receive(c);
      all.arrive();
    });
    receive(c);
    all.wait();
    VERIFY_INV("I55", got[0].get() == 1 && got[1].get() == 1);
  }
};
using crowd_unbuffered = crowd<0>;
using crowd_buffered = crowd<1>;

// A close against receivers that park: each of them ends, with the value or without.
struct closing : scheduled<closing, 2, 2> {
  plain<int> got[2];
  countdown all{2};
  void body() {
    chan<int> c(1);
    for (plain<int> &slot : got)
      go([this, c, &slot] {
        slot.set(c.recv().value_or(-1));
        all.arrive();
      });
    c.send(5);
    c.close();
    all.wait();
    VERIFY_INV("I50", got[0].get() + got[1].get() == 4);
    VERIFY_INV("I50", !c.recv() && c.closed());  // as often as it is asked
  }
};

// try_send and try_recv never wait and never lose: what was sent is received or still there.
struct trying : scheduled<trying, 2, 2> {
  countdown all{1};
  plain<int> sent;
  void body() {
    chan<int> c(1);
    go([this, c] {
      sent.set(c.try_send(1) + c.try_send(2));
      all.arrive();
    });
    int received = c.try_recv().has_value();
    all.wait();
    while (c.try_recv()) ++received;
    VERIFY_INV("I55", received == sent.get() && received >= 1);
  }
};

// Two threads have handles, and no scheduler. One sends and drops its handle; the thread that drops the last one frees
// what was sent.
struct last : suite<2> {
  std::optional<chan<int>> handles[2];
  void before() {
    handles[0].emplace(1);
    handles[1] = handles[0];
  }
  void thread(unsigned i) {
    if (i == 0) VERIFY_INV("CHAN-1", handles[0]->try_send(1));
    handles[i].reset();
  }
};

// Waiters are served in the order in which they came, senders and receivers alike. On one P no other goroutine comes
// between the note and the wait.
struct order : scheduled<order, 2, 1> {
  int came = 0;
  countdown all{4};
  void body() {
    chan<int> c, d;
    for (int i = 0; i < 2; ++i) {
      go([this, c] {
        c.send(came++);
        all.arrive();
      });
    }
    goyield();
    for (int i = 0; i < 2; ++i) VERIFY_INV("I55", c.recv() == i);
    came = 0;
    for (int i = 0; i < 2; ++i) {
      go([this, d] {
        const int turn = came++;
        VERIFY_INV("I55", d.recv() == turn);
        all.arrive();
      });
    }
    goyield();
    for (int i = 0; i < 2; ++i) d.send(i);
    all.wait();
  }
};

}  // namespace

HEDDLE_SUITE(handoff_1p, {.name = "chan.handoff_1p",
                          .component = "chan",
                          .invariants = "I25 I26 I51 I52 I55",
                          .what = "two values through an unbuffered channel on one P",
                          .modes = {random_mix(3)}})
HEDDLE_SUITE(handoff_2p, {.name = "chan.handoff",
                          .component = "chan",
                          .invariants = "I25 I26 I51 I52 I55",
                          .what = "as chan.handoff_1p on two Ps",
                          .modes = {random_mix(8)}})
HEDDLE_SUITE(handoff_buffered, {.name = "chan.buffered",
                                .component = "chan",
                                .invariants = "I25 I26 I51 I52 I55",
                                .what = "three values through a buffer of one",
                                .modes = {random_mix(6)}})
HEDDLE_SUITE(crowd_unbuffered, {.name = "chan.crowd",
                                .component = "chan",
                                .invariants = "I25 I26 I51 I55",
                                .what = "two senders and two receivers",
                                .modes = {random_mix(6)}})
HEDDLE_SUITE(crowd_buffered, {.name = "chan.crowd_buffered",
                              .component = "chan",
                              .invariants = "I25 I26 I51 I52 I55",
                              .what = "as chan.crowd with a buffer of one",
                              .modes = {random_mix(5)}})
HEDDLE_SUITE(closing, {.name = "chan.close",
                       .component = "chan",
                       .invariants = "I50 I55",
                       .what = "close against receivers that park",
                       .modes = {random_mix(5)}})
HEDDLE_SUITE(order, {.name = "chan.order",
                     .component = "chan",
                     .invariants = "I55",
                     .what = "waiting senders and receivers are served in the order in which they came",
                     .modes = {random_mix(1)}})
HEDDLE_SUITE(last, {.name = "chan.last",
                    .component = "chan",
                    .invariants = "CHAN-1",
                    .what = "two handles go at once, one of them after a send: the thread that frees it sees all",
                    .modes = {random_mix(1), bounded(3, 1)}})
HEDDLE_SUITE(trying, {.name = "chan.try",
                      .component = "chan",
                      .invariants = "I55",
                      .what = "try_send against try_recv",
                      .modes = {random_mix(3)}})
