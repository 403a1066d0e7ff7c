// context: Go's tests under their names, tests of what is particular to C++, and a random tree against a model.
#include "heddle/context.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "heddle/stop.hpp"
#include "runtime/test/test_support.hpp"

namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;
using heddle::cancel_context;
using heddle::context;
using heddle::context_error;
using heddle_test::run_on;

const heddle::context_key<int> number;
const heddle::context_key<std::string> text;

bool is_done(const context &ctx) { return ctx.done().closed(); }

std::string cause_of(const context &ctx) {
  try {
    if (ctx.cause() != nullptr) std::rethrow_exception(ctx.cause());
    return "none";
  } catch (const std::exception &e) {
    return e.what();
  }
}

TEST(Context, TestBackground) {
  const context ctx = context::background();
  EXPECT_TRUE(ctx.done().is_nil());
  EXPECT_EQ(ctx.err(), context_error::none);
  EXPECT_EQ(ctx.cause(), nullptr);
  EXPECT_FALSE(ctx.deadline().has_value());
  EXPECT_EQ(ctx.value(number), nullptr);
  EXPECT_FALSE(ctx.stop_token().stop_possible());
}

TEST(Context, TestWithCancel) {
  EXPECT_EQ(run_on(2,
                   [] {
                     const auto ctx = heddle::with_cancel(context::background());
                     const auto done = ctx.done();
                     EXPECT_FALSE(done.closed());
                     EXPECT_EQ(ctx.err(), context_error::none);
                     ctx.cancel();
                     EXPECT_FALSE(done.recv().has_value());
                     EXPECT_EQ(ctx.err(), context_error::canceled);
                     EXPECT_EQ(cause_of(ctx), "context canceled");
                     ctx.cancel();
                   }),
            0);
}

// Contexts of both kinds that are not cancelled directly are cancelled by the one above.
TEST(Context, TestParentFinishesChild) {
  const auto parent = heddle::with_cancel({});
  const auto child = heddle::with_cancel(parent);
  const context value = heddle::with_value(parent, number, 5);
  EXPECT_EQ(
      run_on(1,
             [&] {
               const auto timer = heddle::with_timeout(value, 10h);
               const auto below = heddle::with_cancel(value);
               for (const context *c : {static_cast<const context *>(&child), &value,
                                        static_cast<const context *>(&timer), static_cast<const context *>(&below)})
                 EXPECT_FALSE(is_done(*c));
               parent.cancel();
               for (const context *c : {static_cast<const context *>(&child), &value,
                                        static_cast<const context *>(&timer), static_cast<const context *>(&below)}) {
                 EXPECT_TRUE(is_done(*c));
                 EXPECT_EQ(c->err(), context_error::canceled);
               }
               const context late = heddle::with_cancel(value);
               EXPECT_EQ(late.err(), context_error::canceled);
             }),
      0);
}

TEST(Context, TestChildFinishesFirst) {
  for (const bool cancellable : {false, true}) {
    const std::optional<cancel_context> above = cancellable ? std::optional(heddle::with_cancel({})) : std::nullopt;
    const context parent = above ? context(*above) : context();
    const auto child = heddle::with_cancel(parent);
    EXPECT_FALSE(is_done(child));
    child.cancel();
    EXPECT_TRUE(is_done(child));
    EXPECT_EQ(child.err(), context_error::canceled);
    EXPECT_EQ(parent.err(), context_error::none);
  }
}

TEST(Context, TestDeadline) {
  EXPECT_EQ(run_on(2,
                   [] {
                     const auto at = clock_type::now() + 5ms;
                     const auto ctx = heddle::with_deadline({}, at);
                     EXPECT_EQ(ctx.deadline(), at);
                     (void)ctx.done().recv();
                     EXPECT_GE(clock_type::now(), at);
                     EXPECT_EQ(ctx.err(), context_error::deadline_exceeded);
                     EXPECT_EQ(cause_of(ctx), "context deadline exceeded");
                     const auto past = heddle::with_deadline({}, clock_type::now() - 1s);
                     EXPECT_EQ(past.err(), context_error::deadline_exceeded);
                     const auto later = heddle::with_deadline(ctx, at + 1h);
                     EXPECT_EQ(later.deadline(), at);
                     EXPECT_EQ(later.err(), context_error::deadline_exceeded);
                   }),
            0);
}

