// The contract of inject, example by example.
#include "queues/inject.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "queues/test/test_item.hpp"

namespace {

using heddle::detail::test_item;
using ints = std::vector<int>;

ints payloads(const heddle::detail::gqueue<test_item> &q) {
  ints v;
  q.for_each([&](test_item *x) { v.push_back(x->payload.get()); });
  return v;
}

TEST(inject, drains_oldest_first) {
  heddle::detail::test_items<4> x;
  heddle::detail::inject<test_item> box;
  EXPECT_TRUE(box.empty());
  EXPECT_TRUE(box.drain().empty());
  for (int i = 0; i < 4; ++i) box.push(x[i]);
  EXPECT_FALSE(box.empty());
  EXPECT_EQ(payloads(box.drain()), (ints{0, 1, 2, 3}));
  EXPECT_TRUE(box.empty());
  EXPECT_TRUE(box.drain().empty());
}

TEST(inject, takes_the_same_g_again_after_a_drain) {
  heddle::detail::test_items<2> x;
  heddle::detail::inject<test_item> box;
  box.push(x[0]);
  box.push(x[1]);
  heddle::detail::gqueue<test_item> q = box.drain();
  EXPECT_EQ(q.size(), 2u);
  EXPECT_EQ(q.pop_front(), x[0]);
  box.push(x[0]);
  EXPECT_EQ(payloads(box.drain()), (ints{0}));
  EXPECT_EQ(payloads(q), (ints{1}));
}

TEST(inject, is_fifo_per_producer) {
  constexpr int each = 500;
  heddle::detail::test_items<2 * each> x;
  heddle::detail::inject<test_item> box;
  const auto produce = [&](int from) {
    for (int i = 0; i < each; ++i) box.push(x[from + i]);
  };
  std::thread a(produce, 0), b(produce, each);
  int next[2] = {0, each};
  for (int got = 0; got < 2 * each;) {
    heddle::detail::gqueue<test_item> q = box.drain();
    while (test_item *g = q.pop_front()) {
      const int i = g->payload.get();
      ASSERT_EQ(i, next[i / each]++);
      ++got;
    }
  }
  a.join();
  b.join();
  EXPECT_TRUE(box.empty());
}

}  // namespace
