// select over the composed scheduler.
#include "heddle/select.hpp"

#include "heddle/blocking.hpp"
#include "verify/suites/scheduled.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// Every g has left its select as it came: no waker can find it done before it has begun (I53).
void check_selects(const schedt &sched) {
  for (const g *gp = sched.allgs.peek(); gp != nullptr; gp = gp->alllink.peek())
    VERIFY_INV("I53", gp->selectdone.peek() == 0);
}

// Two goroutines select on the same two channels, named in opposite order: one gives or takes, the other takes or
// gives.
template <int Procs>
struct crossing : scheduled<crossing<Procs>, 2, Procs> {
  countdown all{1};
  plain<int> given;
  void body() {
    chan<int> a, b;
    go([this, a, b] {
      select(on_send(b, 2, [this] { given.set(2); }), on_send(a, 1, [this] { given.set(1); }));
      all.arrive();
    });
    int got = 0;
    select(on_recv(a, [&](std::optional<int> v) { got = v.value_or(-1); }),
           on_recv(b, [&](std::optional<int> v) { got = v.value_or(-1); }));
    all.wait();
    VERIFY_INV("I55", got == given.get());
  }
  void check() { check_selects(this->sched); }
};
using crossing_1p = crossing<1>;
using crossing_2p = crossing<2>;

// Two selects that both give and take, on channels named in opposite order: no lock order, no end.
struct both_ways : scheduled<both_ways, 2, 2> {
  countdown all{1};
  plain<int> gave[2], got[2];
  void exchange(int who, const chan<int> &first, const chan<int> &second) {
    select(on_send(first, who + 1, [&] { gave[who].set(who + 1); }),
           on_recv(second, [&](std::optional<int> v) { got[who].set(v.value_or(-1)); }));
  }
  void body() {
    chan<int> a, b;
    go([this, a, b] {
      exchange(1, b, a);
      all.arrive();
    });
    exchange(0, a, b);
    all.wait();
    VERIFY_INV("I55", gave[0].get() == got[1].get() && gave[1].get() == got[0].get());
    VERIFY_INV("I53", (gave[0].get() == 1) != (gave[1].get() == 2));
  }
  void check() { check_selects(sched); }
};

// A select that sends to and receives from one channel must not meet itself, but another of its kind.
struct self : scheduled<self, 2, 2> {
  countdown all{1};
  plain<int> got[2];
  void turn(int who, const chan<int> &c) {
    select(on_send(c, who + 1), on_recv(c, [&](std::optional<int> v) { got[who].set(v.value_or(-1)); }));
  }
  void body() {
    chan<int> c;
    go([this, c] {
      turn(1, c);
      all.arrive();
    });
    turn(0, c);
    all.wait();
    VERIFY_INV("I53", (got[0].get() == 2 && got[1].get() == 0) || (got[0].get() == 0 && got[1].get() == 1));
  }
  void check() { check_selects(sched); }
};

// One select waits, two senders come under different locks: one is taken, the other's value is still to be had. Twice,
// so that what the first leaves behind meets the second.
template <int Ms, int Procs>
struct commits_once : scheduled<commits_once<Ms, Procs>, Ms, Procs> {
  countdown all{2};
  void body() {
    chan<int> a, b;
    go([this, a] {
      a.send(1);
      all.arrive();
    });
    go([this, b] {
      b.send(2);
      all.arrive();
    });
    int sum = 0;
    const auto take = [&](std::optional<int> v) { sum = sum * 10 + v.value_or(9); };
    select(on_recv(a, take), on_recv(b, take));
    select(on_recv(a, take), on_recv(b, take));
    VERIFY_INV("I53", sum == 12 || sum == 21);
    all.wait();
  }
  void check() { check_selects(this->sched); }
};
using commits_once_2m = commits_once<2, 2>;
using commits_once_3m = commits_once<3, 3>;

// Two selects and one value: one of them gets it. The other goes on waiting, and its own value is not lost.
struct one_value : scheduled<one_value, 2, 2> {
  countdown all{2};
  plain<int> got[2];
  void body() {
    chan<int> c, out(2);
    for (plain<int> &mine : got)
      go([this, c, out, &mine] {
        int spare = 7;
        select_case cases[] = {select_case::recv(c, value_of(mine)), select_case::send(nowhere, spare)};
        select(cases);
        VERIFY_INV("I55", spare == 7);
        mine.set(value_of(mine).value_or(-1));
        out.send(mine.get());
        all.arrive();
      });
    c.send(5);
    const int first = out.recv().value_or(0);
    VERIFY_INV("I53", first == 5);
    c.close();
    all.wait();
    VERIFY_INV("I53", got[0].get() + got[1].get() == 4);
  }
  chan<int> nowhere;
  std::optional<int> values[2];
  std::optional<int> &value_of(const plain<int> &mine) { return values[&mine - got]; }
  void check() { check_selects(sched); }
};

