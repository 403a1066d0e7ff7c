// context: between threads outside every runtime, and over the composed scheduler.
#include <optional>
#include <stop_token>
#include <utility>

#include "heddle/context.hpp"
#include "verify/suites/watched.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

constexpr std::int64_t us = 1000, long_time = 1'000'000;

// A parent is cancelled as its child is dropped or cancelled. The dropped child may have been the last that kept the
// parent.
enum class child_is { dropped, cancelled };
template <child_is What>
struct met : suite<2> {
  std::optional<cancel_context> parent, child;
  void before() {
    parent = with_cancel({});
    child = with_cancel(*parent);
  }
  void thread(unsigned i) {
    if (i == 0) {
      parent->cancel();
      return parent.reset();
    }
    if constexpr (What == child_is::dropped) {
      context only = std::move(*child);  // the duty to cancel it is gone
      child.reset();
    } else {
      child->cancel();
      VERIFY_INV("CTX-TREE", child->err() == context_error::canceled);
    }
  }
  void after() {
    if (child) VERIFY_INV("CTX-TREE", child->err() == context_error::canceled);
    child.reset();
  }
};
using met_dropped = met<child_is::dropped>;
using met_cancelled = met<child_is::cancelled>;

// A child comes into being as its parent is cancelled.
struct born : suite<2> {
  std::optional<cancel_context> parent, child;
  trail earlier;
  void before() { parent = with_cancel({}); }
  void thread(unsigned i) {
    if (i == 0) {
      earlier.step();
      return parent->cancel();
    }
    child = with_cancel(*parent);
    if (child->err() != context_error::none) VERIFY_INV("CTX-3", earlier.steps.get() == 1);
  }
  void after() {
    VERIFY_INV("CTX-TREE", child->err() == context_error::canceled);
    child.reset();
    parent.reset();
  }
};

// Three handles of one child, each dropped by a thread, one of them the parent's canceller.
struct handles : suite<3> {
  std::optional<cancel_context> parent, owner;
  std::optional<context> copies[2];
  void before() {
    parent = with_cancel({});
    owner = with_cancel(*parent);
    for (auto &c : copies) c = *owner;
    context only = std::move(*owner);
    owner.reset();
  }
  void thread(unsigned i) {
    if (i == 2) return parent->cancel();
    (void)copies[i]->err();
    copies[i].reset();
  }
  void after() { parent.reset(); }
};

// The channel is asked for as the context is cancelled: it is closed in the end, once, and there is one.
struct asked : suite<3> {
  std::optional<cancel_context> ctx;
  std::optional<receiver<std::monostate>> done[2];
  void before() { ctx = with_cancel({}); }
  void thread(unsigned i) {
    if (i == 2) return ctx->cancel();
    done[i] = ctx->done();
  }
  void after() {
    VERIFY_INV("CTX-DONE", done[0]->closed() && *done[0] == *done[1] && *done[0] == ctx->done());
    for (auto &d : done) d.reset();
    ctx.reset();
  }
};

// A function that is called when a stop is requested may look at the context and make others from it.
struct called : suite<2> {
  std::optional<cancel_context> ctx;
  std::optional<context> handle;
  void before() {
    ctx = with_cancel({});
    handle = *ctx;
  }
  void thread(unsigned i) {
    if (i == 1) {
      (void)handle->done();
      return handle.reset();
    }
    context_error late = context_error::none;
    const std::stop_callback look(ctx->stop_token(), [&] {
      (void)ctx->done();
      late = with_cancel(*ctx).err();
    });
    ctx->cancel();
    VERIFY_INV("CTX-TREE", late == context_error::canceled && ctx->done().closed());
    ctx.reset();
  }
};

// A thread that sees that it is cancelled sees what was done before.
struct seen : suite<2> {
  std::optional<cancel_context> parent, child;
  trail earlier;
  void before() {
    parent = with_cancel({});
    child = with_cancel(*parent);
  }
  void thread(unsigned i) {
    if (i == 0) {
      earlier.step();
      return parent->cancel();
    }
    if (child->err() != context_error::none) VERIFY_INV("CTX-3", earlier.steps.get() == 1);
  }
  void after() {
    child.reset();
    parent.reset();
  }
};

