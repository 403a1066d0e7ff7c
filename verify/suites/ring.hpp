#pragma once
// What the suites of the run queue share: a ring of any size and the turns that owner and thief take at it.
#include "queues/globrunq.hpp"
#include "verify/suites/ledger.hpp"

namespace verify {

using heddle::detail::test_item;
using list = heddle::detail::gqueue<test_item>;
template <std::uint32_t N>
using ring = heddle::detail::runq<test_item, N>;

// Where positions start so that they reach 2^32 after n puts.
consteval std::uint32_t wrap_in(std::uint32_t n) { return 0u - n; }

// The owner puts item i where there is room for it.
template <std::uint32_t N, int n>
void put(ledger<n> &books, ring<N> &q, int i, bool next = false) {
  q.runqput(books.fresh(i), next, [](list &overflow) { VERIFY_CHECK(overflow.empty()); });
}
// The owner puts items from..to-1 where there is room for them.
template <std::uint32_t N, int n>
void put_all(ledger<n> &books, ring<N> &q, int from, int to) {
  for (int i = from; i < to; ++i) put(books, q, i);
}

template <class Q>
test_item *get(Q &q, bool allow_runnext = true) {
  bool inherit = false;
  return q.runqget(inherit, allow_runnext);
}

// A thief's turn: steals, and checks that it got consecutive items, oldest first, and half a ring at most. Returns how
// many.
template <std::uint32_t N, int n>
int steal_run(ledger<n> &books, ring<N> &own, ring<N> &victim, bool runnext) {
  test_item *const newest = own.runqsteal(victim, runnext);
  int first = -1, count = 0;
  while (test_item *x = get(own)) {
    const int i = books.take(x);
    if (count++ == 0) first = i;
    VERIFY_INV("I22", i == first + count - 1);
  }
  if (newest == nullptr) return 0;
  const int last = books.take(newest);
  VERIFY_INV("I22", count == 0 || last == first + count);
  VERIFY_INV("I18", count + 1 <= static_cast<int>(N / 2));
  return count + 1;
}

// When no other thread is about, a steal takes half of the ring, rounded up.
template <std::uint32_t N, int n>
void steal_half(ledger<n> &books, ring<N> &own, ring<N> &victim) {
  const int size = static_cast<int>(victim.size());
  VERIFY_INV("I22", steal_run(books, own, victim, false) == (size + 1) / 2);
}

template <std::uint32_t N, int n>
void empty_out(ledger<n> &books, ring<N> &q) {
  list rest = q.runqdrain();
  books.take_all(rest);
  VERIFY_INV("I21", q.runqempty());
}
// For after(): empties the rings that may hold something; then each item has been taken as often as it was put.
template <int n, class... Rings>
void settle(ledger<n> &books, Rings &...q) {
  (empty_out(books, q), ...);
  books.balanced();
}

}  // namespace verify
