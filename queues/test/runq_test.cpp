// The contract of runq (and of gqueue, in which it hands batches over), example by example.
#include "queues/runq.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "queues/test/test_item.hpp"

namespace {

using heddle::detail::test_item;
using ring4 = heddle::detail::runq<test_item, 4>;
using list = heddle::detail::gqueue<test_item>;

// Collects what a full ring gives away.
struct spill {
  list taken;
  std::uint32_t calls = 0;
  void operator()(list &batch) {
    ++calls;
    taken.push_back_all(batch);
  }
};

template <class Q>
test_item *get(Q &q, bool allow_runnext = true) {
  bool inherit = false;
  return q.runqget(inherit, allow_runnext);
}

std::vector<int> payloads(const list &q) {
  std::vector<int> v;
  q.for_each([&](test_item *x) { v.push_back(x->payload.get()); });
  return v;
}

template <class Q>
std::vector<int> get_all(Q &q) {
  std::vector<int> v;
  while (test_item *x = get(q)) v.push_back(x->payload.get());
  return v;
}

using ints = std::vector<int>;

TEST(gqueue, is_fifo_and_pushes_at_both_ends) {
  heddle::detail::test_items<4> x;
  list q;
  EXPECT_TRUE(q.empty());
  EXPECT_EQ(q.pop_front(), nullptr);
  q.push_back(x[1]);
  q.push_back(x[2]);
  q.push_front(x[0]);
  EXPECT_EQ(q.size(), 3u);
  EXPECT_EQ(payloads(q), (ints{0, 1, 2}));
  EXPECT_EQ(q.pop_front(), x[0]);
  EXPECT_EQ(q.pop_front(), x[1]);
  EXPECT_EQ(q.pop_front(), x[2]);
  EXPECT_TRUE(q.empty());
  q.push_front(x[3]);  // a front push into an empty list sets the tail too
  q.push_back(x[0]);
  EXPECT_EQ(payloads(q), (ints{3, 0}));
}

TEST(gqueue, a_popped_g_is_unlinked) {
  heddle::detail::test_items<2> x;
  list q;
  q.push_back(x[0]);
  q.push_back(x[1]);
  EXPECT_EQ(q.pop_front()->schedlink.get(), nullptr);
}

TEST(gqueue, push_back_all_moves_everything_and_take_gives_the_chain) {
  heddle::detail::test_items<4> x;
  list a, b;
  a.push_back_all(b);  // nothing to nothing
  EXPECT_TRUE(a.empty());
  b.push_back(x[0]);
  b.push_back(x[1]);
  a.push_back_all(b);  // something to nothing
  EXPECT_TRUE(b.empty());
  b.push_back(x[2]);
  a.push_back_all(b);  // something to something
  a.push_back_all(b);  // nothing to something
  a.push_back(x[3]);
  EXPECT_EQ(a.size(), 4u);
  EXPECT_EQ(payloads(a), (ints{0, 1, 2, 3}));
  test_item *chain = a.take();
  EXPECT_TRUE(a.empty());
  EXPECT_EQ(a.size(), 0u);
  for (int i = 0; i < 4; ++i, chain = chain->schedlink.get()) EXPECT_EQ(chain, x[i]);
  EXPECT_EQ(chain, nullptr);
}

TEST(gqueue, cut_keeps_the_first_and_returns_the_others) {
  for (std::uint32_t n : {1u, 2u, 3u}) {
    heddle::detail::test_items<6> x;
    list q;
    for (int i = 0; i < 4; ++i) q.push_back(x[i]);
    list rest = q.cut(n);
    EXPECT_EQ(q.size(), n);
    EXPECT_EQ(rest.size(), 4 - n);
    q.push_back(x[4]);  // both ends are right in both lists
    rest.push_back(x[5]);
    ints first, others;
    for (int i = 0; i < 4; ++i) (i < static_cast<int>(n) ? first : others).push_back(i);
    first.push_back(4);
    others.push_back(5);
    EXPECT_EQ(payloads(q), first);
    EXPECT_EQ(payloads(rest), others);
  }
}

// Go's TestSchedLocalQueue.
TEST(runq, TestSchedLocalQueue) {
  heddle::detail::test_items<256> x;
  heddle::detail::runq<test_item, 256> q;
  spill never;
  for (int n = 0; n <= 256; ++n) {
    ASSERT_EQ(get(q), nullptr) << "not empty before " << n;
    ASSERT_TRUE(q.runqempty());
    for (int i = 0; i < n; ++i) q.runqput(x[i], false, never);
    for (int i = 0; i < n; ++i) {
      ASSERT_FALSE(q.runqempty());
      bool inherit = true;
      ASSERT_EQ(q.runqget(inherit), x[i]);
      ASSERT_FALSE(inherit);
    }
    ASSERT_EQ(get(q), nullptr) << "not empty after " << n;
  }
  EXPECT_EQ(never.calls, 0u);
}

// Go's TestSchedLocalQueueSteal, sharpened: without other thieves it is exactly half, rounded up, and the oldest.
TEST(runq, TestSchedLocalQueueSteal) {
  heddle::detail::test_items<256> x;
  heddle::detail::runq<test_item, 256> victim, thief;
  spill never;
  for (int n = 0; n <= 256; ++n) {
    ints seen(256, 0);
    for (int i = 0; i < n; ++i) victim.runqput(x[i], false, never);
    int stolen = 0;
    test_item *newest = thief.runqsteal(victim, true);
    if (newest != nullptr) {
      ++stolen;
      ++seen[static_cast<std::size_t>(x.index_of(newest))];
    }
    for (int i = 0; test_item *g = get(thief); ++i, ++stolen) {
      ASSERT_EQ(g, x[i]) << "a steal takes a prefix, in order";
      ++seen[static_cast<std::size_t>(x.index_of(g))];
    }
    ASSERT_EQ(stolen, (n + 1) / 2);
    ASSERT_EQ(newest, n == 0 ? nullptr : x[stolen - 1]) << "the newest of the stolen runs at once";
    for (int i = stolen; test_item *g = get(victim); ++i) {
      ASSERT_EQ(g, x[i]);
      ++seen[static_cast<std::size_t>(x.index_of(g))];
    }
    for (int i = 0; i < 256; ++i) ASSERT_EQ(seen[static_cast<std::size_t>(i)], i < n ? 1 : 0);
  }
}

// Go's TestSchedLocalQueueEmpty: one g is always there while the owner puts another and gets one, so no thread may see
// the queue empty. With all four combinations of next.
TEST(runq, TestSchedLocalQueueEmpty) {
  heddle::detail::test_items<2> x;
  heddle::detail::runq<test_item, 256> q;
  spill never;
  constexpr int rounds = 4000;
  std::atomic<int> round{0}, ready{0}, done{0}, empty_seen{0};
  std::thread checker([&] {
    for (int i = 1; i <= rounds; ++i) {
      while (round.load(std::memory_order_acquire) != i) std::this_thread::yield();
      ready.store(i, std::memory_order_release);
      if (q.runqempty()) empty_seen.fetch_add(1, std::memory_order_relaxed);
      done.store(i, std::memory_order_release);
    }
  });
  for (int i = 1; i <= rounds; ++i) {
    q.runqput(x[0], (i & 1) == 0, never);
    round.store(i, std::memory_order_release);
    while (ready.load(std::memory_order_acquire) != i) std::this_thread::yield();
    q.runqput(x[1], (i & 2) == 0, never);
    ASSERT_NE(get(q), nullptr);
    while (done.load(std::memory_order_acquire) != i) std::this_thread::yield();
    ASSERT_NE(get(q), nullptr);
  }
  checker.join();
  EXPECT_EQ(empty_seen.load(std::memory_order_relaxed), 0);
}

TEST(runq, positions_wrap_at_2_to_the_32) {
  for (std::uint32_t start : {0xfffffffcu, 0xfffffffeu, 0xffffffffu}) {
    heddle::detail::test_items<8> x;
    ring4 q(start), thief(start);
    spill over;
    for (int i = 0; i < 4; ++i) q.runqput(x[i], false, over);
    EXPECT_EQ(q.size(), 4u);
    EXPECT_FALSE(q.runqempty());
    EXPECT_EQ(thief.runqsteal(q, false), x[1]);
    EXPECT_EQ(get(thief), x[0]);
    for (int i = 4; i < 8; ++i) q.runqput(x[i], false, over);
    EXPECT_EQ(payloads(over.taken), (ints{2, 3, 6}));
    EXPECT_EQ(get_all(q), (ints{4, 5, 7}));
    EXPECT_TRUE(q.runqempty());
    EXPECT_EQ(q.size(), 0u);
  }
}

TEST(runq, overflow_gives_the_older_half_then_the_one_that_did_not_fit) {
  heddle::detail::test_items<257> x;
  heddle::detail::runq<test_item, 256> q;
  spill over;
  for (int i = 0; i < 257; ++i) q.runqput(x[i], false, over);
  EXPECT_EQ(over.calls, 1u);
  ints expected;
  for (int i = 0; i < 128; ++i) expected.push_back(i);
  expected.push_back(256);
  EXPECT_EQ(payloads(over.taken), expected);
  for (int i = 128; i < 256; ++i) EXPECT_EQ(get(q), x[i]);
  EXPECT_EQ(get(q), nullptr);
}

TEST(runq, a_kick_into_a_full_ring_overflows_the_kicked_one) {
  heddle::detail::test_items<6> x;
  ring4 q;
  spill over;
  for (int i = 0; i < 4; ++i) q.runqput(x[i], false, over);
  q.runqput(x[4], true, over);
  EXPECT_EQ(over.calls, 0u);
  q.runqput(x[5], true, over);
  EXPECT_EQ(payloads(over.taken), (ints{0, 1, 4}));
  EXPECT_EQ(get_all(q), (ints{5, 2, 3}));
}

TEST(runq, runnext_goes_first_inherits_and_is_kicked_to_the_tail) {
  heddle::detail::test_items<4> x;
  ring4 q;
  spill never;
  EXPECT_FALSE(q.has_runnext());
  q.runqput(x[0], false, never);
  q.runqput(x[1], true, never);
  EXPECT_TRUE(q.has_runnext());
  EXPECT_EQ(q.size(), 2u);
  q.runqput(x[2], true, never);  // kicks 1 behind 0
  bool inherit = false;
  EXPECT_EQ(q.runqget(inherit), x[2]);
  EXPECT_TRUE(inherit);
  EXPECT_EQ(q.runqget(inherit), x[0]);
  EXPECT_FALSE(inherit);
  EXPECT_EQ(q.runqget(inherit), x[1]);
  EXPECT_FALSE(inherit);
  EXPECT_EQ(q.runqget(inherit), nullptr);
  EXPECT_FALSE(inherit);
}

TEST(runq, without_allow_runnext_the_ring_goes_first_and_nothing_inherits) {
  heddle::detail::test_items<2> x;
  ring4 q;
  spill never;
  q.runqput(x[0], false, never);
  q.runqput(x[1], true, never);
  bool inherit = true;
  EXPECT_EQ(q.runqget(inherit, false), x[0]);
  EXPECT_FALSE(inherit);
  inherit = true;
  EXPECT_EQ(q.runqget(inherit, false), x[1]) << "runnext is not held back when the ring is empty";
  EXPECT_FALSE(inherit);
  EXPECT_EQ(q.runqget(inherit, false), nullptr);
}

TEST(runq, putbatch_puts_what_fits_and_leaves_the_rest) {
  heddle::detail::test_items<6> x;
  ring4 q;
  spill never;
  q.runqput(x[0], false, never);
  list batch;
  for (int i = 1; i < 6; ++i) batch.push_back(x[i]);
  q.runqputbatch(batch);
  EXPECT_EQ(payloads(batch), (ints{4, 5}));
  q.runqputbatch(batch);  // full: nothing moves
  EXPECT_EQ(payloads(batch), (ints{4, 5}));
  EXPECT_EQ(get_all(q), (ints{0, 1, 2, 3}));
}

TEST(runq, a_steal_prefers_the_ring_and_takes_runnext_only_when_told) {
  heddle::detail::test_items<3> x;
  ring4 victim, thief;
  spill never;
  EXPECT_EQ(thief.runqsteal(victim, true), nullptr);
  EXPECT_FALSE(victim.stealable());
  victim.runqput(x[0], false, never);
  victim.runqput(x[1], true, never);
  EXPECT_TRUE(victim.stealable());
  EXPECT_EQ(thief.runqsteal(victim, true), x[0]);
  EXPECT_TRUE(thief.runqempty());
  EXPECT_FALSE(victim.stealable()) << "runnext alone is not counted";
  EXPECT_FALSE(victim.runqempty());
  EXPECT_EQ(thief.runqsteal(victim, false), nullptr);
  EXPECT_EQ(thief.runqsteal(victim, true), x[1]);
  EXPECT_TRUE(victim.runqempty());
  EXPECT_TRUE(thief.runqempty());
}

TEST(runq, the_smallest_ring_works) {
  heddle::detail::test_items<4> x;
  heddle::detail::runq<test_item, 2> victim, thief;
  spill over;
  for (int i = 0; i < 3; ++i) victim.runqput(x[i], false, over);
  EXPECT_EQ(payloads(over.taken), (ints{0, 2}));
  EXPECT_EQ(thief.runqsteal(victim, false), x[1]);
  victim.runqput(x[3], false, over);
  EXPECT_EQ(get(victim), x[3]);
}

TEST(runq, drain_gives_runnext_then_the_ring_and_leaves_nothing) {
  heddle::detail::test_items<4> x;
  ring4 q(0xffffffff);
  spill never;
  list none = q.runqdrain();
  EXPECT_TRUE(none.empty());
  for (int i = 0; i < 3; ++i) q.runqput(x[i], false, never);
  q.runqput(x[3], true, never);
  list all = q.runqdrain();
  EXPECT_EQ(payloads(all), (ints{3, 0, 1, 2}));
  EXPECT_TRUE(q.runqempty());
  EXPECT_EQ(get(q), nullptr);
  q.runqputbatch(all);
  EXPECT_EQ(get_all(q), (ints{3, 0, 1, 2}));
}

TEST(runq, for_each_shows_everything_once) {
  heddle::detail::test_items<3> x;
  ring4 q;
  spill never;
  q.runqput(x[0], false, never);
  q.runqput(x[1], false, never);
  q.runqput(x[2], true, never);
  ints seen;
  q.for_each([&](test_item *g) { seen.push_back(g->payload.get()); });
  EXPECT_EQ(seen, (ints{2, 0, 1}));
  EXPECT_EQ(q.size(), 3u);
}

TEST(runq_death, a_steal_into_a_ring_without_room_breaks_I18) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  heddle::detail::test_items<4> x;
  ring4 victim, thief;
  spill never;
  victim.runqput(x[3], false, never);
  for (int i = 0; i < 3; ++i) thief.runqput(x[i], false, never);
  EXPECT_DEATH(thief.runqsteal(victim, false), "I18");
}

}  // namespace
