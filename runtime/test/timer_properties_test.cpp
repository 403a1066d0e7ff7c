// The timers of a P against a sorted model: whatever is armed, stopped and set anew, in whatever order, the timers that
// are due are called, each once, and earlier ticks before later ones. And timer, func_timer and ticker, which users
// have, against a few states.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "runtime/test/test_support.hpp"

namespace {

struct counted_timer : heddle::detail::runtime_timer {
  std::vector<std::int64_t> *order = nullptr;
  int calls = 0;
};

constexpr std::int64_t tick(std::int64_t when) {
  return (when + (std::int64_t{1} << heddle::detail::geometry::tick_shift) - 1) >> heddle::detail::geometry::tick_shift;
}

RC_GTEST_PROP(Properties, timers_go_by_a_sorted_model, ()) {
  heddle::detail::timers ts;
  std::array<counted_timer, 12> pool;
  std::vector<std::int64_t> order;
  for (counted_timer &t : pool) {
    t.order = &order;
    t.f.set([](heddle::detail::runtime_timer *self, bool due) {
      auto *me = static_cast<counted_timer *>(self);
      me->calls += due;
      me->order->push_back(me->when.get());
    });
  }
  std::multimap<std::int64_t, counted_timer *> model;
  const auto forget = [&model](counted_timer *t) {
    for (auto at = model.begin(); at != model.end(); ++at)
      if (at->second == t) return model.erase(at), true;
    return false;
  };
  std::int64_t now = *rc::gen::inRange<std::int64_t>(0, 1 << 30);
  ts.run(now);
  std::int64_t since = now < heddle::detail::geometry::timer_window ? 0 : now, hold = 0;
  std::uint32_t crowd = 0;
  constexpr std::int64_t together = heddle::detail::geometry::timer_hold;  // all Ps' holds end at its multiples
  const int steps = *rc::gen::inRange(0, 150);
  for (int i = 0; i < steps; ++i) {
    counted_timer &t = pool[*rc::gen::inRange<std::size_t>(0, pool.size())];
    const std::int64_t length = *rc::gen::inRange<std::int64_t>(1, 1 << 20) << *rc::gen::inRange(0, 12);
    switch (*rc::gen::inRange(0, 3)) {
      case 0:  // stop, exactly
        RC_ASSERT(heddle::detail::stoptimer(&t) == forget(&t));
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
        while (!model.empty() && tick(model.begin()->first) <= now >> heddle::detail::geometry::tick_shift) {
          const counted_timer *first = model.begin()->second;
          RC_ASSERT(first->calls == before[static_cast<std::size_t>(first - pool.data())] + 1);
          model.erase(model.begin());
          ++due;
        }
        RC_ASSERT(order.size() == due);
        if (now - since >= heddle::detail::geometry::timer_window) {
          since = now;
          crowd = 0;
        }
        crowd += static_cast<std::uint32_t>(due);
        if (crowd >= heddle::detail::geometry::timer_crowd) hold = (now / together + 1) * together;
        for (std::size_t k = 1; k < order.size(); ++k) RC_ASSERT(tick(order[k - 1]) <= tick(order[k]));
      }
    }
    const std::int64_t first = model.empty() ? heddle::detail::timers::never
                                             : tick(model.begin()->first) << heddle::detail::geometry::tick_shift;
    RC_ASSERT(ts.wake_time() <= std::max(first, hold));
    RC_ASSERT(ts.wake_time() >= hold);
    RC_ASSERT(now >= hold || !ts.due(now));
    RC_ASSERT((ts.wake_time() == heddle::detail::timers::never) == model.empty());
  }
  ts.end();
}

// --------------------------------------------------------------------------------------------------------- the handles

using namespace std::chrono_literals;

// soon: the time comes by itself, and no goroutine waits for it. at_once: it is waited for.
enum class deed { make_far, make_at_once, far, soon, at_once, stop, take, copy };

struct command {
  deed what;
  int which, length;
  friend std::ostream &operator<<(std::ostream &os, const command &c) {
    static constexpr const char *names[] = {"make far", "make at once", "far",  "soon",
                                            "at once",  "stop",         "take", "copy"};
    return os << names[static_cast<int>(c.what)] << ' ' << c.which << ' ' << c.length;
  }
};

// Goroutines may not throw what rapidcheck throws, so the first mistake is kept.
class verdict {
 public:
  void expect(bool holds, const char *what) {
    if (!holds && wrong.empty()) wrong = what;
  }
  std::string wrong;
};

