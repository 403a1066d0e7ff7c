// Random programs. On one P the whole runtime is deterministic, so a sequential model of the scheduler and of the
// channels predicts a script of channel operations over a few goroutines, switch by switch. On several Ps the tests
// check what must hold in every order: values are conserved, critical sections exclude each other, waits end.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/test/test_support.hpp"

namespace {

using heddle_test::run_in_order;
using heddle_test::run_on;

enum class op_kind { send, recv, try_send, try_recv, close, yield, size, count };

struct op {
  op_kind kind;
  int chan;  // 0: unbuffered; 1 to 3: with that many slots
  friend std::ostream &operator<<(std::ostream &os, const op &o) {
    static constexpr const char *names[] = {"send", "recv", "try_send", "try_recv", "close", "yield", "size"};
    os << names[static_cast<int>(o.kind)];
    if (o.kind != op_kind::yield) os << o.chan;
    return os;
  }
};
using script = std::vector<op>;

// What one finished operation was seen to do: which goroutine, which of its operations, with which result.
using event = std::tuple<int, int, int>;
constexpr int none = -1, skipped = -2;

constexpr int chans = 4;
constexpr int value_of(int who, int index) { return who * 1000 + index; }

// Goroutine 0 is main: it starts the others and then yields so often that all of them get as far as they can.
int yields_of_main(const std::vector<script> &scripts) {
  std::size_t n = scripts.size() + 2;
  for (const script &s : scripts) n += 2 * s.size();
  return static_cast<int>(n);
}

// --------------------------------------------------------------------------------------------------------- sequential

class model {
 public:
  explicit model(const std::vector<script> &scripts)
      : scripts_(scripts), at_(scripts.size() + 1), waits_(scripts.size() + 1) {
    int yields = yields_of_main(scripts);
    for (std::size_t i = 1; i <= scripts.size(); ++i) put(static_cast<int>(i), true);
    int streak = 1;  // main itself came out of runnext
    while (yields > 0) {
      --yields;
      ring_.push_back(0);
      for (;;) {
        bool inherit = false;
        const int who = get(inherit, streak < static_cast<int>(heddle::detail::geometry::runnext_streak));
        streak = inherit ? streak + 1 : 0;
        if (who == 0) break;
        run(who);
      }
    }
  }
  std::vector<event> trace;

 private:
  struct channel {
    std::deque<int> buffer;
    std::deque<std::pair<int, int>> senders;  // which goroutine, value
    std::deque<int> receivers;
    int sending = 0;  // begun and not seen to end
    bool closed = false;
  };
  struct waiting {
    bool now = false;
    int result = none;
  };

  void put(int who, bool next) {
    if (next) std::swap(who, next_);
    if (who >= 0) ring_.push_back(who);
  }
  int get(bool &inherit, bool allow_next) {
    if ((allow_next || ring_.empty()) && next_ >= 0) {
      inherit = allow_next;
      return std::exchange(next_, -1);
    }
    const int who = ring_.front();
    ring_.pop_front();
    return who;
  }

  void done(int who, int result) { trace.emplace_back(who, at_[static_cast<std::size_t>(who)]++, result); }
  void wake(int who, int result) {
    waits_[static_cast<std::size_t>(who)].result = result;
    put(who, true);
  }

  bool deliver(channel &c, std::size_t capacity, int value) {
    if (!c.receivers.empty()) {
      wake(c.receivers.front(), value);
      c.receivers.pop_front();
      return true;
    }
    if (c.buffer.size() == capacity) return false;
    c.buffer.push_back(value);
    return true;
  }
  // False: nothing is there, and it is not closed.
  bool take(channel &c, int &value) {
    if (!c.buffer.empty()) {
      value = c.buffer.front();
      c.buffer.pop_front();
      if (c.senders.empty()) return true;
      c.buffer.push_back(c.senders.front().second);
    } else if (!c.senders.empty()) {
      value = c.senders.front().second;
    } else {
      value = none;
      return c.closed;
    }
    wake(c.senders.front().first, 0);
    c.senders.pop_front();
    return true;
  }

