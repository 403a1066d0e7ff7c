// The timers of a P against a sorted model: whatever is armed, stopped, set anew, in whatever order, what is called is what is
// due, each once, and earlier ticks before later ones.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "runtime/test_support.hpp"

namespace {

struct counted_timer : heddle::runtime_timer {
  std::vector<std::int64_t> *order = nullptr;
  int calls = 0;
};

constexpr std::int64_t tick(std::int64_t when) {
  return (when + (std::int64_t{1} << heddle::geometry::tick_shift) - 1) >> heddle::geometry::tick_shift;
}

RC_GTEST_PROP(Properties, timers_go_by_a_sorted_model, ()) {
  heddle::timers ts;
  std::array<counted_timer, 12> pool;
  std::vector<std::int64_t> order;
  for (counted_timer &t : pool) {
    t.order = &order;
    t.f = [](heddle::runtime_timer *self, bool due) {
      auto *me = static_cast<counted_timer *>(self);
      me->calls += due;
      me->order->push_back(me->when.get());
    };
  }
  std::multimap<std::int64_t, counted_timer *> model;
  const auto forget = [&model](counted_timer *t) {
    for (auto at = model.begin(); at != model.end(); ++at)
      if (at->second == t) return model.erase(at), true;
    return false;
  };
  std::int64_t now = *rc::gen::inRange<std::int64_t>(0, 1 << 30);
  ts.run(now);
  std::int64_t since = now < heddle::geometry::timer_window ? 0 : now, hold = 0;
  std::uint32_t crowd = 0;
  constexpr std::int64_t together = heddle::geometry::timer_hold;  // all Ps' holds end at its multiples
  const int steps = *rc::gen::inRange(0, 150);
  for (int i = 0; i < steps; ++i) {
    counted_timer &t = pool[*rc::gen::inRange<std::size_t>(0, pool.size())];
    const std::int64_t length = *rc::gen::inRange<std::int64_t>(1, 1 << 20) << *rc::gen::inRange(0, 12);
    switch (*rc::gen::inRange(0, 3)) {
      case 0:  // stop, exactly
        RC_ASSERT(heddle::stoptimer(&t) == forget(&t));
        break;
      case 1: {  // reset, armed or not
        const std::int64_t before = ts.wake_time();
        bool first = false;
        RC_ASSERT(ts.set(&t, now + length, first) == forget(&t));
        RC_ASSERT(first == (ts.wake_time() < before));
        model.emplace(now + length, &t);
        break;
      }
      default: {
        now += length;
        order.clear();
        std::array<int, 12> before{};
        for (std::size_t k = 0; k < pool.size(); ++k) before[k] = pool[k].calls;
        ts.run(now);
        std::size_t due = 0;
        while (!model.empty() && tick(model.begin()->first) <= now >> heddle::geometry::tick_shift) {
          const counted_timer *first = model.begin()->second;
          RC_ASSERT(first->calls == before[static_cast<std::size_t>(first - pool.data())] + 1);
          model.erase(model.begin());
          ++due;
        }
        RC_ASSERT(order.size() == due);
        if (now - since >= heddle::geometry::timer_window) {
          since = now;
          crowd = 0;
        }
        crowd += static_cast<std::uint32_t>(due);
        if (crowd >= heddle::geometry::timer_crowd) hold = (now / together + 1) * together;
        for (std::size_t k = 1; k < order.size(); ++k) RC_ASSERT(tick(order[k - 1]) <= tick(order[k]));
      }
    }
    const std::int64_t first =
        model.empty() ? heddle::timers::never : tick(model.begin()->first) << heddle::geometry::tick_shift;
    RC_ASSERT(ts.wake_time() <= std::max(first, hold));
    RC_ASSERT(ts.wake_time() >= hold);
    RC_ASSERT(now >= hold || !ts.due(now));
    RC_ASSERT((ts.wake_time() == heddle::timers::never) == model.empty());
  }
  ts.end();
}

}  // namespace