std::chrono::nanoseconds not_far(const command &c, bool at_once) {
  if (at_once) return c.length % 3 == 0 ? 0ns : c.length % 3 == 1 ? 1000ns : -1h;
  return std::chrono::microseconds(c.length);
}

// In every other case waits until about the time for which the last timer was armed, so that the next step comes as
// another P calls that timer.
void until_about(const command &c) {
  const auto at = std::chrono::steady_clock::now() + not_far(c, false);
  while (c.length % 2 != 0 && std::chrono::steady_clock::now() < at) heddle::detail::cpu_relax();
}

// Waits until its time has come, as a goroutine's wait_until.
template <class F>
bool comes(F &&done) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    heddle::sleep_for(10us);
  }
  return true;
}

enum class alarm_state { idle, far, pending, rung, seen };  // pending: armed, or rung and not looked at

// A timer. Its stop and reset return whether its time could still have been received.
class timer_model {
 public:
  void act(const command &c, verdict &v) {
    const bool unseen = state_ == alarm_state::far || state_ == alarm_state::pending || state_ == alarm_state::rung;
    switch (c.what) {
      case deed::make_far:
        t_ = heddle::timer(1h);
        state_ = alarm_state::far;
        break;
      case deed::make_at_once:
        armed_ = std::chrono::steady_clock::now();
        t_ = heddle::timer(not_far(c, true));
        until_rung(v);
        break;
      case deed::far:
        v.expect(t_.reset(1h) == unseen, "timer.reset(far)");
        state_ = alarm_state::far;
        break;
      case deed::soon:
        armed_ = std::chrono::steady_clock::now();
        v.expect(t_.reset(not_far(c, false)) == unseen, "timer.reset(soon)");
        state_ = alarm_state::pending;
        until_about(c);
        break;
      case deed::at_once:
        armed_ = std::chrono::steady_clock::now();
        v.expect(t_.reset(not_far(c, true)) == unseen, "timer.reset(at once)");
        until_rung(v);
        break;
      case deed::stop:
        v.expect(t_.stop() == unseen, "timer.stop");
        state_ = alarm_state::idle;
        break;
      case deed::take: {
        const auto got = t_.try_recv();
        if (state_ != alarm_state::pending)
          v.expect(got.has_value() == (state_ == alarm_state::rung), "timer.try_recv");
        v.expect(!got.closed(), "a timer's channel is never closed");
        if (!got.has_value()) break;
        v.expect(*got >= armed_ && *got <= std::chrono::steady_clock::now(), "the time of a timer");
        state_ = alarm_state::seen;
        break;
      }
      case deed::copy: {
        const heddle::timer other = t_;
        t_ = other;
        break;
      }
    }
    if (state_ != alarm_state::pending) v.expect(t_.size() == (state_ == alarm_state::rung), "what waits in a timer");
  }

 private:
  void until_rung(verdict &v) {
    v.expect(comes([this] { return t_.size() != 0; }), "a timer rings");
    state_ = alarm_state::rung;
  }

  heddle::timer t_{1h};
  alarm_state state_ = alarm_state::far;
  std::chrono::steady_clock::time_point armed_;
};

// A func_timer: exactly so many calls. After a stop it is known of each whether it comes.
class call_model {
 public:
  void act(const command &c, verdict &v) {
    switch (c.what) {
      case deed::make_far:
      case deed::make_at_once:
        settle(v, t_.stop());
        *this = call_model();
        if (c.what == deed::make_at_once) ring(v, t_.reset(not_far(c, true)));
        break;
      case deed::far:
        settle(v, t_.reset(1h));
        state_ = alarm_state::far;
        break;
      case deed::soon:
        settle(v, t_.reset(not_far(c, false)));
        state_ = alarm_state::pending;
        until_about(c);
        break;
      case deed::at_once: ring(v, t_.reset(not_far(c, true))); break;
      case deed::stop:
        settle(v, t_.stop());
        state_ = alarm_state::idle;
        break;
      case deed::take: break;
      case deed::copy: {
        const heddle::func_timer other = t_;
        t_ = other;
        break;
      }
    }
    if (state_ != alarm_state::pending) v.expect(*calls_ == expected_, "calls of a func_timer");
  }
  void end(verdict &v) {
    settle(v, t_.stop());
    heddle::sleep_for(100us);
    v.expect(*calls_ == expected_, "calls of a func_timer, in the end");
  }

