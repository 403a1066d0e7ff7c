// Every component against a sequential model: random command sequences, shrunk when they fail. The model holds indices
// of items; a command computes the expected result on a copy of the model.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <rapidcheck/state.h>

#include <algorithm>
#include <deque>
#include <iostream>
#include <utility>
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
using ints = std::vector<int>;

constexpr int pool = 256;

ints payloads(const list &q) {
  ints v;
  q.for_each([&](test_item *x) { v.push_back(x->payload.get()); });
  return v;
}

// The items that are in no queue; a model takes its items from here, always in the same order.
struct pool_model {
  std::deque<int> fresh;
  pool_model() {
    for (int i = 0; i < pool; ++i) fresh.push_back(i);
  }
  int take() {
    const int i = fresh.front();
    fresh.pop_front();
    return i;
  }
  ints take(int n) {
    ints v;
    for (int i = 0; i < n; ++i) v.push_back(take());
    return v;
  }
  void give(int i) {
    if (i >= 0) fresh.push_back(i);
  }
  void give(const ints &v) { fresh.insert(fresh.end(), v.begin(), v.end()); }
};

// A command of kind K with two small arguments; M::step(kind, a, b) is the model, S::step the component, and both
// answer with the indices that came out.
template <class M, class S>
struct command : rc::state::Command<M, S> {
  int kind, a, b;
  explicit command(const M &)
      : kind(*rc::gen::inRange(0, M::kinds)), a(*rc::gen::inRange(0, 8)), b(*rc::gen::inRange(0, 8)) {}

  void checkPreconditions(const M &m) const override { RC_PRE(m.possible(kind, a)); }
  void apply(M &m) const override { m.step(kind, a, b); }
  void run(const M &m, S &s) const override {
    M after = m;
    const std::deque<int> before = m.fresh;
    const ints expected = after.step(kind, a, b);
    RC_ASSERT(s.step(kind, a, b, before) == expected);
    RC_ASSERT(s.size() == after.size());
  }
  void show(std::ostream &os) const override { os << M::name(kind) << "(" << a << ", " << b << ")"; }
};

template <class M, class S>
void check_against(const M &m, S &s) {
  rc::state::check(m, s, rc::state::gen::execOneOfWithArgs<command<M, S>>());
}

// ---- runq

template <int N>
struct runq_model : pool_model {
  static constexpr int kinds = 7;
  static const char *name(int k) {
    static constexpr const char *names[] = {"put", "put_next", "putbatch", "get", "get_ring_first", "steal", "drain"};
    return names[k];
  }
  struct one {
    std::deque<int> ring;
    int next = -1;
  } q[2];

  static constexpr int count(int b) { return b % (N + 2); }
  bool possible(int kind, int a) const {
    if (kind == 5 && q[a % 2].ring.size() > N / 2) return false;  // the thief needs room for half a ring
    return fresh.size() > N + 2;
  }
  std::size_t size() const {
    std::size_t n = 0;
    for (const one &o : q) n += o.ring.size() + (o.next >= 0 ? 1 : 0);
    return n;
  }

  ints step(int kind, int a, int b) {
    ints out;
    one &self = q[a % 2], &other = q[1 - a % 2];
    const auto get_next = [](one &o) { return std::exchange(o.next, -1); };
    const auto pop = [](one &o) {
      const int i = o.ring.front();
      o.ring.pop_front();
      return i;
    };
    switch (kind) {
      case 0:
      case 1: {
        int i = take();
        if (kind == 1) i = std::exchange(self.next, i);
        if (i < 0) break;
        if (self.ring.size() == N) {
          for (int k = 0; k < N / 2; ++k) out.push_back(pop(self));
          out.push_back(i);
        } else {
          self.ring.push_back(i);
        }
        break;
      }
      case 2:
        for (int i : take(count(b))) {
          if (self.ring.size() == N)
            out.push_back(i);
          else
            self.ring.push_back(i);
        }
        break;
      case 3:
        if (self.next >= 0)
          out = {get_next(self), 1};
        else if (!self.ring.empty())
          out = {pop(self), 0};
        break;
      case 4:
        if (!self.ring.empty())
          out = {pop(self), 0};
        else if (self.next >= 0)
          out = {get_next(self), 0};
        break;
      case 5: {
        std::size_t n = (other.ring.size() + 1) / 2;
        if (n == 0 && b % 2 == 1 && other.next >= 0) out = {get_next(other)};
        for (; n > 1; --n) self.ring.push_back(pop(other));
        if (n == 1) out = {pop(other)};
        break;
      }
      case 6:
        if (self.next >= 0) out.push_back(get_next(self));
        while (!self.ring.empty()) out.push_back(pop(self));
        break;
    }
    if (kind == 3 || kind == 4)
      give(out.empty() ? -1 : out[0]);
    else
      give(out);
    return out;
  }
};

