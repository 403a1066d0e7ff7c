// Three waiters, children or values where other suites have one or two: each is served, and none is skipped.
#include <mutex>
#include <utility>

#include "heddle/chan.hpp"
#include "heddle/condition_variable.hpp"
#include "heddle/context.hpp"
#include "heddle/latch.hpp"
#include "heddle/mutex.hpp"
#include "heddle/semaphore.hpp"
#include "heddle/shared_mutex.hpp"
#include "heddle/wait_group.hpp"
#include "verify/suites/scheduled.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// Three threads wait, and one call of the fourth is for all of them. One of the three may give up just then.
template <class Object>
struct three_wait : suite<4> {
  Object object;
  trail earlier;
  void thread(unsigned i) {
    if (i == 3) {
      earlier.step();
      return object.serve();
    }
    if (object.wait(i)) VERIFY_INV("I50", earlier.steps.get() == 1);
  }
};

constexpr std::chrono::nanoseconds short_time(20'000);

struct closed_for_three {
  chan<int> c;
  bool wait(unsigned i) { return i == 1 ? c.recv_for(short_time).closed() : !c.recv().has_value(); }
  void serve() { c.close(); }
};
struct units_for_three {
  semaphore s{0};
  bool wait(unsigned i) {
    if (i == 1 && !s.try_acquire_for(short_time)) return false;
    if (i != 1) s.acquire();
    return true;
  }
  void serve() { s.release(3); }
};
struct group_for_three {
  wait_group wg{1};
  bool wait(unsigned i) {
    if (i == 1) return wg.wait_for(short_time);
    wg.wait();
    return true;
  }
  void serve() { wg.done(); }
};
struct latch_for_three {
  latch l{1};
  bool wait(unsigned) {
    l.wait();
    return true;
  }
  void serve() { l.count_down(); }
};
struct notified_three {
  heddle::mutex mu;
  condition_variable cv;
  plain<bool> open;
  bool wait(unsigned i) {
    std::unique_lock hold(mu);
    const auto is_open = [this] { return open.get(); };
    if (i == 1) return cv.wait_for(hold, short_time, is_open);
    cv.wait(hold, is_open);
    return true;
  }
  void serve() {
    {
      const std::lock_guard hold(mu);
      open.set(true);
    }
    cv.notify_all();
  }
};
struct readers_three {
  shared_mutex mu;
  readers_three() { VERIFY_CHECK(mu.try_lock()); }
  bool wait(unsigned i) {
    if (i == 1 && !mu.try_lock_shared_for(short_time)) return false;
    if (i != 1) mu.lock_shared();
    mu.unlock_shared();
    return true;
  }
  void serve() { mu.unlock(); }
};

// Three children, one of which goes as the parent is cancelled: the others are cancelled all the same. Which goes, and so
// where it is in the list, is dealt.
struct children : suite<2> {
  std::optional<cancel_context> parent, child[3];
  std::optional<context> going;
  unsigned which = 0;
  void before() {
    which = harness::dealt(3);
    parent = with_cancel({});
    for (auto &c : child) c = with_cancel(*parent);
    going = std::move(*child[which]);  // the duty to cancel it is gone
    child[which].reset();
  }
  void thread(unsigned i) {
    if (i == 0) return parent->cancel();
    going.reset();
  }
  void after() {
    for (auto &c : child) VERIFY_INV("CTX-TREE", !c || (c->err() == context_error::canceled && c->done().closed()));
    for (auto &c : child) c.reset();
    parent.reset();
  }
};

// A value that notes that it is destroyed, once.
struct noted {
  int *to;
  explicit noted(int *t) noexcept : to(t) {}
  noted(noted &&other) noexcept : to(std::exchange(other.to, nullptr)) {}
  ~noted() {
    if (to != nullptr) ++*to;
  }
};

// Values wait in a channel, in the middle of its buffer or around its end, as its two last handles go, or it is closed and
// then its handles go. Each value is destroyed once.
struct buffer_dropped : suite<2> {
  static constexpr unsigned room = 3;
  std::optional<chan<noted>> a, b;
  int gone[2 * room] = {};
  unsigned taken = 0, put = 0;
  void before() {
    taken = harness::dealt(room);
    a.emplace(room);
    for (; put < room; ++put) VERIFY_CHECK(a->try_send(noted(&gone[put])));
    for (unsigned k = 0; k < taken; ++k) VERIFY_CHECK(a->try_recv().has_value());
    for (unsigned k = 0; k + 1 < taken; ++k, ++put) VERIFY_CHECK(a->try_send(noted(&gone[put])));
    b = a;
  }
  void thread(unsigned i) {
    if (i == 0) {
      a->close();
      return a.reset();
    }
    (void)b->try_recv();
    b.reset();
  }
  void after() {
    for (unsigned k = 0; k < put; ++k) VERIFY_INV("CHAN-1", gone[k] == 1);
  }
};

}  // namespace

HEDDLE_WORLDS(three_wait, "chan", "I50",
              {world<three_wait<closed_for_three>>({.name = "many.close",
                                                    .what = "a channel is closed for three that wait, one may give up",
                                                    .modes = {random_mix(0.5)}}),
               world<three_wait<units_for_three>>({.name = "many.release",
                                                   .what = "three units for three that wait, one may give up",
                                                   .modes = {random_mix(0.5)}}),
               world<three_wait<group_for_three>>({.name = "many.done",
                                                   .what = "three wait for a wait_group, one may give up",
                                                   .modes = {random_mix(0.5)}}),
               world<three_wait<latch_for_three>>(
                   {.name = "many.count_down", .what = "three wait for a latch", .modes = {random_mix(0.5)}}),
               world<three_wait<notified_three>>({.name = "many.notify_all",
                                                  .what = "three that wait are notified, one may give up",
                                                  .modes = {random_mix(0.5)}}),
               world<three_wait<readers_three>>({.name = "many.readers",
                                                 .what = "three readers wait for a writer, one may give up",
                                                 .modes = {random_mix(0.5)}})})
HEDDLE_SUITE(children, {.name = "many.children",
                        .component = "context",
                        .invariants = "CTX-1 CTX-DONE CTX-TREE",
                        .what = "three children, one of which goes as the parent is cancelled",
                        .modes = {random_mix(0.5)}})
HEDDLE_SUITE(buffer_dropped, {.name = "many.buffer_dropped",
                              .component = "chan",
                              .invariants = "CHAN-1",
                              .what = "values wait in a channel as it is closed and its last handles go",
                              .modes = {random_mix(0.5)}})
