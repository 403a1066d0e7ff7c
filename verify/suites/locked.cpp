// Goroutines that are locked to their thread, in whole schedulers.
#include "verify/suites/watched.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// Readies one waiter for each post, whichever comes first.
class event {
 public:
  void post() {
    lock_.lock();
    g *gp = waiter_.get();
    waiter_.set(nullptr);
    if (gp == nullptr) posted_.set(posted_.get() + 1);
    lock_.unlock();
    if (gp != nullptr) goready(gp);
  }
  void wait() {
    lock_.lock();
    if (posted_.get() != 0) {
      posted_.set(posted_.get() - 1);
      return lock_.unlock();
    }
    waiter_.set(getm()->curg.peek());
    gopark(parkunlock, &lock_, waitreason::test);
  }

 private:
  spinlock lock_;
  plain<g *> waiter_;
  plain<int> posted_;
};

// Locks the calling goroutine from here on, and tells whether it has stayed on its thread.
class home {
 public:
  home() : mp_(getm()) { lock_os_thread(mp_); }
  void check() const {
    VERIFY_INV("I39",
               getm() == mp_ && mp_->lockedg.get() == mp_->curg.peek() && mp_->lockedg.get()->lockedm.get() == mp_);
  }
  void leave() const { unlock_os_thread(mp_); }

 private:
  m *mp_;
};

// The main goroutine is locked to m0 and parks; the other one readies it, on another M or after that got the P.
template <int Ms, int Procs>
struct parked : scheduled<parked<Ms, Procs>, Ms, Procs> {
  event woken;
  plain<int> word;
  void body() {
    const home here;
    go([this] {
      word.set(7);
      woken.post();
    });
    woken.wait();
    here.check();
    VERIFY_INV("I25", word.get() == 7);
    here.leave();
  }
};
using parked_1p = parked<2, 1>;
using parked_2p = parked<2, 2>;

// A thread from outside readies the locked goroutine.
struct parked_foreign : scheduled<parked_foreign, 2, 1, 1> {
  event woken;
  plain<int> word;
  void foreign() {
    word.set(7);
    woken.post();
  }
  void body() {
    const home here;
    woken.wait();
    here.check();
    VERIFY_INV("I25", word.get() == 7);
    here.leave();
  }
};

// A locked g gives way: through its P's queue and the global one.
template <int Ms, int Procs>
struct yielding : scheduled<yielding<Ms, Procs>, Ms, Procs> {
  trail locked, other;
  countdown all{1};
  void body() {
    go([this] {
      other.step();
      goyield();
      other.step();
      all.arrive();
    });
    const home here;
    goyield();
    here.check();
    locked.step();
    gosched();
    here.check();
    locked.step();
    here.leave();
    all.wait();
    VERIFY_INV("I20", locked.steps.get() == 2 && other.steps.get() == 2);
  }
};
using yielding_1p = yielding<2, 1>;
using yielding_2p = yielding<2, 2>;

// Two locked goroutines in turns; a third M carries the P from one to the other.
template <int Procs>
struct ping_pong : scheduled<ping_pong<Procs>, 3, Procs> {
  event ping, pong;
  plain<int> turns;
  void body() {
    go([this] {
      const home here;
      for (int i = 0; i < 2; ++i) {
        ping.wait();
        here.check();
        turns.set(turns.get() + 1);
        pong.post();
      }
      here.leave();
    });
    const home here;
    for (int i = 0; i < 2; ++i) {
      ping.post();
      pong.wait();
      here.check();
      VERIFY_INV("I39", turns.get() == i + 1);
    }
    here.leave();
  }
};
using ping_pong_1p = ping_pong<1>;
using ping_pong_2p = ping_pong<2>;

// Only as many unlocks as locks end it; one too many does nothing.
struct nesting : scheduled<nesting, 2, 2> {
  event woken;
  void pass() {
    go([this] { woken.post(); });
    woken.wait();
  }
  void body() {
    m *const mp = getm();
    unlock_os_thread(mp);
    lock_os_thread(mp);
    lock_os_thread(mp);
    pass();
    unlock_os_thread(mp);
    VERIFY_INV("I39", getm() == mp && mp->lockedg.get() == mp->curg.peek() && mp->tainted.get());
    pass();
    VERIFY_INV("I39", getm() == mp);
    unlock_os_thread(mp);
    unlock_os_thread(mp);
    VERIFY_INV("I39", mp->lockedg.get() == nullptr && mp->curg.peek()->lockedm.get() == nullptr && !mp->tainted.get());
    pass();
  }
};

