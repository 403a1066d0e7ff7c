// The contract of gfree and gfree_global, example by example.
#include "queues/gfree.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "queues/test/test_item.hpp"

namespace {

using heddle::detail::test_item;
using local = heddle::detail::gfree<test_item>;
using global = heddle::detail::gfree_global<test_item>;
using list = heddle::detail::gqueue<test_item>;

constexpr int max = static_cast<int>(heddle::detail::geometry::gfree_max);
constexpr int batch = static_cast<int>(heddle::detail::geometry::gfree_batch);

TEST(gfree, is_lifo) {
  heddle::detail::test_items<3> x;
  global g;
  local p;
  EXPECT_EQ(p.gfget(g), nullptr);
  for (int i = 0; i < 3; ++i) p.gfput(x[i], g);
  EXPECT_EQ(p.size(), 3u);
  for (int i = 2; i >= 0; --i) EXPECT_EQ(p.gfget(g), x[i]);
  EXPECT_EQ(p.gfget(g), nullptr);
  EXPECT_EQ(p.size(), 0u);
}

TEST(gfree, a_full_list_spills_one_batch_the_oldest) {
  heddle::detail::test_items<max> x;
  global g;
  local p, other;
  for (int i = 0; i + 1 < max; ++i) p.gfput(x[i], g);
  EXPECT_EQ(p.size(), static_cast<std::uint32_t>(max - 1));
  EXPECT_EQ(other.gfget(g), nullptr) << "nothing spilled yet";
  p.gfput(x[max - 1], g);
  EXPECT_EQ(p.size(), static_cast<std::uint32_t>(max - batch));
  EXPECT_EQ(other.gfget(g), x[batch - 1]) << "the oldest go, the newest of them first";
  EXPECT_EQ(other.size(), static_cast<std::uint32_t>(batch - 1)) << "a refill is one batch";
  for (int i = batch - 1; i-- > 0;) EXPECT_EQ(other.gfget(g), x[i]);
  EXPECT_EQ(other.gfget(g), nullptr);
  for (int i = max; i-- > batch;) EXPECT_EQ(p.gfget(g), x[i]) << "what stays is warm";
}

TEST(gfree, a_refill_prefers_those_with_stacks) {
  heddle::detail::test_items<4> x;
  x[0]->stack = false;
  x[2]->stack = false;
  global g;
  local p;
  list dead;
  for (int i = 0; i < 4; ++i) dead.push_back(x[i]);
  g.put(dead);
  EXPECT_TRUE(dead.empty());
  EXPECT_EQ(p.gfget(g), x[1]);
  EXPECT_EQ(p.gfget(g), x[3]);
  EXPECT_EQ(p.gfget(g), x[0]);
  EXPECT_EQ(p.gfget(g), x[2]);
  EXPECT_EQ(p.gfget(g), nullptr);
}

TEST(gfree, a_spill_sorts_by_stack) {
  heddle::detail::test_items<max> x;
  for (int i = 0; i < max; ++i) x[i]->stack = i % 2 == 0;
  global g;
  local p, other;
  for (int i = 0; i < max; ++i) p.gfput(x[i], g);
  for (int i = 0; i < batch; ++i) {
    test_item *gp = other.gfget(g);
    ASSERT_NE(gp, nullptr);
    EXPECT_EQ(gp->has_stack(), i < batch / 2);
  }
  EXPECT_EQ(other.gfget(g), nullptr);
}

TEST(gfree, the_newest_batch_is_taken_first) {
  heddle::detail::test_items<4> x;
  global g;
  list first, second;
  first.push_back(x[0]);
  first.push_back(x[1]);
  second.push_back(x[2]);
  second.push_back(x[3]);
  g.put(first);
  g.put(second);
  list got = g.get();
  EXPECT_EQ(got.pop_front(), x[2]);
  EXPECT_EQ(got.pop_front(), x[3]);
  EXPECT_EQ(got.pop_front(), nullptr);
  EXPECT_EQ(g.get().size(), 2u);
  EXPECT_TRUE(g.get().empty());
}

TEST(gfree, purge_gives_all_to_the_global_lists) {
  heddle::detail::test_items<5> x;
  x[4]->stack = false;
  global g;
  local p, other;
  p.gfpurge(g);  // of nothing
  EXPECT_TRUE(g.get().empty());
  for (int i = 0; i < 5; ++i) p.gfput(x[i], g);
  p.gfpurge(g);
  EXPECT_EQ(p.size(), 0u);
  std::vector<int> seen(5, 0);
  while (test_item *gp = other.gfget(g)) ++seen[static_cast<std::size_t>(gp->payload.get())];
  EXPECT_EQ(seen, (std::vector<int>{1, 1, 1, 1, 1}));
}

}  // namespace
