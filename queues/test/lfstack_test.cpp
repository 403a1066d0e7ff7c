// The contract of lfstack, example by example.
#include "queues/lfstack.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "queues/test/test_item.hpp"

namespace {

using heddle::detail::test_item;
using stack = heddle::detail::lfstack<test_item>;
using ints = std::vector<int>;

ints pop_each(stack &s) {
  ints v;
  while (test_item *x = s.pop()) v.push_back(x->payload.get());
  return v;
}

ints chain(test_item *x) {
  ints v;
  for (; x != nullptr; x = stack::next_of(x)) v.push_back(x->payload.get());
  return v;
}

TEST(lfstack, is_lifo) {
  heddle::detail::test_items<5> x;
  stack s;
  EXPECT_TRUE(s.empty());
  EXPECT_EQ(s.pop(), nullptr);
  for (int i = 0; i < 5; ++i) s.push(x[i]);
  EXPECT_FALSE(s.empty());
  EXPECT_EQ(pop_each(s), (ints{4, 3, 2, 1, 0}));
  EXPECT_TRUE(s.empty());
}

TEST(lfstack, a_batch_comes_out_first_to_last) {
  heddle::detail::test_items<4> x;
  stack s;
  s.push(x[3]);
  stack::set_next(x[0], x[1]);
  stack::set_next(x[1], x[2]);
  s.push_batch(x[0], x[2]);
  EXPECT_EQ(pop_each(s), (ints{0, 1, 2, 3}));
}

TEST(lfstack, pop_all_takes_everything_linked_newest_first) {
  heddle::detail::test_items<4> x;
  stack s;
  EXPECT_EQ(s.pop_all(), nullptr);
  for (int i = 0; i < 4; ++i) s.push(x[i]);
  EXPECT_EQ(chain(s.pop_all()), (ints{3, 2, 1, 0}));
  EXPECT_TRUE(s.empty());
  EXPECT_EQ(s.pop_all(), nullptr);
  s.push(x[2]);
  EXPECT_EQ(chain(s.pop_all()), (ints{2}));
}

TEST(lfstack, a_node_may_come_back_at_once_and_often) {
  heddle::detail::test_items<2> x;
  stack s;
  s.push(x[0]);
  for (int i = 0; i < 1 << 20; ++i) {  // the tag wraps at least once
    s.push(x[1]);
    ASSERT_EQ(s.pop(), x[1]);
  }
  EXPECT_EQ(pop_each(s), (ints{0}));
}

// A slow pop compares the head, which is one word. Its value after pop and push, or pop_all and push, of the same node
// must differ, or that pop would install a stale next (ABA).
TEST(lfstack, the_same_node_back_on_top_is_a_different_head) {
  static_assert(sizeof(stack) == sizeof(std::uint64_t));
  const auto word = [](const stack &s) {
    std::uint64_t w;
    std::memcpy(&w, static_cast<const void *>(&s), sizeof w);
    return w;
  };
  heddle::detail::test_items<2> x;
  stack s;
  s.push(x[0]);
  s.push(x[1]);
  const std::uint64_t first = word(s);
  s.pop();
  s.pop();
  s.push(x[1]);
  const std::uint64_t second = word(s);
  EXPECT_NE(first, second);
  s.pop_all();
  s.push(x[1]);
  EXPECT_NE(first, word(s)) << "pop_all must not start the tag over";
  EXPECT_NE(second, word(s));
}

TEST(lfstack_death, an_address_beyond_48_bits_is_refused) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  stack s;
  auto *far = reinterpret_cast<test_item *>(std::uintptr_t{1} << 50);
  EXPECT_DEATH(s.push(far), "LFSTACK-BITS");
}

}  // namespace
