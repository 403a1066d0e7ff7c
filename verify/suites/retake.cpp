// What sysmon decides about the P of a call, and when: retake in sched/sysmon.cpp.
#include "verify/suites/calls.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// What sysmon decides, step by step; the other thread does nothing.
struct decides : by_hand<2, 1> {
  static constexpr std::int64_t ms_ns = 1'000'000;
  void tick() { ps[0]->schedtick.add(); }
  bool asked_to_yield() const { return ps[0]->preempt.peek() != 0; }
};

// Many short calls in one slice are no new slice: the goroutine is asked to give way (B36).
struct short_calls : decides {
  void thread(unsigned i) {
    if (i != 0) return;
    m *mp = ms[0];
    mp->locks = 1;
    tick();
    for (std::int64_t now = 0; now <= 10; ++now) {
      VERIFY_INV("I59", !asked_to_yield());
      entersyscall(mp);
      retake(sched, now * ms_ns);
      exitsyscall(mp);
    }
    VERIFY_INV("I59", asked_to_yield());
  }
};

// A call that lasts, nothing to do, and an idle P: the call's P is taken after a slice all the same, so that sysmon can
// sleep (B37).
struct idle_call : decides {
  void thread(unsigned i) {
    if (i != 0) return;
    tick();
    entersyscall(ms[0]);
    VERIFY_INV("I7", retake(sched, 1 * ms_ns) == 0 && retake(sched, 9 * ms_ns) == 0);
    VERIFY_INV("I7", retake(sched, 11 * ms_ns) == 1);
    ms[0]->incall = 0;
  }
};

// The last M to go to sleep is one with a locked goroutine, while sysmon, which counts as an M, hands on the P of its
// call: the later one of the two looks.
struct last_is_locked : by_hand<2, 1> {
  atomic<std::uint32_t> reports;
  void before() {
    by_hand::before();
    sched.options.detect_deadlock = true;
    sched.options.on_deadlock = [](void *self, const char *) {
      static_cast<last_is_locked *>(self)->reports.fetch_add(1, relaxed);
      stop(static_cast<last_is_locked *>(self)->sched);
    };
    sched.options.on_deadlock_arg = this;
    sched.maing.store(gs[0], relaxed);
    g *gp = newspawn(sched, 16, 16).gp;
    casgstatus<gstatus::dead, gstatus::runnable>(gp);
    sched.runq.globrunqput(gp);
    sched.needspinning.store(1, relaxed);  // from a goroutine that was started when there was a P but no M
    set_current_m(ms[0]);
    lock_os_thread(ms[0]);
    entersyscall(ms[0]);
    set_current_m(nullptr);
  }
  void thread(unsigned i) {
    if (i == 1) {
      retake(sched, second);
      return;
    }
    m *const mp = ms[0];
    set_current_m(mp);
    mp->locks = 1;  // no g may be switched to here
    exitsyscall(mp);
    mp->locks = 0;
    g *const other = sched.runq.globrunqget();
    other->atomicstatus.store(gstatus::dead, relaxed);  // it has run and ended
    unspawn(sched, {other, nullptr});
    dropg(mp, gs[0]);
    casgstatus<gstatus::running, gstatus::waiting>(gs[0]);
    VERIFY_INV("I36", stoplockedm(mp) == nullptr);
    set_current_m(nullptr);
  }
  void after() {
    VERIFY_INV("I37", reports.peek() == 1);
    by_hand::after();
  }
};

// The only M comes back from its call while sysmon holds the only P, and goes to sleep: that is no deadlock (B11).
struct last_in_call : only_m<last_in_call> {
  signal calls;
  void body() {
    entersyscall(mp);
    calls.set();
    exitsyscall(mp);
  }
  void watch() {
    calls.await();
    retake(sched, second);
  }
};

// Ps are made while sysmon looks at all of them.
struct grows : suite<2> {
  schedt sched{sched_options{.procs = 1, .threads_max = 1, .detect_deadlock = false}};
  void before() { VERIFY_CHECK(schedinit(sched)); }
  void thread(unsigned i) {
    if (i == 1) {
      VERIFY_INV("I7", retake(sched, second) == 0);
      return;
    }
    const needm here;
    VERIFY_INV("I30", set_procs(sched, 2));
  }
  void after() { schedfree(sched); }
};

}  // namespace

HEDDLE_SUITE(short_calls, {.name = "syscall.short_calls",
                           .component = "sched/sysmon",
                           .invariants = "I59",
                           .what = "a goroutine that makes short calls is asked to give way after a slice (B36)",
                           .modes = {random_mix(1)}})
HEDDLE_SUITE(idle_call, {.name = "syscall.idle_call",
                         .component = "sched/sysmon",
                         .invariants = "I7",
                         .what = "a call that lasts loses its P although nothing is to be done (B37)",
                         .modes = {random_mix(1)}})
HEDDLE_SUITE(last_is_locked, {.name = "syscall.last_is_locked",
                              .component = "sched/sysmon",
                              .invariants = "I36 I37",
                              .what = "sysmon takes a P while the last M goes to sleep for good",
                              .modes = {random_mix(2), bounded(2, 2)}})
HEDDLE_SUITE(grows, {.name = "syscall.grows",
                     .component = "sched/sysmon",
                     .invariants = "I7",
                     .what = "sysmon looks at all Ps while there come to be more",
                     .modes = {random_mix(1), bounded(2, 1)}})
HEDDLE_SUITE(last_in_call, {.name = "syscall.last_in_call",
                            .component = "sched/sysmon",
                            .invariants = "I36",
                            .what = "the last M finds no P and sleeps while sysmon holds the P (B11)",
                            .modes = {random_mix(2), bounded(2, 2)}})