template <int N>
struct runq_sut {
  explicit runq_sut(std::uint32_t start)
      : q{heddle::detail::runq<test_item, N>(start), heddle::detail::runq<test_item, N>(start + 1)} {}
  heddle::detail::test_items<pool> x;
  heddle::detail::runq<test_item, N> q[2];

  std::size_t size() const { return q[0].size() + q[1].size(); }
  ints step(int kind, int a, int b, const std::deque<int> &fresh) {
    auto &self = q[a % 2], &other = q[1 - a % 2];
    list over;
    bool inherit = false;
    test_item *gp = nullptr;
    const auto overflow = [&](list &batch) { over.push_back_all(batch); };
    ints out;
    switch (kind) {
      case 0:
      case 1: self.runqput(x[fresh[0]], kind == 1, overflow); break;
      case 2:
        for (int i = 0; i < runq_model<N>::count(b); ++i) over.push_back(x[fresh[static_cast<std::size_t>(i)]]);
        self.runqputbatch(over);
        break;
      case 3:
      case 4:
        if ((gp = self.runqget(inherit, kind == 3)) != nullptr) out = {x.index_of(gp), inherit ? 1 : 0};
        break;
      case 5:
        if ((gp = self.runqsteal(other, b % 2 == 1)) != nullptr) out = {x.index_of(gp)};
        break;
      case 6: over = self.runqdrain(); break;
    }
    RC_ASSERT(self.runqempty() == (self.size() == 0));
    return out.empty() ? payloads(over) : out;
  }
};

template <int N>
void runq_property() {
  const auto start = *rc::gen::element(0u, 0xfffffff0u, 0xfffffffeu, 0x7fffffffu);
  runq_sut<N> s(start);
  check_against(runq_model<N>(), s);
}
RC_GTEST_PROP(properties, runq_of_2, ()) { runq_property<2>(); }
RC_GTEST_PROP(properties, runq_of_4, ()) { runq_property<4>(); }
RC_GTEST_PROP(properties, runq_of_16, ()) { runq_property<16>(); }

// ---- lfstack and idlestack

struct stack_model : pool_model {
  static constexpr int kinds = 4;
  static const char *name(int k) {
    static constexpr const char *names[] = {"push", "push_batch", "pop", "pop_all"};
    return names[k];
  }
  ints top_last;

  static int count(int b) { return 1 + b % 5; }
  bool possible(int, int) const { return fresh.size() > 8; }
  std::size_t size() const { return top_last.size(); }
  ints step(int kind, int, int b) {
    ints out;
    if (kind < 2) {
      const ints in = take(kind == 0 ? 1 : count(b));
      top_last.insert(top_last.end(), in.rbegin(), in.rend());
    }
    for (bool more = kind >= 2; more && !top_last.empty(); more = kind == 3) {
      out.push_back(top_last.back());
      top_last.pop_back();
    }
    give(out);
    return out;
  }
};

struct lfstack_sut {
  using stack = heddle::detail::lfstack<test_item>;
  heddle::detail::test_items<pool> x;
  stack s;
  std::size_t held = 0;

