// globrunq: FIFO under its lock, and the batch that goes into a ring.
#include "queues/globrunq.hpp"

#include "verify/suites/ledger.hpp"

namespace {

using heddle::detail::test_item;
using verify::bounded;
using verify::ledger;
using verify::random_mix;
using verify::world;
using list = heddle::detail::gqueue<test_item>;

template <class Q>
test_item *get(Q &q) {
  bool inherit;
  return q.runqget(inherit);
}

// A producer of one and a producer of a batch, a consumer of one.
struct put_get : verify::suite<2> {
  ledger<3> books;
  heddle::detail::globrunq<test_item> q;
  VERIFY_NAMES(books, q)
  void thread(unsigned i) {
    if (i == 0) {
      q.globrunqput(books.fresh(0));
      list two;
      two.push_back(books.fresh(1));
      two.push_back(books.fresh(2));
      q.globrunqputbatch(two);
    } else {
      const int a = books.take(q.globrunqget());
      const int b = books.take(q.globrunqget());
      VERIFY_CHECK(a <= 0 && (a < 0 || b <= 1));  // FIFO
    }
  }
  void after() {
    while (test_item *x = q.globrunqget()) books.take(x);
    VERIFY_CHECK(q.size() == 0);
    books.balanced();
  }
};
HEDDLE_SUITE(put_get, {.name = "globrunq.put_get",
                       .component = "globrunq",
                       .invariants = "I20",
                       .what = "put, putbatch and get of two threads: FIFO",
                       .modes = {verify::random_mix(2), verify::bounded(3, 5)}})

// Consumers take fair shares into their rings, from where they run them.
template <std::uint32_t N, std::uint32_t Start, int Takers>
struct getbatch_into : verify::suite<1 + Takers> {
  struct from_start : heddle::detail::runq<test_item, N> {
    from_start() : heddle::detail::runq<test_item, N>(Start) {}
  };
  ledger<5> books;
  heddle::detail::globrunq<test_item> q;
  VERIFY_NAMES(books, q)
  from_start own[Takers];
  void before() { q.globrunqput(books.fresh(0)); }
  void thread(unsigned i) {
    if (i == 0) {
      list rest;
      for (int k = 1; k < 4; ++k) rest.push_back(books.fresh(k));
      q.globrunqputbatch(rest);
      q.globrunqput(books.fresh(4));
      return;
    }
    int last = -1;
    for (int round = 0; round < 2; ++round) {
      for (test_item *x = q.globrunqgetbatch(own[i - 1], 1); x != nullptr; x = get(own[i - 1])) {
        const int k = books.take(x);
        VERIFY_CHECK(k > last);  // FIFO, for each consumer too
        last = k;
      }
    }
  }
  void after() {
    while (test_item *x = q.globrunqget()) books.take(x);
    books.balanced();
  }
};
using getbatch = getbatch_into<4, 0, 2>;
HEDDLE_SUITE(getbatch, {.name = "globrunq.getbatch",
                        .component = "globrunq",
                        .invariants = "I18 I20",
                        .what = "two Ms take batches into their rings while a third puts",
                        .modes = {verify::random_mix(3), verify::bounded(2, 5)}})
// Half a ring of two is less than a batch, so that each takes one.
HEDDLE_WORLDS(getbatch, "globrunq", "I18 I20",
              {world<getbatch_into<2, 0, 2>>({.name = "globrunq.getbatch_r2",
                                              .what = "as globrunq.getbatch, rings of two: the ring limits the share",
                                              .modes = {random_mix(0.3), bounded(1, 0.3)}}),
               world<getbatch_into<4, 0xffffffff, 3>>({.name = "globrunq.getbatch_t3",
                                                       .what = "as globrunq.getbatch with three Ms, rings across 2^32",
                                                       .modes = {random_mix(0.5)}})})

// A batch goes before what is there while others put and take: each is taken once, the batch's in its order.
struct put_head : verify::suite<3> {
  ledger<5> books;
  heddle::detail::globrunq<test_item> q;
  int last = -1;
  VERIFY_NAMES(books, q)
  void before() { q.globrunqput(books.fresh(3)); }
  void take() {
    const int k = books.take(q.globrunqget());
    if (k < 0 || k > 2) return;  // none, or not of the batch
    VERIFY_CHECK(k > last);
    last = k;
  }
  void thread(unsigned i) {
    if (i == 0) {
      list batch;
      for (int k = 0; k < 3; ++k) batch.push_back(books.fresh(k));
      q.globrunqputheadbatch(batch);
      VERIFY_CHECK(batch.empty());
    } else if (i == 1) {
      q.globrunqput(books.fresh(4));
    } else {
      for (int round = 0; round < 3; ++round) take();
    }
  }
  void after() {
    for (std::uint32_t left = q.size(); left != 0; --left) take();
    VERIFY_CHECK(q.empty());
    books.balanced();
  }
};
HEDDLE_SUITE(put_head, {.name = "globrunq.put_head",
                        .component = "globrunq",
                        .invariants = "I20",
                        .what = "a batch is put at the head while others put and take",
                        .modes = {random_mix(0.5), bounded(2, 0.5)}})

}  // namespace
