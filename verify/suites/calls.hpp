#pragma once
// Suites of goroutines whose Ps are taken: a whole scheduler with a thread that takes Ps (policed), one with a single M
// (only_m), and calls step by step (by_hand).
#include "heddle/blocking.hpp"
#include "verify/suites/scheduled.hpp"

namespace verify {

inline constexpr std::int64_t second = 1'000'000'000;

// A whole scheduler with goroutines in calls, whose Ps a second static thread takes away, as sysmon does. Each look is
// a second after the last, so every call is old enough.
template <class Derived, int Ms, int Procs, int Foreign = 0>
struct policed : scheduled<Derived, Ms, Procs, 1 + Foreign> {
  using base = scheduled<Derived, Ms, Procs, 1 + Foreign>;
  // What a P carries from one M to the next. The thread that runs with the P writes it, so a race here is a P that two
  // threads have, or one that was handed over without an edge.
  heddle::detail::plain<int> carried[Procs];
  void touch() {
    heddle::detail::plain<int> &c = carried[heddle::detail::getm()->p.get()->id];
    c.set(c.get() + 1);
  }

  void before() {
    base::before();
    this->sched.foreigners.fetch_add(1, heddle::detail::relaxed);  // joinms waits for this thread, as for sysmon
  }
  void thread(unsigned i) {
    if (i != 1) return base::thread(i);
    static_cast<Derived *>(this)->watch();
    this->sched.foreigners.fetch_sub(1, heddle::detail::release);
  }
  void watch() {
    for (std::int64_t now = second; !heddle::detail::stopping(this->sched); now += second) {
      heddle::detail::retake(this->sched, now);
      heddle::detail::cpu_relax();
    }
  }
  // Takes one P from a call, and never looks again.
  void take_once() {
    for (std::int64_t now = second; !heddle::detail::stopping(this->sched); now += second) {
      if (heddle::detail::retake(this->sched, now) != 0) return;
      heddle::detail::cpu_relax();
    }
  }
};

// A flag that a goroutine waits for in a call. The wait holds up its thread and nothing else.
class signal {
 public:
  void set() { flag_.store(1, heddle::detail::release); }
  bool is_set() const { return flag_.load(heddle::detail::acquire) != 0; }
  void await() const {
    while (!is_set()) heddle::detail::cpu_relax();
  }

 private:
  heddle::detail::atomic<std::uint32_t> flag_;
};

// A scheduler with one M and one P, and no room for another M: thread 0 runs it, thread 1 takes Ps (watch). It is never
// at a standstill.
template <class Derived>
struct only_m : suite<2> {
  heddle::detail::schedt sched{heddle::detail::sched_options{
      .procs = 1, .threads_max = 1, .waits_for = heddle::detail::waits_for, .holder_for = heddle::detail::holder_for}};
  heddle::detail::m *mp = nullptr;
  heddle::detail::plain<int> ran;
  void before() {
    sched.options.on_deadlock = [](void *, const char *) { VERIFY_INV("I36", false); };
    VERIFY_CHECK(heddle::detail::schedinit(sched));
    mp = sched.m0 = heddle::detail::allocm(sched, true);
    sched.mcount.fetch_add(1, heddle::detail::relaxed);
    sched.nmrunning.fetch_add(1, heddle::detail::relaxed);
    heddle::detail::acquirep(mp, sched.pidle.get());
    heddle::detail::set_current_m(mp);
    auto main = [this] {
      static_cast<Derived *>(this)->body();
      ran.set(1);
      heddle::detail::stop(sched);
    };
    const heddle::detail::newborn s = heddle::detail::prepare(sched, main, 0);
    sched.maing.store(s.gp, heddle::detail::relaxed);
    heddle::detail::newproc(sched, s, &heddle::detail::invoke<decltype(main)>);
    heddle::detail::set_current_m(nullptr);
  }
  void thread(unsigned i) {
    if (i == 1) return static_cast<Derived *>(this)->watch();
    heddle::detail::set_current_m(mp);
    heddle::detail::schedule(mp);
    heddle::detail::leave_p(mp);
    heddle::detail::set_current_m(nullptr);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    VERIFY_INV("I36", ran.get() == 1);
    heddle::detail::schedfree(sched);
  }
};

// Ms that run a g each; as many Ps as they need, and one that is idle, so that no M ever waits for a P.
template <int Threads, int Calls, int Idle = 1, int Dynamic = 0>
struct by_hand : suite<Threads, Dynamic> {
  static constexpr int procs = Calls + Idle;
  heddle::detail::schedt sched{
      heddle::detail::sched_options{.procs = procs, .threads_max = Calls + Dynamic, .detect_deadlock = false}};
  heddle::detail::m *ms[Calls];
  heddle::detail::g *gs[Calls];
  struct heddle::detail::p *ps[Calls];
  heddle::detail::plain<int> carried[procs];

  void before() {
    VERIFY_CHECK(heddle::detail::schedinit(sched));
    for (int i = 0; i < Calls; ++i) {
      heddle::detail::m *mp = ms[i] = heddle::detail::allocm(sched);
      sched.mcount.fetch_add(1, heddle::detail::relaxed);
      sched.nmrunning.fetch_add(1, heddle::detail::relaxed);
      heddle::detail::acquirep(mp, ps[i] = sched.pidle.get());
      heddle::detail::g *gp = gs[i] = heddle::detail::newspawn(sched, 16, 16).gp;
      heddle::detail::casgstatus<heddle::detail::gstatus::dead, heddle::detail::gstatus::runnable>(gp);
      heddle::detail::casgstatus<heddle::detail::gstatus::runnable, heddle::detail::gstatus::running>(gp);
      gp->m.set(mp);
      mp->curg.store(gp, heddle::detail::relaxed);
    }
    (sched.m0 = ms[0])->borrowed = true;
  }
  void touch(heddle::detail::p *pp) { carried[pp->id].set(carried[pp->id].get() + 1); }
  void call(int i, void (*enter)(heddle::detail::m *), int times = 1) {
    heddle::detail::set_current_m(ms[i]);
    for (int k = 0; k < times; ++k) {
      touch(ms[i]->p.get());
      enter(ms[i]);
      heddle::detail::exitsyscall(ms[i]);
    }
    touch(ms[i]->p.get());
    VERIFY_INV("I6", ms[i]->p.get()->m.load(heddle::detail::relaxed) == ms[i]);
    heddle::detail::set_current_m(nullptr);
  }
  void take(heddle::detail::p *pp) {
    heddle::detail::g *gp = heddle::detail::block_exitsyscall(pp);
    if (gp == nullptr) return;
    heddle::detail::takep(pp, gp->m.get());
    heddle::detail::resume_exitsyscall(gp);
    touch(pp);
    sched.pidle.put(pp);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    int wired = 0;
    for (heddle::detail::m *mp : ms) {
      wired += mp->p.get() != nullptr;
      VERIFY_INV("I6", mp->p.get() == nullptr || mp->p.get()->m.peek() == mp);
      VERIFY_INV("I5", mp->incall == 0);
    }
    VERIFY_INV("I7", sched.pidle.peek_count() + wired == procs);
    check_conservation(sched);
    for (heddle::detail::g *gp : gs) gp->atomicstatus.store(heddle::detail::gstatus::dead, heddle::detail::relaxed);
    heddle::detail::schedfree(sched);
  }
};

}  // namespace verify
