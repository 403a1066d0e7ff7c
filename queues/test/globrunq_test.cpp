// The contract of globrunq, example by example.
#include "queues/globrunq.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "queues/test/test_item.hpp"

namespace {

using heddle::detail::test_item;
using list = heddle::detail::gqueue<test_item>;
using global = heddle::detail::globrunq<test_item>;
using ints = std::vector<int>;

template <class Q>
ints get_all(Q &q) {
  ints v;
  bool inherit;
  while (test_item *x = q.runqget(inherit)) v.push_back(x->payload.get());
  return v;
}

TEST(globrunq, is_fifo) {
  heddle::detail::test_items<5> x;
  global q;
  EXPECT_TRUE(q.empty());
  EXPECT_EQ(q.globrunqget(), nullptr);
  q.globrunqput(x[0]);
  list batch;
  for (int i = 1; i < 4; ++i) batch.push_back(x[i]);
  q.globrunqputbatch(batch);
  EXPECT_TRUE(batch.empty());
  q.globrunqputbatch(batch);  // of nothing
  q.globrunqput(x[4]);
  EXPECT_EQ(q.size(), 5u);
  EXPECT_FALSE(q.empty());
  ints seen;
  q.for_each([&](test_item *g) { seen.push_back(g->payload.get()); });
  EXPECT_EQ(seen, (ints{0, 1, 2, 3, 4}));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(q.globrunqget(), x[i]);
  EXPECT_EQ(q.globrunqget(), nullptr);
  EXPECT_TRUE(q.empty());
  EXPECT_EQ(q.size(), 0u);
}

// min(size, size/procs + 1, globrunq_batch, half a ring): Go's globrunqgetbatch.
TEST(globrunq, a_batch_is_a_fair_share) {
  struct row {
    int size;
    std::uint32_t procs;
    int taken;
  };
  for (const row &r : {row{0, 1, 0}, row{1, 1, 1}, row{1, 8, 1}, row{7, 8, 1}, row{8, 8, 2}, row{20, 4, 6},
                       row{10, 1, 10}, row{300, 2, 128}, row{300, 1, 128}}) {
    auto x = std::make_unique<heddle::detail::test_items<300>>();
    global q;
    heddle::detail::runq<test_item, 256> to;
    for (int i = 0; i < r.size; ++i) q.globrunqput((*x)[i]);
    test_item *gp = q.globrunqgetbatch(to, r.procs);
    EXPECT_EQ(gp, r.size == 0 ? nullptr : (*x)[0]) << "the oldest runs";
    const ints moved = get_all(to);
    EXPECT_EQ(static_cast<int>(moved.size()) + (gp != nullptr ? 1 : 0), r.taken) << r.size << " / " << r.procs;
    for (std::size_t i = 0; i < moved.size(); ++i) EXPECT_EQ(moved[i], static_cast<int>(i) + 1) << "in order";
    EXPECT_EQ(q.size(), static_cast<std::uint32_t>(r.size - r.taken));
    EXPECT_EQ(q.globrunqget(), r.taken < r.size ? (*x)[r.taken] : nullptr) << "the rest stays, in order";
  }
}

TEST(globrunq, a_batch_fits_half_of_a_small_ring) {
  heddle::detail::test_items<8> x;
  global q;
  heddle::detail::runq<test_item, 4> to;
  for (int i = 0; i < 8; ++i) q.globrunqput(x[i]);
  EXPECT_EQ(q.globrunqgetbatch(to, 1), x[0]);
  EXPECT_EQ(get_all(to), (ints{1}));
  EXPECT_EQ(q.size(), 6u);
  heddle::detail::runq<test_item, 2> tiny;
  EXPECT_EQ(q.globrunqgetbatch(tiny, 1), x[2]);
  EXPECT_TRUE(tiny.runqempty());
}

// What a P leaves behind when it goes has waited longer than what comes later: it goes before all others, in its order.
TEST(globrunq, a_batch_at_the_head_goes_before_all_in_its_order) {
  heddle::detail::test_items<7> x;
  global q;
  list batch;
  q.globrunqputheadbatch(batch);  // of nothing, to nothing
  EXPECT_TRUE(q.empty());
  for (int i : {4, 5}) batch.push_back(x[i]);
  q.globrunqputheadbatch(batch);  // to an empty queue
  EXPECT_TRUE(batch.empty());
  q.globrunqput(x[6]);
  q.globrunqputheadbatch(batch);  // of nothing
  for (int i : {1, 2, 3}) batch.push_back(x[i]);
  q.globrunqputheadbatch(batch);
  EXPECT_TRUE(batch.empty());
  batch.push_back(x[0]);
  q.globrunqputheadbatch(batch);
  EXPECT_EQ(q.size(), 7u);
  EXPECT_FALSE(q.empty());
  for (int i = 0; i < 7; ++i) EXPECT_EQ(q.globrunqget(), x[i]);
  EXPECT_EQ(q.globrunqget(), nullptr);
  EXPECT_TRUE(q.empty());
}

TEST(globrunq, is_where_an_overflow_goes) {
  heddle::detail::test_items<5> x;
  global q;
  heddle::detail::runq<test_item, 4> from;
  for (int i = 0; i < 5; ++i) from.runqput(x[i], false, [&](list &batch) { q.globrunqputbatch(batch); });
  EXPECT_EQ(q.size(), 3u);
  EXPECT_EQ(q.globrunqget(), x[0]);
  EXPECT_EQ(q.globrunqget(), x[1]);
  EXPECT_EQ(q.globrunqget(), x[4]);
  EXPECT_EQ(get_all(from), (ints{2, 3}));
}

}  // namespace
