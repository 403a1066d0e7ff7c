// runq: the ring and runnext between an owner and thieves. Every item once, contents visible (I20), steals are
// prefixes.
//
// A suite whose name ends in _r8 is the one without in a ring of eight; _t3: with three thieves; _wrap: across 2^32.
// Two, four and eight are the sizes at which halves round differently: a steal takes 1, 2 and 4 at most.
#include "verify/suites/ring.hpp"

namespace {

using namespace verify;

// The ring is filled, gives one and takes one more, against a steal by each thief. In a ring of two it is the smallest
// world with every outcome. A slot is used twice.
template <std::uint32_t N, std::uint32_t Start, int Thieves>
struct fill_and_turn : verify::suite<1 + Thieves> {
  static constexpr int size = static_cast<int>(N);
  ledger<size + 1> books;
  ring<N> q{Start}, own[Thieves];
  VERIFY_NAMES(books, q, own)
  void before() { put_all(books, q, 0, size - 2); }
  void thread(unsigned i) {
    if (i > 0) {
      steal_run(books, own[i - 1], q, false);
      return;
    }
    put_all(books, q, size - 2, size);
    books.take(get(q));
    put(books, q, size);
  }
  void after() {
    if constexpr (N > 2) steal_half(books, own[0], q);  // of two: runq.tiny_full
    settle(books, q);
  }
};
using tiny = fill_and_turn<2, wrap_in(1), 1>;
HEDDLE_SUITE(tiny, {.name = "runq.tiny",
                    .component = "runq",
                    .invariants = "I18 I19 I20 I22",
                    .what = "ring of two: put, put, get, put against a steal; wraps at 2^32",
                    .modes = {verify::random_mix(2), verify::bounded(3, 5)}})
// The wrap lies in the middle of what one steal takes.
HEDDLE_WORLDS(
    tiny, "runq", "I18 I19 I20 I22",
    {world<fill_and_turn<4, wrap_in(1), 1>>({.name = "runq.tiny_r4",
                                             .what = "ring of four: filled, one got, one put, against a steal",
                                             .modes = {bounded(2, 0.7)}}),
     world<fill_and_turn<8, wrap_in(2), 1>>({.name = "runq.tiny_r8",
                                             .what = "ring of eight: filled, one got, one put, against a steal",
                                             .modes = {random_mix(0.3), bounded(2, 0.7)}}),
     world<fill_and_turn<2, wrap_in(1), 2>>({.name = "runq.tiny_t2",
                                             .what = "as runq.tiny with two thieves after the last item",
                                             .modes = {random_mix(0.3), bounded(2, 0.7)}}),
     world<fill_and_turn<8, wrap_in(2), 2>>(
         {.name = "runq.tiny_r8_t2", .what = "as runq.tiny_r8 with two thieves", .modes = {random_mix(0.5)}}),
     world<fill_and_turn<4, wrap_in(1), 3>>(
         {.name = "runq.tiny_r4_t3", .what = "as runq.tiny_r4 with three thieves", .modes = {random_mix(0.5)}})})

// Less of the same, so that the search comes to its end.
struct tinier : verify::suite<2> {
  ledger<2> books;
  ring<2> q{wrap_in(1)}, own;
  VERIFY_NAMES(books, q, own)
  void before() { put(books, q, 0); }
  void thread(unsigned i) {
    if (i == 1) {
      books.take(own.runqsteal(q, false));
      return;
    }
    put(books, q, 1);
    books.take(get(q, false));
  }
  void after() {
    steal_half(books, own, q);
    settle(books, q);
  }
};
HEDDLE_SUITE(tinier, {.name = "runq.tiny_full",
                      .component = "runq",
                      .invariants = "I18 I19 I20 I22",
                      .what = "ring of two with one item: put and get against a steal, searched to the end",
                      .modes = {verify::full_search(20)}})

// A full ring spills its older half while thieves take from the same end.
template <std::uint32_t N, std::uint32_t Start, int Thieves>
struct spill : verify::suite<1 + Thieves> {
  static constexpr int size = static_cast<int>(N);
  ledger<size + 2> books;
  ring<N> q{Start}, own[Thieves];
  VERIFY_NAMES(books, q, own)
  void before() { put_all(books, q, 0, size - 2); }
  void thread(unsigned i) {
    if (i > 0) {
      steal_run(books, own[i - 1], q, false);
      steal_run(books, own[i - 1], q, false);
      return;
    }
    for (int k = size - 2; k < size + 2; ++k) q.runqput(books.fresh(k), false, [this](list &batch) { spilled(batch); });
  }
  void spilled(list &batch) {
    VERIFY_INV("I18", batch.size() == N / 2 + 1);  // half of the ring and the one that did not fit
    for (int last = -1; !batch.empty();) {
      const int k = books.take(batch.pop_front());
      VERIFY_INV("I22", k > last);
      last = k;
    }
  }
  void after() { settle(books, q); }
};
using overflow = spill<2, wrap_in(2), 1>;
HEDDLE_SUITE(overflow, {.name = "runq.overflow",
                        .component = "runq",
                        .invariants = "I18 I19 I20 I22",
                        .what = "a full ring of two spills half while a thief steals",
                        .modes = {verify::random_mix(2), verify::bounded(2, 5)}})
// The wrap lies in the middle of the half that is spilled.
HEDDLE_WORLDS(overflow, "runq", "I18 I19 I20 I22",
              {world<spill<4, wrap_in(1), 1>>({.name = "runq.overflow_r4",
                                               .what = "a full ring of four spills half while a thief steals",
                                               .modes = {random_mix(0.3), bounded(2, 0.7)}}),
               world<spill<8, wrap_in(2), 1>>({.name = "runq.overflow_r8",
                                               .what = "a full ring of eight spills half while a thief steals",
                                               .modes = {random_mix(0.3), bounded(2, 0.7)}}),
               world<spill<2, wrap_in(1), 2>>({.name = "runq.overflow_t2",
                                               .what = "a full ring of two spills half while two thieves steal",
                                               .modes = {random_mix(0.3), bounded(2, 0.4)}}),
               world<spill<8, wrap_in(2), 2>>({.name = "runq.overflow_r8_t2",
                                               .what = "a full ring of eight spills half while two thieves steal",
                                               .modes = {random_mix(0.5)}})})

// The larger world: a ring of four, six items, the wrap, an owner that gets and two thieves.
struct two_thieves : verify::suite<3> {
  ledger<6> books;
  ring<4> q{wrap_in(2)}, own[2];
  VERIFY_NAMES(books, q, own)
  void thread(unsigned i) {
    if (i > 0) {
      steal_run(books, own[i - 1], q, false);
      return;
    }
    put_all(books, q, 0, 4);
    books.take(get(q));
    for (int k = 4; k < 6; ++k) q.runqput(books.fresh(k), false, [this](list &batch) { books.take_all(batch); });
    books.take(get(q));
  }
  void after() {
    steal_half(books, own[0], q);
    settle(books, q);
  }
};
HEDDLE_SUITE(two_thieves, {.name = "runq.two_thieves",
                           .component = "runq",
                           .invariants = "I18 I19 I20 I22",
                           .what = "ring of four across 2^32: owner puts six and gets, two thieves steal",
                           .modes = {verify::random_mix(6), verify::bounded(2, 5)}})

// Overflow into the global queue while one thief steals and another M empties the global queue.
struct overflow_to_global : verify::suite<3> {
  ledger<6> books;
  ring<4> q{wrap_in(3)}, own, other;
  heddle::detail::globrunq<test_item> global;
  VERIFY_NAMES(books, q, own, other, global)
  void thread(unsigned i) {
    if (i == 0) {
      for (int k = 0; k < 6; ++k)
        q.runqput(books.fresh(k), false, [this](list &batch) { global.globrunqputbatch(batch); });
    } else if (i == 1) {
      steal_run(books, own, q, false);
    } else {
      for (int k = 0; k < 2; ++k) {
        books.take(global.globrunqgetbatch(other, 1));
        books.take(get(other));
      }
    }
  }
  void after() {
    while (test_item *x = global.globrunqget()) books.take(x);
    settle(books, q);
  }
};
HEDDLE_SUITE(overflow_to_global,
             {.name = "runq.overflow_to_global",
              .component = "runq",
              .invariants = "I18 I20 I22",
              .what = "overflow into globrunq while a thief steals and another M takes global batches",
              .modes = {verify::random_mix(4), verify::bounded(1, 5)}})

// runnext: the owner fills it, kicks it and takes it; thieves take it when the ring is empty.
template <std::uint32_t Start, int Thieves>
struct runnext_among : verify::suite<1 + Thieves> {
  ledger<4> books;
  ring<2> q{Start}, own[Thieves];
  VERIFY_NAMES(books, q, own)
  void before() {
    put(books, q, 3, true);
    VERIFY_INV("I20", books.take(get(q, false)) == 3);  // the ring's turn, and the ring is empty
  }
  void thread(unsigned i) {
    if (i > 0) {
      books.take(own[i - 1].runqsteal(q, true));
      books.take(own[i - 1].runqsteal(q, true));
      return;
    }
    put(books, q, 0, true);
    put(books, q, 1, true);
    books.take(get(q));
    put(books, q, 2, true);
    books.take(get(q, false));
  }
  void after() { settle(books, q); }
};
using runnext = runnext_among<0, 1>;
HEDDLE_SUITE(runnext, {.name = "runq.runnext",
                       .component = "runq",
                       .invariants = "I19 I20",
                       .what = "runnext filled, kicked and taken by the owner, stolen by a thief",
                       .modes = {verify::random_mix(3), verify::bounded(2, 5)}})
HEDDLE_WORLDS(runnext, "runq", "I19 I20",
              {world<runnext_among<wrap_in(1), 2>>({.name = "runq.runnext_t2",
                                                    .what = "as runq.runnext with two thieves, kicked across 2^32",
                                                    .modes = {random_mix(0.5), bounded(2, 0.5)}})})

// A batch is published by one store: what is behind it must be too.
template <std::uint32_t N, std::uint32_t Start, int Thieves>
struct put_batch : verify::suite<1 + Thieves> {
  static constexpr int size = static_cast<int>(N);
  ledger<size + 1> books;
  ring<N> q{Start}, own[Thieves];
  VERIFY_NAMES(books, q, own)
  void thread(unsigned i) {
    if (i > 0) {
      steal_run(books, own[i - 1], q, true);
      return;
    }
    list some;
    for (int k = 0; k <= size; ++k) some.push_back(books.fresh(k));
    q.runqputbatch(some);
    VERIFY_INV("I18", some.size() == 1);
    books.take_all(some);
    books.take(get(q));
  }
  void after() { settle(books, q); }
};
using batch = put_batch<4, wrap_in(1), 1>;
HEDDLE_SUITE(batch, {.name = "runq.batch",
                     .component = "runq",
                     .invariants = "I18 I20",
                     .what = "putbatch of more than fits, against a steal",
                     .modes = {verify::random_mix(2), verify::bounded(3, 5)}})
HEDDLE_WORLDS(
    batch, "runq", "I18 I20",
    {world<put_batch<2, wrap_in(1), 1>>({.name = "runq.batch_r2",
                                         .what = "as runq.batch, ring of two: a steal takes one",
                                         .modes = {bounded(3, 0.5)}}),
     world<put_batch<8, wrap_in(2), 1>>({.name = "runq.batch_r8",
                                         .what = "as runq.batch, ring of eight: 2^32 is in the half that is stolen",
                                         .modes = {random_mix(0.2), bounded(2, 0.5)}}),
     world<put_batch<8, wrap_in(6), 2>>({.name = "runq.batch_r8_t2",
                                         .what = "as runq.batch_r8 with two thieves: 2^32 is in what the second gets",
                                         .modes = {random_mix(0.5)}})})

// What a thief has stolen stands in its own ring, from where the next thief steals it, and so on.
template <std::uint32_t N, std::uint32_t Start, int Thieves>
struct handed_on : verify::suite<1 + Thieves> {
  ledger<static_cast<int>(N)> books;
  ring<N> q, first{Start}, second, third;
  VERIFY_NAMES(books, q, first, second, third)
  void thread(unsigned i) {
    if (i == 0) {
      list some;
      for (int k = 0; k < static_cast<int>(N); ++k) some.push_back(books.fresh(k));
      q.runqputbatch(some);
    } else if (i == 1) {
      books.take(first.runqsteal(q, false));
    } else if (i == 2) {
      books.take(second.runqsteal(first, false));
    } else {
      books.take(third.runqsteal(second, false));
    }
  }
  void after() { settle(books, q, first, second); }
};
using second_hand = handed_on<4, wrap_in(2), 2>;
HEDDLE_SUITE(second_hand, {.name = "runq.second_hand",
                           .component = "runq",
                           .invariants = "I20",
                           .what = "a thief steals from a thief what that one stole from the owner",
                           .modes = {verify::random_mix(2), verify::bounded(2, 5)}})
// Only in a ring of eight does the second thief get more than one, so that there is something for a third.
HEDDLE_WORLDS(second_hand, "runq", "I20",
              {world<handed_on<8, wrap_in(1), 2>>({.name = "runq.second_hand_r8",
                                                   .what = "as runq.second_hand, and the second thief gets two",
                                                   .modes = {random_mix(0.3), bounded(2, 0.7)}}),
               world<handed_on<8, wrap_in(1), 3>>({.name = "runq.second_hand_r8_t3",
                                                   .what = "a third thief steals from the second",
                                                   .modes = {random_mix(0.3), bounded(1, 0.5)}})})

// A thief may hold up to half a ring of its own. A grab that trusts an old head beside a new tail would copy over it.
// Positions of the thief reach 2^32 within what it copies.
template <std::uint32_t N, std::uint32_t Start>
struct holds_half : verify::suite<2> {
  static constexpr int size = static_cast<int>(N), held = size / 2;  // the last items are the thief's
  ledger<size + 2 + held> books;
  ring<N> q, own{Start};
  VERIFY_NAMES(books, q, own)
  void before() {
    put_all(books, own, size + 2, size + 2 + held);
    put_all(books, q, 0, size - 2);
  }
  void thread(unsigned i) {
    if (i == 1) {
      books.take(own.runqsteal(q, false));
      for (int k = 0; k < held; ++k) VERIFY_INV("I20", books.take(get(own)) == size + 2 + k);
      return;
    }
    put(books, q, size - 2);
    for (int k = size - 1; k < size + 2; ++k) {
      put(books, q, k);
      books.take(get(q));
    }
  }
  void after() { settle(books, q, own); }
};
using half_full_thief = holds_half<2, wrap_in(1)>;
HEDDLE_SUITE(half_full_thief, {.name = "runq.half_full_thief",
                               .component = "runq",
                               .invariants = "I18 I20 I22",
                               .what = "a thief that still holds half a ring steals from a ring that turns over",
                               .modes = {verify::random_mix(2), verify::bounded(2, 5)}})
HEDDLE_WORLDS(half_full_thief, "runq", "I18 I20 I22",
              {world<holds_half<8, wrap_in(6)>>({.name = "runq.half_full_thief_r8",
                                                 .what = "as runq.half_full_thief, ring of eight",
                                                 .modes = {random_mix(0.3), bounded(2, 0.7)}})})

// The ring goes round twice between a thief's look and its CAS: each slot, and each position modulo twice the ring, is
// as it was, but not the position.
template <std::uint32_t N, std::uint32_t Start>
struct lapped : verify::suite<2> {
  static constexpr int laps = 2 * static_cast<int>(N);
  ledger<1 + laps> books;
  ring<N> q{Start}, own;
  VERIFY_NAMES(books, q, own)
  void before() { put(books, q, 0); }
  void thread(unsigned i) {
    if (i == 1) {
      steal_run(books, own, q, false);
      return;
    }
    for (int k = 1; k <= laps; ++k) {
      put(books, q, k);
      books.take(get(q));
    }
  }
  void after() { settle(books, q); }
};
HEDDLE_WORLDS(lapped, "runq", "I20 I22",
              {world<lapped<2, wrap_in(3)>>({.name = "runq.lapped_r2",
                                             .what = "a ring of two goes round twice during a steal",
                                             .modes = {random_mix(0.2), bounded(1, 0.4)}}),
               world<lapped<4, wrap_in(5)>>({.name = "runq.lapped_r4",
                                             .what = "a ring of four goes round twice during a steal",
                                             .modes = {random_mix(0.4)}})})

// The owner empties its ring while a thief looks. A thief that could see a head beyond an old tail would go round for
// as long as it sees that tail. An execution of this suite takes at most 56 steps; one such round more and it is too
// many.
template <std::uint32_t Start>
struct emptied_from : verify::suite<2> {
  ledger<2> books;
  ring<2> q{Start}, own;
  VERIFY_NAMES(books, q, own)
  void before() { put(books, q, 0); }
  void thread(unsigned i) {
    if (i == 1) {
      books.take(own.runqsteal(q, false));
      return;
    }
    put(books, q, 1);
    books.take(get(q, false));
    books.take(get(q, false));
  }
  void after() { settle(books, q); }
};
using emptied = emptied_from<0>;
HEDDLE_SUITE(emptied, {.name = "runq.emptied",
                       .component = "runq",
                       .invariants = "I20",
                       .what = "a thief ends its grab within few steps, however old the tail that it sees",
                       .modes = {verify::bounded(2, 5)},
                       .steps_max = 64})
HEDDLE_WORLDS(
    emptied, "runq", "I20",
    {world<emptied_from<wrap_in(1)>>({.name = "runq.emptied_wrap",
                                      .what = "as runq.emptied where the head wraps before the tail that is seen",
                                      .modes = {bounded(2, 0.5)},
                                      .steps_max = 64})})

// Owners that steal from each other, in a ring of rings, when they run dry.
template <std::uint32_t Start, int Owners>
struct around : verify::suite<Owners> {
  struct from_start : ring<2> {
    from_start() : ring<2>(Start) {}
  };
  ledger<2 * Owners> books;
  from_start q[Owners];
  VERIFY_NAMES(books, q)
  void thread(unsigned i) {
    ring<2> &self = q[i];
    const int from = static_cast<int>(2 * i);
    put(books, self, from);
    put(books, self, from + 1, i == 0);
    while (test_item *x = get(self)) books.take(x);
    books.take(self.runqsteal(q[(i + 1) % Owners], true));
  }
  void after() {
    for (auto &self : q) empty_out(books, self);
    books.balanced();
  }
};
using each_other = around<0, 2>;
HEDDLE_SUITE(each_other, {.name = "runq.each_other",
                          .component = "runq",
                          .invariants = "I20",
                          .what = "two owners steal from each other",
                          .modes = {verify::random_mix(2), verify::bounded(2, 5)}})
HEDDLE_WORLDS(each_other, "runq", "I20",
              {world<around<wrap_in(1), 3>>({.name = "runq.each_other_t3",
                                             .what = "three owners steal each from the next",
                                             .modes = {random_mix(0.5), bounded(1, 0.3)}})})

// The owner takes everything away, as when its P is destroyed, while thieves go on.
template <std::uint32_t N, std::uint32_t Start, int Thieves>
struct drained : verify::suite<1 + Thieves> {
  static constexpr int size = static_cast<int>(N);
  ledger<size> books;
  ring<N> q{Start}, own[Thieves];
  VERIFY_NAMES(books, q, own)
  void before() { put_all(books, q, 0, size - 4); }
  void thread(unsigned i) {
    if (i > 0) {
      steal_run(books, own[i - 1], q, true);
      return;
    }
    put_all(books, q, size - 4, size - 1);
    put(books, q, size - 1, true);
    list all = q.runqdrain();
    books.take_all(all);
  }
  void after() {
    VERIFY_INV("I20", q.runqempty());
    books.balanced();
  }
};
using drain = drained<4, wrap_in(1), 1>;
HEDDLE_SUITE(drain, {.name = "runq.drain",
                     .component = "runq",
                     .invariants = "I20",
                     .what = "drain against a steal: all is taken, once",
                     .modes = {verify::random_mix(2), verify::bounded(2, 5)}})
HEDDLE_WORLDS(drain, "runq", "I20",
              {world<drained<8, wrap_in(6), 1>>({.name = "runq.drain_r8",
                                                 .what = "as runq.drain, ring of eight: 2^32 is in what a steal leaves",
                                                 .modes = {random_mix(0.3), bounded(2, 0.7)}}),
               world<drained<4, wrap_in(1), 2>>({.name = "runq.drain_t2",
                                                 .what = "as runq.drain with two thieves",
                                                 .modes = {random_mix(0.3), bounded(1, 0.3)}})})

}  // namespace
