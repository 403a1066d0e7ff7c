#pragma once
// The items that the tests, suites, fuzzers and benchmarks of queues/ put on the queues: the smallest node that every
// component accepts. Type-stable, as lfnode demands: a test keeps its items until every thread is done with every
// queue.
#include "queues/lfstack.hpp"

HEDDLE_DETAIL_BEGIN

struct test_item : lfnode {
  plain<test_item *> schedlink;
  plain<int> payload;  // written before a put, read after a get: a race here is a missing order there
  bool stack = true;
  bool has_stack() const noexcept { return stack; }
};

// n items whose payload is their index.
template <int n>
struct test_items {
  test_items() noexcept {
    for (int i = 0; i < n; ++i) item[i].payload.set(i);
  }
  test_item *operator[](int i) noexcept { return &item[i]; }
  // Returns the index of x, by its address: reads nothing of the item. -1 for null.
  int index_of(const test_item *x) const noexcept { return x == nullptr ? -1 : static_cast<int>(x - item); }

  test_item item[n];
};

HEDDLE_DETAIL_END
