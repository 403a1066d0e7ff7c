// Real threads on every component, for HEDDLE_STRESS_MS milliseconds each (300 when unset); meant for ThreadSanitizer
// too. Items go round and round. A thread that takes an item adds one to its payload, a plain int: if two threads have
// it, or an order is missing, that is a data race. The books must balance at the end, so that a lost item shows.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "queues/gfree.hpp"
#include "queues/globrunq.hpp"
#include "queues/idle.hpp"
#include "queues/inject.hpp"
#include "queues/runq.hpp"
#include "queues/test/test_item.hpp"

namespace {

using heddle::detail::test_item;
using list = heddle::detail::gqueue<test_item>;

constexpr int pool = 512;
using items = heddle::detail::test_items<pool>;

std::chrono::milliseconds budget() {
  const char *ms = std::getenv("HEDDLE_STRESS_MS");
  return std::chrono::milliseconds(ms != nullptr ? std::atoi(ms) : 300);
}

// Runs body(id, stop) on n threads; stop() turns true when the time is up.
template <class F>
void run_threads(int n, F body) {
  std::atomic<bool> over{false};
  const auto stop = [&] { return over.load(std::memory_order_relaxed); };
  std::vector<std::thread> threads;
  for (int id = 0; id < n; ++id) threads.emplace_back([&, id] { body(id, stop); });
  std::this_thread::sleep_for(budget());
  over.store(true, std::memory_order_relaxed);
  for (std::thread &t : threads) t.join();
}

// What one thread has taken: its share of the books.
struct alignas(64) book {
  long long taken = 0;
  std::uint64_t random = 1;
  std::uint32_t dice(std::uint32_t n) { return heddle::detail::cheaprandn(random, n); }
  void take(test_item *x) {
    x->payload.set(x->payload.get() + 1);
    ++taken;
  }
};

std::unique_ptr<items> blank_items() {
  auto x = std::make_unique<items>();
  for (int i = 0; i < pool; ++i) (*x)[i]->payload.set(0);
  return x;
}

long long sum(items &x) {
  long long n = 0;
  for (int i = 0; i < pool; ++i) n += x[i]->payload.get();
  return n;
}

// An owner that puts in every way and gets, and two thieves. What is taken comes back by an inbox, and overflow by the
// global queue.
template <std::uint32_t N>
void owner_and_thieves() {
  auto x = blank_items();
  heddle::detail::runq<test_item, N> rings[3] = {heddle::detail::runq<test_item, N>(0xffffff00u),
                                                 heddle::detail::runq<test_item, N>(),
                                                 heddle::detail::runq<test_item, N>()};
  heddle::detail::inject<test_item> home;
  heddle::detail::globrunq<test_item> global;
  for (int i = 0; i < pool; ++i) home.push((*x)[i]);
  book books[3];
  std::atomic<int> owner_done{0};

  run_threads(3, [&](int id, auto stop) {
    book &b = books[id];
    b.random = static_cast<std::uint64_t>(id) + 1;
    auto &own = rings[id];
    bool inherit;
    if (id == 0) {
      list hand;
      const auto overflow = [&](list &batch) { global.globrunqputbatch(batch); };
      while (!stop()) {
        list came = home.drain();
        hand.push_back_all(came);
        for (std::uint32_t n = b.dice(6); n != 0 && !hand.empty(); --n)
          own.runqput(hand.pop_front(), b.dice(3) == 0, overflow);
        if (b.dice(4) == 0) own.runqputbatch(hand);
        for (std::uint32_t n = b.dice(4); n != 0; --n) {
          if (test_item *g = own.runqget(inherit, b.dice(4) != 0)) {
            b.take(g);
            hand.push_back(g);
          }
        }
        if (test_item *g = global.globrunqget()) {
          b.take(g);
          hand.push_back(g);
        }
        if (b.dice(64) == 0) {
          list all = own.runqdrain();
          while (test_item *g = all.pop_front()) {
            b.take(g);
            hand.push_back(g);
          }
        }
      }
      while (test_item *g = hand.pop_front()) home.push(g);
      owner_done.store(1, std::memory_order_release);
    } else {
      while (!stop()) {
        test_item *g = own.runqsteal(rings[0], b.dice(2) == 0);
        if (g == nullptr && b.dice(2) == 0) g = own.runqsteal(rings[3 - id], true);
        while (g != nullptr) {
          b.take(g);
          home.push(g);
          g = own.runqget(inherit);
        }
        (void)rings[0].runqempty();
      }
    }
  });

  long long found = 0;
  const auto count = [&](list q) {
    while (q.pop_front() != nullptr) ++found;
  };
  for (auto &r : rings) count(r.runqdrain());
  count(home.drain());
  while (global.globrunqget() != nullptr) ++found;
  EXPECT_EQ(found, pool) << "lost or doubled";
  EXPECT_EQ(sum(*x), books[0].taken + books[1].taken + books[2].taken);
  EXPECT_GT(books[0].taken, 0);
}
TEST(stress, runq_owner_and_thieves_small_ring) { owner_and_thieves<4>(); }
TEST(stress, runq_owner_and_thieves) { owner_and_thieves<256>(); }

// B5: one g is always there while the owner puts another and gets one.
TEST(stress, runq_is_never_seen_empty_while_it_is_not) {
  heddle::detail::test_items<2> x;
  heddle::detail::runq<test_item, 4> q;
  std::atomic<bool> filled{false};
  std::atomic<long long> looks{0}, empty_seen{0};
  run_threads(2, [&](int id, auto stop) {
    if (id == 0) {
      bool inherit;
      const auto never = [](list &) { FAIL() << "overflow"; };
      q.runqput(x[0], false, never);
      filled.store(true, std::memory_order_release);
      test_item *hand = x[1];
      for (unsigned i = 0; !stop(); ++i) {
        q.runqput(hand, (i & 1) != 0, never);
        hand = q.runqget(inherit, (i & 2) != 0);
      }
    } else {
      while (!filled.load(std::memory_order_acquire)) std::this_thread::yield();
      long long n = 0, empty = 0;
      for (; !stop(); ++n) empty += q.runqempty() ? 1 : 0;
      looks.store(n, std::memory_order_relaxed);
      empty_seen.store(empty, std::memory_order_relaxed);
    }
  });
  EXPECT_EQ(empty_seen.load(std::memory_order_relaxed), 0) << "of " << looks.load(std::memory_order_relaxed);
}

TEST(stress, lfstack) {
  using stack = heddle::detail::lfstack<test_item>;
  auto x = blank_items();
  stack s;
  for (int i = 0; i < 8; ++i) s.push((*x)[i]);  // few nodes: the same ones come back at once
  book books[3];
  run_threads(3, [&](int id, auto stop) {
    book &b = books[id];
    b.random = static_cast<std::uint64_t>(id) + 1;
    while (!stop()) {
      if (b.dice(16) == 0) {
        test_item *first = s.pop_all();
        test_item *last = nullptr;
        for (test_item *g = first; g != nullptr; last = g, g = stack::next_of(g)) b.take(g);
        if (first != nullptr) s.push_batch(first, last);
        continue;
      }
      test_item *g = s.pop(), *h = s.pop();
      if (g != nullptr) b.take(g);
      if (h != nullptr) b.take(h);
      if (g != nullptr) s.push(g);
      if (h != nullptr) s.push(h);
    }
  });
  int found = 0;
  for (test_item *g = s.pop_all(); g != nullptr; g = stack::next_of(g)) ++found;
  EXPECT_EQ(found, 8) << "lost or doubled";
  EXPECT_EQ(sum(*x), books[0].taken + books[1].taken + books[2].taken);
}

TEST(stress, idlestack) {
  auto x = blank_items();
  heddle::detail::idlestack<test_item> idle;
  for (int i = 0; i < 8; ++i) idle.put((*x)[i]);
  book books[3];
  std::atomic<int> out_of_range{0};
  run_threads(3, [&](int id, auto stop) {
    book &b = books[id];
    b.random = static_cast<std::uint64_t>(id) + 1;
    std::vector<test_item *> hand;
    while (!stop()) {
      if (b.dice(16) == 0) {
        idle.drain([&](test_item *g) {
          b.take(g);
          hand.push_back(g);
        });
      } else if (test_item *g = idle.get()) {
        b.take(g);
        hand.push_back(g);
      }
      const std::int32_t n = idle.count();
      if (n < -16 || n > 8) out_of_range.fetch_add(1, std::memory_order_relaxed);
      if (b.dice(2) == 0) {
        idle.put_all(hand.data(), static_cast<std::int32_t>(hand.size()));
        hand.clear();
      } else if (!hand.empty()) {
        idle.put(hand.back());
        hand.pop_back();
      }
    }
    idle.put_all(hand.data(), static_cast<std::int32_t>(hand.size()));
  });
  EXPECT_EQ(out_of_range.load(std::memory_order_relaxed), 0);
  EXPECT_EQ(idle.count(), 8);
  int found = 0;
  idle.drain([&](test_item *) { ++found; });
  EXPECT_EQ(found, 8);
  EXPECT_EQ(idle.count(), 0);
  EXPECT_EQ(sum(*x), books[0].taken + books[1].taken + books[2].taken);
}

TEST(stress, gfree) {
  auto x = blank_items();
  heddle::detail::gfree_global<test_item> global;
  heddle::detail::gfree<test_item> locals[3];
  for (int i = 0; i < pool; ++i) {
    (*x)[i]->stack = i % 3 != 0;
    locals[0].gfput((*x)[i], global);
  }
  locals[0].gfpurge(global);
  book books[3];
  run_threads(3, [&](int id, auto stop) {
    book &b = books[id];
    b.random = static_cast<std::uint64_t>(id) + 1;
    heddle::detail::gfree<test_item> &p = locals[id];
    list hand;
    while (!stop()) {
      for (std::uint32_t n = b.dice(150); n != 0; --n) {
        test_item *g = p.gfget(global);
        if (g == nullptr) break;
        b.take(g);
        hand.push_back(g);
      }
      while (!hand.empty() && b.dice(150) != 0) p.gfput(hand.pop_front(), global);
      if (b.dice(32) == 0) p.gfpurge(global);
    }
    while (!hand.empty()) p.gfput(hand.pop_front(), global);
    p.gfpurge(global);
  });
  int found = 0;
  while (locals[0].gfget(global) != nullptr) ++found;
  EXPECT_EQ(found, pool) << "lost or doubled";
  EXPECT_EQ(sum(*x), books[0].taken + books[1].taken + books[2].taken);
}

TEST(stress, globrunq) {
  auto x = blank_items();
  heddle::detail::globrunq<test_item> q;
  for (int i = 0; i < pool; ++i) q.globrunqput((*x)[i]);
  book books[3];
  run_threads(3, [&](int id, auto stop) {
    book &b = books[id];
    b.random = static_cast<std::uint64_t>(id) + 1;
    heddle::detail::runq<test_item, 16> own;
    list hand;
    bool inherit;
    while (!stop()) {
      test_item *g = b.dice(2) == 0 ? q.globrunqget() : q.globrunqgetbatch(own, 4);
      for (; g != nullptr; g = own.runqget(inherit)) {
        b.take(g);
        hand.push_back(g);
      }
      if (b.dice(2) == 0)
        q.globrunqputbatch(hand);
      else if (!hand.empty())
        q.globrunqput(hand.pop_front());
    }
    q.globrunqputbatch(hand);
  });
  EXPECT_EQ(q.size(), static_cast<std::uint32_t>(pool));
  int found = 0;
  while (q.globrunqget() != nullptr) ++found;
  EXPECT_EQ(found, pool) << "lost or doubled";
  EXPECT_EQ(sum(*x), books[0].taken + books[1].taken + books[2].taken);
}

// Two producers, each with its own numbered items in turn; a drainer that checks their order and hands them back.
TEST(stress, inject_is_fifo_per_producer) {
  struct numbered : test_item {
    heddle::detail::plain<numbered *> schedlink;
    heddle::detail::plain<long long> number;
    int producer = 0;
  };
  constexpr int each = 32;
  auto x = std::make_unique<numbered[]>(2 * each);
  heddle::detail::inject<numbered> box;
  heddle::detail::lfstack<numbered> back[2];
  for (int i = 0; i < 2 * each; ++i) {
    x[static_cast<std::size_t>(i)].producer = i / each;
    back[i / each].push(&x[static_cast<std::size_t>(i)]);
  }
  long long pushed[2] = {0, 0}, seen[2] = {0, 0}, out_of_order = 0;
  const auto drain = [&] {
    heddle::detail::gqueue<numbered> q = box.drain();
    while (numbered *g = q.pop_front()) {
      out_of_order += g->number.get() == seen[g->producer]++ ? 0 : 1;
      back[g->producer].push(g);
    }
  };
  run_threads(3, [&](int id, auto stop) {
    if (id == 2) {
      while (!stop()) drain();
      return;
    }
    while (!stop()) {
      numbered *g = back[id].pop();
      if (g == nullptr) {
        std::this_thread::yield();
        continue;
      }
      g->number.set(pushed[id]++);
      box.push(g);
    }
  });
  drain();
  EXPECT_EQ(out_of_order, 0);
  EXPECT_EQ(seen[0], pushed[0]);
  EXPECT_EQ(seen[1], pushed[1]);
  int found = 0;
  for (auto &s : back)
    for (numbered *g = s.pop_all(); g != nullptr; g = heddle::detail::lfstack<numbered>::next_of(g)) ++found;
  EXPECT_EQ(found, 2 * each);
}

TEST(stress, spinlock) {
  heddle::detail::spinlock lock;
  heddle::detail::plain<long long> guarded;
  book books[3];
  run_threads(3, [&](int id, auto stop) {
    while (!stop()) {
      const std::lock_guard hold(lock);
      guarded.set(guarded.get() + 1);
      ++books[id].taken;
    }
  });
  EXPECT_EQ(guarded.get(), books[0].taken + books[1].taken + books[2].taken);
}

}  // namespace