// A goroutine that ends locked ends its thread: what it has left behind runs elsewhere, and so does what comes later.
// On m0 the thread waits for the end.
template <int Ms, int Procs>
struct exiting : scheduled<exiting<Ms, Procs>, Ms, Procs> {
  trail left, later;
  void body() {
    countdown first{1}, second{1};
    go([&] {
      lock_os_thread(getm());
      go([&] {
        left.step();
        first.arrive();
      });
    });
    first.wait();
    go([&] {
      later.step();
      second.arrive();
    });
    second.wait();
    VERIFY_INV("I20", left.steps.get() == 1 && later.steps.get() == 1);
  }
};
using exiting_1p = exiting<3, 1>;
using exiting_2p = exiting<3, 2>;

// Main ends locked, on m0 or elsewhere, while another M is at work.
struct main_exits : scheduled<main_exits, 3, 2> {
  countdown all{1};
  void body() {
    go([this] {
      goyield();
      all.arrive();
    });
    all.wait();
    lock_os_thread(getm());
  }
};

// A goroutine that is locked ends, and its thread with it. The m is used for the next thread, and is as good as new: a
// goroutine there is locked and parks, and is free again afterwards.
struct m_again : watched<m_again, 2, 2, 0, 2> {
  void options() { sched.options.threads_max = 3; }
  void body() {
    for (int k = 0; k < 3; ++k) {
      countdown one{1};
      go([&one] {
        const home here;
        goyield();
        here.check();
        here.leave();
        VERIFY_INV("I39", getm()->lockedg.get() == nullptr && getm()->curg.peek()->lockedm.get() == nullptr);
        lock_os_thread(getm());
        one.arrive();
      });
      one.wait();
    }
  }
};

}  // namespace

HEDDLE_SUITE(parked_1p, {.name = "locked.park_1p",
                         .component = "sched/locked",
                         .invariants = "I25 I36 I39",
                         .what = "a locked goroutine parks, and gets its thread and a P back",
                         .modes = {random_mix(2)}})
HEDDLE_SUITE(parked_2p, {.name = "locked.park",
                         .component = "sched/locked",
                         .invariants = "I25 I36 I39",
                         .what = "as locked.park_1p, readied while its M goes to sleep",
                         .modes = {random_mix(3)}})
HEDDLE_SUITE(parked_foreign, {.name = "locked.park_foreign",
                              .component = "sched/locked",
                              .invariants = "I25 I39",
                              .what = "as locked.park_1p, readied by a thread outside",
                              .modes = {random_mix(2)}})
HEDDLE_SUITE(yielding_1p, {.name = "locked.yield_1p",
                           .component = "sched/locked",
                           .invariants = "I3 I20 I39",
                           .what = "a locked goroutine yields on one P",
                           .modes = {random_mix(2)}})
HEDDLE_SUITE(yielding_2p, {.name = "locked.yield",
                           .component = "sched/locked",
                           .invariants = "I3 I20 I39",
                           .what = "a locked goroutine yields on two Ps",
                           .modes = {random_mix(3)}})
HEDDLE_SUITE(ping_pong_1p, {.name = "locked.ping_pong_1p",
                            .component = "sched/locked",
                            .invariants = "I25 I39",
                            .what = "two locked goroutines in turns on one P",
                            .modes = {random_mix(3)}})
HEDDLE_SUITE(ping_pong_2p, {.name = "locked.ping_pong",
                            .component = "sched/locked",
                            .invariants = "I25 I39",
                            .what = "two locked goroutines in turns on two Ps",
                            .modes = {random_mix(3)}})
HEDDLE_SUITE(nesting, {.name = "locked.nesting",
                       .component = "sched/locked",
                       .invariants = "I39",
                       .what = "as many unlocks as locks; one too many does nothing",
                       .modes = {random_mix(2)}})
HEDDLE_SUITE(exiting_1p, {.name = "locked.exit_1p",
                          .component = "sched/m",
                          .invariants = "I14 I34 I39",
                          .what = "a goroutine that ends locked ends its thread; the rest goes on, on one P",
                          .modes = {random_mix(3)}})
HEDDLE_SUITE(exiting_2p, {.name = "locked.exit",
                          .component = "sched/m",
                          .invariants = "I14 I34 I39",
                          .what = "as locked.exit_1p on two Ps",
                          .modes = {random_mix(3)}})
HEDDLE_SUITE(main_exits, {.name = "locked.main_exit",
                          .component = "sched/m",
                          .invariants = "I34 I37 I39",
                          .what = "the main goroutine ends locked, on m0 or elsewhere",
                          .modes = {random_mix(2)}})
HEDDLE_SUITE(m_again, {.name = "locked.m_again",
                       .component = "sched/locked",
                       .invariants = "I39",
                       .what = "threads end with their locked goroutines, and their ms are used for others",
                       .modes = {random_mix(2)}})
