// Any two calls of a task, a scope, a context or a stop_signal at the same time.
#include <mutex>
#include <stop_token>

#include "heddle/context.hpp"
#include "heddle/scope.hpp"
#include "heddle/stop.hpp"
#include "heddle/task.hpp"
#include "verify/suites/pairs.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// The task waits for the third party. States: it takes no token; it takes one, and ends also when it is cancelled.
// (std::stop_token makes no steps here, so the task looks at the token and does not wait for it.)
struct under_way {
  static constexpr unsigned states = 2;
  atomic<std::uint32_t> open;
  trail earlier;
  bool takes_token = false;
  task<int> t;
  void prepare(unsigned state, int) {
    takes_token = state == 1;
    if (takes_token)
      t = spawn([this](std::stop_token stop) { return work([stop] { return stop.stop_requested(); }); });
    else
      t = spawn([this] { return work([] { return false; }); });
  }
  template <class F>
  int work(F cancelled) {
    while (open.load(acquire) == 0 && !cancelled()) give_way();
    earlier.step();
    return 7;
  }
  bool rescue() {
    open.store(1, release);
    return false;
  }
  void ended() { VERIFY_INV("TASK-DONE", earlier.steps.get() == 1); }
  void check() {
    VERIFY_INV("TASK-DONE", t.get() == 7 && !t.valid());
    ended();
    t = spawn([] { return 8; });
    VERIFY_INV("TASK-DONE", t.get() == 8);
  }
};

constexpr call<under_way> task_calls[] = {
    {"task::valid", [](under_way &o, unsigned) { VERIFY_INV("TASK-DONE", o.t.valid()); }},
    {"task::done",
     [](under_way &o, unsigned) {
       if (o.t.done()) o.ended();
     }},
    {"task::join",
     [](under_way &o, unsigned) {
       o.t.join();
       o.ended();
     }},
    {"task::wait_for, and again",
     [](under_way &o, unsigned) {
       if (!o.t.wait_for(pair_time)) o.t.join();
       o.ended();
     }},
    {"task::wait_until",
     [](under_way &o, unsigned) {
       if (o.t.wait_until(pair_moment())) o.ended();
     }},
    {"task::cancel", [](under_way &o, unsigned) { VERIFY_INV("TASK-STOP", !o.t.cancel() || o.takes_token); }},
    {"task::stop_source",
     [](under_way &o, unsigned) { VERIFY_INV("TASK-STOP", o.t.stop_source().stop_possible() == o.takes_token); }},
    {"on_done in a select",
     [](under_way &o, unsigned) {
       select(on_done(o.t));
       o.ended();
     }},
    {"on_done in a select that has an otherwise",
     [](under_way &o, unsigned) { select(on_done(o.t, [&] { o.ended(); }), otherwise()); }},
};

// Main owns the scope. Those that spawn are of it (counted), and no others.
struct in_scope {
  static constexpr unsigned states = 3;
  std::optional<scope> s;
  claimed_once error;
  trail ran[4];
  int started[2] = {}, thrown[3] = {}, caught[3] = {};
  // States: fresh; cancelled; an error has been thrown, and caught.
  void prepare(unsigned state, int) {
    s.emplace();
    if (state == 1) s->cancel();
    if (state == 2) {
      s->spawn([this] { fail(2); });
      wait(2);
      VERIFY_INV("SCOPE-FIRST", caught[2] == 1 && s->cancelled());
      thrown[2] = caught[2] = 0;  // what is thrown from now on is thrown again
    }
  }
  template <class F>
  void start(F f, int is_member) {
    if (is_member != 0)
      s->spawn(f);
    else
      heddle::go(f);
  }
  void fail(unsigned who) {
    thrown[who] = 1;
    throw static_cast<int>(who);
  }
  void wait(unsigned who) {
    try {
      s->wait();
    } catch (int) {
      caught[who] = 1;
    }
  }
  template <class F>
  void spawn(unsigned who, F f) {
    started[who] = 1;
    s->spawn(f);
  }
  bool rescue() { return false; }
  void check() {
    wait(2);
    for (int k : {0, 1}) VERIFY_INV("SCOPE-JOIN", ran[k].steps.get() == started[k]);
    const int thrown_now = thrown[0] + thrown[1], caught_now = caught[0] + caught[1] + caught[2];
    VERIFY_INV("SCOPE-FIRST", s->cancelled() || thrown_now == 0);
    VERIFY_INV("SCOPE-FIRST", caught_now <= thrown_now && (caught_now != 0 || thrown_now == 0));
    s->spawn([this] { ran[2].step(); });
    s->wait();
    VERIFY_INV("SCOPE-JOIN", ran[2].steps.get() == 1);
    s->spawn([this] { ran[3].step(); });
    s.reset();
    VERIFY_INV("SCOPE-JOIN", ran[3].steps.get() == 1);
  }
};

