// Goroutines that are locked to their thread. Directed suites put each M right before the step that matters: its g is
// in a queue, it is about to wait, another M is about to find it.
#include "verify/suites/scheduled.hpp"

using namespace heddle;
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

// The calling goroutine is locked from here on, and says whether it has stayed where it was.
class home {
 public:
  home() : mp_(getm()) { lock_os_thread(mp_); }
  void check() const {
    VERIFY_INV("I39", getm() == mp_ && mp_->lockedg == mp_->curg.peek() && mp_->lockedg->lockedm.get() == mp_);
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

// A thread from outside readies it.
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
    VERIFY_INV("I39", getm() == mp && mp->lockedg == mp->curg.peek() && mp->tainted);
    pass();
    VERIFY_INV("I39", getm() == mp);
    unlock_os_thread(mp);
    unlock_os_thread(mp);
    VERIFY_INV("I39", mp->lockedg == nullptr && mp->curg.peek()->lockedm.get() == nullptr && !mp->tainted);
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

// ms[1] waits for its locked g, which ms[0] is about to find in its queue. Neither has a thread of its own to end.
template <class Derived, int Static, int Dynamic = 0>
struct directed : suite<Static, Dynamic> {
  schedt sched{sched_options{.procs = 1, .threads_max = 2, .detect_deadlock = false}};
  m *ms[2];
  plain<int> ran;

  void before() {
    VERIFY_CHECK(schedinit(sched));
    for (m *&mp : ms) {
      mp = allocm(sched);
      sched.mcount.fetch_add(1, relaxed);
      sched.nmrunning.fetch_add(1, relaxed);
    }
    acquirep(ms[0], sched.pidle.get());
    set_current_m(ms[0]);
    go([this] { static_cast<Derived *>(this)->body(); });
    set_current_m(nullptr);
    g *const gp = sched.allgs.peek();
    gp->lockedm.set(ms[1]);
    ms[1]->lockedg = gp;
    ms[1]->lockedExt = 1;
    ms[1]->tainted = true;
  }
  void body() {
    VERIFY_INV("I39", getm() == ms[1]);
    ran.set(ran.get() + 1);
    stop(sched);
  }
  void thread(unsigned i) {
    if (i >= 2) return static_cast<Derived *>(this)->other(i);
    set_current_m(ms[i]);
    schedule(ms[i]);
    leave_p(ms[i]);
    set_current_m(nullptr);
  }
  void other(unsigned) {}
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    static_cast<Derived *>(this)->check();
    VERIFY_INV("I7", sched.pidle.peek_count() == 1 && sched.allp[0].get()->m.peek() == nullptr);
    for (const m *mp : ms) VERIFY_INV("I6", mp->p.get() == nullptr && mp->curg.peek() == nullptr);
    VERIFY_INV("I10", sched.midle.empty());
    VERIFY_INV("I34", sched.nmrunning.peek() == 2);
    schedfree(sched);
  }
  void check() { VERIFY_INV("I14", ran.get() == 1); }
};

// The finder against the M on its way to sleep.
struct found : directed<found, 2> {};

// The same while the runtime stops: the g runs, or is abandoned; the P is lost in neither case, and the M is woken
// once.
struct found_stop : directed<found_stop, 3> {
  void other(unsigned) { stop(sched); }
  void check() { VERIFY_INV("I39", ran.get() <= 1); }
};

// The same while a thread from outside stops the world: it goes on afterwards.
struct found_world : directed<found_world, 3> {
  void other(unsigned) {
    heddle::detail::with_world_stopped(
        sched,
        [](void *self) {
          VERIFY_INV("I28", static_cast<found_world *>(self)->sched.allp[0].get()->status.peek() == pstatus::gcstop);
        },
        this);
  }
};

// The finder has given its P away and is idle: it may be told to exit, and then leaves. It is not put on midle once
// more.
struct found_retired : directed<found_retired, 3> {
  atomic<std::uint32_t> left;
  void body() {
    while (left.load(acquire) == 0) cpu_relax();
    directed::body();
  }
  void thread(unsigned i) {
    directed::thread(i);
    if (i != 0) return;
    VERIFY_INV("I12", ms[0]->exiting);
    left.store(1, release);
  }
  void other(unsigned) {
    while (!retire_m(sched)) cpu_relax();
  }
};

// An M that waits for its g, and stops from two sides.
struct waiting_stop : directed<waiting_stop, 3> {
  void thread(unsigned i) {
    if (i == 0) leave_p(ms[0]);
    if (i == 1) return directed::thread(i);
    stop(sched);
  }
  void check() { VERIFY_INV("I39", ran.get() == 0); }
};

// m0's locked g ends. What lies in the queue without a wake-up, because the M would have taken it next, must run.
struct wedged : suite<1, 1> {
  schedt sched{sched_options{.procs = 1, .threads_max = 2, .detect_deadlock = false}};
  plain<int> ran;
  void before() { VERIFY_CHECK(schedinit(sched)); }
  void thread(unsigned) {
    VERIFY_CHECK(attach_m0(sched) != nullptr);
    m *const mp = sched.m0;
    sched.gomaxprocs.store(1, relaxed);
    go([this] {
      lock_os_thread(getm());
      go([this] {
        ran.set(1);
        stop(sched);
      });
    });
    sched.needspinning.store(0, relaxed);  // as if somebody had looked since
    schedule(mp);
    VERIFY_INV("I39", mp->exiting && mp->lockedg == nullptr);
    sched.needspinning.store(0, relaxed);
    wedge(mp);
    set_current_m(nullptr);
    joinms(sched);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    VERIFY_INV("I14", ran.get() == 1);
    VERIFY_INV("I7", sched.pidle.peek_count() == 1);
    schedfree(sched);
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
HEDDLE_SUITE(found, {.name = "locked.found",
                     .component = "sched/locked",
                     .invariants = "I6 I7 I14 I38 I39",
                     .what = "a locked goroutine is found while its M goes to sleep",
                     .modes = {random_mix(2), bounded(2, 2)}})
HEDDLE_SUITE(found_stop, {.name = "locked.found_stop",
                          .component = "sched/locked",
                          .invariants = "I6 I7 I38 I39",
                          .what = "as locked.found while the runtime stops: the P is not lost, the M is woken once",
                          .modes = {random_mix(2), bounded(2, 2)}})
HEDDLE_SUITE(found_world, {.name = "locked.found_world",
                           .component = "sched/locked",
                           .invariants = "I7 I14 I28 I39",
                           .what = "as locked.found while the world stops: the P is stopped as well, and then goes on",
                           .modes = {random_mix(3)}})
HEDDLE_SUITE(found_retired, {.name = "locked.found_retired",
                             .component = "sched/schedule",
                             .invariants = "I12 I39",
                             .what = "an M that has given its P to a locked one may be told to exit",
                             .modes = {random_mix(2)}})
HEDDLE_SUITE(waiting_stop,
             {.name = "locked.stop",
              .component = "sched/locked",
              .invariants = "I37 I38 I39",
              .what = "an M that waits for its locked goroutine leaves when the runtime stops, woken once",
              .modes = {random_mix(2), bounded(2, 2)}})
HEDDLE_SUITE(wedged, {.name = "locked.wedge",
                      .component = "sched/locked",
                      .invariants = "I14 I39",
                      .what = "what m0 leaves behind when its locked goroutine ends is run by another M",
                      .modes = {random_mix(2)}})
