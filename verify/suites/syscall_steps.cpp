// The steps of a call alone, each thread right before the one that matters: no goroutine runs, the gs are made by hand.
#include "verify/suites/calls.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// A call ends while its P is taken.
struct exit_take : by_hand<2, 1> {
  void thread(unsigned i) {
    if (i == 0)
      call(0, entersyscall, 2);
    else
      take(ps[0]);
  }
};

// As above, with a P that the call has given up already: a thread that takes it for the call's finds out.
struct block_take : by_hand<2, 1> {
  void thread(unsigned i) {
    if (i == 0)
      call(0, entersyscallblock);
    else
      take(ps[0]);
  }
};

// Two threads want the P of one call.
struct two_takers : by_hand<3, 1> {
  void thread(unsigned i) {
    if (i == 0)
      call(0, entersyscall);
    else
      take(ps[0]);
  }
};

// As above, and the M is in a call with another P now.
struct other_p : by_hand<2, 1> {
  void thread(unsigned i) {
    if (i == 1) return take(ps[0]);
    set_current_m(ms[0]);
    releasep(ms[0]);
    acquirep(ms[0], sched.pidle.get());
    sched.pidle.put(ps[0]);
    call(0, entersyscall);
  }
};

// Two calls, and each takes the other's P, which it may have had before.
struct crossed : by_hand<3, 2> {
  void thread(unsigned i) {
    if (i == 2) return take(ps[0]);
    ms[i]->oldp = ps[1 - i];
    call(static_cast<int>(i), entersyscall, 2);
  }
};

// An M and a g that are being made when another thread looks at their P (SYSCALL-2).
struct new_in_a_call : by_hand<3, 1> {
  g *made = nullptr;
  void thread(unsigned i) {
    if (i == 1) return take(ps[0]);
    if (i == 2) {
      retake(sched, 0);  // only looks
      return;
    }
    releasep(ms[0]);
    m *mp = ms[0] = allocm(sched);
    sched.mcount.fetch_add(1, relaxed);
    acquirep(mp, ps[0]);
    made = new g();
    mp->curg.store(made, release);
    casgstatus<gstatus::idle, gstatus::dead>(made);
    casgstatus<gstatus::dead, gstatus::runnable>(made);
    made->m.set(mp);
    casgstatus<gstatus::runnable, gstatus::running>(made);
    call(0, entersyscall);
  }
  void after() {
    by_hand::after();
    delete made;
  }
};

// Two goroutines start one each from within their calls: both are counted, though no P's count is theirs.
struct spawned : by_hand<2, 2> {
  void before() {
    by_hand::before();
    stop(sched);  // no M is to run them
  }
  void thread(unsigned i) {
    set_current_m(ms[i]);
    entersyscall(ms[i]);
    go([] {});
    --ms[i]->incall;
    set_current_m(nullptr);
  }
  void after() {
    VERIFY_INV("I1", gcount(sched) == 2);
    by_hand::after();
  }
};

// A goroutine comes back without a P just when the M that has it finds nothing and goes to sleep: no other M will look.
struct comes_back : suite<2> {
  schedt sched{sched_options{.procs = 1, .threads_max = 2, .detect_deadlock = false}};
  m *ms[2];
  atomic<struct p *> taken;
  plain<int> ran;
  void before() {
    VERIFY_CHECK(schedinit(sched));
    for (m *&mp : ms) {
      mp = allocm(sched);
      sched.mcount.fetch_add(1, relaxed);
      sched.nmrunning.fetch_add(1, relaxed);
    }
    (sched.m0 = ms[0])->borrowed = true;
    acquirep(ms[0], sched.pidle.get());
    set_current_m(ms[0]);
    sched.nmspinning.fetch_add(1, relaxed);  // no M is woken, and nothing promised
    go([this] {
      entersyscall(ms[0]);
      struct p *pp = ms[0]->p.get();
      g *gp = block_exitsyscall(pp);
      takep(pp, ms[0]);
      resume_exitsyscall(gp);
      taken.store(pp, release);
      exitsyscall(ms[0]);
      ran.set(1);
      stop(sched);
    });
    sched.nmspinning.fetch_sub(1, relaxed);
    set_current_m(nullptr);
  }
  void thread(unsigned i) {
    m *const mp = ms[i];
    set_current_m(mp);
    if (i == 1) {
      while (taken.load(acquire) == nullptr) cpu_relax();
      acquirep(mp, taken.load(relaxed));
      become_spinning(mp);
      if (!drop_p(mp)) stopm(mp);
    }
    if (mp->p.get() != nullptr) schedule(mp);
    leave_p(mp);
    set_current_m(nullptr);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    VERIFY_INV("I14", ran.get() == 1);
    schedfree(sched);
  }
};

