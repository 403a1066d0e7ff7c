// runqempty: what a look at the queue from another thread may say (I21).
#include "verify/suites/ring.hpp"

namespace {

using namespace verify;

// Go's TestSchedLocalQueueEmpty and its bug B5: one item is here, the owner puts another and gets one. The strategy
// chooses where each is put and from where the get takes. One is always here, so no thread may see none.
template <std::uint32_t Start>
struct never_empty : verify::suite<2> {
  ledger<2> books;
  ring<2> q{Start};
  VERIFY_NAMES(books, q)
  std::uint64_t chance = 0;
  bool flip() { return heddle::detail::cheaprandn(chance, 2) == 1; }
  void before() { put(books, q, 0, flip()); }
  void thread(unsigned i) {
    if (i == 1) {
      VERIFY_INV("I21", !q.runqempty());
      return;
    }
    put(books, q, 1, flip());
    books.take(get(q, flip()));
  }
  void after() { settle(books, q); }
};
using never_empty_0 = never_empty<0>;
using never_empty_wrap = never_empty<wrap_in(1)>;
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

// The same where the get goes by overflow: a full ring keeps its newer half.
template <std::uint32_t N, std::uint32_t Start>
struct never_empty_spill : verify::suite<2> {
  static constexpr int size = static_cast<int>(N);
  ledger<size + 1> books;
  ring<N> q{Start};
  VERIFY_NAMES(books, q)
  void before() { put_all(books, q, 0, size - 1); }
  void thread(unsigned i) {
    if (i == 1) {
      VERIFY_INV("I21", !q.runqempty());
      return;
    }
    for (int k = size - 1; k <= size; ++k)
      q.runqput(books.fresh(k), false, [this](list &batch) { books.take_all(batch); });
  }
  void after() { settle(books, q); }
};
using never_empty_overflow = never_empty_spill<2, 0>;
HEDDLE_SUITE(never_empty_overflow, {.name = "runq.never_empty_overflow",
                                    .component = "runq",
                                    .invariants = "I21",
                                    .what = "never seen empty while an overflow takes the older half",
                                    .modes = {verify::random_mix(2), verify::full_search(20)}})
HEDDLE_WORLDS(
    never_empty_overflow, "runq", "I21",
    {world<never_empty_spill<4, wrap_in(1)>>({.name = "runq.never_empty_overflow_r4",
                                              .what = "as runq.never_empty_overflow, ring of four across 2^32",
                                              .modes = {bounded(3, 0.5)}})})

// With thieves about: what was put before the look, and is not stolen, is seen. They leave the last of N - 1.
template <std::uint32_t N, std::uint32_t Start, int Thieves>
struct never_empty_among : verify::suite<2 + Thieves> {
  static constexpr int stays = static_cast<int>(N) - 2;
  ledger<stays + 2> books;
  ring<N> q{Start}, own[Thieves];
  VERIFY_NAMES(books, q, own)
  void before() { put_all(books, q, 0, stays + 1); }
  void thread(unsigned i) {
    if (i == 0) {
      put(books, q, stays + 1, true);
      books.take(get(q));
    } else if (i <= Thieves) {
      steal_run(books, own[i - 1], q, false);
    } else {
      VERIFY_INV("I21", !q.runqempty());
    }
  }
  void after() {
    VERIFY_INV("I20", books.holders[stays] == 1);
    settle(books, q);
  }
};
using never_empty_stolen = never_empty_among<4, 0, 1>;
HEDDLE_SUITE(never_empty_stolen,
             {.name = "runq.never_empty_stolen",
              .component = "runq",
              .invariants = "I21",
              .what = "an item that was put before the look and stays is seen, whatever a thief takes",
              .modes = {verify::random_mix(2), verify::bounded(2, 5)}})
// Two thieves leave the last of seven where they leave none of three.
HEDDLE_WORLDS(
    never_empty_stolen, "runq", "I21",
    {world<never_empty_among<8, wrap_in(5), 2>>({.name = "runq.never_empty_stolen_r8_t2",
                                                 .what = "as runq.never_empty_stolen with two thieves, across 2^32",
                                                 .modes = {random_mix(0.5)}})})

// The delicate dance as far as it concerns this component: a put, the submitter's fence and its look at the spinners,
// against a spinner that stops, its fence and its look at the queue. A thief takes runnext meanwhile, so that only the
// owner has the kicked item. One of the two must notice.
struct dance : verify::suite<3> {
  ledger<2> books;
  ring<2> q, own;
  heddle::detail::atomic<int> spinning{1};
  VERIFY_NAMES(books, q, own, spinning)
  bool woke = false, saw_empty = false;
  void before() { put(books, q, 0, true); }
  void thread(unsigned i) {
    if (i == 0) {
      put(books, q, 1, true);
      heddle::detail::fence(heddle::detail::seq_cst);
      woke = spinning.load(heddle::detail::relaxed) == 0;
    } else if (i == 1) {
      spinning.store(0, heddle::detail::relaxed);
      heddle::detail::fence(heddle::detail::seq_cst);
      saw_empty = q.runqempty();
    } else {
      books.take(own.runqsteal(q, true));
    }
  }
  void after() {
    VERIFY_INV("I21", woke || !saw_empty || q.size() == 0);
    settle(books, q);
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
  void before() { put(books, q, 0, true); }
  void thread(unsigned i) {
    if (i == 0) {
      put(books, q, 1, true);
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
