// What sysmon decides about a P at given times, and where a call's P is at each step: no thread but the test's own
// runs.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "sched/boot.hpp"
#include "sched/deadlock.hpp"
#include "sched/m.hpp"
#include "sched/newproc.hpp"
#include "sched/park.hpp"
#include "sched/procresize.hpp"
#include "sched/schedule.hpp"
#include "sched/status.hpp"
#include "sched/stopworld.hpp"
#include "sched/syscall.hpp"
#include "sched/sysmon.hpp"
#include "sched/wake.hpp"
#include "sched/yield.hpp"

namespace {

using heddle::detail::gstatus;
using heddle::detail::pstatus;
using heddle::detail::retake;
using heddle::detail::schedt;

constexpr std::int64_t us = 1000, ms = 1000 * us, tick = 20 * us;

// A scheduler whose Ms run a goroutine each, all but the Ps in `idle`; no thread can be started.
class Calls : public testing::Test {
 protected:
  void make(int running, int idle) {
    heddle::detail::sched_options o;
    o.procs = running + idle;
    o.threads_max = running;
    o.detect_deadlock = false;
    o.log = false;
    o.preempt = preempt_;
    sched_ = std::make_unique<schedt>(o);
    ASSERT_TRUE(heddle::detail::schedinit(*sched_));
    for (int i = 0; i < running; ++i) {
      heddle::detail::m *mp = heddle::detail::allocm(*sched_);
      ASSERT_NE(mp, nullptr);
      sched_->mcount.fetch_add(1, heddle::detail::relaxed);
      sched_->nmrunning.fetch_add(1, heddle::detail::relaxed);
      heddle::detail::acquirep(mp, sched_->pidle.get());
      heddle::detail::g *gp = heddle::detail::newspawn(*sched_, 16, 16).gp;
      heddle::detail::casgstatus<gstatus::dead, gstatus::runnable>(gp);
      heddle::detail::casgstatus<gstatus::runnable, gstatus::running>(gp);
      gp->m.set(mp);
      mp->curg.store(gp, heddle::detail::relaxed);
      ms_.push_back(mp);
      ps_.push_back(mp->p.get());
    }
  }
  void TearDown() override {
    if (!sched_) return;
    for (const heddle::detail::m *mp : ms_) mp->curg.peek()->atomicstatus.store(gstatus::dead, heddle::detail::relaxed);
    heddle::detail::schedfree(*sched_);
  }

  void without_preemption() { preempt_ = false; }
  schedt &sched() { return *sched_; }
  heddle::detail::p *p(int i = 0) { return ps_[static_cast<std::size_t>(i)]; }
  heddle::detail::m *m(int i = 0) { return ms_[static_cast<std::size_t>(i)]; }
  void enter(int i = 0) { as(i, heddle::detail::entersyscall); }
  void enter_long(int i = 0) { as(i, heddle::detail::entersyscallblock); }
  void exit(int i = 0) { as(i, heddle::detail::exitsyscall); }
  void short_call(int i = 0) {
    enter(i);
    exit(i);
  }
  void put_work(int i = 0) {
    sched().nmspinning.fetch_add(1, heddle::detail::relaxed);  // no M is to be woken for it
    as(i, [](heddle::detail::m *mp) {
      heddle::detail::newproc(*mp->sched, heddle::detail::newspawn(*mp->sched, 16, 16), [](void *) {});
    });
    sched().nmspinning.fetch_sub(1, heddle::detail::relaxed);
  }
  bool idle(const heddle::detail::p *pp) const { return pp->status.peek() == pstatus::idle && pp->m.peek() == nullptr; }
  bool asked_to_give_way(int i = 0) { return p(i)->preempt.peek() != 0; }

 private:
  bool preempt_ = true;
  template <class F>
  void as(int i, F f) {
    heddle::detail::set_current_m(m(i));
    f(m(i));
    heddle::detail::set_current_m(nullptr);
  }

