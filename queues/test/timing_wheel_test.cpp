// timing_wheel.hpp, example by example. The property against a sorted model is in timing_wheel_property.cpp.
#include "queues/timing_wheel.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace {

struct item {
  heddle::detail::plain<std::int64_t> when;
  heddle::detail::plain<item *> wheelnext, wheelprev;
  heddle::detail::plain<std::uint16_t> wheelslot;
};
using wheel = heddle::detail::timing_wheel<item>;
constexpr std::int64_t tick = std::int64_t{1} << heddle::detail::geometry::tick_shift;

item *add(wheel &w, item &t, std::int64_t when) {
  t.when.set(when);
  w.insert(&t);
  return &t;
}

TEST(timing_wheel, is_empty_at_first) {
  wheel w;
  EXPECT_EQ(w.next(), wheel::never);
  w.advance(1'000'000'000);
  EXPECT_EQ(w.pop(), nullptr);
  EXPECT_FALSE(w.due());
}

TEST(timing_wheel, nothing_is_due_before_its_time) {
  for (const std::int64_t when : {1L, tick - 1, tick, tick + 1, 63 * tick, 64 * tick, 1'000'000L, 3'600'000'000'000L}) {
    wheel w;
    item t;
    add(w, t, when);
    w.advance(when - 1);
    EXPECT_EQ(w.pop(), nullptr) << when;
    w.advance(when + tick);
    EXPECT_EQ(w.pop(), &t) << when;
    EXPECT_EQ(w.next(), wheel::never);
  }
}

TEST(timing_wheel, what_is_due_already_is_due_at_once) {
  wheel w;
  w.advance(100 * tick);
  item a, b, c;
  add(w, a, 100 * tick);
  add(w, b, 0);
  add(w, c, -5);
  EXPECT_EQ(w.next(), 0);
  EXPECT_EQ(w.pop(), &a);
  EXPECT_EQ(w.pop(), &b);
  EXPECT_EQ(w.pop(), &c);
  EXPECT_EQ(w.pop(), nullptr);
}

// If time goes from event to event, as sysmon does it, a timer of years takes few steps, none of them too late.
TEST(timing_wheel, next_leads_to_each_in_a_few_steps) {
  for (const std::int64_t when : {5 * tick, 1'000'000'007L, 86'400'000'000'001L, 2'000'000'000'000'000'123L}) {
    wheel w;
    item t;
    add(w, t, when);
    int steps = 0;
    while (!w.due()) {
      const std::int64_t next = w.next();
      ASSERT_LE(next, when + tick);
      w.advance(next);
      ASSERT_LE(++steps, 10);
    }
    EXPECT_EQ(w.pop(), &t);
  }
}

// The wheel knows without a look at a timer when the last tick of its slot has come: after 63 ticks of 64, here.
TEST(timing_wheel, one_is_surely_due_when_its_slot_is_over) {
  wheel w;
  item t;
  EXPECT_FALSE(w.surely_due(1000 * tick));
  add(w, t, 100 * tick);
  EXPECT_FALSE(w.surely_due(100 * tick));
  EXPECT_FALSE(w.surely_due(127 * tick - 1));
  EXPECT_TRUE(w.surely_due(127 * tick));
  w.advance(64 * tick);  // now the slot is one tick long
  EXPECT_FALSE(w.surely_due(99 * tick));
  EXPECT_TRUE(w.surely_due(100 * tick));
  w.advance(100 * tick);
  EXPECT_TRUE(w.surely_due(100 * tick));
}

TEST(timing_wheel, never_is_a_time_like_any_other) {
  wheel w;
  item t, soon;
  add(w, t, wheel::never);
  add(w, soon, 5);
  w.advance(1'000'000'000'000);
  EXPECT_EQ(w.pop(), &soon);
  EXPECT_EQ(w.pop(), nullptr);
  EXPECT_LT(w.next(), wheel::never);
  w.erase(&t);
  EXPECT_EQ(w.next(), wheel::never);
}

TEST(timing_wheel, one_of_a_slot_is_erased_wherever_it_is) {
  for (std::size_t which = 0; which < 3; ++which) {
    wheel w;
    std::array<item, 3> t;
    for (item &i : t) add(w, i, 1'000'000);
    w.erase(&t[which]);
    w.advance(2'000'000);
    std::vector<item *> rest;
    while (item *i = w.pop()) rest.push_back(i);
    EXPECT_EQ(rest.size(), 2u);
    for (const item *i : rest) EXPECT_NE(i, &t[which]);
  }
}

TEST(timing_wheel, drain_hands_out_all_of_them_once) {
  wheel w;
  std::array<item, 5> t;
  std::int64_t when = 0;
  for (item &i : t) add(w, i, when += 777'777);
  w.advance(1'000'000);
  std::size_t n = 0;
  w.drain([&n](item *) { ++n; });
  EXPECT_EQ(n, t.size());
  EXPECT_EQ(w.next(), wheel::never);
}

}  // namespace