constexpr call<in_scope> scope_calls[] = {
    {"scope::spawn", [](in_scope &o, unsigned who) { o.spawn(who, [&o, who] { o.ran[who].step(); }); }, 1},
    {"scope::spawn of what takes a token",
     [](in_scope &o, unsigned who) { o.spawn(who, [&o, who](std::stop_token) { o.ran[who].step(); }); }, 1},
    {"scope::spawn of what throws",
     [](in_scope &o, unsigned who) {
       o.spawn(who, [&o, who] {
         o.ran[who].step();
         o.fail(who);
       });
     },
     1},
    {"scope::wait", [](in_scope &o, unsigned who) { o.wait(who); }},
    {"scope::cancel",
     [](in_scope &o, unsigned) {
       o.s->cancel();
       VERIFY_INV("SCOPE-FIRST", o.s->cancelled());
     }},
    {"scope::cancelled",
     [](in_scope &o, unsigned) { VERIFY_INV("SCOPE-FIRST", o.s->cancelled() || !o.s->stop_token().stop_requested()); }},
    {"scope::stop_token", [](in_scope &o, unsigned) { VERIFY_INV("SCOPE-FIRST", o.s->stop_token().stop_possible()); }},
};

const context_key<int> number;

// States: fresh; the channel has been asked for; the token has; a child, whose parent is cancelled. The third party
// cancels.
struct cancellable {
  static constexpr unsigned states = 4;
  std::optional<cancel_context> parent, ctx;
  std::optional<context> handles[2];
  receiver<std::monostate> channels[3] = {nil(), nil(), nil()};
  std::stop_token tokens[3];
  std::optional<context> made[2];
  std::optional<cancel_context> children[2];
  static receiver<std::monostate> nil() { return receiver<std::monostate>::nil(); }
  void prepare(unsigned state, int) {
    if (state == 3) parent = with_cancel({});
    ctx = with_cancel(parent ? with_value(*parent, number, 7) : with_value({}, number, 7));
    for (auto &h : handles) h = *ctx;
    if (state == 1) channels[2] = ctx->done();
    if (state == 2) tokens[2] = ctx->stop_token();
  }
  bool rescue() {
    (parent ? *parent : *ctx).cancel();
    return false;
  }
  void seen() { VERIFY_INV("CTX-3", ctx->err() == context_error::canceled && ctx->cause() != nullptr); }
  void check() {
    if (parent) parent->cancel();
    ctx->cancel();
    seen();
    VERIFY_INV("CTX-TREE", ctx->err() == context_error::canceled && ctx->cause() != nullptr);
    VERIFY_INV("CTX-DONE", ctx->done().closed() && ctx->stop_token().stop_requested());
    for (auto &c : channels) VERIFY_INV("CTX-DONE", c == nil() || (c.closed() && c == ctx->done()));
    for (const std::stop_token &t : tokens) VERIFY_INV("CTX-TREE", !t.stop_possible() || t.stop_requested());
    for (auto &c : children)
      VERIFY_INV("CTX-TREE", !c || c->err() != context_error::none);  // its own deadline may have come
    for (auto &c : made) VERIFY_INV("CTX-TREE", !c || *c->value(number) == 7);
    const cancel_context late = with_cancel(*ctx);
    VERIFY_INV("CTX-TREE", late.err() == context_error::canceled && late.done().closed());
    VERIFY_INV("CTX-TREE", late.stop_token().stop_requested());
  }
};