// A close against a select that goes to sleep on two channels.
struct closing : scheduled<closing, 2, 2> {
  countdown all{1};
  void body() {
    chan<int> a, b;
    go([this, b] {
      b.close();
      all.arrive();
    });
    int closed = 0;
    const std::size_t at =
        select(on_recv(a), on_recv(b, [&](std::optional<int> v) { closed = v.has_value() ? 2 : 1; }));
    VERIFY_INV("I50", at == 1 && closed == 1);
    all.wait();
  }
  void check() { check_selects(sched); }
};

// Two channels of one select are closed at once: it is served by one of them, and has left the other's queue before it
// goes.
struct two_closes : scheduled<two_closes, 2, 2> {
  countdown all{2};
  void body() {
    chan<int> a, b;
    for (const chan<int> &c : {a, b})
      go([this, c] {
        c.close();
        all.arrive();
      });
    select(on_recv(a), on_recv(b));
    all.wait();
    VERIFY_INV("I50", select(on_recv(a), otherwise()) == 0 && select(on_recv(b), otherwise()) == 0);
  }
  void check() { check_selects(sched); }
};

// With a default a select never waits; what it has not received is still there, what it has not sent it still has.
struct with_default : scheduled<with_default, 2, 2> {
  countdown all{1};
  void body() {
    chan<int> a, b;
    go([this, a] {
      a.send(1);
      all.arrive();
    });
    int got = 0, mine = 3;
    const std::size_t at = select(on_recv(a, [&](std::optional<int> v) { got = v.value_or(-1); }),
                                  on_send(b, std::move(mine)), otherwise());
    VERIFY_INV("I53", mine == 3 && at != 1);
    if (at == 2) got = a.recv().value_or(-1);
    VERIFY_INV("I55", got == 1);
    all.wait();
  }
  void check() { check_selects(sched); }
};

// Losers leave the queues: a channel that a select has lost is used by others afterwards, and the select's frame is
// gone.
struct leaves : scheduled<leaves, 2, 1> {
  countdown all{2};
  void body() {
    chan<int> a, b;
    go([this, a, b] {
      const std::size_t at = select(on_recv(a), on_recv(b));
      VERIFY_INV("I53", at == 0);
      all.arrive();
    });
    goyield();  // the select waits
    a.send(1);
    goyield();  // and it is over
    go([this, b] {
      b.send(2);
      all.arrive();
    });
    VERIFY_INV("I56", b.recv() == 2);
    all.wait();
  }
  void check() { check_selects(sched); }
};

// One value is left in a buffer: a select and a receiver are after it, another channel ends the one that comes too
// late.
struct buffered : scheduled<buffered, 2, 2> {
  countdown all{1};
  plain<int> got[2];
  void body() {
    chan<int> c(1), late(1);
    go([this, c, late] {
      select(on_recv(c, [this](std::optional<int> v) { got[1].set(v.value_or(-1)); }), on_recv(late));
      all.arrive();
    });
    c.send(1);
    got[0].set(c.try_recv().value_or(0));
    late.send(1);
    all.wait();
    while (const std::optional<int> v = c.try_recv()) got[0].set(got[0].get() + *v);
    VERIFY_INV("I55", got[0].get() + got[1].get() == 1);
  }
  void check() { check_selects(sched); }
};

// A thread outside selects; goroutines are at the other ends.
struct outside : scheduled<outside, 1, 1, 1> {
  chan<int> a, b, out;
  void foreign() {
    for (int i = 0; i < 2; ++i) {
      int got = 0;
      const auto take = [&](std::optional<int> v) { got = v.value_or(-1); };
      select(on_recv(a, take), on_recv(b, take));
      out.send(got);
    }
  }
  void body() {
    go([this] { a.send(1); });
    go([this] { b.send(2); });
    int sum = 0;
    sum += out.recv().value_or(9);
    sum += out.recv().value_or(9);
    VERIFY_INV("I53", sum == 3);
    while (gcount(sched) != 1) goyield();
  }
  void check() { check_selects(sched); }
};

// No runtime at all: two threads, two channels in opposite orders.
struct two_threads : suite<2> {
  chan<int> a, b;
  plain<int> word;
  void thread(unsigned i) {
    if (i == 0) {
      word.set(7);
      select(on_send(a, 1), on_send(b, 2));
    } else {
      int got = 0;
      const std::size_t at = select(on_recv(b, [&](std::optional<int> v) { got = v.value_or(-1); }),
                                    on_recv(a, [&](std::optional<int> v) { got = v.value_or(-1); }));
      VERIFY_INV("I55", got == (at == 0 ? 2 : 1) && word.get() == 7);
    }
  }
};

// As select.commits_once and select.two_closes, without a runtime: few steps, so the selects and their wakers meet at
// every point. `Close`: the others close their channels; otherwise each sends.
template <bool Close>
struct served_outside : suite<3> {
  chan<int> a, b;
  void thread(unsigned i) {
    if (i == 0) return selects();
    const chan<int> &c = i == 1 ? a : b;
    if (Close)
      c.close();
    else
      c.send(static_cast<int>(i));
  }
  void selects() {
    int sum = 0;
    const auto take = [&](std::optional<int> v) { sum = sum * 10 + v.value_or(9); };
    for (int k = 0; k < 2; ++k) select(on_recv(a, take), on_recv(b, take));
    VERIFY_INV("I53", Close ? sum == 99 : sum == 12 || sum == 21);
  }
};
using sends_outside = served_outside<false>;
using closes_outside = served_outside<true>;

