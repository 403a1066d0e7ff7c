// Random programs of channels with select and close, against the sequential model of verify/models; and of a
// wait_group, against a count with a set of waiters. rapidcheck makes those that fail smaller.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <set>
#include <vector>

#include "runtime/test/program_support.hpp"

namespace {

using heddle_test::run_on;
using namespace models;

// Returns a generated program without the operations that `kept` leaves out. Closes stay, because other operations may
// wait for them.
program cut(std::uint64_t seed, const std::set<unsigned> &kept) {
  program p = generator(seed, {.scripts = 4, .ops = 6, .chans = 4}).make();
  for (unsigned who = 0; who < p.scripts; ++who) {
    script &s = p.script_of[who];
    std::uint8_t n = 0;
    for (unsigned at = 0; at < s.n; ++at)
      if (s.ops[at].how == form::close || kept.count(who * 10 + at) != 0) s.ops[n++] = s.ops[at];
    s.n = n;
  }
  return p;
}

RC_GTEST_PROP(Properties, programs_of_channels_show_what_some_order_shows, ()) {
  const int procs = *rc::gen::element(1, 1, 2, 4);
  heddle_test::run_of_program r;
  r.seed = *rc::gen::noShrink(rc::gen::arbitrary<std::uint64_t>());
  std::set<unsigned> all;
  for (unsigned i = 0; i < 40; ++i) all.insert(i);
  const auto left_out = *rc::gen::scale(0.2, rc::gen::container<std::set<unsigned>>(rc::gen::inRange(0u, 40u)));
  for (const unsigned i : left_out) all.erase(i);
  r.p = cut(r.seed, all);
  RC_ASSERT(run_on(procs, [&] { heddle_test::run_all({&r, 1}); }) == 0);
  RC_CLASSIFY(r.helped, "some waited for ever, but for help");
  static const auto states = std::make_unique<visited<1 << 16>>();
  if (!r.whole) return;
  if (!allows(r.p, r.shown, *states)) RC_FAIL(heddle_test::told(r.p, r.shown));
}

// Until all channels are closed, every value that is given to some select is given to one receiver.
RC_GTEST_PROP(Properties, selects_conserve_values, ()) {
  const int procs = *rc::gen::element(1, 2, 4);
  const auto capacities = *rc::gen::container<std::vector<std::size_t>>(3, rc::gen::inRange<std::size_t>(0, 4));
  const int senders = *rc::gen::inRange(1, 5), receivers = *rc::gen::inRange(1, 5), each = *rc::gen::inRange(0, 60);
  std::vector<std::vector<int>> got(static_cast<std::size_t>(receivers));
  const int status = run_on(procs, [&] {
    using heddle::chan;
    using heddle::on_recv;
    using heddle::on_send;
    const chan<int> c[] = {chan<int>(capacities[0]), chan<int>(capacities[1]), chan<int>(capacities[2])};
    heddle::wait_group sending, receiving;
    for (int s = 0; s < senders; ++s)
      sending.go([&, s] {
        for (int i = 0; i < each; ++i) {
          const int v = s * 1000 + i;
          if (i % 3 == 0)
            heddle::select(on_send(c[0], v), on_send(c[1], v), on_send(c[2], v));
          else if (i % 3 == 1)
            heddle::select(on_send(c[2], v), on_send(c[0], v));
          else
            c[1].send(v);
        }
      });
    for (auto &mine : got)
      receiving.go([&] {
        chan<int> open[] = {c[0], c[1], c[2]};
        const auto more = [&] { return !open[0].is_nil() || !open[1].is_nil() || !open[2].is_nil(); };
        const auto take = [&](chan<int> &from) {
          return [&](std::optional<int> v) {
            if (v)
              mine.push_back(*v);
            else
              from = chan<int>::nil();
          };
        };
        while (more())
          heddle::select(on_recv(open[0], take(open[0])), on_recv(open[1], take(open[1])),
                         on_recv(open[2], take(open[2])));
      });
    sending.wait();
    for (const chan<int> &one : c) one.close();
    receiving.wait();
  });
  RC_ASSERT(status == 0);
  std::vector<int> all, wanted;
  for (const auto &mine : got) all.insert(all.end(), mine.begin(), mine.end());
  std::sort(all.begin(), all.end());
  for (int s = 0; s < senders; ++s)
    for (int i = 0; i < each; ++i) wanted.push_back(s * 1000 + i);
  RC_ASSERT(all == wanted);
}

// ---------------------------------------------------------------------------------------------------------- wait_group

enum class wg_kind { add, done, wait, yield };
struct wg_op {
  wg_kind kind;
  int n;
  friend std::ostream &operator<<(std::ostream &os, const wg_op &o) {
    static constexpr const char *names[] = {"add", "done", "wait", "yield"};
    return os << names[static_cast<int>(o.kind)] << o.n;
  }
};

// On one P what is noted is in the order in which it happened. A wait ends at once if the count is zero. Otherwise it
// ends when the count has become zero, and not before; all goroutines that have waited until then go on, whatever is
// added afterwards.
class wait_group_model {
 public:
  void add(int n) {
    count_ += n;
    if (count_ != 0) return;
    released_.insert(waiting_.begin(), waiting_.end());
    waiting_.clear();
  }
  void waits(int who) {
    if (count_ != 0) waiting_.insert(who);
  }
  bool goes_on(int who) {
    if (waiting_.count(who) != 0) return false;
    released_.erase(who);
    return true;
  }
  int count() const { return count_; }
  bool nobody_left() const { return waiting_.empty() && released_.empty(); }