constexpr call<cancellable> context_calls[] = {
    {"context::done", [](cancellable &o, unsigned who) { o.channels[who] = o.ctx->done(); }},
    {"context::done, and what waits for it",
     [](cancellable &o, unsigned who) {
       o.channels[who] = o.handles[who]->done();
       (void)o.channels[who].recv();
       o.seen();
     }},
    {"context::err",
     [](cancellable &o, unsigned) {
       if (o.ctx->err() != context_error::none) o.seen();
     }},
    {"context::cause",
     [](cancellable &o, unsigned) {
       if (o.ctx->cause() != nullptr) o.seen();
     }},
    {"context::deadline", [](cancellable &o, unsigned) { VERIFY_INV("CTX-TREE", !o.ctx->deadline()); }},
    {"context::value", [](cancellable &o, unsigned) { VERIFY_INV("CTX-TREE", *o.ctx->value(number) == 7); }},
    {"context::stop_token", [](cancellable &o, unsigned who) { o.tokens[who] = o.ctx->stop_token(); }},
    {"context::context copied, and context::~context",
     [](cancellable &o, unsigned who) {
       o.made[who] = *o.handles[who];
       o.handles[who].reset();
     }},
    {"context::operator=", [](cancellable &o, unsigned who) { *o.handles[who] = *o.ctx; }},
    {"cancel_context::cancel",
     [](cancellable &o, unsigned) {
       o.ctx->cancel();
       VERIFY_INV("CTX-TREE", o.ctx->err() == context_error::canceled);
     }},
    {"with_cancel", [](cancellable &o, unsigned who) { o.children[who] = with_cancel(*o.ctx); }},
    {"with_cancel, and cancel_context::~cancel_context",
     [](cancellable &o, unsigned) {
       const auto child = with_cancel(*o.ctx);
       (void)child.done();
       child.cancel();
       VERIFY_INV("CTX-TREE", child.err() == context_error::canceled);
       (void)child.done().recv();  // another that cancels it at the same time may not have closed it yet
     }},
    {"with_value", [](cancellable &o, unsigned who) { o.made[who] = with_value(*o.ctx, number, 7); }},
    {"without_cancel",
     [](cancellable &o, unsigned who) {
       o.made[who] = without_cancel(*o.ctx);
       VERIFY_INV("CTX-TREE", o.made[who]->err() == context_error::none);
     }},
    // From here on, goroutines only.
    {"with_deadline", [](cancellable &o, unsigned who) { o.children[who] = with_deadline(*o.ctx, pair_moment()); }},
    {"with_timeout", [](cancellable &o, unsigned who) { o.children[who] = with_timeout(*o.ctx, pair_time); }},
    {"with_timeout, and cancel_context::~cancel_context",
     [](cancellable &o, unsigned) {
       const auto child = with_timeout(*o.ctx, pair_time);
       (void)child.stop_token();
     }},
};
constexpr unsigned context_rows_of_threads = 14;

// The third party requests the stop.
struct to_be_stopped {
  static constexpr unsigned states = 1;
  std::stop_source source;
  std::optional<stop_signal> signal;
  trail earlier;
  void prepare(unsigned, int) { signal.emplace(source.get_token()); }
  bool rescue() {
    earlier.step();
    source.request_stop();
    return false;
  }
  void seen() { VERIFY_INV("TASK-STOP", earlier.steps.get() == 1); }
  void check() {
    VERIFY_INV("TASK-STOP", signal->done().closed());
    signal.reset();
    const stop_signal late(source.get_token());
    VERIFY_INV("TASK-STOP", late.done().closed());
  }
};

constexpr call<to_be_stopped> stop_signal_calls[] = {
    {"stop_signal::done",
     [](to_be_stopped &o, unsigned) {
       (void)o.signal->done().recv();
       o.seen();
     }},
    {"stop_signal::done in time",
     [](to_be_stopped &o, unsigned) {
       if (o.signal->done().recv_for(pair_time).closed()) o.seen();
     }},
};

using task_by_goroutines = by_goroutines<under_way, task_calls>;
using task_by_both = by_both<under_way, task_calls>;
using scope_by_goroutines = by_goroutines<in_scope, scope_calls>;
using context_by_threads = by_threads<cancellable, context_calls, context_rows_of_threads>;
using context_by_goroutines = by_goroutines<cancellable, context_calls>;
using stop_signal_by_threads = by_threads<to_be_stopped, stop_signal_calls>;

}  // namespace

HEDDLE_WORLDS(tasks, "task", "TASK-DONE TASK-STOP TIMED-1",
              {world<task_by_goroutines>({.name = "pairs.task",
                                          .what = "any two calls of a task, by two goroutines",
                                          .modes = {random_mix(1, task_by_goroutines::every_pair)}}),
               world<task_by_both>({.name = "pairs.task_both",
                                    .what = "any two calls of a task, by a goroutine and a thread",
                                    .modes = {random_mix(1, task_by_both::every_pair)}})})
HEDDLE_WORLDS(scopes, "scope", "SCOPE-FIRST SCOPE-JOIN",
              {world<scope_by_goroutines>({.name = "pairs.scope",
                                           .what = "any two calls of a scope, by two goroutines",
                                           .modes = {random_mix(1, scope_by_goroutines::every_pair)}})})
HEDDLE_WORLDS(contexts, "context", "CTX-1 CTX-2 CTX-3 CTX-DONE CTX-TREE",
              {world<context_by_threads>({.name = "pairs.context",
                                          .what = "any two calls of a context, by two threads",
                                          .modes = {random_mix(2, context_by_threads::every_pair)}}),
               world<context_by_goroutines>({.name = "pairs.context_goroutines",
                                             .what = "any two calls of a context, by two goroutines",
                                             .modes = {random_mix(1, context_by_goroutines::every_pair)}})})
HEDDLE_WORLDS(stop_signals, "stop", "I50 TASK-STOP",
              {world<stop_signal_by_threads>({.name = "pairs.stop_signal",
                                              .what = "two threads wait for a stop that is requested, or give up",
                                              .modes = {random_mix(0.5, stop_signal_by_threads::every_pair)}})})