TEST(Context, TestTimeout) {
  EXPECT_EQ(run_on(2,
                   [] {
                     const auto ctx = heddle::with_timeout({}, 3ms);
                     const auto through = heddle::with_timeout(heddle::with_value(ctx, text, "v"), 1h);
                     (void)through.done().recv();
                     EXPECT_EQ(through.err(), context_error::deadline_exceeded);
                     const auto none = heddle::with_timeout({}, 0s);
                     EXPECT_EQ(none.err(), context_error::deadline_exceeded);
                     const auto ever = heddle::with_timeout({}, std::chrono::hours::max());
                     EXPECT_EQ(ever.err(), context_error::none);
                     const auto wall = heddle::with_deadline({}, std::chrono::system_clock::now() + 1ms);
                     (void)wall.done().recv();
                     EXPECT_EQ(wall.err(), context_error::deadline_exceeded);
                     EXPECT_EQ(heddle::with_deadline({}, std::chrono::sys_seconds::min()).err(),
                               context_error::deadline_exceeded);
                     EXPECT_EQ(heddle::with_deadline({}, std::chrono::sys_seconds::max()).err(), context_error::none);
                   }),
            0);
}

TEST(Context, TestCanceledTimeout) {
  EXPECT_EQ(run_on(1,
                   [] {
                     const auto above = heddle::with_timeout({}, 1s);
                     const auto ctx = heddle::with_timeout(above, 1min);
                     ctx.cancel();
                     EXPECT_TRUE(is_done(ctx));
                     EXPECT_EQ(ctx.err(), context_error::canceled);
                     const auto soon = heddle::with_timeout({}, 1ms);
                     soon.cancel();
                     heddle::sleep_for(3ms);
                     EXPECT_EQ(soon.err(), context_error::canceled);
                   }),
            0);
}

TEST(Context, TestValues) {
  static const heddle::context_key<int> other;
  const context one = heddle::with_value({}, number, 1);
  EXPECT_EQ(*one.value(number), 1);
  EXPECT_EQ(one.value(other), nullptr);
  EXPECT_EQ(one.value(text), nullptr);
  const context two = heddle::with_value(one, text, "two");
  const context three = heddle::with_value(heddle::with_cancel(two), number, 3);
  EXPECT_EQ(*three.value(number), 3);
  EXPECT_EQ(*three.value(text), "two");
  EXPECT_EQ(*two.value(number), 1);
  const context moved = heddle::with_value({}, number, 4);
  context copy = moved;
  const context &same = copy;
  copy = same;
  EXPECT_EQ(copy.value(number), moved.value(number));
}

TEST(Context, TestSimultaneousCancels) {
  EXPECT_EQ(run_on(4,
                   [] {
                     std::vector<cancel_context> all;
                     all.push_back(heddle::with_cancel({}));
                     for (std::size_t i = 0; i < 100; ++i) {  // a binary tree
                       all.push_back(heddle::with_cancel(all[i]));
                       all.push_back(heddle::with_cancel(all[i]));
                     }
                     heddle::wait_group begun;
                     for (const cancel_context &c : all) begun.go([&c] { c.cancel(); });
                     for (const cancel_context &c : all) (void)c.done().recv();
                     begun.wait();
                     for (const cancel_context &c : all) EXPECT_EQ(c.err(), context_error::canceled);
                   }),
            0);
}

// A parent and its child cancel and are dropped at the same time.
TEST(Context, TestInterlockedCancels) {
  constexpr int rounds = heddle_test::tsan ? 300 : 3000;
  EXPECT_EQ(run_on(4,
                   [] {
                     for (int i = 0; i < rounds; ++i) {
                       auto parent = heddle::with_cancel({});
                       auto child = heddle::with_cancel(parent);
                       heddle::wait_group both;
                       both.go([p = std::move(parent)] { p.cancel(); });
                       both.go([c = std::move(child), i] {
                         if (i % 2 == 0) c.cancel();
                       });
                       both.wait();
                     }
                   }),
            0);
}