  // Runs it until it waits, yields or ends.
  void run(int who) {
    const auto w = static_cast<std::size_t>(who);
    const script &s = scripts_[w - 1];
    if (waits_[w].now) {
      waits_[w].now = false;
      const op &o = s[static_cast<std::size_t>(at_[w])];
      if (o.kind == op_kind::send) --chans_[o.chan].sending;
      done(who, waits_[w].result);
    }
    while (at_[w] < static_cast<int>(s.size())) {
      const op &o = s[static_cast<std::size_t>(at_[w])];
      channel &c = chans_[o.chan];
      const auto capacity = static_cast<std::size_t>(o.chan);
      const int value = value_of(who, at_[w]);
      int got = none;
      switch (o.kind) {
        case op_kind::send:
          if (c.closed) {
            done(who, skipped);
          } else if (deliver(c, capacity, value)) {
            done(who, 0);
          } else {
            ++c.sending;
            c.senders.emplace_back(who, value);
            waits_[w].now = true;
            return;
          }
          break;
        case op_kind::try_send: done(who, c.closed ? skipped : deliver(c, capacity, value)); break;
        case op_kind::recv:
          if (!take(c, got)) {
            c.receivers.push_back(who);
            waits_[w].now = true;
            return;
          }
          done(who, got);
          break;
        case op_kind::try_recv:
          take(c, got);
          done(who, got);
          break;
        case op_kind::close:
          if (c.closed || c.sending > 0) {
            done(who, skipped);
          } else {
            c.closed = true;
            for (const int r : std::exchange(c.receivers, {})) wake(r, none);
            done(who, 0);
          }
          break;
        case op_kind::yield:
          done(who, 0);
          ring_.push_back(who);
          return;
        default: done(who, static_cast<int>(c.buffer.size())); break;
      }
    }
  }

  const std::vector<script> &scripts_;
  std::vector<int> at_;
  std::vector<waiting> waits_;
  channel chans_[chans];
  std::deque<int> ring_;
  int next_ = -1;
};

// --------------------------------------------------------------------------------------------------------- the runtime

std::vector<event> play(const std::vector<script> &scripts) {
  std::vector<event> trace;
  const heddle::chan<int> c[chans] = {heddle::chan<int>(0), heddle::chan<int>(1), heddle::chan<int>(2),
                                      heddle::chan<int>(3)};
  int sending[chans] = {};
  const auto run_script = [&](int who) {
    int at = 0;
    for (const op &o : scripts[static_cast<std::size_t>(who - 1)]) {
      const heddle::chan<int> &ch = c[o.chan];
      int result = 0;
      switch (o.kind) {
        case op_kind::send:
          if (ch.closed()) {
            result = skipped;
          } else {
            ++sending[o.chan];
            ch.send(value_of(who, at));
            --sending[o.chan];
          }
          break;
        case op_kind::try_send: result = ch.closed() ? skipped : ch.try_send(value_of(who, at)); break;
        case op_kind::recv: result = ch.recv().value_or(none); break;
        case op_kind::try_recv: result = ch.try_recv().value_or(none); break;
        case op_kind::close:
          if (ch.closed() || sending[o.chan] > 0)
            result = skipped;
          else
            ch.close();
          break;
        case op_kind::size: result = static_cast<int>(ch.size()); break;
        default: break;
      }
      trace.emplace_back(who, at++, result);
      if (o.kind == op_kind::yield) heddle::yield();
    }
  };
  const int status = run_in_order([&] {
    for (int who = 1; who <= static_cast<int>(scripts.size()); ++who)
      heddle::go([&run_script, who] { run_script(who); });
    for (int i = yields_of_main(scripts); i > 0; --i) heddle::yield();
  });
  RC_ASSERT(status == 0);
  return trace;
}

rc::Gen<op> gen_op() {
  return rc::gen::map(
      rc::gen::pair(rc::gen::inRange(0, static_cast<int>(op_kind::count) * 3), rc::gen::inRange(0, chans)),
      [](const std::pair<int, int> &p) {
        // Sends and receives are the most frequent, close is the rarest.
        static constexpr op_kind kinds[] = {
            op_kind::send,     op_kind::recv,     op_kind::send,     op_kind::recv,     op_kind::send,  op_kind::recv,
            op_kind::send,     op_kind::recv,     op_kind::send,     op_kind::recv,     op_kind::send,  op_kind::recv,
            op_kind::try_send, op_kind::try_recv, op_kind::try_send, op_kind::try_recv, op_kind::yield, op_kind::yield,
            op_kind::yield,    op_kind::size,     op_kind::close};
        return op{kinds[p.first], p.second};
      });
}

// Any operations, or a few of them again and again: pairs that wake each other for long make the ring wait for its
// turn.
rc::Gen<script> gen_script() {
  using enum op_kind;
  const auto few = rc::gen::element(script{{send, 0}}, script{{recv, 0}}, script{{yield, 0}},
                                    script{{send, 1}, {recv, 2}}, script{{recv, 1}, {send, 2}});
  const auto repeated = rc::gen::map(rc::gen::pair(few, rc::gen::inRange(1, 40)), [](const std::pair<script, int> &p) {
    script s;
    for (int i = 0; i < p.second; ++i) s.insert(s.end(), p.first.begin(), p.first.end());
    return s;
  });
  return rc::gen::oneOf(rc::gen::container<script>(gen_op()), repeated);
}

RC_GTEST_PROP(Properties, scripts_on_one_p_go_as_the_model_says, ()) {
  const auto goroutines = *rc::gen::inRange<std::size_t>(1, 6);
  const auto scripts = *rc::gen::container<std::vector<script>>(goroutines, gen_script());
  const model predicted(scripts);
  RC_CLASSIFY(predicted.trace.size() > 50, "more than 50 operations");
  RC_ASSERT(play(scripts) == predicted.trace);
}

// -------------------------------------------------------------------------------------------------------- several Ps

RC_GTEST_PROP(Properties, values_are_conserved, ()) {
  const int procs = *rc::gen::element(1, 2, 4);
  const auto capacity = *rc::gen::inRange<std::size_t>(0, 5);
  const int senders = *rc::gen::inRange(1, 6), receivers = *rc::gen::inRange(1, 6), each = *rc::gen::inRange(0, 40);
  const int yield_every = *rc::gen::inRange(1, 20);
  std::vector<std::vector<int>> got(static_cast<std::size_t>(receivers));
  const int status = run_on(procs, [&] {
    const heddle::chan<int> c(capacity);
    heddle::wait_group sending, receiving;
    for (int s = 0; s < senders; ++s)
      sending.go([&, s] {
        for (int i = 0; i < each; ++i) {
          if (i % yield_every == 0) heddle::gosched();
          if (i % 5 != 0 || !c.try_send(value_of(s, i))) c.send(value_of(s, i));
        }
      });
    for (auto &mine : got)
      receiving.go([&] {
        for (const int v : c) {
          mine.push_back(v);
          if (v % yield_every == 0) heddle::yield();
        }
      });
    sending.wait();
    c.close();
    receiving.wait();
  });
  RC_ASSERT(status == 0);
  std::vector<int> all;
  for (const auto &mine : got) {
    std::map<int, int> last;
    for (const int v : mine) {
      RC_ASSERT(last.count(v / 1000) == 0u || last[v / 1000] < v);  // FIFO per sender
      last[v / 1000] = v;
      all.push_back(v);
    }
  }
  std::sort(all.begin(), all.end());
  std::vector<int> wanted;
  for (int s = 0; s < senders; ++s)
    for (int i = 0; i < each; ++i) wanted.push_back(value_of(s, i));
  RC_ASSERT(all == wanted);
}

RC_GTEST_PROP(Properties, pipelines_keep_the_order, ()) {
  const int procs = *rc::gen::element(1, 2, 4);
  const auto capacities =
      *rc::gen::scale(0.3, rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 4)));
  const int n = *rc::gen::inRange(0, 100);
  std::vector<int> out;
  const int status = run_on(procs, [&] {
    std::vector<heddle::chan<int>> stages;
    stages.emplace_back(1);
    for (const std::size_t capacity : capacities) stages.emplace_back(capacity);
    for (std::size_t i = 0; i + 1 < stages.size(); ++i)
      heddle::go([in = stages[i], to = stages[i + 1]] {
        for (const int v : in) to.send(v + 1);
        to.close();
      });
    heddle::go([first = stages.front(), n] {
      for (int i = 0; i < n; ++i) first.send(i);
      first.close();
    });
    for (const int v : stages.back()) out.push_back(v);
    while (heddle::num_goroutine() != 1) heddle::gosched();
  });
  RC_ASSERT(status == 0);
  RC_ASSERT(out.size() == static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) RC_ASSERT(out[static_cast<std::size_t>(i)] == i + static_cast<int>(capacities.size()));
}