  std::size_t size() const { return held; }
  ints step(int kind, int, int b, const std::deque<int> &fresh) {
    const std::size_t n = kind == 0 ? 1 : static_cast<std::size_t>(stack_model::count(b));
    ints out;
    test_item *gp = nullptr;
    switch (kind) {
      case 0: s.push(x[fresh[0]]); break;
      case 1:
        for (std::size_t i = 0; i + 1 < n; ++i) stack::set_next(x[fresh[i]], x[fresh[i + 1]]);
        s.push_batch(x[fresh[0]], x[fresh[n - 1]]);
        break;
      case 2:
        if ((gp = s.pop()) != nullptr) out.push_back(x.index_of(gp));
        break;
      case 3:
        for (gp = s.pop_all(); gp != nullptr; gp = stack::next_of(gp)) out.push_back(x.index_of(gp));
        break;
    }
    held = kind < 2 ? held + n : held - out.size();
    RC_ASSERT(s.empty() == (held == 0));
    return out;
  }
};
RC_GTEST_PROP(properties, lfstack, ()) {
  lfstack_sut s;
  check_against(stack_model(), s);
}

struct idle_sut {
  heddle::detail::test_items<pool> x;
  heddle::detail::idlestack<test_item> s;

  std::size_t size() const { return static_cast<std::size_t>(s.count()); }
  ints step(int kind, int, int b, const std::deque<int> &fresh) {
    ints out;
    std::vector<test_item *> batch;
    switch (kind) {
      case 0: s.put(x[fresh[0]]); break;
      case 1:
        for (int i = 0; i < stack_model::count(b); ++i) batch.push_back(x[fresh[static_cast<std::size_t>(i)]]);
        s.put_all(batch.data(), stack_model::count(b));
        break;
      case 2:
        if (test_item *gp = s.get()) out.push_back(x.index_of(gp));
        break;
      case 3: s.drain([&](test_item *gp) { out.push_back(x.index_of(gp)); }); break;
    }
    RC_ASSERT(s.empty() == (s.count() == 0));
    return out;
  }
};
RC_GTEST_PROP(properties, idlestack, ()) {
  idle_sut s;
  check_against(stack_model(), s);
}

// ---- gfree

constexpr bool stack_of(int i) { return i % 3 != 0; }

struct gfree_model : pool_model {
  static constexpr int kinds = 4;
  static const char *name(int k) {
    static constexpr const char *names[] = {"put", "get", "put_many", "purge"};
    return names[k];
  }
  std::deque<int> local[2];         // newest first
  std::vector<ints> with, without;  // batches, newest last

  static int count(int b) { return 5 * b; }
  bool possible(int, int) const { return fresh.size() > 36; }
  std::size_t size() const { return local[0].size() + local[1].size(); }

  // All but the `keep` newest go, newest first.
  void spill(std::deque<int> &from, std::size_t keep) {
    ints w, wo;
    for (std::size_t i = keep; i < from.size(); ++i) (stack_of(from[i]) ? w : wo).push_back(from[i]);
    from.resize(keep);
    if (!w.empty()) with.push_back(w);
    if (!wo.empty()) without.push_back(wo);
  }
  void put(std::deque<int> &p) {
    p.push_front(take());
    if (p.size() >= heddle::detail::geometry::gfree_max)
      spill(p, heddle::detail::geometry::gfree_max - heddle::detail::geometry::gfree_batch);
  }
  ints step(int kind, int a, int b) {
    std::deque<int> &p = local[a % 2];
    ints out;
    switch (kind) {
      case 0: put(p); break;
      case 1:
        if (p.empty()) {
          std::vector<ints> &from = !with.empty() ? with : without;
          if (!from.empty()) {
            p.assign(from.back().begin(), from.back().end());
            from.pop_back();
          }
        }
        if (!p.empty()) {
          out = {p.front()};
          p.pop_front();
        }
        break;
      case 2:
        for (int i = 0; i < count(b); ++i) put(p);
        break;
      case 3: spill(p, 0); break;
    }
    give(out);
    return out;
  }
};

struct gfree_sut {
  heddle::detail::test_items<pool> x;
  heddle::detail::gfree_global<test_item> global;
  heddle::detail::gfree<test_item> local[2];