 private:
  int count_ = 0;
  std::set<int> waiting_, released_;
};

RC_GTEST_PROP(Properties, a_wait_group_goes_as_the_model_says, ()) {
  using enum wg_kind;
  const auto gen_op =
      rc::gen::map(rc::gen::pair(rc::gen::element(add, done, done, wait, wait, yield), rc::gen::inRange(1, 4)),
                   [](const std::pair<wg_kind, int> &p) {
                     return wg_op{p.first, p.second};
                   });
  const auto scripts = *rc::gen::container<std::vector<std::vector<wg_op>>>(
      *rc::gen::inRange<std::size_t>(1, 6), rc::gen::container<std::vector<wg_op>>(gen_op));
  bool good = true;
  wait_group_model model;
  const int status = run_on(1, [&] {
    heddle::wait_group wg, everybody;
    const auto act = [&](int who, const wg_op &o) {
      const int n = o.kind == add ? o.n : -1;
      if (o.kind == yield) heddle::yield();
      if (o.kind == wait) {
        model.waits(who);
        wg.wait();
        good = good && model.goes_on(who);
      }
      if (o.kind == wait || o.kind == yield || model.count() + n < 0) return;
      model.add(n);
      wg.add(n);
    };
    std::size_t running = scripts.size();
    for (std::size_t who = 0; who < scripts.size(); ++who)
      everybody.go([&, who] {
        for (const wg_op &o : scripts[who]) act(static_cast<int>(who), o);
        --running;
      });
    // The goroutines that still wait go on when all that was added is done.
    while (running > 0) {
      for (int i = 0; i < 10; ++i) heddle::yield();
      while (model.count() > 0) act(-1, {done, 1});
    }
    everybody.wait();
  });
  RC_ASSERT(status == 0);
  RC_ASSERT(good);
  RC_ASSERT(model.nobody_left());
}

// On several Ps, round after round: a waiter sees what all the goroutines did that were counted.
RC_GTEST_PROP(Properties, a_wait_group_orders_what_was_counted, ()) {
  const int procs = *rc::gen::element(1, 2, 4);
  const auto rounds = *rc::gen::scale(0.2, rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 8)));
  bool good = true;
  const int status = run_on(procs, [&] {
    heddle::wait_group wg;
    for (const int n : rounds) {
      std::vector<int> cells(static_cast<std::size_t>(n));
      for (int &cell : cells)
        wg.go([&cell] {
          heddle::yield();
          cell = 1;
        });
      std::atomic<int> saw{0};
      heddle::wait_group others;
      for (int i = 0; i < 2; ++i)
        others.go([&] {
          wg.wait();
          saw += std::accumulate(cells.begin(), cells.end(), 0);
        });
      wg.wait();
      good = good && std::accumulate(cells.begin(), cells.end(), 0) == n;
      others.wait();
      good = good && saw.load() == 2 * n;
    }
  });
  RC_ASSERT(status == 0);
  RC_ASSERT(good);
}

}  // namespace
