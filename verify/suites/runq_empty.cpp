// runqempty: what a look at the queue from another thread may say (I21).
#include "verify/suites/ring.hpp"

namespace {

using namespace verify;

// Go's TestSchedLocalQueueEmpty and its bug B5: one is here, the owner puts another and gets one. The strategy chooses
// where each is put and from where the get takes. Always one is here, so nobody may see none.
template <std::uint32_t Start>
struct never_empty : verify::suite<2> {
  ledger<2> books;
  ring<2> q{Start};
  VERIFY_NAMES(books, q)
  std::uint64_t chance = 0;
  bool flip() { return heddle::cheaprandn(chance, 2) == 1; }
  void before() {
    q.runqput(books.fresh(0), flip(), [](list &) { VERIFY_CHECK(!"overflow"); });
  }
  void thread(unsigned i) {
    if (i == 1) {
      VERIFY_INV("I21", !q.runqempty());
      return;
    }
    q.runqput(books.fresh(1), flip(), [](list &) { VERIFY_CHECK(!"overflow"); });
    books.take(get(q, flip()));
  }
  void after() {
    empty_out(books, q);
    books.balanced();
  }
};
using never_empty_0 = never_empty<0>;
using never_empty_wrap = never_empty<0xffffffff>;
HEDDLE_SUITE(never_empty_wrap, {.name = "runq.never_empty_wrap",
                                .component = "runq",
                                .invariants = "I21",
                                .what = "as runq.never_empty across 2^32, where a tail is less than its head",
                                .modes = {verify::random_mix(1), verify::full_search(10)}})
HEDDLE_SUITE(never_empty_0,
             {.name = "runq.never_empty",
              .component = "runq",
              .invariants = "I21",
              .what = "TestSchedLocalQueueEmpty (B5): never seen empty while the owner puts one and gets one",
              .modes = {verify::random_mix(2), verify::full_search(20)}})

// The same where the get goes by overflow: a full ring of two keeps its newer half.
struct never_empty_overflow : verify::suite<2> {
  ledger<3> books;
  ring<2> q;
  VERIFY_NAMES(books, q)
  void before() {
    q.runqput(books.fresh(0), false, [](list &) { VERIFY_CHECK(!"overflow"); });
  }
  void thread(unsigned i) {
    if (i == 1) {
      VERIFY_INV("I21", !q.runqempty());
      return;
    }
    for (int k = 1; k < 3; ++k) q.runqput(books.fresh(k), false, [this](list &batch) { books.take_all(batch); });
  }
  void after() {
    empty_out(books, q);
    books.balanced();
  }
};
HEDDLE_SUITE(never_empty_overflow, {.name = "runq.never_empty_overflow",
                                    .component = "runq",
                                    .invariants = "I21",
                                    .what = "never seen empty while an overflow takes the older half",
                                    .modes = {verify::random_mix(2), verify::full_search(20)}})

// With a thief about: what was put before the look, and is not stolen, is seen.
struct never_empty_stolen : verify::suite<3> {
  ledger<4> books;
  ring<4> q, own;
  VERIFY_NAMES(books, q, own)
  bool left = true;
  void before() {
    for (int k = 0; k < 3; ++k) q.runqput(books.fresh(k), false, [](list &) { VERIFY_CHECK(!"overflow"); });
  }
  void thread(unsigned i) {
    if (i == 0) {
      q.runqput(books.fresh(3), true, [](list &) { VERIFY_CHECK(!"overflow"); });
      books.take(get(q));
    } else if (i == 1) {
      steal_run(books, own, q, false);
    } else {
      VERIFY_INV("I21", !q.runqempty());  // item 2 was there and stays
    }
  }
  void after() {
    VERIFY_INV("I20", books.holders[2] == 1);
    empty_out(books, q);
    books.balanced();
  }
};
HEDDLE_SUITE(never_empty_stolen,
             {.name = "runq.never_empty_stolen",
              .component = "runq",
              .invariants = "I21",
              .what = "an item that was put before the look and stays is seen, whatever a thief takes",
              .modes = {verify::random_mix(2), verify::bounded(2, 5)}})

// The delicate dance as far as it concerns this component: a put, the submitter's fence and its look at the spinners,
// against a spinner that stops, its fence and its look at the queue. A thief takes runnext meanwhile, so that the
// kicked item is in the owner's hands only. Somebody must notice.
struct dance : verify::suite<3> {
  ledger<2> books;
  ring<2> q, own;
  heddle::atomic<int> spinning{1};
  VERIFY_NAMES(books, q, own, spinning)
  bool woke = false, saw_empty = false;
  void before() {
    q.runqput(books.fresh(0), true, [](list &) { VERIFY_CHECK(!"overflow"); });
  }
  void thread(unsigned i) {
    if (i == 0) {
      q.runqput(books.fresh(1), true, [](list &) { VERIFY_CHECK(!"overflow"); });
      heddle::fence(heddle::seq_cst);
      woke = spinning.load(heddle::relaxed) == 0;
    } else if (i == 1) {
      spinning.store(0, heddle::relaxed);
      heddle::fence(heddle::seq_cst);
      saw_empty = q.runqempty();
    } else {
      books.take(own.runqsteal(q, true));
    }
  }
  void after() {
    VERIFY_INV("I21", woke || !saw_empty || q.size() == 0);
    empty_out(books, q);
    books.balanced();
  }
};
HEDDLE_SUITE(dance,
             {.name = "runq.dance",
              .component = "runq",
              .invariants = "I21",
              .what = "either the submitter sees no spinner or the spinner sees the queue filled, a kick included",
              .modes = {verify::random_mix(2), verify::bounded(3, 5)}})

// The limit of I21, kept here so that it stays true: an item that the owner is just kicking from runnext to the ring is
// in neither while a thief takes its successor. The put that kicks it is not over; the wake that follows it covers it
// (dance).
struct kick_window : verify::suite<3> {
  ledger<2> books;
  ring<2> q, own;
  VERIFY_NAMES(books, q, own)
  void before() {
    q.runqput(books.fresh(0), true, [](list &) { VERIFY_CHECK(!"overflow"); });
  }
  void thread(unsigned i) {
    if (i == 0) {
      q.runqput(books.fresh(1), true, [](list &) { VERIFY_CHECK(!"overflow"); });
    } else if (i == 1) {
      const bool empty = q.runqempty();
      VERIFY_INV("I21", !empty || books.holders[0] == 0);
    } else {
      books.take(own.runqsteal(q, true));
    }
  }
};
HEDDLE_SUITE(kick_window, {.name = "runq.kick_window",
                           .component = "runq",
                           .invariants = "I21",
                           .what = "an item being kicked while a thief takes its successor is in neither place",
                           .modes = {verify::random_mix(2)},
                           .expected = verify::expect::red})

}  // namespace