RC_GTEST_PROP(Properties, sections_exclude_each_other_and_waits_end, ()) {
  const int procs = *rc::gen::element(1, 2, 4);
  // For each worker a list of (which mutex, what to do inside).
  const auto workers = *rc::gen::scale(0.3, rc::gen::container<std::vector<std::vector<std::pair<int, int>>>>(
                                                rc::gen::container<std::vector<std::pair<int, int>>>(
                                                    rc::gen::pair(rc::gen::inRange(0, 3), rc::gen::inRange(0, 5)))));
  int sections[3] = {}, wanted[3] = {}, children = 0, wanted_children = 0;
  for (const auto &w : workers)
    for (const auto &[which, what] : w) {
      ++wanted[which];
      wanted_children += what == 3;
    }
  const int status = run_on(procs, [&] {
    heddle::mutex mu[3], children_mu;
    heddle::wait_group wg;
    for (const auto &w : workers)
      wg.go([&] {
        for (const auto &[which, what] : w) {
          const std::lock_guard hold(mu[which]);
          const int before = sections[which];
          if (what == 1) heddle::yield();
          if (what == 2) heddle::gosched();
          if (what == 3) {
            heddle::wait_group child;
            child.go([&] {
              const std::lock_guard hold_children(children_mu);
              ++children;
            });
            child.wait();
          }
          sections[which] = before + 1;
        }
      });
    wg.wait();
  });
  RC_ASSERT(status == 0);
  RC_ASSERT(std::equal(std::begin(sections), std::end(sections), std::begin(wanted)));
  RC_ASSERT(children == wanted_children);
}

}  // namespace
