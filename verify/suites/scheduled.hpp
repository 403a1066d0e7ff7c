#pragma once
// A whole scheduler as a suite: thread 0 is m0, the dynamic threads are the Ms that newm starts; gs run on stacks of
// their own, switched by the production assembly. The main goroutine is the suite's body().
#include "heddle/runtime.hpp"
#include "runtime/control.hpp"
#include "runtime/spawn.hpp"
#include "runtime/wait.hpp"
#include "runtime/waits.hpp"
#include "sched/boot.hpp"
#include "sched/deadlock.hpp"
#include "sched/locked.hpp"
#include "sched/m.hpp"
#include "sched/procresize.hpp"
#include "sched/schedule.hpp"
#include "sched/status.hpp"
#include "sched/stopworld.hpp"
#include "sched/syscall.hpp"
#include "sched/sysmon.hpp"
#include "sched/yield.hpp"
#include "verify/suite.hpp"
#include "verify/suites/conservation.hpp"
#include "verify/suites/describe.hpp"

namespace verify {

template <class Derived, int Ms, int Procs, int Foreign = 0>
struct scheduled : suite<1 + Foreign, Ms - 1> {
  // With threads from outside, "all asleep" is no deadlock: one of them may be about to start a goroutine.
  heddle::detail::schedt sched{heddle::detail::sched_options{.procs = Procs,
                                                             .threads_max = Ms,
                                                             .detect_deadlock = Foreign == 0,
                                                             .waits_for = heddle::detail::waits_for,
                                                             .holder_for = heddle::detail::holder_for}};
  bool finished = false;

  void before() { VERIFY_CHECK(heddle::detail::schedinit(sched)); }

  void thread(unsigned i) {
    if (i != 0) return static_cast<Derived *>(this)->foreign();
    heddle::detail::start_main(sched);
    Derived *self = static_cast<Derived *>(this);
    auto main = [self] {
      self->body();
      self->finished = true;
    };
    const heddle::detail::newborn s = heddle::detail::prepare(sched, main, 0);
    heddle::detail::run_main(sched, s, &heddle::detail::invoke<decltype(main)>);
    // What the Ms did last is seen, or one of them was not joined.
    for (unsigned k = 1 + Foreign; k < Foreign + Ms; ++k) VERIFY_INV("STOP-2", !heddle::detail::harness::can_run(k));
    for (int k = 0; k < sched.allplen.peek(); ++k) VERIFY_INV("I7", sched.allp[k].get()->m.peek() == nullptr);
  }

  void foreign() {}
  void describe(names &to) { describe_sched(to, sched); }

  // Quiescent: every thread has ended.
  void after() {
    static_cast<Derived *>(this)->check();
    VERIFY_INV("I37", finished);
    VERIFY_INV("I10", sched.midle.empty() && sched.midle.peek_count() == 0);
    const std::int32_t procs = sched.gomaxprocs.peek();  // a suite may have changed it
    // Each g that was started has ended (the suites join theirs), so none may be left on any queue.
    VERIFY_INV("I3", !heddle::detail::has_work(sched));
    check_conservation(sched);
    std::int32_t spinning = 0;
    for (heddle::detail::m *mp = sched.allm.get(); mp != nullptr; mp = mp->alllink.get()) {
      spinning += mp->spinning.get();
      VERIFY_INV("I6", mp->p.get() == nullptr && mp->nextp.get() == nullptr && mp->curg.peek() == nullptr);
      VERIFY_INV("I39", mp->lockedg.get() == nullptr || mp->lockedg.get()->lockedm.get() == mp);
    }
    VERIFY_INV("I11", sched.nmspinning.peek() == spinning);
    VERIFY_INV("I34", heddle::detail::awake_in(sched.nmrunning.peek()) == sched.mcount.peek());
    heddle::detail::each_p(sched, [procs](const struct heddle::detail::p &pp) {
      const auto status = pp.id < procs ? heddle::detail::pstatus::idle : heddle::detail::pstatus::dead;
      VERIFY_INV("I6", pp.m.peek() == nullptr && pp.status.peek() == status);
    });
    for (heddle::detail::g *gp = sched.allgs.peek(); gp != nullptr; gp = gp->alllink.peek())
      VERIFY_INV("I27", heddle::detail::readgstatus(gp) == heddle::detail::gstatus::dead);
    VERIFY_INV("I1", heddle::detail::gcount(sched) == 0);
    for (heddle::detail::g *gp = sched.allgs.peek(); gp != nullptr; gp = gp->alllink.peek())
      for (heddle::detail::g *other = gp->alllink.peek(); other != nullptr; other = other->alllink.peek())
        VERIFY_INV("GOID", gp->goid.get() != other->goid.get() || gp->goid.get() == 0);
    heddle::detail::schedfree(sched);
  }

  void check() {}
};

// What one goroutine leaves behind: it alone writes it, and the goroutine that joined it reads it; a race here is a
// missing edge.
struct trail {
  heddle::detail::plain<int> steps;
  void step() { steps.set(steps.get() + 1); }
};

// Joins goroutines with nothing but the scheduler's own means: the last of n to arrive readies the waiter.
class countdown {
 public:
  explicit countdown(int n) : left_(n) {}
  void arrive() {
    lock_.lock();
    left_.set(left_.get() - 1);
    heddle::detail::g *gp = left_.get() == 0 ? waiter_.get() : nullptr;
    lock_.unlock();
    if (gp != nullptr) heddle::detail::goready(gp);
  }
  void wait() {
    lock_.lock();
    if (left_.get() == 0) return lock_.unlock();
    waiter_.set(heddle::detail::getm()->curg.peek());
    heddle::detail::gopark(heddle::detail::parkunlock, &lock_, heddle::detail::waitreason::test);
  }

 private:
  heddle::detail::spinlock lock_;
  heddle::detail::plain<int> left_;
  heddle::detail::plain<heddle::detail::g *> waiter_;
};

}  // namespace verify