// Work comes from outside while the thread that has taken the only P from a call holds it (I16, DANCE-3).
struct handed_inbox : suite<2, 1> {
  schedt sched{sched_options{.procs = 1, .threads_max = 1, .detect_deadlock = false}};
  plain<int> ran;
  struct p *pp = nullptr;
  void before() {
    VERIFY_CHECK(schedinit(sched));
    pp = sched.pidle.get();
  }
  void thread(unsigned i) {
    if (i == 0)
      heddle::detail::go_from_outside(
          sched,
          [this] {
            ran.set(1);
            stop(sched);
          },
          0);
    else
      handoffp(sched, pp);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    VERIFY_INV("I14", ran.get() == 1);
    schedfree(sched);
  }
};

// The same beside a spinning M that goes to sleep, and a second P.
struct handed_spinner : suite<3, 1> {
  schedt sched{sched_options{.procs = 2, .threads_max = 2, .detect_deadlock = false}};
  plain<int> ran;
  struct p *pp = nullptr;
  m *mp = nullptr;
  void before() {
    VERIFY_CHECK(schedinit(sched));
    pp = sched.pidle.get();
    mp = allocm(sched);
    sched.mcount.fetch_add(1, relaxed);
    sched.nmrunning.fetch_add(1, relaxed);
    acquirep(mp, sched.pidle.get());
    become_spinning(mp);
    (sched.m0 = mp)->borrowed = true;
  }
  void thread(unsigned i) {
    if (i == 0) {
      heddle::detail::go_from_outside(
          sched,
          [this] {
            ran.set(1);
            stop(sched);
          },
          0);
    } else if (i == 1) {
      handoffp(sched, pp);
    } else {
      set_current_m(mp);
      if (!drop_p(mp)) stopm(mp);
      if (mp->p.get() != nullptr) schedule(mp);
      leave_p(mp);
      set_current_m(nullptr);
    }
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    VERIFY_INV("I14", ran.get() == 1);
    schedfree(sched);
  }
};

// Work on the P itself, and enough Ms that look for work elsewhere, or seem to (B17).
struct handed_own : suite<2, 1> {
  schedt sched{sched_options{.procs = 2, .threads_max = 1, .detect_deadlock = false}};
  plain<int> ran;
  m *mp = nullptr;
  void before() {
    VERIFY_CHECK(schedinit(sched));
    mp = allocm(sched);
    acquirep(mp, sched.pidle.get());
    set_current_m(mp);
    sched.nmspinning.fetch_add(1, relaxed);  // no M is woken
    go([this] {
      ran.set(1);
      stop(sched);
    });
    sched.nmspinning.fetch_sub(1, relaxed);
    set_current_m(nullptr);
  }
  void thread(unsigned i) {
    if (i == 0) handoffp(sched, releasep(mp));
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    VERIFY_INV("I16", ran.get() == 1);
    schedfree(sched);
  }
};

// The world is stopped while a call begins: the call may last, so the asker must find it (ATTN-1). With a third thread,
// which takes the P meanwhile, and which may want the scheduler's lock next (B45).
template <int Threads>
struct stopped : by_hand<Threads, 1, 0> {
  signal started;
  void thread(unsigned i) {
    if (i == 0) {
      set_current_m(this->ms[0]);
      this->touch(this->ms[0]->p.get());
      entersyscall(this->ms[0]);
      started.await();
      set_current_m(nullptr);
    } else if (i == 1) {
      const needm here;
      stop_the_world(this->sched);
      VERIFY_INV("I29", this->ps[0]->status.load(relaxed) == pstatus::gcstop);
      this->touch(this->ps[0]);
      start_the_world(this->sched);
      started.set();
    } else {
      retake(this->sched, second);
    }
  }
  void after() {
    this->ms[0]->incall = 0;
    by_hand<Threads, 1, 0>::after();
  }
};
using stopped_world = stopped<2>;
using stopped_beside_retake = stopped<3>;

// Each P is asked to do something while a call begins and ends: what is done for it is done before the call is over
// (B44).
template <bool Lasts>
struct asked : by_hand<2, 1, 1> {
  signal done;
  static void on_p(void *self, struct p *pp) { static_cast<asked *>(self)->touch(pp); }
  void thread(unsigned i) {
    if (i == 1) {
      const needm here;
      for_each_p(sched, on_p, this);
      return done.set();
    }
    set_current_m(ms[0]);
    touch(ms[0]->p.get());
    entersyscall(ms[0]);
    if (Lasts) done.await();
    ms[0]->locks = 1;  // no g may be switched to here
    exitsyscall(ms[0]);
    touch(ms[0]->p.get());
    if (!Lasts) leave_p(ms[0]);
    set_current_m(nullptr);
  }
  void after() {
    for (int k = 0; k < procs; ++k) VERIFY_INV("I32", !sched.allp[k].get()->safepointdue.get());
    by_hand::after();
  }
};
using asked_in_call = asked<true>;
using asked_at_exit = asked<false>;

}  // namespace