 private:
  // prevented: what stop or reset returned about the call that had been asked for.
  void settle(verdict &v, bool prevented) {
    if (state_ != alarm_state::pending) v.expect(prevented == (state_ == alarm_state::far), "func_timer.stop or reset");
    if (state_ != alarm_state::pending || prevented) return;
    ++expected_;  // it may only just have been started
    v.expect(comes([this] { return *calls_ >= expected_; }), "a call that was not prevented comes");
  }
  void ring(verdict &v, bool prevented) {
    // A call that is asked for anew may be made before we have looked: the call that was pending and this one come
    // together.
    if (state_ != alarm_state::pending)
      v.expect(prevented == (state_ == alarm_state::far), "func_timer.reset(at once)");
    else
      expected_ += !prevented;
    ++expected_;
    v.expect(comes([this] { return *calls_ >= expected_; }), "a call comes");
    state_ = alarm_state::seen;
  }

  std::shared_ptr<std::atomic<int>> calls_ = std::make_shared<std::atomic<int>>(0);
  heddle::func_timer t_ = heddle::after_func(1h, [calls = calls_] { ++*calls; });
  int expected_ = 0;
  alarm_state state_ = alarm_state::far;
};

// A ticker: there is no tick once it is stopped or set far, not even one that had come; time does not go back.
class ticker_model {
 public:
  void act(const command &c, verdict &v) {
    switch (c.what) {
      case deed::make_far:
        t_ = heddle::ticker(1h);
        ticks_ = false;
        break;
      case deed::make_at_once:
        t_ = heddle::ticker(1us * (1 + c.length));
        last_ = {};
        ticks_ = true;
        break;
      case deed::far:
        t_.reset(1h);
        ticks_ = false;
        break;
      case deed::soon:
      case deed::at_once:
        t_.reset(1us * (1 + c.length));
        ticks_ = true;
        if (c.what == deed::soon) until_about(c);
        if (c.what == deed::at_once)
          for (int i = 0; i < 2; ++i) took(t_.recv_for(10s), v, true);
        break;
      case deed::stop:
        t_.stop();
        ticks_ = false;
        break;
      case deed::take: took(t_.try_recv(), v, false); break;
      case deed::copy: {
        const heddle::ticker other = t_;
        t_ = other;
        break;
      }
    }
    if (!ticks_) v.expect(t_.size() == 0, "no tick after stop, nor before its time");
  }

 private:
  template <class R>
  void took(const R &got, verdict &v, bool must) {
    v.expect(ticks_ ? !must || got.has_value() : !got.has_value(), "a tick");
    if (!got.has_value()) return;
    v.expect(*got >= last_ && *got <= std::chrono::steady_clock::now(), "the time of a tick");
    last_ = *got;
  }

  heddle::ticker t_{1h};
  bool ticks_ = false;
  std::chrono::steady_clock::time_point last_;
};

// Three timers, two calls and a ticker, used at random by one goroutine.
RC_GTEST_PROP(Properties, timers_calls_and_tickers_do_what_their_states_say, ()) {
  const auto commands = *rc::gen::container<std::vector<command>>(
      rc::gen::construct<command>(rc::gen::weightedElement<deed>({{1, deed::make_far},
                                                                  {1, deed::make_at_once},
                                                                  {3, deed::far},
                                                                  {3, deed::soon},
                                                                  {3, deed::at_once},
                                                                  {4, deed::stop},
                                                                  {4, deed::take},
                                                                  {1, deed::copy}}),
                                  rc::gen::inRange(0, 6), rc::gen::inRange(0, 60)));
  const int procs = *rc::gen::inRange(1, 4);
  verdict v;
  std::size_t at = 0;
  const int status = heddle_test::run_on(procs, [&] {
    std::array<timer_model, 3> timers;
    std::array<call_model, 2> calls;
    ticker_model ticks;
    for (const command &c : commands) {
      const auto which = static_cast<std::size_t>(c.which);
      if (which < 3)
        timers[which].act(c, v);
      else if (which < 5)
        calls[which - 3].act(c, v);
      else
        ticks.act(c, v);
      if (!v.wrong.empty()) return;
      ++at;
    }
    for (call_model &c : calls) c.end(v);
  });
  RC_ASSERT(status == 0);
  if (!v.wrong.empty()) RC_FAIL(v.wrong + ", command " + std::to_string(at));
}

}  // namespace