// Layers of all kinds, cancelled or timed out at some layer.
TEST(Context, TestLayersCancel) {
  for (const bool times_out : {false, true})
    for (int seed = 0; seed < 20; ++seed)
      EXPECT_EQ(run_on(2,
                       [=] {
                         std::vector<cancel_context> cancels;
                         context ctx;
                         int values = 0;
                         std::uint64_t chance = static_cast<std::uint64_t>(seed) + 1;
                         for (int layer = 0; layer < 30; ++layer) {
                           switch (heddle::detail::cheaprandn(chance, 3)) {
                             case 0:
                               cancels.push_back(heddle::with_cancel(ctx));
                               ctx = cancels.back();
                               break;
                             case 1:
                               cancels.push_back(heddle::with_timeout(ctx, times_out ? 3ms : 1h));
                               ctx = cancels.back();
                               break;
                             default: ctx = heddle::with_value(ctx, number, ++values);
                           }
                         }
                         if (values != 0) {
                           EXPECT_EQ(*ctx.value(number), values);
                         }
                         if (cancels.empty()) return;
                         EXPECT_EQ(times_out && ctx.deadline() && *ctx.deadline() <= clock_type::now()
                                       ? context_error::none
                                       : ctx.err(),
                                   context_error::none);
                         if (!times_out || !ctx.deadline()) cancels.front().cancel();
                         (void)ctx.done().recv();
                         EXPECT_NE(ctx.err(), context_error::none);
                         if (values != 0) {
                           EXPECT_EQ(*ctx.value(number), values);
                         }
                       }),
                0);
}

TEST(Context, TestWithCancelCause) {
  const auto parent = heddle::with_cancel({});
  const auto child = heddle::with_cancel(parent);
  const auto other = heddle::with_cancel(parent);
  EXPECT_EQ(cause_of(child), "none");
  child.cancel(std::make_exception_ptr(std::runtime_error("child")));
  EXPECT_EQ(cause_of(child), "child");
  EXPECT_EQ(cause_of(parent), "none");
  parent.cancel(std::make_exception_ptr(std::runtime_error("parent")));
  EXPECT_EQ(cause_of(child), "child");
  EXPECT_EQ(cause_of(other), "parent");
  EXPECT_EQ(other.err(), context_error::canceled);
  parent.cancel(std::make_exception_ptr(std::runtime_error("again")));
  EXPECT_EQ(cause_of(parent), "parent");
}

TEST(Context, TestWithoutCancel) {
  const auto parent = heddle::with_cancel(heddle::with_value({}, number, 6));
  const context apart = heddle::without_cancel(parent);
  parent.cancel();
  EXPECT_TRUE(apart.done().is_nil());
  EXPECT_EQ(apart.err(), context_error::none);
  EXPECT_EQ(*apart.value(number), 6);
}

// ------------------------------------------------------------------------------------------------------- what is C++'s

TEST(Context, who_destroys_or_overwrites_it_cancels_it) {
  auto mine = std::make_optional(heddle::with_cancel({}));
  const context theirs = *mine;
  auto moved = std::move(*mine);
  mine.reset();
  EXPECT_EQ(theirs.err(), context_error::none);
  moved = heddle::with_cancel({});
  EXPECT_EQ(theirs.err(), context_error::canceled);
}

TEST(Context, a_stop_is_requested_when_it_is_cancelled) {
  EXPECT_EQ(run_on(2,
                   [] {
                     const auto ctx = heddle::with_cancel({});
                     const std::stop_token stop = ctx.stop_token();
                     EXPECT_FALSE(stop.stop_requested());
                     ctx.cancel();
                     EXPECT_TRUE(stop.stop_requested());
                     EXPECT_TRUE(heddle::with_cancel(ctx).stop_token().stop_requested());
                     const auto timed = heddle::with_timeout({}, 2ms);
                     heddle::stop_signal signal(timed.stop_token());
                     (void)signal.done().recv();  // closed by a goroutine
                     EXPECT_EQ(timed.err(), context_error::deadline_exceeded);
                   }),
            0);
}

// Nothing of a child stays with its parent or with the timers: its value goes as soon as the child is dropped.
TEST(Context, what_is_dropped_leaves_nothing_behind) {
  static const heddle::context_key<std::shared_ptr<int>> owned;
  const auto value = std::make_shared<int>(1);
  EXPECT_EQ(run_on(2,
                   [&] {
                     const auto parent = heddle::with_cancel({});
                     for (int i = 0; i < 1000; ++i) {
                       const context with = heddle::with_value(parent, owned, value);
                       const auto child = heddle::with_cancel(with);
                       const auto timed = heddle::with_timeout(child, 1h);
                       if (i % 2 == 0) (void)timed.done();
                     }
                     EXPECT_EQ(value.use_count(), 1);
                     EXPECT_FALSE(is_done(parent));
                   }),
            0);
}

