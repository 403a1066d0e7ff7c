// Waits with a limit of time: the waker against the timer, sched/park.cpp.
#include "heddle/blocking.hpp"
#include "heddle/chan.hpp"
#include "heddle/detail/waitq.hpp"
#include "verify/suites/watched.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

constexpr std::int64_t us = 1000, long_time = 1'000'000;

// The least that a goroutine can wait for: units, first come first served.
class gate {
 public:
  bool take_until(std::int64_t when) {
    m *mp = getm();
    if (mp == nullptr) return heddle::detail::as_goroutine([&] { return take_until(when); });
    lock_.lock();
    if (units_.get() != 0) {
      units_.set(units_.get() - 1);
      lock_.unlock();
      return true;
    }
    heddle::detail::sudog sg(own_g(mp));
    if (heddle::detail::park_on_until(mp, waiters_, sg, lock_, waitreason::test, when)) return true;
    lock_.unlock();
    VERIFY_INV("I47", nanotime() >= when);
    return false;
  }
  void give() {
    lock_.lock();
    heddle::detail::sudog *sg = waiters_.dequeue();
    if (sg == nullptr) units_.set(units_.get() + 1);
    lock_.unlock();
    if (sg != nullptr) goready(sg->gp.get());
  }
  int units() { return units_.get(); }
  bool nobody_waits() { return waiters_.empty(); }

 private:
  spinlock lock_;
  plain<int> units_;
  heddle::detail::waitq waiters_;
};

template <class Derived, int Ms, int Procs, int Foreign = 0>
struct limited : watched<Derived, Ms, Procs, Foreign> {
  void options() { harness::sleeps_last = long_time; }
  void check() {
    for (const g *gp = this->sched.allgs.peek(); gp != nullptr; gp = gp->alllink.peek())
      VERIFY_INV("I53", gp->selectdone.peek() == 0);
  }
};

// One goroutine gives about when the other's time is over, two times: a waiter that was in time gets the unit, else it
// stays; a timer that comes late does not end the next wait.
template <int Procs>
struct meets : limited<meets<Procs>, 2, Procs> {
  gate of;
  countdown all{1};
  void body() {
    go([this] {
      const std::int64_t begun = nanotime();
      for (int i : {1, 2}) {
        while (nanotime() < begun + i * 60 * us) goyield();
        of.give();
      }
      all.arrive();
    });
    int taken = 0;
    for (int i = 0; i < 2; ++i) taken += of.take_until(nanotime() + 60 * us);
    all.wait();
    VERIFY_INV("TIMED-1", taken + of.units() == 2 && of.nobody_waits());
  }
};

// As it becomes due: the timer's function runs on one M, the giver readies on the other.
struct due_now : limited<due_now, 2, 2> {
  gate of;
  countdown all{1};
  void body() {
    const std::int64_t when = nanotime() + 60 * us;
    go([this] {
      of.give();
      all.arrive();
    });
    int taken = of.take_until(when);
    taken += of.take_until(nanotime() + 30 * us);
    all.wait();
    VERIFY_INV("TIMED-1", taken + of.units() == 1 && of.nobody_waits());
  }
};

// Two goroutines wait, one of them longer, for one unit. It is not taken twice, and not given to a waiter that has
// gone.
struct two_wait : limited<two_wait, 2, 2> {
  gate of;
  plain<int> taken[2];
  countdown all{2};
  void body() {
    for (int i : {0, 1})
      go([this, i] {
        taken[i].set(of.take_until(nanotime() + (1 + i) * 60 * us));
        all.arrive();
      });
    goyield();
    of.give();
    all.wait();
    VERIFY_INV("TIMED-1", taken[0].get() + taken[1].get() + of.units() == 1 && of.nobody_waits());
  }
};

// No goroutine gives: all goes idle, and the time is over nevertheless. No deadlock is reported.
struct nobody : limited<nobody, 1, 1> {
  gate of;
  void body() {
    for (int i = 0; i < 2; ++i) VERIFY_INV("TIMED-1", !of.take_until(nanotime() + 20 * us));
  }
};

// A value that tells whether it was moved away.
struct token {
  int v;
  explicit token(int n) noexcept : v(n) {}
  token(token &&other) noexcept : v(std::exchange(other.v, 0)) {}
};

