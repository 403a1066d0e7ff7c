// Any two calls of a timer, a ticker or a func_timer at the same time, as it becomes due.
#include "heddle/select.hpp"
#include "heddle/time.hpp"
#include "verify/suites/pairs.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

constexpr std::chrono::nanoseconds soon = pair_time, never_here = std::chrono::seconds(1000);

// States: due soon; armed for later; stopped; due and not received.
struct armed {
  static constexpr unsigned states = 4;
  std::optional<timer> t;
  std::optional<receiver<time_point>> handles[2];
  void prepare(unsigned state, int) {
    t.emplace(state == 1 ? never_here : state == 3 ? std::chrono::nanoseconds(0) : soon);
    if (state == 2) t->stop();
    if (state == 3) sleep_for(std::chrono::nanoseconds(1));
    for (auto &h : handles) h = *t;
  }
  bool rescue() { return false; }
  void check() {
    t->stop();
    VERIFY_INV("I48", !t->stop() && !t->try_recv().arrived());
    VERIFY_INV("I48", !t->reset(soon) && t->recv().has_value());
    VERIFY_INV("I48", !t->reset(never_here) && t->reset(soon) && t->recv().has_value());
    VERIFY_INV("I48", !t->stop());
    for (auto &h : handles) h.reset();
    t.reset();
  }
};

constexpr call<armed> timer_calls[] = {
    {"timer::stop", [](armed &o, unsigned) { o.t->stop(); }},
    {"timer::stop, and timer::reset again",
     [](armed &o, unsigned) {
       o.t->stop();
       o.t->reset(soon);
     }},
    {"timer::reset", [](armed &o, unsigned) { o.t->reset(soon); }},
    {"timer::reset to later", [](armed &o, unsigned) { o.t->reset(never_here); }},
    {"timer::reset to now", [](armed &o, unsigned) { o.t->reset(std::chrono::nanoseconds(0)); }},
    {"receiver::recv_for", [](armed &o, unsigned) { (void)o.t->recv_for(soon); }},
    {"receiver::try_recv", [](armed &o, unsigned) { (void)o.t->try_recv(); }},
    {"select receives, or gives up", [](armed &o, unsigned) { select(on_recv(*o.t), on_recv(heddle::after(soon))); }},
    {"receiver::receiver copied and dropped",
     [](armed &o, unsigned who) {
       const receiver<time_point> copy(*o.t);
       o.handles[who].reset();
       (void)copy.try_recv();
     }},
};

// States: due soon; stopped; a tick waits.
struct ticking {
  static constexpr unsigned states = 3;
  std::optional<ticker> t;
  std::optional<receiver<time_point>> handles[2];
  void prepare(unsigned state, int) {
    t.emplace(soon);
    if (state == 1) t->stop();
    if (state == 2) sleep_for(soon);
    for (auto &h : handles) h = *t;
  }
  bool rescue() { return false; }
  void check() {
    t->stop();
    VERIFY_INV("I48", !t->try_recv().arrived());
    t->reset(soon);
    VERIFY_INV("I48", t->recv().has_value());
    t->stop();
    VERIFY_INV("I48", !t->recv_for(3 * soon).arrived());
    for (auto &h : handles) h.reset();
    t.reset();
  }
};

constexpr call<ticking> ticker_calls[] = {
    {"ticker::stop", [](ticking &o, unsigned) { o.t->stop(); }},
    {"ticker::stop, and ticker::reset again",
     [](ticking &o, unsigned) {
       o.t->stop();
       o.t->reset(soon);
     }},
    {"ticker::reset", [](ticking &o, unsigned) { o.t->reset(2 * soon); }},
    {"receiver::recv_for", [](ticking &o, unsigned) { (void)o.t->recv_for(soon); }},
    {"receiver::try_recv", [](ticking &o, unsigned) { (void)o.t->try_recv(); }},
    {"receiver::receiver copied and dropped",
     [](ticking &o, unsigned who) {
       const receiver<time_point> copy(*o.t);
       o.handles[who].reset();
       (void)copy.try_recv();
     }},
};

// The function counts its calls. States: due soon; armed for later; called already.
struct promised {
  static constexpr unsigned states = 3;
  atomic<std::uint32_t> calls;
  std::uint32_t armed[3] = {}, prevented[3] = {};
  std::optional<func_timer> f;
  std::optional<func_timer> handles[2];
  void prepare(unsigned state, int) {
    armed[2] = 1;
    f.emplace(after_func(state == 1   ? never_here
                         : state == 2 ? std::chrono::nanoseconds(0)
                                      : soon,
                         [this] { calls.fetch_add(1, release); }));
    if (state == 2) await(1);
    for (auto &h : handles) h = *f;
  }
  void await(std::uint32_t n) {
    while (calls.load(acquire) < n) give_way();
  }
  void stop(unsigned who) { prevented[who] += f->stop(); }
  void arm(unsigned who, std::chrono::nanoseconds d) {
    ++armed[who];
    prevented[who] += f->reset(d);
  }
  bool rescue() { return false; }
  void check() {
    stop(2);
    VERIFY_INV("I48", !f->stop());
    const std::uint32_t due = armed[0] + armed[1] + armed[2] - prevented[0] - prevented[1] - prevented[2];
    await(due);
    arm(2, soon);
    await(due + 1);
    VERIFY_INV("I48", calls.load(acquire) == due + 1 && !f->stop());
    for (auto &h : handles) h.reset();
    f.reset();
  }
};

constexpr call<promised> func_timer_calls[] = {
    {"func_timer::stop", [](promised &o, unsigned who) { o.stop(who); }},
    {"func_timer::stop, and func_timer::reset again",
     [](promised &o, unsigned who) {
       o.stop(who);
       o.arm(who, soon);
     }},
    {"func_timer::reset", [](promised &o, unsigned who) { o.arm(who, soon); }},
    {"func_timer::reset to later", [](promised &o, unsigned who) { o.arm(who, never_here); }},
    {"func_timer::func_timer copied, and func_timer::~func_timer",
     [](promised &o, unsigned who) {
       const func_timer copy(*o.f);
       o.handles[who].reset();
     }},
    {"func_timer::operator=", [](promised &o, unsigned who) { *o.handles[who] = *o.f; }},
};

using timer_by_goroutines = by_goroutines<armed, timer_calls>;
using ticker_by_goroutines = by_goroutines<ticking, ticker_calls>;
using func_timer_by_goroutines = by_goroutines<promised, func_timer_calls>;

}  // namespace

HEDDLE_WORLDS(times, "time", "I44 I48 TIMED-1 TIMER-1",
              {world<timer_by_goroutines>({.name = "pairs.timer",
                                           .what = "any two calls of a timer, by two goroutines",
                                           .modes = {random_mix(2, timer_by_goroutines::every_pair)}}),
               world<ticker_by_goroutines>({.name = "pairs.ticker",
                                            .what = "any two calls of a ticker, by two goroutines",
                                            .modes = {random_mix(1, ticker_by_goroutines::every_pair)}}),
               world<func_timer_by_goroutines>({.name = "pairs.func_timer",
                                                .what = "any two calls of a func_timer, by two goroutines",
                                                .modes = {random_mix(1, func_timer_by_goroutines::every_pair)}})})
