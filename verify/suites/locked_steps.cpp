// Locked goroutines step by step: each M is right before the step that matters; its g is in a queue, it is about to
// wait, another M is about to find it.
#include "verify/suites/scheduled.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

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
    ms[1]->lockedg.set(gp);
    ms[1]->lockedExt = 1;
    ms[1]->tainted.set(true);
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
    VERIFY_INV("I34", heddle::detail::awake_in(sched.nmrunning.peek()) == 2);
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
    VERIFY_INV("I12", ms[0]->exiting.get());
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
    sched.needspinning.store(0, relaxed);  // as if an M had looked since
    schedule(mp);
    VERIFY_INV("I39", mp->exiting.get() && mp->lockedg.get() == nullptr);
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
