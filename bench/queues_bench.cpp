// What one operation of each component costs, with one thread and with several. Queues that only move pointers never
// look into the items, so a benchmark may put the same item again and again.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdint>
#include <memory>

#include "queues/gfree.hpp"
#include "queues/globrunq.hpp"
#include "queues/idle.hpp"
#include "queues/inject.hpp"
#include "queues/runq.hpp"
#include "queues/test/test_item.hpp"

namespace {

using heddle::detail::test_item;
using list = heddle::detail::gqueue<test_item>;
using ring = heddle::detail::runq<test_item, 256>;

constexpr auto drop = [](list &batch) { benchmark::DoNotOptimize(batch.take()); };

void runq_put_get(benchmark::State &state) {
  ring q;
  test_item x;
  bool inherit;
  for (auto _ : state) {
    q.runqput(&x, false, drop);
    benchmark::DoNotOptimize(q.runqget(inherit));
  }
}
BENCHMARK(runq_put_get)->Name("queues/runq_put_get");

void runnext_put_get(benchmark::State &state) {
  ring q;
  test_item x;
  bool inherit;
  for (auto _ : state) {
    q.runqput(&x, true, drop);
    benchmark::DoNotOptimize(q.runqget(inherit));
  }
}
BENCHMARK(runnext_put_get)->Name("queues/runnext_put_get");

void runq_putbatch_drain(benchmark::State &state) {
  const auto x = std::make_unique<heddle::detail::test_items<64>>();
  ring q;
  list batch;
  for (int i = 0; i < 64; ++i) batch.push_back((*x)[i]);
  for (auto _ : state) {
    q.runqputbatch(batch);
    batch = q.runqdrain();
  }
  state.SetItemsProcessed(state.iterations() * 64);
}
BENCHMARK(runq_putbatch_drain)->Name("queues/runq_putbatch_drain_64");

// 256 puts and what overflow adds to them: one batch of 129 for every 128 puts.
void runq_overflow(benchmark::State &state) {
  const auto x = std::make_unique<heddle::detail::test_items<512>>();
  ring q;
  int i = 0;
  for (auto _ : state) q.runqput((*x)[i++ & 511], false, drop);
}
BENCHMARK(runq_overflow)->Name("queues/runq_put_with_overflow");

// A steal of half a ring and the gets that empty it again; the items counted are the gs that moved.
void runq_steal(benchmark::State &state) {
  const auto size = static_cast<int>(state.range(0));
  const auto x = std::make_unique<heddle::detail::test_items<256>>();
  ring victim, thief;
  list batch;
  for (int i = 0; i < size; ++i) batch.push_back((*x)[i]);
  for (auto _ : state) {
    victim.runqputbatch(batch);
    test_item *gp = thief.runqsteal(victim, false);
    benchmark::DoNotOptimize(gp);
    list stolen = thief.runqdrain();
    batch = victim.runqdrain();
    batch.push_back(gp);
    batch.push_back_all(stolen);
  }
  state.SetItemsProcessed(state.iterations() * ((size + 1) / 2));
}
BENCHMARK(runq_steal)->Name("queues/runq_steal_half_of")->Arg(1)->Arg(8)->Arg(256);

// Thread 0 is the owner and is measured by its rate of puts; all others steal from it without pause.
ring *shared_ring;
void runq_contended(benchmark::State &state) {
  static test_item x;
  bool inherit;
  if (state.thread_index() == 0) shared_ring = new ring;
  std::int64_t moved = 0;
  ring own;
  for (auto _ : state) {
    if (state.thread_index() == 0) {
      for (int i = 0; i < 4; ++i) shared_ring->runqput(&x, false, drop);
      for (int i = 0; i < 2; ++i) benchmark::DoNotOptimize(shared_ring->runqget(inherit));
      moved += 4;
    } else {
      while (own.runqget(inherit) != nullptr) {
      }
      benchmark::DoNotOptimize(own.runqsteal(*shared_ring, false));
    }
  }
  state.counters["puts"] = benchmark::Counter(static_cast<double>(moved), benchmark::Counter::kIsRate);
  if (state.thread_index() == 0) delete shared_ring;
}
BENCHMARK(runq_contended)->Name("queues/runq_owner_and_thieves")->Threads(1)->Threads(2)->UseRealTime();

heddle::detail::lfstack<test_item> *shared_stack;
void lfstack_push_pop(benchmark::State &state) {
  if (state.thread_index() == 0) shared_stack = new heddle::detail::lfstack<test_item>;
  // Nodes are type-stable: the other thread may still look into a node that this one has popped.
  static test_item nodes[64];
  test_item *x = &nodes[state.thread_index()];
  for (auto _ : state) {
    shared_stack->push(x);
    while ((x = shared_stack->pop()) == nullptr) heddle::detail::cpu_relax();
  }
  if (state.thread_index() == 0) delete shared_stack;
}
BENCHMARK(lfstack_push_pop)->Name("queues/lfstack_push_pop")->Threads(1)->Threads(2)->UseRealTime();

void lfstack_batch(benchmark::State &state) {
  using stack = heddle::detail::lfstack<test_item>;
  const auto x = std::make_unique<heddle::detail::test_items<32>>();
  for (int i = 0; i < 31; ++i) stack::set_next((*x)[i], (*x)[i + 1]);
  stack::set_next((*x)[31], nullptr);
  stack s;
  for (auto _ : state) {
    s.push_batch((*x)[0], (*x)[31]);
    benchmark::DoNotOptimize(s.pop_all());
  }
}
BENCHMARK(lfstack_batch)->Name("queues/lfstack_push_batch_pop_all");

void idle_put_get(benchmark::State &state) {
  heddle::detail::idlestack<test_item> s;
  test_item x;
  for (auto _ : state) {
    s.put(&x);
    benchmark::DoNotOptimize(s.get());
  }
}
BENCHMARK(idle_put_get)->Name("queues/idle_put_get");

void gfree_put_get(benchmark::State &state) {
  heddle::detail::gfree_global<test_item> global;
  heddle::detail::gfree<test_item> p;
  test_item x;
  for (auto _ : state) {
    p.gfput(&x, global);
    benchmark::DoNotOptimize(p.gfget(global));
  }
}
BENCHMARK(gfree_put_get)->Name("queues/gfree_put_get");

// One P frees gs that another P uses, so every g travels in a batch. The cost is for each g.
void gfree_travel(benchmark::State &state) {
  const auto x = std::make_unique<heddle::detail::test_items<128>>();
  heddle::detail::gfree_global<test_item> global;
  heddle::detail::gfree<test_item> from, to;
  for (int i = 0; i < 128; ++i) from.gfput((*x)[i], global);
  for (auto _ : state) from.gfput(to.gfget(global), global);
}
BENCHMARK(gfree_travel)->Name("queues/gfree_put_here_get_there");

void globrunq_put_get(benchmark::State &state) {
  heddle::detail::globrunq<test_item> q;
  test_item x;
  for (auto _ : state) {
    q.globrunqput(&x);
    benchmark::DoNotOptimize(q.globrunqget());
  }
}
BENCHMARK(globrunq_put_get)->Name("queues/globrunq_put_get");

void globrunq_batch(benchmark::State &state) {
  const auto x = std::make_unique<heddle::detail::test_items<128>>();
  heddle::detail::globrunq<test_item> q;
  ring to;
  list batch;
  for (int i = 0; i < 128; ++i) batch.push_back((*x)[i]);
  for (auto _ : state) {
    q.globrunqputbatch(batch);
    test_item *gp = q.globrunqgetbatch(to, 1);
    batch = to.runqdrain();
    batch.push_front(gp);
  }
  state.SetItemsProcessed(state.iterations() * 128);
}
BENCHMARK(globrunq_batch)->Name("queues/globrunq_batch_of_128");

void inject_push_drain(benchmark::State &state) {
  const auto size = static_cast<int>(state.range(0));
  const auto x = std::make_unique<heddle::detail::test_items<32>>();
  heddle::detail::inject<test_item> box;
  for (auto _ : state) {
    for (int i = 0; i < size; ++i) box.push((*x)[i]);
    list q = box.drain();
    benchmark::DoNotOptimize(q.take());
  }
  state.SetItemsProcessed(state.iterations() * size);
}
BENCHMARK(inject_push_drain)->Name("queues/inject_push_drain")->Arg(1)->Arg(32);

// Does the world cost anything? The ring's put and get through heddle::detail::atomic, beside a copy written by hand with
// std::atomic.
void seam_heddle(benchmark::State &state) {
  ring q;
  test_item x;
  bool inherit;
  for (auto _ : state) {
    q.runqput(&x, false, drop);
    benchmark::DoNotOptimize(q.runqget(inherit, false));
  }
}
BENCHMARK(seam_heddle)->Name("queues/seam_heddle");

class std_ring {
 public:
  bool put(test_item *gp) {
    const std::uint32_t h = head_.load(std::memory_order_acquire), t = tail_.load(std::memory_order_relaxed);
    if (t - h >= 256) return false;
    slots_[t % 256].store(gp, std::memory_order_relaxed);
    tail_.store(t + 1, std::memory_order_release);
    return true;
  }
  test_item *get() {
    std::uint32_t h = head_.load(std::memory_order_relaxed);
    while (tail_.load(std::memory_order_relaxed) != h) {
      test_item *gp = slots_[h % 256].load(std::memory_order_relaxed);
      if (head_.compare_exchange_weak(h, h + 1, std::memory_order_release, std::memory_order_relaxed)) return gp;
    }
    return nullptr;
  }

 private:
  std::atomic<std::uint32_t> head_{0}, tail_{0};
  std::atomic<test_item *> slots_[256]{};
};

void seam_std(benchmark::State &state) {
  std_ring q;
  test_item x;
  for (auto _ : state) {
    benchmark::DoNotOptimize(q.put(&x));
    benchmark::DoNotOptimize(q.get());
  }
}
BENCHMARK(seam_std)->Name("queues/seam_std");

}  // namespace
