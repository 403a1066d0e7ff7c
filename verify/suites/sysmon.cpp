// sysmon: its sleeps, and the Ms that it makes exit and joins. Where sleeps_last is set, a timed sleep ends by a wake
// alone: then a lost wake is seen.
#include "verify/suites/watched.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// All is idle, and sysmon sleeps deep or is about to; a P leaves pidle. A goroutine that runs there for ever must be
// asked to give way (B38).
template <int Hogs>
struct deep : suite<Hogs, 1> {
  schedt sched{sched_options{.procs = Hogs, .threads_max = Hogs, .detect_deadlock = false, .sysmon = true}};
  m *ms[Hogs];
  atomic<std::uint32_t> asked;
  void before() {
    VERIFY_CHECK(schedinit(sched));
    for (m *&mp : ms) {
      mp = allocm(sched);
      sched.mcount.fetch_add(1, relaxed);
      sched.nmrunning.fetch_add(1, relaxed);
    }
  }
  void thread(unsigned i) {
    if (i == 0) VERIFY_CHECK(start_sysmon(sched) == 0);
    struct p *pp = pidleget(sched);
    acquirep(ms[i], pp);
    while (pp->preempt.load(relaxed) == 0) cpu_relax();
    asked.fetch_add(1, relaxed);
    if (i != 0) return;
    while (asked.load(relaxed) != Hogs) cpu_relax();
    stop(sched);
    stop_sysmon(sched);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() { schedfree(sched); }
};
using deep_one = deep<1>;
using deep_two = deep<2>;

// The same beside an idle P and a timer that is far off: sysmon, which wakes for the timer, does not sleep so long.
struct deep_beside_a_timer : suite<1, 1> {
  schedt sched{sched_options{.procs = 2, .threads_max = 1, .detect_deadlock = false, .sysmon = true}};
  m *mp = nullptr;
  runtime_timer t;
  void before() {
    VERIFY_CHECK(schedinit(sched));
    mp = allocm(sched);
    sched.mcount.fetch_add(1, relaxed);
    sched.nmrunning.fetch_add(1, relaxed);
    t.f.set([](runtime_timer *, bool) {});
    resettimer(sched, &t, 3'600'000'000'000);
    harness::sleeps_last = 1'000'000'000;
  }
  void thread(unsigned) {
    VERIFY_CHECK(start_sysmon(sched) == 0);
    struct p *pp = pidleget(sched);
    acquirep(mp, pp);
    while (pp->preempt.load(relaxed) == 0) cpu_relax();
    stop(sched);
    stop_sysmon(sched);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() { schedfree(sched); }
};

// Goroutines end and others begin while sysmon takes the stacks of the dead ones away.
struct stripped : watched<stripped, 2, 1> {
  void options() {
    harness::sleeps_last = harness::no_sleep;
    geometry::stack_period = 1;
  }
  void body() {
    for (int round = 0; round < 2; ++round) {
      countdown all{6};
      for (int i = 0; i < 6; ++i)
        go([&all] {
          goyield();
          all.arrive();
        });
      all.wait();
    }
  }
};

// stop ends every sleep, once.
template <bool Idle>
struct stopped : suite<2, 1> {
  schedt sched{sched_options{.procs = 1, .threads_max = 1, .detect_deadlock = false, .sysmon = true}};
  atomic<std::uint32_t> begun;
  void before() {
    harness::sleeps_last = 0;
    VERIFY_CHECK(schedinit(sched));
    if (!Idle) sched.pidle.get();
  }
  void thread(unsigned i) {
    if (i == 0) {
      VERIFY_CHECK(start_sysmon(sched) == 0);
      begun.store(1, release);
    }
    stop(sched);
    if (i == 0) stop_sysmon(sched);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() { schedfree(sched); }
};
using stopped_deep = stopped<true>;
using stopped_dozing = stopped<false>;

// sysmon's time is over just when another thread ends its sleep: one of the two does, and no wake is left for the next
// sleep.
struct dozing : suite<2, 1> {
  schedt sched{sched_options{.procs = 1, .threads_max = 1, .detect_deadlock = false, .sysmon = true}};
  void before() {
    VERIFY_CHECK(schedinit(sched));
    sched.pidle.get();
  }
  void thread(unsigned i) {
    if (i == 0) VERIFY_CHECK(start_sysmon(sched) == 0);
    for (int k = 0; k < 2; ++k) wake_sysmon(sched);
    if (i != 0) return;
    stop(sched);
    stop_sysmon(sched);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() { schedfree(sched); }
};

// An M leaves its P for good while another thread stops the world: the P is stopped.
struct left : suite<2> {
  schedt sched{sched_options{.procs = 1, .threads_max = 1, .detect_deadlock = false}};
  m *mp = nullptr;
  void before() {
    VERIFY_CHECK(schedinit(sched));
    mp = allocm(sched);
    sched.mcount.fetch_add(1, relaxed);
    sched.nmrunning.fetch_add(1, relaxed);
    acquirep(mp, sched.pidle.get());
  }
  void thread(unsigned i) {
    if (i == 1)
      return heddle::detail::with_world_stopped(
          sched, [](void *) {}, nullptr);
    set_current_m(mp);
    leave_p(mp);
    set_current_m(nullptr);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    VERIFY_INV("I7", sched.pidle.peek_count() == 1);
    schedfree(sched);
  }
};

// An M ends with its locked goroutine while all goes idle: sysmon joins it before it sleeps deep, or is woken for it.
struct joined : suite<1, 3> {
  schedt sched{sched_options{.procs = 2, .threads_max = 3, .detect_deadlock = false, .sysmon = true}};
  atomic<std::uint32_t> locked;
  void before() { VERIFY_CHECK(schedinit(sched)); }
  void thread(unsigned) {
    VERIFY_CHECK(start_sysmon(sched) == 0);
    heddle::detail::go_from_outside(
        sched,
        [this] {
          lock_os_thread(getm());
          locked.store(1, release);
        },
        0);
    const unsigned its_thread = 2;  // they are numbered from the last down, and sysmon's is 3
    while (locked.load(acquire) == 0 || harness::can_run(its_thread) || !sched.freem.empty()) cpu_relax();
    stop(sched);
    joinms(sched);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    std::int32_t ms = 0;
    for (const m *mp = sched.allm.get(); mp != nullptr; mp = mp->alllink.get()) ++ms;
    while (sched.mfree.pop() != nullptr) --ms;
    while (sched.freem.pop() != nullptr) --ms;  // thread 0 has read an old freem
    VERIFY_INV("I34", sched.mcount.peek() == ms && heddle::detail::awake_in(sched.nmrunning.peek()) == ms);
    schedfree(sched);
  }
};

// One M, and no more allowed. It goes to sleep, is told to exit, and work comes: it or its successor runs it.
struct retired : suite<2, 2> {
  schedt sched{sched_options{.procs = 1, .threads_max = 1, .detect_deadlock = false}};
  plain<int> ran;
  void before() { VERIFY_CHECK(schedinit(sched)); }
  void thread(unsigned i) {
    if (i == 0) {
      struct p *pp = pidleget(sched);
      VERIFY_CHECK(newm(sched, pp, false) == birth::begun);
      heddle::detail::go_from_outside(
          sched,
          [this] {
            ran.set(1);
            stop(sched);
          },
          0);
      while (!stopping(sched)) cpu_relax();
      joinms(sched);
    } else {
      for (int k = 0; k < 3 && !retire_m(sched); ++k) cpu_relax();
    }
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    VERIFY_INV("I14", ran.get() == 1);
    std::int32_t ms = 0;
    for (const m *mp = sched.allm.get(); mp != nullptr; mp = mp->alllink.get()) ++ms;
    while (sched.freem.pop() != nullptr) --ms;
    VERIFY_INV("I34", sched.mcount.peek() == ms && ms <= 1 && heddle::detail::awake_in(sched.nmrunning.peek()) == ms);
    schedfree(sched);
  }
};

// The same moment alone: the M ends, and a thread that wants one finds no room for it.
struct room : suite<2, 1> {
  schedt sched{sched_options{.procs = 1, .threads_max = 1, .detect_deadlock = false}};
  m *mp = nullptr;
  plain<int> ran;
  void before() {
    VERIFY_CHECK(schedinit(sched));
    mp = allocm(sched);
    sched.mcount.fetch_add(1, relaxed);
    sched.nmrunning.fetch_add(1, relaxed);
  }
  void thread(unsigned i) {
    if (i == 0) {
      set_current_m(mp);
      return mexit(mp);
    }
    heddle::detail::go_from_outside(
        sched,
        [this] {
          ran.set(1);
          stop(sched);
        },
        0);
    while (!stopping(sched)) cpu_relax();
    joinms(sched);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    VERIFY_INV("I14", ran.get() == 1);
    VERIFY_INV("I34", sched.mcount.peek() == 1 && heddle::detail::awake_in(sched.nmrunning.peek()) == 1);
    schedfree(sched);
  }
};

// m0's thread is not the runtime's: it is not told to exit. While it is looked at it may be needed.
struct kept : suite<3> {
  schedt sched{sched_options{.procs = 1, .threads_max = 1, .detect_deadlock = false}};
  plain<int> ran;
  void before() { VERIFY_CHECK(schedinit(sched)); }
  void thread(unsigned i) {
    if (i == 0) {
      VERIFY_CHECK(attach_m0(sched) != nullptr);
      m *const mp = sched.m0;
      schedule(mp);
      VERIFY_INV("I12", !mp->exiting.get());
      leave_p(mp);
      set_current_m(nullptr);
      joinms(sched);
    } else if (i == 1) {
      for (int k = 0; k < 2; ++k) VERIFY_INV("I12", !retire_m(sched));
    } else {
      heddle::detail::go_from_outside(
          sched,
          [this] {
            ran.set(1);
            stop(sched);
          },
          0);
    }
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    VERIFY_INV("I14", ran.get() == 1);
    schedfree(sched);
  }
};

// Idle Ms exit and are used again, while goroutines come and go.
struct idle_exit : watched<idle_exit, 3, 2, 0, 1> {
  trail trails[3];
  void options() {
    harness::sleeps_last = harness::no_sleep;
    sched.options.threads_idle_max = 0;
    sched.options.threads_idle_ns = 1;
  }
  void body() {
    for (trail &t : trails) {
      countdown one{1};
      go([&t, &one] {
        t.step();
        one.arrive();
      });
      one.wait();
      VERIFY_INV("I27", t.steps.get() == 1);
    }
  }
};

// Goroutines that end locked, one after the other: each M that ends is used for the next, once its thread has been
// joined (B53).
struct reuse : watched<reuse, 3, 1, 0, 1> {
  trail trails[3];
  void options() { harness::sleeps_last = harness::no_sleep; }
  void body() {
    for (trail &t : trails) {
      countdown one{1};
      go([&t, &one] {
        lock_os_thread(getm());
        t.step();
        one.arrive();
      });
      one.wait();
      VERIFY_INV("I27", t.steps.get() == 1);
    }
  }
};

}  // namespace

HEDDLE_SUITE(deep_one, {.name = "sysmon.deep",
                        .component = "sched/sysmon",
                        .invariants = "I38 SYSMON-1",
                        .what = "sysmon does not sleep deep beside a P that has left pidle (B38)",
                        .modes = {random_mix(2), bounded(2, 2)}})
HEDDLE_SUITE(deep_two, {.name = "sysmon.deep_two",
                        .component = "sched/sysmon",
                        .invariants = "I38 SYSMON-1",
                        .what = "as sysmon.deep with two Ps: sysmon is woken once",
                        .modes = {random_mix(2)}})
HEDDLE_SUITE(deep_beside_a_timer, {.name = "sysmon.deep_timer",
                                   .component = "sched/sysmon",
                                   .invariants = "I30 SYSMON-1",
                                   .what = "as sysmon.deep beside an idle P and a timer that is far off",
                                   .modes = {random_mix(2)}})
HEDDLE_SUITE(stripped, {.name = "sysmon.strip",
                        .component = "sched/upkeep",
                        .invariants = "STACK-1",
                        .what = "sysmon takes the stacks of dead goroutines away while others begin and end",
                        .modes = {random_mix(3)}})
HEDDLE_SUITE(stopped_deep, {.name = "sysmon.stop",
                            .component = "sched/sysmon",
                            .invariants = "I37 I38",
                            .what = "sysmon leaves its deep sleep when the runtime stops",
                            .modes = {random_mix(2), bounded(2, 2)}})
HEDDLE_SUITE(stopped_dozing, {.name = "sysmon.stop_dozing",
                              .component = "sched/sysmon",
                              .invariants = "I37 I38",
                              .what = "sysmon leaves its timed sleep when the runtime stops",
                              .modes = {random_mix(2), bounded(2, 2)}})
HEDDLE_SUITE(dozing, {.name = "sysmon.doze",
                      .component = "sched/sysmon",
                      .invariants = "I38",
                      .what = "sysmon's time is over just when it is woken",
                      .modes = {random_mix(1), bounded(2, 1)}})
HEDDLE_SUITE(left, {.name = "sysmon.leave",
                    .component = "sched/m",
                    .invariants = "I7 I28",
                    .what = "an M leaves its P for good while another thread stops the world",
                    .modes = {random_mix(1), bounded(2, 1)}})
HEDDLE_SUITE(joined, {.name = "sysmon.join",
                      .component = "sched/m",
                      .invariants = "I34 SYSMON-1",
                      .what = "an M that has ended is joined although all goes idle",
                      .modes = {random_mix(3)}})
HEDDLE_SUITE(retired, {.name = "sysmon.retire",
                       .component = "sched/sysmon",
                       .invariants = "I14 I34 I38",
                       .what = "work comes while the only M is told to exit: it or its successor runs it",
                       .modes = {random_mix(3)}})
HEDDLE_SUITE(room, {.name = "sysmon.room",
                    .component = "sched/m",
                    .invariants = "I14 I34",
                    .what = "an M that ends and a starter that finds no room see each other",
                    .modes = {random_mix(2), bounded(2, 2)}})
HEDDLE_SUITE(kept, {.name = "sysmon.retire_m0",
                    .component = "sched/sysmon",
                    .invariants = "I12 I14",
                    .what = "m0 is not told to exit, and work that comes meanwhile runs on it",
                    .modes = {random_mix(3)}})
HEDDLE_SUITE(idle_exit, {.name = "sysmon.idle_exit",
                         .component = "sched/sysmon",
                         .invariants = "I14 I27 I34 I38",
                         .what = "idle Ms exit and their structs are used again while goroutines come and go",
                         .modes = {random_mix(4)}})
HEDDLE_SUITE(reuse,
             {.name = "sysmon.reuse",
              .component = "sched/m",
              .invariants = "I27 I34 I43",
              .what = "Ms that end with their locked goroutine are used again after their threads were joined (B53)",
              .modes = {random_mix(4)}})
