// timing_wheel.hpp against a sorted list: random insertions, removals and steps of time, of all magnitudes.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "queues/timing_wheel.hpp"

namespace {

struct item {
  heddle::detail::plain<std::int64_t> when;
  heddle::detail::plain<item *> wheelnext, wheelprev;
  heddle::detail::plain<std::uint16_t> wheelslot;
  bool armed = false;
};
using wheel = heddle::detail::timing_wheel<item>;
constexpr std::int64_t tick = std::int64_t{1} << heddle::detail::geometry::tick_shift;

// A length of time, from nanoseconds to years: each magnitude is as likely as the others.
rc::Gen<std::int64_t> gen_length() {
  return rc::gen::map(rc::gen::pair(rc::gen::inRange(0, 56), rc::gen::inRange<std::int64_t>(0, 1 << 20)),
                      [](const std::pair<int, std::int64_t> &p) { return (p.second << 36 >> (56 - p.first)); });
}

// What is popped is due and no earlier; what is not popped is not due; next() is no later than the first.
void expect_all_due_out(wheel &w, std::multimap<std::int64_t, item *> &model, std::int64_t now) {
  const bool surely = w.surely_due(now);
  w.advance(now);
  RC_ASSERT(w.due() || !surely);
  RC_ASSERT(!w.surely_due(now) || w.due());
  while (item *t = w.pop()) {
    RC_ASSERT(t->armed);
    RC_ASSERT(t->when.get() <= now);
    t->armed = false;
    const auto [from, to] = model.equal_range(t->when.get());
    const auto it = std::find_if(from, to, [t](const auto &entry) { return entry.second == t; });
    RC_ASSERT(it != to);
    model.erase(it);
  }
  if (model.empty()) {
    RC_ASSERT(w.next() == wheel::never);
  } else {
    RC_ASSERT(model.begin()->first > now - tick);  // late by less than a tick
    RC_ASSERT(w.next() < model.begin()->first + tick);
  }
}

RC_GTEST_PROP(properties, timing_wheel, ()) {
  wheel w;
  std::multimap<std::int64_t, item *> model;
  std::vector<item> pool(64);
  std::int64_t now = *gen_length();
  w.advance(now);
  const int steps = *rc::gen::inRange(0, 200);
  for (int i = 0; i < steps; ++i) {
    item &t = pool[*rc::gen::inRange<std::size_t>(0, pool.size())];
    if (*rc::gen::inRange(0, 4) == 0) {
      now += *gen_length();
      expect_all_due_out(w, model, now);
    } else if (!t.armed) {
      t.when.set(now + *gen_length());
      t.armed = true;
      w.insert(&t);
      model.emplace(t.when.get(), &t);
    } else {
      const auto [from, to] = model.equal_range(t.when.get());
      model.erase(std::find_if(from, to, [&t](const auto &entry) { return entry.second == &t; }));
      t.armed = *rc::gen::arbitrary<bool>();
      if (t.armed) {
        const std::int64_t when = *rc::gen::arbitrary<bool>() ? t.when.get() + *gen_length() : now + *gen_length();
        w.reset(&t, when);
        model.emplace(when, &t);
      } else {
        w.erase(&t);
      }
    }
  }
  while (!model.empty()) {
    now = std::max(now, w.next());
    expect_all_due_out(w, model, now);
  }
}

}  // namespace