  std::unique_ptr<schedt> sched_;
  std::vector<heddle::detail::m *> ms_;
  std::vector<heddle::detail::p *> ps_;
};

// ------------------------------------------------------------------------------------------------------ the call alone

TEST_F(Calls, keep_their_p_while_nobody_takes_it) {
  make(1, 0);
  enter();
  EXPECT_EQ(m()->curg.peek()->atomicstatus.peek(), gstatus::syscall);
  EXPECT_EQ(m()->p.get(), p());
  EXPECT_EQ(p()->m.peek(), m());
  exit();
  EXPECT_EQ(m()->curg.peek()->atomicstatus.peek(), gstatus::running);
  EXPECT_EQ(m()->p.get(), p());
  EXPECT_EQ(p()->syscalltick.get(), 1u);
}

TEST_F(Calls, known_to_last_give_it_up_at_once) {
  make(1, 0);
  enter_long();
  EXPECT_EQ(m()->p.get(), nullptr);
  EXPECT_TRUE(idle(p()));
  EXPECT_EQ(sched().pidle.count(), 1);
  exit();
  EXPECT_EQ(m()->p.get(), p()) << "the idle one";
  EXPECT_EQ(sched().pidle.count(), 0);
}

TEST_F(Calls, take_the_old_p_out_of_another_call) {
  make(2, 0);
  short_call(0);
  enter(0);
  heddle::detail::p *const lost = p(0);
  ASSERT_EQ(retake(sched(), 0), 0u);
  ASSERT_EQ(retake(sched(), tick), 1u);
  ASSERT_EQ(sched().pidle.get(), lost);
  heddle::detail::p *const other = heddle::detail::releasep(m(1));
  heddle::detail::acquirep(m(1), lost);
  enter(1);
  exit(0);
  EXPECT_EQ(m(0)->p.get(), lost);
  EXPECT_EQ(m(1)->p.get(), nullptr);
  EXPECT_EQ(m(1)->curg.peek()->atomicstatus.peek(), gstatus::syscall);
  sched().pidle.put(other);
  exit(1);
  EXPECT_EQ(m(1)->p.get(), other);
}

TEST_F(Calls, leave_a_p_alone_that_runs_a_goroutine) {
  make(2, 1);
  enter_long(0);
  heddle::detail::p *const lost = m(0)->oldp;
  while (heddle::detail::p *pp = sched().pidle.get())
    if (pp != lost) m(0)->nextp.set(pp);  // kept here for the moment
  heddle::detail::p *const other = heddle::detail::releasep(m(1));
  heddle::detail::acquirep(m(1), lost);
  sched().pidle.put(other);
  exit(0);
  EXPECT_EQ(m(0)->p.get(), other) << "an idle one: the old one is in use";
  EXPECT_EQ(m(1)->p.get(), lost);
  m(0)->nextp.set(nullptr);
}

// ---------------------------------------------------------------------------------------------------------- P and time

TEST_F(Calls, the_first_sight_of_a_call_only_remembers_it) {
  make(1, 0);
  short_call();
  put_work();
  enter();
  EXPECT_EQ(retake(sched(), 0), 0u);
  EXPECT_EQ(m()->p.get(), p());
}

TEST_F(Calls, lose_the_p_at_the_second_look_if_work_waits_there) {
  make(1, 1);
  short_call();
  put_work();
  enter();
  EXPECT_EQ(retake(sched(), 0), 0u);
  EXPECT_EQ(retake(sched(), tick), 1u);
  EXPECT_EQ(m()->p.get(), nullptr);
  EXPECT_TRUE(idle(p())) << "no M could be started for it";
  EXPECT_EQ(sched().needspinning.peek(), 1u) << "which is remembered";
  EXPECT_EQ(m()->curg.peek()->atomicstatus.peek(), gstatus::syscall);
}

TEST_F(Calls, lose_the_p_at_the_second_look_if_nobody_could_take_work) {
  make(1, 0);
  short_call();
  enter();
  EXPECT_EQ(retake(sched(), 0), 0u);
  EXPECT_EQ(retake(sched(), tick), 1u);
}

TEST_F(Calls, keep_the_p_for_a_slice_beside_an_idle_one) {
  make(1, 1);
  short_call();
  enter();
  EXPECT_EQ(retake(sched(), 0), 0u);
  for (std::int64_t now = tick; now < 10 * ms; now += 100 * us) EXPECT_EQ(retake(sched(), now), 0u) << now;
  EXPECT_EQ(retake(sched(), 10 * ms), 1u) << "B37";
  EXPECT_EQ(sched().pidle.count(), 2);
}

TEST_F(Calls, keep_the_p_for_a_slice_beside_a_spinning_m) {
  make(1, 0);
  short_call();
  enter();
  sched().nmspinning.fetch_add(1, heddle::detail::relaxed);
  EXPECT_EQ(retake(sched(), 0), 0u);
  EXPECT_EQ(retake(sched(), tick), 0u);
  sched().nmspinning.fetch_sub(1, heddle::detail::relaxed);
  EXPECT_EQ(retake(sched(), 2 * tick), 1u);
}

TEST_F(Calls, each_is_timed_for_itself) {
  make(1, 1);
  short_call();
  for (int i = 0; i < 20; ++i) {
    enter();
    p()->schedtick.add();  // another goroutine, another slice
    EXPECT_EQ(retake(sched(), i * 5 * ms), 0u) << i;
    exit();
  }
  EXPECT_FALSE(asked_to_give_way());
}

// Since it was made, the P has run only goroutines from runnext, which do not add to schedtick.
TEST_F(Calls, a_first_look_ends_no_slice) {
  make(1, 1);
  EXPECT_EQ(p()->schedtick.get(), 0u);
  for (const std::int64_t now : {50 * ms, 51 * ms, 59 * ms}) {
    EXPECT_EQ(retake(sched(), now), 0u);
    EXPECT_FALSE(asked_to_give_way()) << now;
  }
  EXPECT_EQ(retake(sched(), 60 * ms), 0u);
  EXPECT_TRUE(asked_to_give_way());
}

TEST_F(Calls, many_short_ones_are_no_new_slice) {
  make(1, 1);
  p()->schedtick.add();
  for (std::int64_t now = 0; now < 10 * ms; now += ms) {
    short_call();
    enter();
    EXPECT_EQ(retake(sched(), now), 0u);
    EXPECT_FALSE(asked_to_give_way()) << now;
    exit();
  }
  put_work();
  short_call();
  enter();
  EXPECT_EQ(retake(sched(), 10 * ms), 1u) << "B36: although it is the first sight of this call";
  EXPECT_TRUE(asked_to_give_way());
}

TEST_F(Calls, a_running_goroutine_is_asked_after_a_slice_and_keeps_its_p) {
  make(1, 1);
  EXPECT_EQ(retake(sched(), 0), 0u);
  EXPECT_EQ(retake(sched(), 10 * ms - 1), 0u);
  EXPECT_FALSE(asked_to_give_way());
  EXPECT_EQ(retake(sched(), 10 * ms), 0u);
  EXPECT_TRUE(asked_to_give_way());
  EXPECT_EQ(m()->p.get(), p());
}

TEST_F(Calls, a_slice_has_no_end_without_preemption_but_calls_do) {
  without_preemption();
  make(1, 1);
  for (std::int64_t now = 0; now < 100 * ms; now += 10 * ms) EXPECT_EQ(retake(sched(), now), 0u);
  EXPECT_FALSE(asked_to_give_way());
  enter();
  EXPECT_EQ(retake(sched(), 100 * ms) + retake(sched(), 110 * ms), 1u);
}

TEST_F(Calls, a_new_goroutine_is_a_new_slice) {
  make(1, 1);
  for (std::int64_t now = 0; now < 100 * ms; now += 9 * ms) {
    p()->schedtick.add();
    retake(sched(), now);
    retake(sched(), now + 9 * ms - 1);
  }
  EXPECT_FALSE(asked_to_give_way());
}

TEST_F(Calls, an_idle_p_is_nobodys) {
  make(0, 3);
  EXPECT_EQ(retake(sched(), 0), 0u);
  EXPECT_EQ(retake(sched(), 1000 * ms), 0u);
  EXPECT_EQ(sched().pidle.count(), 3);
}

TEST_F(Calls, one_look_takes_all_that_are_due) {
  make(3, 0);
  for (int i = 0; i < 3; ++i) {
    short_call(i);
    put_work(i);
  }
  enter(0);
  enter(2);
  EXPECT_EQ(retake(sched(), 0), 0u);
  EXPECT_EQ(retake(sched(), tick), 2u);
  EXPECT_TRUE(idle(p(0)));
  EXPECT_EQ(m(1)->p.get(), p(1));
  EXPECT_TRUE(idle(p(2)));
  EXPECT_EQ(p(0)->syscalltick.get(), 2u) << "a call and a taking";
}

TEST_F(Calls, who_holds_the_scan_bit_may_leave_the_p) {
  make(1, 0);
  enter();
  heddle::detail::g *gp = heddle::detail::block_exitsyscall(p());
  ASSERT_EQ(gp, m()->curg.peek());
  EXPECT_EQ(gp->atomicstatus.peek(), gstatus::scansyscall);
  heddle::detail::resume_exitsyscall(gp);
  EXPECT_EQ(gp->atomicstatus.peek(), gstatus::syscall);
  exit();
  EXPECT_EQ(heddle::detail::block_exitsyscall(p()), nullptr) << "in no call";
  EXPECT_EQ(m()->p.get(), p());
}

}  // namespace
