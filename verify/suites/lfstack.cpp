// lfstack: nothing lost, nothing twice, contents visible, and no ABA when the same nodes come back.
#include "queues/lfstack.hpp"

#include "verify/suites/ledger.hpp"

namespace {

using heddle::test_item;
using verify::ledger;
using stack = heddle::lfstack<test_item>;

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
struct push_pop : verify::suite<2> {
  ledger<2> books;
  stack s;
  VERIFY_NAMES(books, s)
  void thread(unsigned i) {
    s.push(books.fresh(static_cast<int>(i)));
    books.take(s.pop());
  }
  void after() { empty_out(books, s); }
};
HEDDLE_SUITE(push_pop, {.name = "lfstack.push_pop",
                        .component = "lfstack",
                        .invariants = "I20",
                        .what = "each of two threads pushes one and pops one",
                        .modes = {verify::random_mix(2), verify::full_search(20)}})

// The classic: one thread pops two and pushes the first again while the other is between its load and its CAS.
struct aba : verify::suite<2> {
  ledger<3> books;
  stack s;
  VERIFY_NAMES(books, s)
  void before() {
    for (int i = 0; i < 3; ++i) s.push(books.fresh(i));
  }
  void thread(unsigned i) {
    test_item *const x = s.pop();
    books.take(x);
    if (i == 0) return;
    books.take(s.pop());
    s.push(books.again(x));
    books.take(s.pop());
  }
  void after() { empty_out(books, s); }
};
HEDDLE_SUITE(aba, {.name = "lfstack.aba",
                   .component = "lfstack",
                   .invariants = "I20 LFSTACK-ABA",
                   .what = "a node comes back on top while another pop holds its old successor",
                   .modes = {verify::random_mix(3), verify::bounded(3, 5)}})

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

// Few nodes, many hands: what is popped goes straight back.
struct recycle : verify::suite<3> {
  ledger<3> books;
  stack s;
  VERIFY_NAMES(books, s)
  void before() {
    for (int i = 0; i < 3; ++i) s.push(books.fresh(i));
  }
  void thread(unsigned) {
    for (int k = 0; k < 2; ++k) {
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
HEDDLE_SUITE(recycle, {.name = "lfstack.recycle",
                       .component = "lfstack",
                       .invariants = "I20 LFSTACK-ABA",
                       .what = "three threads pop and push the same three nodes",
                       .modes = {verify::random_mix(3), verify::bounded(2, 5)}})

}  // namespace