// Sender and receiver of a channel both have limits: the value is received, or it has not moved.
struct chan_both : limited<chan_both, 2, 2> {
  plain<int> sent;
  countdown all{1};
  void body() {
    chan<token> c;
    go([this, c] {
      token mine(5);
      sent.set(c.send_for(std::move(mine), std::chrono::microseconds(60)));
      VERIFY_INV("I55", mine.v == (sent.get() != 0 ? 0 : 5));
      all.arrive();
    });
    const received<token> got = c.recv_for(std::chrono::microseconds(60));
    all.wait();
    VERIFY_INV("I55", got.has_value() == (sent.get() != 0) && !got.closed());
  }
};

// A channel is closed about when the time of its receiver is over; a sender to another comes in time or not.
struct chan_closed : limited<chan_closed, 2, 2> {
  countdown all{1};
  void body() {
    chan<int> c(1);
    go([this, c] {
      goyield();
      c.close();
      all.arrive();
    });
    const received<int> got = c.recv_for(std::chrono::microseconds(60));
    VERIFY_INV("I50", !got.has_value());
    all.wait();
    VERIFY_INV("I50", c.recv_for(std::chrono::microseconds(60)).closed() && c.try_recv().closed());
  }
};

// A goroutine in a call waits, another gives.
struct in_a_call : limited<in_a_call, 2, 1> {
  gate of;
  countdown all{1};
  void body() {
    go([this] {
      of.give();
      all.arrive();
    });
    int taken = 0;
    blocking([&] {
      for (int i = 0; i < 2; ++i) {
        taken += of.take_until(nanotime() + 20 * us);
        VERIFY_INV("TIMED-1", getm()->curg.peek()->waitingon.get() == nullptr);
      }
    });
    all.wait();
    VERIFY_INV("TIMED-1", taken + of.units() == 1 && of.nobody_waits());
  }
};

// A thread that belongs to no runtime waits, a goroutine gives.
struct outside : limited<outside, 1, 1, 1> {
  gate of;
  plain<int> taken;
  void foreign() {
    int n = 0;
    for (int i = 0; i < 2; ++i) n += of.take_until(nanotime() + 20 * us);
    taken.set(n);
  }
  void body() { of.give(); }
  void check() { VERIFY_INV("TIMED-1", taken.get() + of.units() == 1 && of.nobody_waits()); }
};

// No runtime: two threads, few steps.
struct two_threads : suite<2> {
  gate of;
  int taken = 0;
  void thread(unsigned i) {
    if (i == 1) return of.give();
    for (int k = 0; k < 2; ++k) taken += of.take_until(nanotime() + 20 * us);
  }
  void after() { VERIFY_INV("TIMED-1", taken + of.units() == 1 && of.nobody_waits()); }
};

}  // namespace

HEDDLE_WORLDS(
    limited, "sched/park", "I25 I47 I53 TIMED-1",
    {world<meets<1>>({.name = "timed.meets_1p",
                      .what = "a waker and the end of a wait's time, on one P",
                      .modes = {random_mix(1)}}),
     world<meets<2>>(
         {.name = "timed.meets", .what = "a waker and the end of a wait's time, on two Ps", .modes = {random_mix(3)}}),
     world<due_now>({.name = "timed.due_now",
                     .what = "a timer becomes due while its goroutine is readied",
                     .modes = {random_mix(3)}}),
     world<two_wait>({.name = "timed.two_wait", .what = "two wait with limits for one unit", .modes = {random_mix(2)}}),
     world<nobody>(
         {.name = "timed.nobody", .what = "all is idle until a wait's time is over", .modes = {random_mix(1)}}),
     world<chan_both>({.name = "timed.chan", .what = "a sender and a receiver with limits", .modes = {random_mix(2)}}),
     world<chan_closed>(
         {.name = "timed.close", .what = "close against the limit of a receiver", .modes = {random_mix(1)}}),
     world<in_a_call>(
         {.name = "timed.in_a_call", .what = "a goroutine in a call waits with a limit", .modes = {random_mix(1)}}),
     world<outside>({.name = "timed.outside",
                     .what = "a thread outside waits with a limit for a goroutine",
                     .modes = {random_mix(1)}})})
HEDDLE_SUITE(two_threads, {.name = "timed.two_threads",
                           .component = "sched/park",
                           .invariants = "I47 TIMED-1",
                           .what = "two threads outside every runtime, one of which waits with a limit",
                           .modes = {random_mix(1), bounded(3, 1)}})