// A value that tells when its context goes, and has seen what was done before the handles were dropped.
struct tells {
  int *gone;
  const trail *earlier;
  int n;
  tells(int *to, const trail *t, int count) noexcept : gone(to), earlier(t), n(count) {}
  tells(tells &&other) noexcept : gone(std::exchange(other.gone, nullptr)), earlier(other.earlier), n(other.n) {}
  ~tells() {
    if (gone == nullptr) return;
    VERIFY_INV("USER-CODE", getm() == nullptr || getm()->locks == 0);  // no timer's function runs here
    ++*gone;
    for (int i = 0; i < n; ++i) VERIFY_INV("CTX-1", earlier[i].steps.get() == 1);
  }
};
const context_key<tells> key;

// Two handles of one context; the thread that drops the last one frees it, and sees what the other did.
struct last : suite<2> {
  std::optional<context> copies[2];
  trail trails[2];
  int gone = 0;
  void before() {
    copies[0] = with_value({}, key, tells(&gone, trails, 2));
    copies[1] = copies[0];
  }
  void thread(unsigned i) {
    trails[i].step();
    copies[i].reset();
  }
  void after() { VERIFY_INV("CTX-1", gone == 1); }
};

// A deadline has come as the context is dropped, or cancelled, or its parent is; one thread runs timers and another has
// the handles. All of it is freed, once: the value notes when it goes.
enum class deadline_meets { drop, cancel, parent };
template <deadline_meets What>
struct expires : suite<2> {
  schedt sched{sched_options{.procs = 1, .threads_max = 2, .detect_deadlock = false}};
  m *mp = nullptr;
  std::optional<cancel_context> parent, ctx;
  trail earlier;
  int gone = 0;
  void before() {
    VERIFY_CHECK(schedinit(sched));
    mp = allocm(sched);
    acquirep(mp, sched.pidle.get());
    set_current_m(mp);
    parent = with_cancel({});
    ctx = with_timeout(with_value(*parent, key, tells(&gone, &earlier, 1)), std::chrono::nanoseconds(long_time));
    set_current_m(nullptr);
  }
  void thread(unsigned i) {
    if (i == 1) {
      set_current_m(mp);
      ++mp->locks;  // as checktimers does
      sched.allp[0].get()->timers.run(nanotime() + 2 * long_time);
      --mp->locks;
      return set_current_m(nullptr);
    }
    earlier.step();
    if constexpr (What == deadline_meets::cancel) ctx->cancel();
    if constexpr (What == deadline_meets::parent) parent->cancel();
    if constexpr (What != deadline_meets::drop) VERIFY_INV("CTX-TREE", ctx->err() != context_error::none);
    context only = std::move(*ctx);
    ctx.reset();
  }
  void after() {
    VERIFY_INV("CTX-2", sched.allp[0].get()->timers.wake_time() == timers::never);
    parent.reset();
    bool inherit = false;  // runs the goroutine in which the value goes that may not go in the timer's function
    while (g *gp = mp->p.get()->runq.runqget(inherit)) gp->startfn.get()(gp->sched.ctxt);
    VERIFY_INV("CTX-2", gone == 1);
    leave_p(mp);
    schedfree(sched);
  }
};
using expires_dropped = expires<deadline_meets::drop>;
using expires_cancelled = expires<deadline_meets::cancel>;
using expires_with_parent = expires<deadline_meets::parent>;

// A goroutine waits for the end of a child, in the whole scheduler.
struct waits : scheduled<waits, 2, 2> {
  trail earlier;
  countdown all{1};
  void body() {
    auto parent = with_cancel({});
    go([this, ctx = context(parent)] {
      const auto child = with_cancel(ctx);
      (void)child.done().recv();
      VERIFY_INV("CTX-3", earlier.steps.get() == 1 && child.err() == context_error::canceled);
      all.arrive();
    });
    goyield();
    earlier.step();
    parent.cancel();
    all.wait();
  }
};