// A goroutine in a call selects: its thread sleeps.
struct in_a_call : scheduled<in_a_call, 2, 1> {
  countdown all{1};
  void body() {
    chan<int> a, b;
    go([this, b] {
      b.send(2);
      all.arrive();
    });
    int got = 0;
    blocking_long([&] { select(on_recv(a), on_recv(b, [&](std::optional<int> v) { got = v.value_or(-1); })); });
    VERIFY_INV("I55", got == 2);
    all.wait();
  }
  void check() { check_selects(sched); }
};

}  // namespace

HEDDLE_SUITE(crossing_1p, {.name = "select.crossing_1p",
                           .component = "select",
                           .invariants = "I25 I26 I53 I54 I55",
                           .what = "a select that sends meets one that receives, on one P",
                           .modes = {random_mix(0.3)}})
HEDDLE_SUITE(crossing_2p, {.name = "select.crossing",
                           .component = "select",
                           .invariants = "I25 I26 I53 I54 I55",
                           .what = "as select.crossing_1p on two Ps",
                           .modes = {random_mix(0.9)}})
HEDDLE_SUITE(both_ways, {.name = "select.both_ways",
                         .component = "select",
                         .invariants = "I53 I54 I55",
                         .what = "two selects send and receive on two channels, named in opposite order",
                         .modes = {random_mix(1)}})
HEDDLE_SUITE(self, {.name = "select.self",
                    .component = "select",
                    .invariants = "I51 I53 I55",
                    .what = "selects that send to and receive from one channel meet each other, not themselves",
                    .modes = {random_mix(0.7)}})
HEDDLE_SUITE(commits_once_2m, {.name = "select.commits_once",
                               .component = "select",
                               .invariants = "I25 I53 I55 I56",
                               .what = "two senders to one select, two times",
                               .modes = {random_mix(1)}})
HEDDLE_SUITE(commits_once_3m, {.name = "select.commits_once_3m",
                               .component = "select",
                               .invariants = "I25 I53 I55 I56",
                               .what = "as select.commits_once on three Ps",
                               .modes = {random_mix(1)}})
HEDDLE_SUITE(one_value, {.name = "select.one_value",
                         .component = "select",
                         .invariants = "I53 I55",
                         .what = "two selects and one value; the one that has not got it keeps what it wanted to send",
                         .modes = {random_mix(0.8)}})
HEDDLE_SUITE(closing, {.name = "select.close",
                       .component = "select",
                       .invariants = "I50 I53 I56",
                       .what = "close against a select that parks on two channels",
                       .modes = {random_mix(0.6)}})
HEDDLE_SUITE(two_closes, {.name = "select.two_closes",
                          .component = "select",
                          .invariants = "I25 I50 I53 I56",
                          .what = "both channels of a select are closed at once",
                          .modes = {random_mix(0.8)}})
HEDDLE_SUITE(with_default, {.name = "select.default",
                            .component = "select",
                            .invariants = "I53 I55",
                            .what = "a select with otherwise against a sender",
                            .modes = {random_mix(0.6)}})
HEDDLE_SUITE(leaves, {.name = "select.leaves",
                      .component = "select",
                      .invariants = "I53 I56",
                      .what = "a channel is used after a select has lost it",
                      .modes = {random_mix(0.3)}})
HEDDLE_SUITE(buffered, {.name = "select.buffered",
                        .component = "select",
                        .invariants = "I52 I53 I55",
                        .what = "a select and a receiver after one buffered value",
                        .modes = {random_mix(0.6)}})
HEDDLE_SUITE(outside, {.name = "select.outside",
                       .component = "select",
                       .invariants = "I25 I53 I55",
                       .what = "a thread that is no M selects",
                       .modes = {random_mix(0.6)}})
HEDDLE_SUITE(two_threads, {.name = "select.two_threads",
                           .component = "select",
                           .invariants = "I53 I54 I55",
                           .what = "two threads that are no Ms select on two channels",
                           .modes = {random_mix(0.4), bounded(2, 0.5)}})
HEDDLE_SUITE(sends_outside, {.name = "select.three_threads",
                             .component = "select",
                             .invariants = "I25 I53 I55 I56",
                             .what = "two threads send to one that selects two times",
                             .modes = {random_mix(0.9)}})
HEDDLE_SUITE(closes_outside, {.name = "select.three_threads_close",
                              .component = "select",
                              .invariants = "I25 I50 I53 I56",
                              .what = "two threads close the channels of one that selects two times",
                              .modes = {random_mix(0.6)}})
HEDDLE_SUITE(in_a_call, {.name = "select.in_a_call",
                         .component = "select",
                         .invariants = "I25 I53 I55",
                         .what = "a goroutine selects inside blocking_long",
                         .modes = {random_mix(0.3)}})
