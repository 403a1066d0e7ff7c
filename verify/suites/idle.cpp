// idlestack (midle, pidle): nothing lost, the count exact when no call is in progress (I9, I10), and what idle threads
// did is visible to a thread that counts them.
#include "queues/idle.hpp"

#include "verify/suites/ledger.hpp"

namespace {

using heddle::detail::test_item;
using verify::bounded;
using verify::ledger;
using verify::random_mix;
using verify::world;
using idlestack = heddle::detail::idlestack<test_item>;

template <int n>
void empty_out(ledger<n> &books, idlestack &s) {
  int found = 0;
  const int counted = s.peek_count();
  s.drain([&](test_item *x) {
    books.take(x);
    ++found;
  });
  VERIFY_INV("I10", found == counted && s.peek_count() == 0 && s.empty());
  books.balanced();
}

// pidle: each M gives its P back and takes one.
template <int Threads>
struct put_get_of : verify::suite<Threads> {
  ledger<Threads> books;
  idlestack s;
  VERIFY_NAMES(books, s)
  void thread(unsigned i) {
    s.put(books.fresh(static_cast<int>(i)));
    books.take(s.get());
  }
  void after() { empty_out(books, s); }
  void invariant() { VERIFY_INV("I10", s.peek_count() >= -Threads && s.peek_count() <= Threads); }
};
using put_get = put_get_of<2>;
HEDDLE_SUITE(put_get, {.name = "idle.put_get",
                       .component = "idle",
                       .invariants = "I9 I10 I20",
                       .what = "each of two threads puts one and gets one",
                       .modes = {verify::random_mix(2), verify::bounded(4, 5)}})
HEDDLE_WORLDS(put_get, "idle", "I9 I10 I20",
              {world<put_get_of<3>>({.name = "idle.put_get_3",
                                     .what = "each of three threads puts one and gets one",
                                     .modes = {bounded(2, 0.4)}}),
               world<put_get_of<4>>({.name = "idle.put_get_4",
                                     .what = "each of four threads puts one and gets one",
                                     .modes = {random_mix(0.5)}})})

// midle: two go idle and come back, a third drains, all at once.
struct mixed : verify::suite<3> {
  ledger<5> books;
  idlestack s;
  VERIFY_NAMES(books, s)
  void before() { s.put(books.fresh(4)); }
  void thread(unsigned i) {
    if (i == 0) {
      test_item *const both[] = {books.fresh(0), books.fresh(1)};
      s.put_all(both, 2);
      books.take(s.get());
    } else if (i == 1) {
      s.put(books.fresh(2));
      test_item *const x = s.get();
      books.take(x);
      if (x != nullptr) s.put(books.again(x));
    } else {
      s.drain([this](test_item *x) {
        books.take(x);
        if (x != books.items[2]) s.put(books.again(x));  // its link is written while the drain goes on
      });
      s.put(books.fresh(3));
    }
  }
  void after() { empty_out(books, s); }
};
HEDDLE_SUITE(mixed, {.name = "idle.mixed",
                     .component = "idle",
                     .invariants = "I9 I10 I20",
                     .what = "put, put_all, get and drain at once",
                     .modes = {verify::random_mix(3), verify::bounded(2, 5)}})

// checkdead: a thread that counts all threads idle sees what each did last, also when a get lies between two puts.
// Thread 0 works and goes idle; thread 1 wakes it if it can and works on its behalf, then works and goes idle itself.
struct counted_is_visible : verify::suite<3> {
  ledger<2> books;
  idlestack s;
  heddle::detail::plain<int> work[2];
  VERIFY_NAMES(books, s, work)
  void thread(unsigned i) {
    if (i == 2) {
      if (s.count() == 2) VERIFY_INV("IDLE-1", work[0].get() >= 1 && work[1].get() == 1);
      return;
    }
    const int me = static_cast<int>(i);
    if (i == 1) {
      if (test_item *const woken = s.get()) {
        books.take(woken);
        work[0].set(work[0].get() + 1);
        s.put(books.again(woken));
      }
    }
    work[i].set(1);
    s.put(books.fresh(me));
  }
  void after() { empty_out(books, s); }
};
HEDDLE_SUITE(counted_is_visible, {.name = "idle.counted_is_visible",
                                  .component = "idle",
                                  .invariants = "IDLE-1",
                                  .what = "a count that says all are idle makes what they did visible",
                                  .modes = {verify::random_mix(2), verify::bounded(2, 5)}})

// The same for batches that are put at once, each by its own thread.
template <int Putters, int Batch>
struct counted_batch_of : verify::suite<Putters + 1> {
  ledger<Putters * Batch> books;
  idlestack s;
  heddle::detail::plain<int> work[Putters];
  VERIFY_NAMES(books, s, work)
  void thread(unsigned i) {
    if (i == Putters) {
      if (s.count() != Putters * Batch) return;
      for (auto &each : work) VERIFY_INV("IDLE-1", each.get() == 1);
      return;
    }
    work[i].set(1);
    test_item *batch[Batch];
    for (int k = 0; k < Batch; ++k) batch[k] = books.fresh(static_cast<int>(i) * Batch + k);
    s.put_all(batch, Batch);
  }
  void after() { empty_out(books, s); }
};
using counted_batch = counted_batch_of<1, 2>;
HEDDLE_SUITE(counted_batch, {.name = "idle.counted_batch",
                             .component = "idle",
                             .invariants = "IDLE-1",
                             .what = "as counted_is_visible, for put_all",
                             .modes = {verify::random_mix(1), verify::full_search(5)}})
HEDDLE_WORLDS(counted_batch, "idle", "IDLE-1",
              {world<counted_batch_of<2, 1>>({.name = "idle.counted_batch_3",
                                              .what = "as counted_batch, two batches of one",
                                              .modes = {bounded(3, 0.5)}}),
               world<counted_batch_of<3, 3>>({.name = "idle.counted_batch_4",
                                              .what = "as counted_batch, three batches of three",
                                              .modes = {random_mix(0.3), bounded(1, 0.2)}})})

}  // namespace
