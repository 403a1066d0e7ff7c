#pragma once
// The books of a suite: which thread put which item, and that each is taken once, with its contents visible (I20).
#include "queues/gqueue.hpp"
#include "queues/test/test_item.hpp"
#include "verify/suite.hpp"

namespace verify {

template <int n>
struct ledger {
  heddle::detail::test_items<n> items;
  int holders[n] = {};  // not shared data: simulated threads run one at a time

  // Item i, written by the caller, ready to be put somewhere.
  heddle::detail::test_item *fresh(int i) {
    VERIFY_INV("I20", holders[i] == 0);
    ++holders[i];
    items[i]->payload.set(100 + i);
    return items[i];
  }
  // A put of what the caller has just taken.
  heddle::detail::test_item *again(heddle::detail::test_item *x) { return fresh(items.index_of(x)); }

  // The caller has taken x, or null, out of a container. Reads and writes the payload: a race, or an old value, is an
  // order missing.
  int take(heddle::detail::test_item *x) {
    if (x == nullptr) return -1;
    const int i = items.index_of(x);
    VERIFY_INV("I20", i >= 0 && i < n && holders[i] == 1);
    --holders[i];
    VERIFY_INV("I20", x->payload.get() == 100 + i);
    x->payload.set(-i);
    return i;
  }
  void take_all(heddle::detail::gqueue<heddle::detail::test_item> &q) {
    while (heddle::detail::test_item *x = q.pop_front()) take(x);
  }

  // Nothing is left anywhere. For after(), when the suite has emptied all that it knows of.
  void describe(names &to) const {
    for (int i = 0; i < n; ++i) to.memory(&items.item[i], sizeof items.item[i], "item%u", static_cast<unsigned>(i));
  }

  void balanced() {
    for (int held : holders) VERIFY_INV("I20", held == 0);
  }
};

}  // namespace verify
