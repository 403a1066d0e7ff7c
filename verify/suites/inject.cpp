// inject: nothing lost, FIFO per producer, contents and links visible to the drainer.
#include "queues/inject.hpp"

#include "verify/suites/ledger.hpp"

namespace {

using heddle::detail::test_item;
using verify::bounded;
using verify::ledger;
using verify::random_mix;
using verify::world;

// Producers of two each, one drainer.
template <int Producers>
struct fifo_of : verify::suite<Producers + 1> {
  ledger<2 * Producers> books;
  heddle::detail::inject<test_item> box;
  VERIFY_NAMES(books, box)
  int next[Producers] = {};
  void drain() {
    heddle::detail::gqueue<test_item> q = box.drain();
    while (test_item *x = q.pop_front()) {
      const int i = books.take(x);
      VERIFY_CHECK(i % 2 == next[i / 2]++);
    }
  }
  void thread(unsigned i) {
    if (i == Producers) {
      drain();
      drain();
      return;
    }
    for (int k = 0; k < 2; ++k) box.push(books.fresh(static_cast<int>(2 * i) + k));
  }
  void after() {
    drain();
    VERIFY_CHECK(box.empty());
    books.balanced();
  }
};
using fifo = fifo_of<2>;
HEDDLE_SUITE(fifo, {.name = "inject.fifo",
                    .component = "inject",
                    .invariants = "I20",
                    .what = "two producers, one drainer: all once, in each producer's order",
                    .modes = {verify::random_mix(3), verify::bounded(3, 5)}})
HEDDLE_WORLDS(fifo, "inject", "I20",
              {world<fifo_of<3>>({.name = "inject.fifo_4",
                                  .what = "three producers, one drainer: all once, in each producer's order",
                                  .modes = {random_mix(0.5)}})})

// One producer, and drainers that give back what they got: the same address on top, with another link.
template <int Drainers>
struct comes_back_by : verify::suite<1 + Drainers> {
  ledger<3> books;
  heddle::detail::inject<test_item> box;
  VERIFY_NAMES(books, box)
  void before() { box.push(books.fresh(0)); }
  void thread(unsigned i) {
    if (i == 0) {
      box.push(books.fresh(1));
      box.push(books.fresh(2));
      return;
    }
    heddle::detail::gqueue<test_item> q = box.drain();
    while (test_item *x = q.pop_front()) {
      books.take(x);
      box.push(books.again(x));
    }
  }
  void after() {
    heddle::detail::gqueue<test_item> q = box.drain();
    VERIFY_INV("I20", q.size() == 3);
    books.take_all(q);
    books.balanced();
  }
};
using comes_back = comes_back_by<1>;
HEDDLE_SUITE(comes_back, {.name = "inject.comes_back",
                          .component = "inject",
                          .invariants = "I20",
                          .what = "a head that is taken and comes back does no harm to a push under way (no ABA)",
                          .modes = {verify::random_mix(2), verify::full_search(20)}})
HEDDLE_WORLDS(comes_back, "inject", "I20",
              {world<comes_back_by<2>>({.name = "inject.comes_back_3",
                                        .what = "as inject.comes_back with two drainers that give back",
                                        .modes = {random_mix(0.3), bounded(2, 0.7)}})})

// Drainers share one box.
template <int Drainers>
struct drainers : verify::suite<1 + Drainers> {
  ledger<3> books;
  heddle::detail::inject<test_item> box;
  VERIFY_NAMES(books, box)
  void thread(unsigned i) {
    if (i == 0) {
      for (int k = 0; k < 3; ++k) box.push(books.fresh(k));
      return;
    }
    for (int k = 0; k < 2; ++k) {
      heddle::detail::gqueue<test_item> q = box.drain();
      books.take_all(q);
    }
  }
  void after() {
    heddle::detail::gqueue<test_item> q = box.drain();
    books.take_all(q);
    books.balanced();
  }
};
using two_drainers = drainers<2>;
HEDDLE_SUITE(two_drainers, {.name = "inject.two_drainers",
                            .component = "inject",
                            .invariants = "I20",
                            .what = "one producer, two drainers: all once",
                            .modes = {verify::random_mix(2), verify::bounded(3, 5)}})
HEDDLE_WORLDS(two_drainers, "inject", "I20",
              {world<drainers<3>>({.name = "inject.three_drainers",
                                   .what = "one producer, three drainers: all once",
                                   .modes = {random_mix(0.5)}})})

}  // namespace
