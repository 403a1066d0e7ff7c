// runq: the ring and runnext between an owner and thieves. Every item once, contents visible (I20), steals are
// prefixes.
#include "verify/suites/ring.hpp"

namespace {

using namespace verify;

// Put, put and get against one steal: the smallest world with every outcome. A slot is used twice.
struct tiny : verify::suite<2> {
  ledger<3> books;
  ring<2> q{0xffffffff}, own;
  VERIFY_NAMES(books, q, own)
  void thread(unsigned i) {
    if (i == 1) {
      steal_run(books, own, q, false);
      return;
    }
    const auto never = [](list &) { VERIFY_CHECK(!"overflow"); };
    q.runqput(books.fresh(0), false, never);
    q.runqput(books.fresh(1), false, never);
    books.take(get(q));
    q.runqput(books.fresh(2), false, never);
  }
  void after() {
    empty_out(books, q);
    books.balanced();
  }
};
HEDDLE_SUITE(tiny, {.name = "runq.tiny",
                    .component = "runq",
                    .invariants = "I18 I19 I20 I22",
                    .what = "ring of two: put, put, get, put against a steal; wraps at 2^32",
                    .modes = {verify::random_mix(2), verify::bounded(3, 5)}})

// Less of the same, so that the search comes to its end.
struct tinier : verify::suite<2> {
  ledger<2> books;
  ring<2> q{0xffffffff}, own;
  VERIFY_NAMES(books, q, own)
  void before() {
    q.runqput(books.fresh(0), false, [](list &) { VERIFY_CHECK(!"overflow"); });
  }
  void thread(unsigned i) {
    if (i == 1) {
      books.take(own.runqsteal(q, false));
      return;
    }
    q.runqput(books.fresh(1), false, [](list &) { VERIFY_CHECK(!"overflow"); });
    books.take(get(q, false));
  }
  void after() {
    steal_half(books, own, q);
    empty_out(books, q);
    books.balanced();
  }
};
HEDDLE_SUITE(tinier, {.name = "runq.tiny_full",
                      .component = "runq",
                      .invariants = "I18 I19 I20 I22",
                      .what = "ring of two with one item: put and get against a steal, searched to the end",
                      .modes = {verify::full_search(20)}})

// A full ring spills its older half while a thief takes from the same end.
struct overflow : verify::suite<2> {
  ledger<4> books;
  ring<2> q{0xfffffffe}, own;
  VERIFY_NAMES(books, q, own)
  void thread(unsigned i) {
    if (i == 1) {
      steal_run(books, own, q, false);
      steal_run(books, own, q, false);
      return;
    }
    for (int k = 0; k < 4; ++k) q.runqput(books.fresh(k), false, [this](list &batch) { spilled(batch); });
  }
  void spilled(list &batch) {
    VERIFY_INV("I18", batch.size() == 2);  // half of the ring and the one that did not fit
    const int a = books.take(batch.pop_front());
    const int b = books.take(batch.pop_front());
    VERIFY_INV("I22", a < b);
  }
  void after() {
    empty_out(books, q);
    books.balanced();
  }
};
HEDDLE_SUITE(overflow, {.name = "runq.overflow",
                        .component = "runq",
                        .invariants = "I18 I19 I20 I22",
                        .what = "a full ring of two spills half while a thief steals",
                        .modes = {verify::random_mix(2), verify::bounded(2, 5)}})

// The larger world: a ring of four, six items, the wrap, an owner that gets and two thieves.
struct two_thieves : verify::suite<3> {
  ledger<6> books;
  ring<4> q{0xfffffffe}, own[2];
  VERIFY_NAMES(books, q, own)
  void thread(unsigned i) {
    if (i > 0) {
      steal_run(books, own[i - 1], q, false);
      return;
    }
    const auto never = [this](list &batch) { books.take_all(batch); };
    for (int k = 0; k < 4; ++k) q.runqput(books.fresh(k), false, never);
    books.take(get(q));
    q.runqput(books.fresh(4), false, never);
    q.runqput(books.fresh(5), false, never);
    books.take(get(q));
  }
  void after() {
    steal_half(books, own[0], q);
    empty_out(books, q);
    books.balanced();
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
  ring<4> q{0xfffffffd}, own, other;
  heddle::globrunq<test_item> global;
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
    empty_out(books, q);
    while (test_item *x = global.globrunqget()) books.take(x);
    books.balanced();
  }
};
HEDDLE_SUITE(overflow_to_global,
             {.name = "runq.overflow_to_global",
              .component = "runq",
              .invariants = "I18 I20 I22",
              .what = "overflow into globrunq while a thief steals and another M takes global batches",
              .modes = {verify::random_mix(4), verify::bounded(1, 5)}})

// runnext: the owner fills it, kicks it and takes it; the thief takes it when the ring is empty.
struct runnext : verify::suite<2> {
  ledger<4> books;
  ring<2> q, own;
  VERIFY_NAMES(books, q, own)
  void before() {
    q.runqput(books.fresh(3), true, [](list &) { VERIFY_CHECK(!"overflow"); });
    VERIFY_INV("I20", books.take(get(q, false)) == 3);  // the ring's turn, and the ring is empty
  }
  void thread(unsigned i) {
    if (i == 1) {
      books.take(own.runqsteal(q, true));
      books.take(own.runqsteal(q, true));
      return;
    }
    const auto never = [](list &) { VERIFY_CHECK(!"overflow"); };
    q.runqput(books.fresh(0), true, never);
    q.runqput(books.fresh(1), true, never);
    books.take(get(q));
    q.runqput(books.fresh(2), true, never);
    books.take(get(q, false));
  }
  void after() {
    empty_out(books, q);
    books.balanced();
  }
};
HEDDLE_SUITE(runnext, {.name = "runq.runnext",
                       .component = "runq",
                       .invariants = "I19 I20",
                       .what = "runnext filled, kicked and taken by the owner, stolen by a thief",
                       .modes = {verify::random_mix(3), verify::bounded(2, 5)}})

// A batch is published by one store: what is behind it must be too.
struct batch : verify::suite<2> {
  ledger<5> books;
  ring<4> q{0xffffffff}, own;
  VERIFY_NAMES(books, q, own)
  void thread(unsigned i) {
    if (i == 1) {
      steal_run(books, own, q, true);
      return;
    }
    list some;
    for (int k = 0; k < 5; ++k) some.push_back(books.fresh(k));
    q.runqputbatch(some);
    VERIFY_INV("I18", some.size() == 1);
    books.take_all(some);
    books.take(get(q));
  }
  void after() {
    empty_out(books, q);
    books.balanced();
  }
};
HEDDLE_SUITE(batch, {.name = "runq.batch",
                     .component = "runq",
                     .invariants = "I18 I20",
                     .what = "putbatch of more than fits, against a steal",
                     .modes = {verify::random_mix(2), verify::bounded(3, 5)}})

// What a thief has stolen stands in its own ring, from where the next thief steals it.
struct second_hand : verify::suite<3> {
  ledger<4> books;
  ring<4> q, first{0xfffffffe}, second;
  VERIFY_NAMES(books, q, first, second)
  void thread(unsigned i) {
    if (i == 0) {
      list some;
      for (int k = 0; k < 4; ++k) some.push_back(books.fresh(k));
      q.runqputbatch(some);
    } else if (i == 1) {
      books.take(first.runqsteal(q, false));
    } else {
      books.take(second.runqsteal(first, false));
    }
  }
  void after() {
    empty_out(books, q);
    empty_out(books, first);
    books.balanced();
  }
};
HEDDLE_SUITE(second_hand, {.name = "runq.second_hand",
                           .component = "runq",
                           .invariants = "I20",
                           .what = "a thief steals from a thief what that one stole from the owner",
                           .modes = {verify::random_mix(2), verify::bounded(2, 5)}})

// The thief may hold up to half a ring of its own. A grab that trusts an old head beside a new tail would copy over it.
struct half_full_thief : verify::suite<2> {
  ledger<5> books;
  ring<2> q, own{0xffffffff};
  VERIFY_NAMES(books, q, own)
  void before() {
    own.runqput(books.fresh(4), false, [](list &) { VERIFY_CHECK(!"overflow"); });
  }
  void thread(unsigned i) {
    if (i == 1) {
      books.take(own.runqsteal(q, false));
      books.take(get(own));
      return;
    }
    for (int k = 0; k < 4; ++k) {
      q.runqput(books.fresh(k), false, [](list &) { VERIFY_CHECK(!"overflow"); });
      if (k > 0) books.take(get(q));
    }
  }
  void after() {
    VERIFY_INV("I20", books.holders[4] == 0);
    empty_out(books, q);
    books.balanced();
  }
};
HEDDLE_SUITE(half_full_thief, {.name = "runq.half_full_thief",
                               .component = "runq",
                               .invariants = "I18 I20 I22",
                               .what = "a thief that still holds half a ring steals from a ring that turns over",
                               .modes = {verify::random_mix(2), verify::bounded(2, 5)}})

// The owner empties its ring while a thief looks. A thief that could see a head beyond an old tail would go round for
// as long as it sees that tail. An execution of this suite takes at most 56 steps; one such round more and it is too
// many.
struct emptied : verify::suite<2> {
  ledger<2> books;
  ring<2> q, own;
  VERIFY_NAMES(books, q, own)
  void before() {
    q.runqput(books.fresh(0), false, [](list &) { VERIFY_CHECK(!"overflow"); });
  }
  void thread(unsigned i) {
    if (i == 1) {
      books.take(own.runqsteal(q, false));
      return;
    }
    q.runqput(books.fresh(1), false, [](list &) { VERIFY_CHECK(!"overflow"); });
    books.take(get(q, false));
    books.take(get(q, false));
  }
  void after() {
    empty_out(books, q);
    books.balanced();
  }
};
HEDDLE_SUITE(emptied, {.name = "runq.emptied",
                       .component = "runq",
                       .invariants = "I20",
                       .what = "a thief ends its grab within few steps, however old the tail that it sees",
                       .modes = {verify::bounded(2, 5)},
                       .steps_max = 64})

// Two owners that steal from each other when they run dry.
struct each_other : verify::suite<2> {
  ledger<4> books;
  ring<2> q[2];
  VERIFY_NAMES(books, q)
  void thread(unsigned i) {
    const auto never = [](list &) { VERIFY_CHECK(!"overflow"); };
    ring<2> &self = q[i];
    const int from = static_cast<int>(2 * i);
    self.runqput(books.fresh(from), false, never);
    self.runqput(books.fresh(from + 1), i == 0, never);
    while (test_item *x = get(self)) books.take(x);
    books.take(self.runqsteal(q[1 - i], true));
  }
  void after() {
    for (auto &self : q) empty_out(books, self);
    books.balanced();
  }
};
HEDDLE_SUITE(each_other, {.name = "runq.each_other",
                          .component = "runq",
                          .invariants = "I20",
                          .what = "two owners steal from each other",
                          .modes = {verify::random_mix(2), verify::bounded(2, 5)}})

// The owner takes everything away, as when its P is destroyed, while a thief goes on.
struct drain : verify::suite<2> {
  ledger<4> books;
  ring<4> q{0xffffffff}, own;
  VERIFY_NAMES(books, q, own)
  void thread(unsigned i) {
    if (i == 1) {
      steal_run(books, own, q, true);
      return;
    }
    const auto never = [](list &) { VERIFY_CHECK(!"overflow"); };
    for (int k = 0; k < 3; ++k) q.runqput(books.fresh(k), false, never);
    q.runqput(books.fresh(3), true, never);
    list all = q.runqdrain();
    books.take_all(all);
  }
  void after() {
    VERIFY_INV("I20", q.runqempty());
    books.balanced();
  }
};
HEDDLE_SUITE(drain, {.name = "runq.drain",
                     .component = "runq",
                     .invariants = "I20",
                     .what = "drain against a steal: all is taken, once",
                     .modes = {verify::random_mix(2), verify::bounded(2, 5)}})

}  // namespace
