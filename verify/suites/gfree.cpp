// gfree: a dead g is on one list only, however it travels between the Ps and the global stacks.
#include "queues/gfree.hpp"

#include "verify/suites/ledger.hpp"

namespace {

using heddle::detail::test_item;
using verify::bounded;
using verify::ledger;
using verify::random_mix;
using verify::world;
using local = heddle::detail::gfree<test_item>;
using global = heddle::detail::gfree_global<test_item>;

template <int n>
void empty_out(ledger<n> &books, local &p, global &g) {
  while (test_item *x = p.gfget(g)) books.take(x);
  VERIFY_CHECK(p.size() == 0);
}

// One P spills, others refill from it: the whole batch arrives, contents and links.
template <int Takers>
struct spill_refill_by : verify::suite<1 + Takers> {
  ledger<4> books;
  global g;
  local p[1 + Takers];
  VERIFY_NAMES(books, g, p)
  void before() {
    books.items[1]->stack = books.items[3]->stack = false;
    heddle::detail::gqueue<test_item> kept;
    for (int k = 0; k < 4; ++k) kept.push_back(books.items[k]);
    heddle::detail::gqueue<test_item> rest = kept.cut(3);
    VERIFY_CHECK(kept.size() == 3 && rest.size() == 1);
    VERIFY_CHECK(rest.pop_front() == books.items[3] && rest.empty());  // both are as long as they say
    for (int k = 0; k < 3; ++k) VERIFY_CHECK(kept.pop_front() == books.items[k]);
    VERIFY_CHECK(kept.empty());
  }
  void thread(unsigned i) {
    if (i == 0)
      for (int k = 0; k < 4; ++k) p[0].gfput(books.fresh(k), g);
    else
      for (int k = 0; k < 2; ++k) books.take(p[i].gfget(g));
  }
  void after() {
    for (local &each : p) empty_out(books, each, g);
    books.balanced();
  }
};
using spill_refill = spill_refill_by<1>;
HEDDLE_SUITE(spill_refill, {.name = "gfree.spill_refill",
                            .component = "gfree",
                            .invariants = "I20",
                            .what = "one P spills half of its dead gs while another refills",
                            .modes = {verify::random_mix(2), verify::full_search(5)}})
// Each of the two gets one of the two stacks, with and without.
HEDDLE_WORLDS(spill_refill, "gfree", "I20",
              {world<spill_refill_by<2>>({.name = "gfree.spill_refill_3",
                                          .what = "one P spills half of its dead gs while two refill",
                                          .modes = {random_mix(0.3), bounded(2, 0.5)}})})

// Batches come and go with the same g on top: the ABA of lfstack, with a chain hanging on the node.
template <int Ps>
struct recycle_of : verify::suite<Ps> {
  ledger<4> books;
  global g;
  local p[Ps];
  VERIFY_NAMES(books, g, p)
  void before() {
    heddle::detail::gqueue<test_item> a, b;
    a.push_back(books.fresh(0));
    a.push_back(books.fresh(1));
    b.push_back(books.fresh(2));
    b.push_back(books.fresh(3));
    g.put(a);
    g.put(b);
  }
  void thread(unsigned i) {
    for (unsigned k = 0; k < 1 + i; ++k) {
      test_item *const x = p[i].gfget(g);
      books.take(x);
      if (x != nullptr) p[i].gfput(books.again(x), g);
      p[i].gfpurge(g);
    }
  }
  void after() {
    for (local &each : p) empty_out(books, each, g);
    books.balanced();
  }
};
using recycle = recycle_of<2>;
HEDDLE_SUITE(recycle, {.name = "gfree.recycle",
                       .component = "gfree",
                       .invariants = "I20",
                       .what = "the same batches popped and pushed by two Ps",
                       .modes = {verify::random_mix(3), verify::bounded(2, 5)}})
HEDDLE_WORLDS(recycle, "gfree", "I20",
              {world<recycle_of<3>>({.name = "gfree.recycle_3",
                                     .what = "the same batches popped and pushed by three Ps",
                                     .modes = {random_mix(0.5)}})})

// The ABA of lfstack with batches: the batch that was on top comes back without the one below it. Others add a batch
// each, so that there are as many as before.
template <int Others>
struct aba_beside : verify::suite<2 + Others> {
  ledger<2 + 2 * Others> books;
  global g;
  local p[2 + Others];
  VERIFY_NAMES(books, g, p)
  void before() {
    for (int k = 0; k < 2; ++k) {
      heddle::detail::gqueue<test_item> one;
      one.push_back(books.fresh(k));
      g.put(one);
    }
  }
  void thread(unsigned i) {
    if (Others > 0 && i > 1) {
      for (unsigned k = 2 * i - 2; k < 2 * i; ++k) p[i].gfput(books.fresh(static_cast<int>(k)), g);
      p[i].gfpurge(g);
      return;
    }
    test_item *const x = p[i].gfget(g);
    books.take(x);
    if (i == 0 || x == nullptr) return;
    books.take(p[1].gfget(g));
    p[1].gfput(books.again(x), g);
    p[1].gfpurge(g);
  }
  void after() {
    for (local &each : p) empty_out(books, each, g);
    books.balanced();
  }
};
using aba = aba_beside<0>;
HEDDLE_SUITE(aba, {.name = "gfree.aba",
                   .component = "gfree",
                   .invariants = "I20 LFSTACK-ABA",
                   .what = "a batch comes back on top while another P holds its old successor",
                   .modes = {verify::random_mix(1), verify::bounded(3, 5)}})
HEDDLE_WORLDS(aba, "gfree", "I20 LFSTACK-ABA",
              {world<aba_beside<1>>({.name = "gfree.aba_3",
                                     .what = "as gfree.aba while a third P gives a batch of two",
                                     .modes = {random_mix(0.3), bounded(2, 0.7)}})})

// Three Ps: one spills, one purges, one takes.
struct three_ps : verify::suite<3> {
  ledger<6> books;
  global g;
  local p[3];
  VERIFY_NAMES(books, g, p)
  void thread(unsigned i) {
    if (i == 0) {
      for (int k = 0; k < 4; ++k) p[0].gfput(books.fresh(k), g);
      books.take(p[0].gfget(g));
    } else if (i == 1) {
      for (int k = 4; k < 6; ++k) p[1].gfput(books.fresh(k), g);
      p[1].gfpurge(g);
      books.take(p[1].gfget(g));
    } else {
      for (int k = 0; k < 3; ++k) books.take(p[2].gfget(g));
    }
  }
  void after() {
    for (local &each : p) empty_out(books, each, g);
    books.balanced();
  }
};
HEDDLE_SUITE(three_ps, {.name = "gfree.three_ps",
                        .component = "gfree",
                        .invariants = "I20",
                        .what = "one P spills, one purges, one takes",
                        .modes = {verify::random_mix(3), verify::bounded(1, 5)}})

// What sysmon does: a batch becomes old while one P gives another and a second P takes one. The old ones lose their
// stacks and come back; none is lost, and none loses its stack while a P has it.
struct aged : verify::suite<3> {
  ledger<5> books;
  global g;
  local p[3];
  VERIFY_NAMES(books, g, p)
  void before() {
    heddle::detail::gqueue<test_item> first, second;
    first.push_back(books.fresh(0));
    first.push_back(books.fresh(1));
    second.push_back(books.fresh(2));
    g.put(first);
    g.put(second);
  }
  void thread(unsigned i) {
    if (i == 0) {
      g.age(2);
      heddle::detail::gqueue<test_item> with = g.get_old(), without;
      while (test_item *x = with.pop_front()) {
        x->stack = false;
        without.push_back(x);
      }
      g.put(without);
      g.age(2);
    } else if (i == 1) {
      p[1].gfput(books.fresh(3), g);
      p[1].gfput(books.fresh(4), g);
      p[1].gfpurge(g);
    } else {
      test_item *const x = p[2].gfget(g);
      books.take(x);
      if (x == nullptr) return;
      x->stack = true;
      p[2].gfput(books.again(x), g);
      p[2].gfpurge(g);
    }
  }
  void after() {
    for (local &each : p) empty_out(books, each, g);
    books.balanced();
  }
};
HEDDLE_SUITE(aged, {.name = "gfree.aged",
                    .component = "gfree",
                    .invariants = "I20",
                    .what = "batches become old and lose their stacks while one P gives some and one takes some",
                    .modes = {verify::random_mix(2), verify::bounded(2, 5)}})

}  // namespace