TEST(Context, timers_expire_as_contexts_are_dropped) {
  constexpr int rounds = heddle_test::tsan ? 200 : 2000;
  EXPECT_EQ(run_on(4,
                   [] {
                     heddle::wait_group all;
                     for (int i = 0; i < rounds; ++i)
                       all.go([i] {
                         const auto parent = heddle::with_timeout({}, std::chrono::microseconds(i % 50));
                         const auto child = heddle::with_timeout(parent, std::chrono::microseconds(i % 7));
                         const std::stop_token stop = i % 3 == 0 ? child.stop_token() : std::stop_token();
                         if (i % 2 == 0) heddle::yield();
                         if (i % 5 == 0) (void)child.done().recv();
                       });
                     all.wait();
                   }),
            0);
}

TEST(Context, a_long_chain_is_cancelled_and_dropped_on_a_small_stack) {
  EXPECT_EQ(run_on(1,
                   [] {
                     auto first = heddle::with_cancel({});
                     std::vector<cancel_context> all;
                     for (int i = 0; i < 20'000; ++i)
                       all.push_back(heddle::with_cancel(all.empty() ? first : all.back()));
                     const context last = all.back();
                     first.cancel();
                     EXPECT_EQ(last.err(), context_error::canceled);
                     while (!all.empty()) all.pop_back();
                   }),
            0);
}

TEST(ContextDeathTest, a_deadline_needs_a_goroutine) {
  EXPECT_EXIT((void)heddle::with_timeout({}, 1s), testing::ExitedWithCode(2),
              "heddle::with_timeout called on a thread that runs no goroutine\n");
  EXPECT_EXIT((void)heddle::with_deadline({}, std::chrono::steady_clock::now() + 1s), testing::ExitedWithCode(2),
              "heddle::with_deadline called on a thread that runs no goroutine\n");
}

// ------------------------------------------------------------------------------------------------------------- a model

// What a context is to do, in the plainest way. The first one is the background.
struct model {
  std::vector<int> parent;
  std::vector<context_error> err;
  std::vector<std::string> cause;
  std::vector<int> value;   // 0: it has none of its own
  std::vector<bool> apart;  // it is not cancelled with its parent
  std::vector<std::optional<clock_type::time_point>> deadline;

  void add(int above, int v) {
    const auto up = static_cast<std::size_t>(above);
    parent.push_back(above);
    err.push_back(above >= 0 ? err[up] : context_error::none);
    cause.push_back(above >= 0 ? cause[up] : "");
    value.push_back(v);
    apart.push_back(false);
    deadline.push_back(above >= 0 ? deadline[up] : std::nullopt);
  }
  void add_apart(int above) {
    add(above, 0);
    apart.back() = true;
    err.back() = context_error::none;
    cause.back() = "";
    deadline.back() = std::nullopt;
  }
  void add_until(int above, clock_type::time_point at, bool over) {
    add(above, 0);
    if (!deadline.back() || at < *deadline.back()) deadline.back() = at;
    if (!over || err.back() != context_error::none) return;
    err.back() = context_error::deadline_exceeded;
    cause.back() = "context deadline exceeded";
  }
  int value_of(int i) const {
    while (i > 0 && value[static_cast<std::size_t>(i)] == 0) i = parent[static_cast<std::size_t>(i)];
    return i < 0 ? 0 : value[static_cast<std::size_t>(i)];
  }
  void cancel(int which, const std::string &c) {
    const auto at = static_cast<std::size_t>(which);
    if (err[at] != context_error::none) return;
    err[at] = context_error::canceled;
    cause[at] = c;
    for (std::size_t i = at + 1; i < parent.size(); ++i)
      if (parent[i] == which && !apart[i]) cancel(static_cast<int>(i), c);
  }
};

enum class act { cancelled, valued, apart, timed, over, cancel, cancel_for, drop, ask_done, ask_stop };

struct step {
  act what;
  int at;  // which of the contexts so far, modulo their number
  friend std::ostream &operator<<(std::ostream &os, const step &s) {
    static constexpr const char *names[] = {
        "with_cancel", "with_value", "without_cancel", "with a deadline", "with a time that is over", "cancel",
        "cancel for",  "drop",       "done",           "stop_token"};
    return os << names[static_cast<int>(s.what)] << ' ' << s.at;
  }
};

// One context of the tree. Only the first kind has an owner. A context that is dropped keeps its place, because its
// children need it.
struct real {
  std::optional<cancel_context> owner;
  std::optional<context> handle;
  std::optional<heddle::receiver<std::monostate>> done;
  std::optional<std::stop_token> stop;
};

void compare(const std::vector<real> &tree, const model &m) {
  for (std::size_t i = 0; i < tree.size(); ++i) {
    const real &r = tree[i];
    const bool over = m.err[i] != context_error::none;
    if (r.done && !r.done->is_nil()) RC_ASSERT(r.done->closed() == over);
    if (r.stop && r.stop->stop_possible()) RC_ASSERT(r.stop->stop_requested() == over);
    if (!r.handle) continue;
    RC_ASSERT(r.handle->err() == m.err[i]);
    RC_ASSERT(cause_of(*r.handle) == (over ? m.cause[i] : "none"));
    RC_ASSERT(r.handle->deadline() == m.deadline[i]);
    const int *v = r.handle->value(number);
    RC_ASSERT((v != nullptr ? *v : 0) == m.value_of(static_cast<int>(i)));
  }
}

// Makes a context. Deadlines are an hour away, or over from the beginning. Caller: a goroutine, because of the
// deadlines.
void play(const std::vector<step> &steps) {
  const auto base = clock_type::now();
  std::vector<real> tree(1);
  tree[0].handle = context();
  model m;
  m.add(-1, 0);
  int values = 0;
  for (const step &s : steps) {
    const std::size_t at = static_cast<std::size_t>(s.at) % tree.size();
    real &r = tree[at];
    if (!r.handle) continue;
    const context above = *r.handle;
    real next;
    switch (s.what) {
      case act::cancelled:
        next.owner = heddle::with_cancel(above);
        next.handle = *next.owner;
        m.add(static_cast<int>(at), 0);
        break;
      case act::valued:
        next.handle = heddle::with_value(above, number, ++values);
        m.add(static_cast<int>(at), values);
        break;
      case act::apart:
        next.handle = heddle::without_cancel(above);
        m.add_apart(static_cast<int>(at));
        break;
      case act::timed:
      case act::over: {
        const bool over = s.what == act::over;
        const auto own = over ? -1s * (s.at % 4) : 1h + 1min * (s.at % 4);
        if (s.at % 8 < 4) {
          next.owner = heddle::with_deadline(above, base + own);
          m.add_until(static_cast<int>(at), base + own, over);
        } else {
          const auto before = clock_type::now();
          next.owner = heddle::with_timeout(above, own);
          const auto until = next.owner->deadline(), up = above.deadline();
          const auto latest = clock_type::now() + std::max<std::chrono::nanoseconds>(own, 0s);
          RC_ASSERT(until && *until <= latest && (!up || *until <= *up));
          RC_ASSERT(*until >= before + own || until == up);
          m.add_until(static_cast<int>(at), *until, over);
        }
        next.handle = *next.owner;
        break;
      }
      case act::cancel:
      case act::cancel_for: {
        if (!r.owner) continue;
        const bool plain = s.what == act::cancel;
        r.owner->cancel(plain ? nullptr : std::make_exception_ptr(std::runtime_error(std::to_string(s.at))));
        m.cancel(static_cast<int>(at), plain ? "context canceled" : std::to_string(s.at));
        break;
      }
      case act::drop:
        if (at == 0) continue;
        if (r.owner) m.cancel(static_cast<int>(at), "context canceled");
        r.owner.reset();
        r.handle.reset();
        break;
      case act::ask_done: r.done = above.done(); break;
      case act::ask_stop: r.stop = above.stop_token(); break;
    }
    if (next.handle) tree.push_back(std::move(next));
    compare(tree, m);
  }
}

// Makes a random tree, and cancels and drops its contexts in a random order; after each step each context is as the
// model says.
RC_GTEST_PROP(Properties, context_trees_are_what_the_model_says, ()) {
  const auto steps = *rc::gen::container<std::vector<step>>(
      rc::gen::construct<step>(rc::gen::weightedElement<act>({{6, act::cancelled},
                                                              {3, act::valued},
                                                              {1, act::apart},
                                                              {2, act::timed},
                                                              {1, act::over},
                                                              {2, act::cancel},
                                                              {1, act::cancel_for},
                                                              {3, act::drop},
                                                              {2, act::ask_done},
                                                              {2, act::ask_stop}}),
                               rc::gen::inRange(0, 1000)));
  std::exception_ptr wrong;  // rapidcheck's; a goroutine may not end with it
  const int status = run_on(1, [&] {
    try {
      play(steps);
    } catch (...) {
      wrong = std::current_exception();
    }
  });
  if (wrong != nullptr) std::rethrow_exception(wrong);
  RC_ASSERT(status == 0);
}

}  // namespace
