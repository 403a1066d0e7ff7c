#pragma once
// A whole scheduler as a suite: thread 0 is m0, the dynamic threads are the Ms that newm starts; gs run on stacks of
// their own, switched by the production assembly. The main goroutine is the suite's body().
#include "heddle/runtime.hpp"
#include "sched/status.hpp"
#include "verify/suite.hpp"
#include "verify/suites/describe.hpp"

namespace verify {

template <class Derived, int Ms, int Procs, int Foreign = 0>
struct scheduled : suite<1 + Foreign, Ms - 1> {
  // With threads from outside, "all asleep" is no deadlock: one of them may be about to start a goroutine.
  heddle::schedt sched{heddle::sched_options{.procs = Procs, .threads_max = Ms, .detect_deadlock = Foreign == 0}};
  bool finished = false;

  void before() { VERIFY_CHECK(heddle::schedinit(sched)); }

  void thread(unsigned i) {
    if (i != 0) return static_cast<Derived *>(this)->foreign();
    heddle::detail::start_main(sched);
    Derived *self = static_cast<Derived *>(this);
    auto main = [self] {
      self->body();
      self->finished = true;
    };
    const heddle::newborn s = heddle::detail::prepare(sched, main, 0);
    heddle::detail::run_main(sched, s, &heddle::detail::invoke<decltype(main)>);
    // What the Ms did last is seen, or one of them was not joined.
    for (unsigned k = 1 + Foreign; k < Foreign + Ms; ++k) VERIFY_INV("STOP-2", !heddle::harness::can_run(k));
    for (int k = 0; k < sched.allplen.peek(); ++k) VERIFY_INV("I7", sched.allp[k].get()->m.peek() == nullptr);
  }

  void foreign() {}
  void describe(names &to) { describe_sched(to, sched); }

  // Quiescent: every thread has ended.
  void after() {
    static_cast<Derived *>(this)->check();
    VERIFY_INV("I37", finished);
    std::int32_t spinning = 0, ms = 0;
    while (sched.mfree.pop() != nullptr) --ms;  // no threads any more
    while (sched.freem.pop() != nullptr) --ms;
    for (heddle::m *mp = sched.allm.get(); mp != nullptr; mp = mp->alllink) {
      ++ms;
      spinning += mp->spinning;
      VERIFY_INV("I6", mp->p.get() == nullptr && mp->nextp.get() == nullptr && mp->curg.peek() == nullptr);
      VERIFY_INV("I39", mp->lockedg == nullptr || mp->lockedg->lockedm.get() == mp);
    }
    VERIFY_INV("I11", sched.nmspinning.peek() == spinning);
    VERIFY_INV("I34", sched.mcount.peek() == ms && heddle::awake_in(sched.nmrunning.peek()) == ms);
    VERIFY_INV("I10", sched.midle.empty() && sched.midle.peek_count() == 0);
    const std::int32_t procs = sched.gomaxprocs.peek();  // a suite may have changed it
    VERIFY_INV("I10", sched.pidle.peek_count() == procs);
    std::uint32_t seen = 0;
    sched.pidle.drain([&](struct heddle::p *pp) {
      VERIFY_INV("I7", (seen >> pp->id & 1) == 0);
      seen |= 1u << pp->id;
      VERIFY_INV("I6", pp->m.peek() == nullptr && pp->status.peek() == heddle::pstatus::idle);
    });
    VERIFY_INV("I7", seen == (1u << procs) - 1);
    for (std::int32_t i = procs; i < sched.allplen.peek(); ++i) {
      const struct heddle::p *pp = sched.allp[i].peek();
      VERIFY_INV("I7", pp->m.peek() == nullptr && pp->status.peek() == heddle::pstatus::dead);
      VERIFY_INV("I31", pp->runq.runqempty() && pp->gFree.size() == 0);
    }
    // Each g that was started has ended (the suites join theirs), so none may be left on any queue.
    VERIFY_INV("I3", !heddle::has_work(sched));
    for (heddle::g *gp = sched.allgs.peek(); gp != nullptr; gp = gp->alllink.peek())
      VERIFY_INV("I27", heddle::readgstatus(gp) == heddle::gstatus::dead);
    VERIFY_INV("I1", heddle::gcount(sched) == 0);
    for (heddle::g *gp = sched.allgs.peek(); gp != nullptr; gp = gp->alllink.peek())
      for (heddle::g *other = gp->alllink.peek(); other != nullptr; other = other->alllink.peek())
        VERIFY_INV("GOID", gp->goid.get() != other->goid.get() || gp->goid.get() == 0);
    heddle::schedfree(sched);
  }

  void check() {}
};

// What one goroutine leaves behind: written by it alone, read by who joined it; a race here is a missing edge.
struct trail {
  heddle::plain<int> steps;
  void step() { steps.set(steps.get() + 1); }
};

// Joins goroutines with nothing but the scheduler's own means: the last of n to arrive readies the waiter.
class countdown {
 public:
  explicit countdown(int n) : left_(n) {}
  void arrive() {
    lock_.lock();
    left_.set(left_.get() - 1);
    heddle::g *gp = left_.get() == 0 ? waiter_.get() : nullptr;
    lock_.unlock();
    if (gp != nullptr) heddle::goready(gp);
  }
  void wait() {
    lock_.lock();
    if (left_.get() == 0) return lock_.unlock();
    waiter_.set(heddle::getm()->curg.peek());
    heddle::gopark(heddle::parkunlock, &lock_, heddle::waitreason::test);
  }

 private:
  heddle::spinlock lock_;
  heddle::plain<int> left_;
  heddle::plain<heddle::g *> waiter_;
};

}  // namespace verify