HEDDLE_SUITE(exit_take, {.name = "syscall.exit_take",
                         .component = "sched/syscall",
                         .invariants = "I5 I6 I7 I23",
                         .what = "a call ends while its P is taken, step by step",
                         .modes = {random_mix(1), bounded(2, 2)}})
HEDDLE_SUITE(block_take, {.name = "syscall.block_take",
                          .component = "sched/syscall",
                          .invariants = "I6 I7",
                          .what = "a P that a long call has given up is not taken for its own",
                          .modes = {random_mix(1), bounded(2, 2)}})
HEDDLE_SUITE(two_takers, {.name = "syscall.two_takers",
                          .component = "sched/syscall",
                          .invariants = "I6 I7 I23",
                          .what = "two take the P of one call",
                          .modes = {random_mix(2), bounded(2, 2)}})
HEDDLE_SUITE(other_p, {.name = "syscall.other_p",
                       .component = "sched/syscall",
                       .invariants = "I6 I7",
                       .what = "a P that an M had before is not taken out of its call with another",
                       .modes = {random_mix(1), bounded(2, 2)}})
HEDDLE_SUITE(crossed, {.name = "syscall.crossed",
                       .component = "sched/syscall",
                       .invariants = "I6 I7",
                       .what = "two calls take each other's P, and a third takes one",
                       .modes = {random_mix(3)}})
HEDDLE_SUITE(new_in_a_call, {.name = "syscall.newborn",
                             .component = "sched/syscall",
                             .invariants = "I6",
                             .what = "a thread looks at a P whose M and goroutine have just been made",
                             .modes = {random_mix(1), bounded(2, 1)}})
HEDDLE_SUITE(spawned, {.name = "syscall.spawned",
                       .component = "sched/newproc",
                       .invariants = "I1",
                       .what = "two goroutines start one each from within their calls",
                       .modes = {random_mix(0.5)}})
HEDDLE_SUITE(handed_inbox, {.name = "syscall.handed_inbox",
                            .component = "sched/wake",
                            .invariants = "I14 I16",
                            .what = "work comes from outside while the only P is handed on",
                            .modes = {random_mix(1), bounded(2, 2)}})
HEDDLE_SUITE(handed_spinner, {.name = "syscall.handed_spinner",
                              .component = "sched/wake",
                              .invariants = "I14 I16",
                              .what = "as syscall.handed_inbox beside an M that stops spinning",
                              .modes = {random_mix(3)}})
HEDDLE_SUITE(handed_own, {.name = "syscall.handed_own",
                          .component = "sched/wake",
                          .invariants = "I16",
                          .what = "a P with work is handed on beside an idle one (B17)",
                          .modes = {random_mix(1)}})
HEDDLE_SUITE(stopped_world, {.name = "syscall.stopped_world",
                             .component = "sched/syscall",
                             .invariants = "I28 I29",
                             .what = "the world is stopped while a call begins that lasts",
                             .modes = {random_mix(2), bounded(2, 2)}})
HEDDLE_SUITE(stopped_beside_retake, {.name = "syscall.stopped_retake",
                                     .component = "sched/sysmon",
                                     .invariants = "I24 I28 I29",
                                     .what = "as syscall.stopped_world while sysmon takes the P (B45)",
                                     .modes = {random_mix(3)}})
HEDDLE_SUITE(asked_in_call, {.name = "syscall.asked",
                             .component = "sched/syscall",
                             .invariants = "I32",
                             .what = "for_each_p while a call begins that lasts",
                             .modes = {random_mix(1), bounded(2, 1)}})
HEDDLE_SUITE(asked_at_exit, {.name = "syscall.asked_exit",
                             .component = "sched/syscall",
                             .invariants = "I32",
                             .what = "for_each_p while a call begins and ends (B44)",
                             .modes = {random_mix(1), bounded(2, 2)}})
HEDDLE_SUITE(comes_back, {.name = "syscall.comes_back",
                          .component = "sched/syscall",
                          .invariants = "I14",
                          .what = "a goroutine comes back without a P while the M that has it goes to sleep",
                          .modes = {random_mix(2), bounded(2, 2)}})
