// inject: nothing lost, FIFO per producer, contents and links visible to who drains.
#include "queues/inject.hpp"

#include "verify/suites/ledger.hpp"

namespace {

using heddle::test_item;
using verify::ledger;

// Two producers of two each, one drainer.
struct fifo : verify::suite<3> {
  ledger<4> books;
  heddle::inject<test_item> box;
  VERIFY_NAMES(books, box)
  int last[2] = {-1, -1};
  void drain() {
    heddle::gqueue<test_item> q = box.drain();
    while (test_item *x = q.pop_front()) {
      const int i = books.take(x);
      VERIFY_CHECK(i > last[i / 2]);
      last[i / 2] = i;
    }
  }
  void thread(unsigned i) {
    if (i == 2) {
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
HEDDLE_SUITE(fifo, {.name = "inject.fifo",
                    .component = "inject",
                    .invariants = "I20",
                    .what = "two producers, one drainer: all once, in each producer's order",
                    .modes = {verify::random_mix(3), verify::bounded(3, 5)}})

// One producer, one drainer that gives back what it got: the same address on top, with another link.
struct comes_back : verify::suite<2> {
  ledger<3> books;
  heddle::inject<test_item> box;
  VERIFY_NAMES(books, box)
  void before() { box.push(books.fresh(0)); }
  void thread(unsigned i) {
    if (i == 0) {
      box.push(books.fresh(1));
      box.push(books.fresh(2));
      return;
    }
    heddle::gqueue<test_item> q = box.drain();
    while (test_item *x = q.pop_front()) {
      books.take(x);
      box.push(books.again(x));
    }
  }
  void after() {
    heddle::gqueue<test_item> q = box.drain();
    VERIFY_INV("I20", q.size() == 3);
    books.take_all(q);
    books.balanced();
  }
};
HEDDLE_SUITE(comes_back, {.name = "inject.comes_back",
                          .component = "inject",
                          .invariants = "I20",
                          .what = "a head that is taken and comes back does no harm to a push under way (no ABA)",
                          .modes = {verify::random_mix(2), verify::full_search(20)}})

// Two drainers share one box.
struct two_drainers : verify::suite<3> {
  ledger<3> books;
  heddle::inject<test_item> box;
  VERIFY_NAMES(books, box)
  void thread(unsigned i) {
    if (i == 0) {
      for (int k = 0; k < 3; ++k) box.push(books.fresh(k));
      return;
    }
    for (int k = 0; k < 2; ++k) {
      heddle::gqueue<test_item> q = box.drain();
      books.take_all(q);
    }
  }
  void after() {
    heddle::gqueue<test_item> q = box.drain();
    books.take_all(q);
    books.balanced();
  }
};
HEDDLE_SUITE(two_drainers, {.name = "inject.two_drainers",
                            .component = "inject",
                            .invariants = "I20",
                            .what = "one producer, two drainers: all once",
                            .modes = {verify::random_mix(2), verify::bounded(3, 5)}})

}  // namespace
