// sysmon as the template thread: it starts the Ms that only it may start, because the thread that wants one may have
// been changed by a goroutine.
#include "verify/suites/watched.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// An M that may not clone its thread needs another one: sysmon starts it (B13). The locked goroutine computes on
// meanwhile.
struct template_locked : watched<template_locked, 2, 2> {
  atomic<std::uint32_t> done;
  void body() {
    lock_os_thread(getm());
    go([this] { done.store(1, release); });
    while (done.load(acquire) == 0) cpu_relax();
    unlock_os_thread(getm());
  }
};

// The locked goroutine parks: the P goes to an M that is still to be born, and that is no deadlock (B10).
struct template_parked : watched<template_parked, 2, 1> {
  countdown all{1};
  void body() {
    lock_os_thread(getm());
    go([this] { all.arrive(); });
    all.wait();
    unlock_os_thread(getm());
  }
};

// An M is asked for from inside a call, whose thread may be anywhere.
struct template_call : watched<template_call, 2, 2> {
  atomic<std::uint32_t> done;
  void body() {
    m *const mp = getm();
    entersyscall(mp);
    go([this] { done.store(1, release); });
    while (done.load(acquire) == 0) cpu_relax();
    exitsyscall(mp);
  }
};

// An M is asked for by a thread outside.
struct template_foreign : watched<template_foreign, 2, 2, 1> {
  atomic<std::uint32_t> done;
  void foreign() {
    heddle::detail::go_from_outside(
        sched, [this] { done.store(1, release); }, 0);
  }
  void body() {
    while (done.load(acquire) == 0) cpu_relax();
  }
};

// A goroutine ends locked: its M hands its P on, but nothing is cloned from it (B42). Here this thread does sysmon's
// work.
struct template_exit : suite<1, 1> {
  schedt sched{sched_options{.procs = 1, .threads_max = 2, .detect_deadlock = false, .sysmon = true}};
  plain<int> ran;
  void before() { VERIFY_CHECK(schedinit(sched)); }
  void thread(unsigned) {
    VERIFY_CHECK(attach_m0(sched) != nullptr);
    m *const mp = sched.m0;
    go([this] {
      lock_os_thread(getm());
      go([this] {
        ran.set(1);
        stop(sched);
      });
    });
    schedule(mp);
    VERIFY_INV("I39", mp->exiting.get());
    abandon_p(mp);
    VERIFY_INV("I41", !sched.newmhandoff.empty());
    set_current_m(nullptr);
    VERIFY_INV("I41", start_handed_off(sched));
    while (!stopping(sched)) cpu_relax();
    sched.options.sysmon = false;
    joinms(sched);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    VERIFY_INV("I14", ran.get() == 1);
    schedfree(sched);
  }
};

// An M asks for another one, which the system refuses, while it goes to sleep itself: it is the one that runs the P.
struct template_refused : suite<1, 1> {
  schedt sched{sched_options{.procs = 1, .threads_max = 3, .detect_deadlock = false, .sysmon = true}};
  plain<int> ran;
  void before() {
    harness::sleeps_last = 0;
    VERIFY_CHECK(schedinit(sched));
  }
  void thread(unsigned) {
    VERIFY_CHECK(start_sysmon(sched) == 0);
    VERIFY_CHECK(attach_m0(sched) != nullptr);
    m *const mp = sched.m0;
    go([this] {
      ran.set(1);
      stop(sched);
    });
    sched.needspinning.store(0, relaxed);
    mp->tainted.set(true);
    struct p *pp = releasep(mp);
    VERIFY_CHECK(newm(sched, pp, false) == birth::begun);
    stopm(mp);
    VERIFY_INV("I14", mp->p.get() != nullptr);
    schedule(mp);
    leave_p(mp);
    set_current_m(nullptr);
    joinms(sched);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    VERIFY_INV("I14", ran.get() == 1);
    VERIFY_INV("I34", sched.mcount.peek() == 1 && heddle::detail::awake_in(sched.nmrunning.peek()) == 1);
    VERIFY_INV("I11", sched.nmspinning.peek() == 0);
    schedfree(sched);
  }
};

// An M is asked for while the runtime stops, and a thread outside stops the world: the P must not be left with no
// party, or that thread would wait for ever.
struct template_stop : suite<3, 2> {
  schedt sched{sched_options{.procs = 1, .threads_max = 3, .detect_deadlock = false, .sysmon = true}};
  m *mp;
  void before() {
    harness::sleeps_last = 0;
    VERIFY_CHECK(schedinit(sched));
    mp = allocm(sched);
    sched.mcount.fetch_add(1, relaxed);
    sched.nmrunning.fetch_add(1, relaxed);
    mp->tainted.set(true);
    acquirep(mp, sched.pidle.get());
  }
  void thread(unsigned i) {
    if (i == 0) {
      VERIFY_CHECK(start_sysmon(sched) == 0);
      stop(sched);
      joinms(sched);
    } else if (i == 1) {
      set_current_m(mp);
      become_spinning(mp);
      struct p *pp = releasep(mp);
      mp->spinning.set(false);
      VERIFY_CHECK(newm(sched, pp, true) == birth::begun);
      set_current_m(nullptr);
    } else {
      heddle::detail::with_world_stopped(
          sched, [](void *) {}, nullptr);
    }
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    while (sched.mfree.pop() != nullptr) {
    }
    VERIFY_INV("I7", sched.pidle.peek_count() == 1 && sched.newmhandoff.empty());
    VERIFY_INV("I11", sched.nmspinning.peek() == 0);
    schedfree(sched);
  }
};

}  // namespace

HEDDLE_SUITE(template_locked, {.name = "sysmon.template",
                               .component = "sched/sysmon",
                               .invariants = "I14 I41",
                               .what = "a locked M that computes on asks for another: sysmon starts it (B13)",
                               .modes = {random_mix(3)}})
HEDDLE_SUITE(template_parked, {.name = "sysmon.template_park",
                               .component = "sched/sysmon",
                               .invariants = "I14 I36 I41",
                               .what = "a locked M hands its P to an M that sysmon is to start, and waits (B10)",
                               .modes = {random_mix(3)}})
HEDDLE_SUITE(template_call, {.name = "sysmon.template_call",
                             .component = "sched/sysmon",
                             .invariants = "I14 I41",
                             .what = "as sysmon.template, asked for inside blocking(f)",
                             .modes = {random_mix(2)}})
HEDDLE_SUITE(template_foreign, {.name = "sysmon.template_foreign",
                                .component = "sched/sysmon",
                                .invariants = "I14 I41",
                                .what = "as sysmon.template, asked for by a thread outside",
                                .modes = {random_mix(2)}})
HEDDLE_SUITE(template_exit, {.name = "sysmon.template_exit",
                             .component = "sched/m",
                             .invariants = "I14 I39 I41",
                             .what = "no thread is cloned from one whose locked goroutine has ended (B42)",
                             .modes = {random_mix(1)}})
HEDDLE_SUITE(template_refused, {.name = "sysmon.template_refused",
                                .component = "sched/sysmon",
                                .invariants = "I11 I14 I34",
                                .what = "sysmon gets no thread while the M that wanted one goes to sleep",
                                .modes = {random_mix(2), bounded(2, 2)}})
HEDDLE_SUITE(template_stop,
             {.name = "sysmon.template_stop",
              .component = "sched/sysmon",
              .invariants = "I7 I11 I28 I37",
              .what = "a P that waits for sysmon is not lost when the runtime stops beside a stop of the world",
              .modes = {random_mix(3)}})
