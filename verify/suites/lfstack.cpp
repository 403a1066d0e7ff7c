// lfstack: nothing lost, nothing twice, contents visible, and no ABA when the same nodes come back.
#include "queues/lfstack.hpp"

#include "verify/suites/ledger.hpp"

namespace {

using heddle::detail::test_item;
using verify::bounded;
using verify::ledger;
using verify::random_mix;
using verify::world;
using stack = heddle::detail::lfstack<test_item>;

template <int n>
void empty_out(ledger<n> &books, stack &s) {
  for (test_item *x = s.pop_all(); x != nullptr;) {
    test_item *const next = stack::next_of(x);
    books.take(x);
    x = next;
  }
  VERIFY_CHECK(s.empty());
  books.balanced();
}

// Each thread pushes its own and pops one.
template <int Threads>
struct push_pop_of : verify::suite<Threads> {
  ledger<Threads> books;
  stack s;
  VERIFY_NAMES(books, s)
  void thread(unsigned i) {
    s.push(books.fresh(static_cast<int>(i)));
    books.take(s.pop());
  }
  void after() { empty_out(books, s); }
};
using push_pop = push_pop_of<2>;
HEDDLE_SUITE(push_pop, {.name = "lfstack.push_pop",
                        .component = "lfstack",
                        .invariants = "I20",
                        .what = "each of two threads pushes one and pops one",
                        .modes = {verify::random_mix(2), verify::full_search(20)}})
HEDDLE_WORLDS(push_pop, "lfstack", "I20",
              {world<push_pop_of<3>>({.name = "lfstack.push_pop_3",
                                      .what = "each of three threads pushes one and pops one",
                                      .modes = {bounded(2, 0.5)}}),
               world<push_pop_of<4>>({.name = "lfstack.push_pop_4",
                                      .what = "each of four threads pushes one and pops one",
                                      .modes = {random_mix(0.5)}})})

// The classic: one thread pops two and pushes the first again while another is between its load and its CAS. Other
// threads push a new one each, so that the stack is as high as it was, on other nodes.
template <int Nodes, int Pushers>
struct aba_beside : verify::suite<2 + Pushers> {
  ledger<Nodes + Pushers> books;
  stack s;
  VERIFY_NAMES(books, s)
  void before() {
    for (int i = 0; i < Nodes; ++i) s.push(books.fresh(i));
  }
  void thread(unsigned i) {
    if (i > 1) {
      s.push(books.fresh(Nodes - 2 + static_cast<int>(i)));
      return;
    }
    test_item *const x = s.pop();
    books.take(x);
    if (i == 0) return;
    books.take(s.pop());
    s.push(books.again(x));
    if constexpr (Pushers == 0) books.take(s.pop());  // beside pushers it would only make the search longer
  }
  void after() { empty_out(books, s); }
};
using aba = aba_beside<3, 0>;
HEDDLE_SUITE(aba, {.name = "lfstack.aba",
                   .component = "lfstack",
                   .invariants = "I20 LFSTACK-ABA",
                   .what = "a node comes back on top while another pop holds its old successor",
                   .modes = {verify::random_mix(3), verify::bounded(3, 5)}})
HEDDLE_WORLDS(aba, "lfstack", "I20 LFSTACK-ABA",
              {world<aba_beside<2, 1>>({.name = "lfstack.aba_3",
                                        .what = "as lfstack.aba while a third thread pushes",
                                        .modes = {random_mix(0.3), bounded(2, 0.7)}}),
               world<aba_beside<2, 2>>({.name = "lfstack.aba_4",
                                        .what = "as lfstack.aba while two more push",
                                        .modes = {random_mix(0.5)}})})

// The same through pop_all, which must leave the tag alone: what comes back has the same top on another successor.
struct aba_pop_all : verify::suite<2> {
  ledger<3> books;
  stack s;
  VERIFY_NAMES(books, s)
  void before() {
    for (int i = 0; i < 3; ++i) s.push(books.fresh(i));
  }
  void thread(unsigned i) {
    if (i == 0) {
      books.take(s.pop());
      return;
    }
    test_item *all[3];
    int n = 0;
    for (test_item *x = s.pop_all(); x != nullptr; x = stack::next_of(x)) all[n++] = x;
    for (int k = 0; k < n; ++k) books.take(all[k]);
    if (n == 3) std::swap(all[1], all[2]);
    while (n > 0) s.push(books.again(all[--n]));
  }
  void after() { empty_out(books, s); }
};
HEDDLE_SUITE(aba_pop_all, {.name = "lfstack.aba_pop_all",
                           .component = "lfstack",
                           .invariants = "I20 LFSTACK-ABA",
                           .what = "the same nodes come back after a pop_all while another pop is under way",
                           .modes = {verify::random_mix(3), verify::bounded(3, 5)}})

// Batches in, everything out, single pops beside.
struct batches : verify::suite<3> {
  ledger<4> books;
  stack s;
  VERIFY_NAMES(books, s)
  void thread(unsigned i) {
    if (i == 0) {
      test_item *const a = books.fresh(0), *const b = books.fresh(1), *const c = books.fresh(2);
      stack::set_next(a, b);
      stack::set_next(b, c);
      s.push_batch(a, c);
    } else if (i == 1) {
      s.push(books.fresh(3));
      for (test_item *x = s.pop_all(); x != nullptr;) {
        test_item *const next = stack::next_of(x);
        books.take(x);
        x = next;
      }
    } else {
      books.take(s.pop());
      books.take(s.pop());
    }
  }
  void after() { empty_out(books, s); }
};
HEDDLE_SUITE(batches, {.name = "lfstack.batches",
                       .component = "lfstack",
                       .invariants = "I20",
                       .what = "push_batch, pop_all and pop at once",
                       .modes = {verify::random_mix(2), verify::bounded(2, 5)}})

// Few nodes, many threads: what is popped goes straight back.
template <int Threads, int Rounds>
struct recycle_of : verify::suite<Threads> {
  ledger<3> books;
  stack s;
  VERIFY_NAMES(books, s)
  void before() {
    for (int i = 0; i < 3; ++i) s.push(books.fresh(i));
  }
  void thread(unsigned) {
    for (int k = 0; k < Rounds; ++k) {
      test_item *const x = s.pop();
      books.take(x);
      if (x != nullptr) s.push(books.again(x));
    }
  }
  void after() {
    int n = 0;
    for (test_item *x = s.pop_all(); x != nullptr; ++n) {
      test_item *const next = stack::next_of(x);
      books.take(x);
      x = next;
    }
    VERIFY_INV("I20", n == 3);
  }
};
using recycle = recycle_of<3, 2>;
HEDDLE_SUITE(recycle, {.name = "lfstack.recycle",
                       .component = "lfstack",
                       .invariants = "I20 LFSTACK-ABA",
                       .what = "three threads pop and push the same three nodes",
                       .modes = {verify::random_mix(3), verify::bounded(2, 5)}})
// While one sleeps in its pop, three can hold all three nodes and put them back in another order.
HEDDLE_WORLDS(recycle, "lfstack", "I20 LFSTACK-ABA",
              {world<recycle_of<4, 1>>({.name = "lfstack.recycle_4",
                                        .what = "four threads pop and push the same three nodes",
                                        .modes = {random_mix(1)}})})

}  // namespace