// A deadline comes, or the goroutine that has the context is faster.
struct times_out : watched<times_out, 2, 2> {
  countdown all{1};
  void options() { harness::sleeps_last = long_time; }
  void body() {
    auto ctx = with_timeout({}, std::chrono::nanoseconds(20 * us));
    go([this, handle = context(ctx)] {
      (void)handle.done().recv();
      VERIFY_INV("CTX-TREE", handle.err() != context_error::none);
      all.arrive();
    });
    timesleep(nanotime() + 20 * us);
    ctx.cancel();
    all.wait();
  }
};

}  // namespace

HEDDLE_SUITE(met_dropped, {.name = "context.drop",
                           .component = "context",
                           .invariants = "CTX-1 CTX-TREE",
                           .what = "a child is dropped as its parent is cancelled and dropped",
                           .modes = {random_mix(1), bounded(2, 1)}})
HEDDLE_SUITE(met_cancelled, {.name = "context.cancel",
                             .component = "context",
                             .invariants = "CTX-1 CTX-TREE",
                             .what = "a child is cancelled as its parent is",
                             .modes = {random_mix(1), bounded(2, 1)}})
HEDDLE_SUITE(born, {.name = "context.make",
                    .component = "context",
                    .invariants = "CTX-3 CTX-TREE",
                    .what = "a child is made as its parent is cancelled",
                    .modes = {random_mix(1), bounded(2, 1)}})
HEDDLE_SUITE(handles, {.name = "context.handles",
                       .component = "context",
                       .invariants = "CTX-1",
                       .what = "the last handles of a child go as its parent is cancelled",
                       .modes = {random_mix(1), bounded(2, 1)}})
HEDDLE_SUITE(last, {.name = "context.last",
                    .component = "context",
                    .invariants = "CTX-1",
                    .what = "two handles are dropped, and the last frees",
                    .modes = {random_mix(0.5), bounded(2, 0.5)}})
HEDDLE_SUITE(asked, {.name = "context.done",
                     .component = "context",
                     .invariants = "CTX-DONE",
                     .what = "two threads ask for the channel as the context is cancelled",
                     .modes = {random_mix(1), bounded(2, 1)}})
HEDDLE_SUITE(called, {.name = "context.callback",
                      .component = "context",
                      .invariants = "CTX-DONE CTX-TREE",
                      .what = "a callback of the token looks at the context",
                      .modes = {random_mix(0.1)}})
HEDDLE_SUITE(seen, {.name = "context.err",
                    .component = "context",
                    .invariants = "CTX-3",
                    .what = "a thread that sees the cancellation sees what was before",
                    .modes = {random_mix(0.5), bounded(2, 0.5)}})
HEDDLE_SUITE(expires_dropped, {.name = "context.expire_drop",
                               .component = "context",
                               .invariants = "CTX-1 CTX-2 USER-CODE",
                               .what = "a deadline comes as the context is dropped",
                               .modes = {random_mix(1), bounded(2, 1)}})
HEDDLE_SUITE(expires_cancelled, {.name = "context.expire_cancel",
                                 .component = "context",
                                 .invariants = "CTX-1 CTX-2 CTX-TREE USER-CODE",
                                 .what = "a deadline comes as the context is cancelled and dropped",
                                 .modes = {random_mix(1), bounded(2, 1)}})
HEDDLE_SUITE(expires_with_parent, {.name = "context.expire_parent",
                                   .component = "context",
                                   .invariants = "CTX-1 CTX-2 CTX-TREE USER-CODE",
                                   .what = "a deadline comes as the parent is cancelled and the context dropped",
                                   .modes = {random_mix(1), bounded(2, 1)}})
HEDDLE_SUITE(waits, {.name = "context.wait",
                     .component = "context",
                     .invariants = "I50 CTX-3",
                     .what = "a goroutine waits for a child as the parent is cancelled",
                     .modes = {random_mix(1)}})
HEDDLE_SUITE(times_out, {.name = "context.timeout",
                         .component = "context",
                         .invariants = "I50 CTX-2",
                         .what = "a deadline comes, in the whole scheduler",
                         .modes = {random_mix(1)}})
