// The contract of idlestack (midle, pidle), example by example.
#include "queues/idle.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "queues/test/test_item.hpp"

namespace {

using heddle::detail::test_item;
using ints = std::vector<int>;

TEST(idlestack, is_lifo_and_counts) {
  heddle::detail::test_items<3> x;
  heddle::detail::idlestack<test_item> idle;
  EXPECT_TRUE(idle.empty());
  EXPECT_EQ(idle.get(), nullptr);
  EXPECT_EQ(idle.count(), 0) << "a get that found nothing does not count";
  for (int i = 0; i < 3; ++i) {
    idle.put(x[i]);
    EXPECT_EQ(idle.count(), i + 1);
    EXPECT_EQ(idle.peek_count(), i + 1);
  }
  EXPECT_FALSE(idle.empty());
  for (int i = 2; i >= 0; --i) {
    EXPECT_EQ(idle.get(), x[i]);
    EXPECT_EQ(idle.count(), i);
  }
  EXPECT_TRUE(idle.empty());
}

TEST(idlestack, put_all_lets_the_first_come_out_first) {
  heddle::detail::test_items<4> x;
  heddle::detail::idlestack<test_item> idle;
  idle.put(x[3]);
  test_item *const low_to_high[] = {x[0], x[1], x[2]};
  idle.put_all(low_to_high, 3);
  EXPECT_EQ(idle.count(), 4);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(idle.get(), x[i]);
}

TEST(idlestack, put_all_of_nothing_and_of_one) {
  heddle::detail::test_items<1> x;
  heddle::detail::idlestack<test_item> idle;
  test_item *const one[] = {x[0]};
  idle.put_all(one, 0);
  EXPECT_TRUE(idle.empty());
  EXPECT_EQ(idle.count(), 0);
  idle.put_all(one, 1);
  EXPECT_EQ(idle.count(), 1);
  EXPECT_EQ(idle.get(), x[0]);
}

TEST(idlestack, drain_gives_each_once_newest_first) {
  heddle::detail::test_items<3> x;
  heddle::detail::idlestack<test_item> idle;
  idle.drain([](test_item *) { FAIL() << "nothing to drain"; });
  for (int i = 0; i < 3; ++i) idle.put(x[i]);
  ints seen;
  idle.drain([&](test_item *g) { seen.push_back(g->payload.get()); });
  EXPECT_EQ(seen, (ints{2, 1, 0}));
  EXPECT_EQ(idle.count(), 0);
  EXPECT_TRUE(idle.empty());
}

TEST(idlestack, drain_lets_an_element_go_back_at_once) {
  heddle::detail::test_items<3> x;
  heddle::detail::idlestack<test_item> idle;
  for (int i = 0; i < 3; ++i) idle.put(x[i]);
  ints seen;
  idle.drain([&](test_item *g) {
    seen.push_back(g->payload.get());
    idle.put(g);  // writes its link: drain must have read it before
  });
  EXPECT_EQ(seen, (ints{2, 1, 0}));
  EXPECT_EQ(idle.count(), 3);
  EXPECT_EQ(idle.get(), x[0]);
}

}  // namespace