  gfree_sut() {
    for (int i = 0; i < pool; ++i) x[i]->stack = stack_of(i);
  }
  std::size_t size() const { return local[0].size() + local[1].size(); }
  ints step(int kind, int a, int b, const std::deque<int> &fresh) {
    heddle::detail::gfree<test_item> &p = local[a % 2];
    ints out;
    switch (kind) {
      case 0: p.gfput(x[fresh[0]], global); break;
      case 1:
        if (test_item *gp = p.gfget(global)) out = {x.index_of(gp)};
        break;
      case 2:
        for (int i = 0; i < gfree_model::count(b); ++i) p.gfput(x[fresh[static_cast<std::size_t>(i)]], global);
        break;
      case 3: p.gfpurge(global); break;
    }
    return out;
  }
};
RC_GTEST_PROP(properties, gfree, ()) {
  gfree_sut s;
  check_against(gfree_model(), s);
}

// ---- globrunq and inject

struct fifo_model : pool_model {
  static constexpr int kinds = 5;
  static const char *name(int k) {
    static constexpr const char *names[] = {"put", "putbatch", "get", "getbatch", "putheadbatch"};
    return names[k];
  }
  std::deque<int> fifo;

  bool possible(int, int) const { return fresh.size() > 8; }
  std::size_t size() const { return fifo.size(); }
  ints step(int kind, int a, int b) {
    ints out;
    if (kind < 2)
      for (int i : take(kind == 0 ? 1 : b)) fifo.push_back(i);
    if (kind == 4) {
      const ints first = take(b);
      fifo.insert(fifo.begin(), first.begin(), first.end());
    }
    std::size_t n = kind == 2   ? 1
                    : kind == 3 ? std::min<std::size_t>(8, fifo.size() / static_cast<std::size_t>(1 + a) + 1)
                                : 0;
    for (; n != 0 && !fifo.empty(); --n) {
      out.push_back(fifo.front());
      fifo.pop_front();
    }
    give(out);
    return out;
  }
};

struct globrunq_sut {
  heddle::detail::test_items<pool> x;
  heddle::detail::globrunq<test_item> q;

  std::size_t size() const { return q.size(); }
  ints step(int kind, int a, int b, const std::deque<int> &fresh) {
    ints out;
    list batch;
    heddle::detail::runq<test_item, 16> to(0xfffffffe);
    bool inherit;
    switch (kind) {
      case 0: q.globrunqput(x[fresh[0]]); break;
      case 1:
        for (int i = 0; i < b; ++i) batch.push_back(x[fresh[static_cast<std::size_t>(i)]]);
        q.globrunqputbatch(batch);
        break;
      case 2:
        if (test_item *gp = q.globrunqget()) out = {x.index_of(gp)};
        break;
      case 3:
        for (test_item *gp = q.globrunqgetbatch(to, static_cast<std::uint32_t>(1 + a)); gp != nullptr;
             gp = to.runqget(inherit))
          out.push_back(x.index_of(gp));
        break;
      case 4:
        for (int i = 0; i < b; ++i) batch.push_back(x[fresh[static_cast<std::size_t>(i)]]);
        q.globrunqputheadbatch(batch);
        break;
    }
    RC_ASSERT(batch.empty() && q.empty() == (q.size() == 0));
    return out;
  }
};
RC_GTEST_PROP(properties, globrunq, ()) {
  globrunq_sut s;
  check_against(fifo_model(), s);
}

struct inject_model : pool_model {
  static constexpr int kinds = 2;
  static const char *name(int k) { return k == 0 ? "push" : "drain"; }
  ints fifo;

  bool possible(int, int) const { return !fresh.empty(); }
  std::size_t size() const { return fifo.empty() ? 0 : 1; }
  ints step(int kind, int, int) {
    if (kind == 0) {
      fifo.push_back(take());
      return {};
    }
    ints out = std::exchange(fifo, {});
    give(out);
    return out;
  }
};

struct inject_sut {
  heddle::detail::test_items<pool> x;
  heddle::detail::inject<test_item> box;

  std::size_t size() const { return box.empty() ? 0 : 1; }
  ints step(int kind, int, int, const std::deque<int> &fresh) {
    if (kind == 0) {
      box.push(x[fresh[0]]);
      return {};
    }
    return payloads(box.drain());
  }
};
RC_GTEST_PROP(properties, inject, ()) {
  inject_sut s;
  check_against(inject_model(), s);
}

}  // namespace
