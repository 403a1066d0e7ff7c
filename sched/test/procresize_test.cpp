// Resizing, example by example. The caller is a thread that is no M, so nothing else runs and every queue can be looked
// into.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "sched/boot.hpp"
#include "sched/deadlock.hpp"
#include "sched/extra.hpp"
#include "sched/m.hpp"
#include "sched/newproc.hpp"
#include "sched/park.hpp"
#include "sched/procresize.hpp"
#include "sched/schedule.hpp"
#include "sched/stopworld.hpp"
#include "sched/syscall.hpp"
#include "sched/sysmon.hpp"
#include "sched/wake.hpp"
#include "sched/yield.hpp"

namespace {

using heddle::detail::pstatus;
using heddle::detail::schedt;
using ids = std::vector<std::uint64_t>;

// A scheduler of `procs` Ps with its world stopped; a test puts goroutines where it wants them and names them by their
// goids.
class stopped_world {
 public:
  explicit stopped_world(int procs) : sched_(new schedt(options(procs))) {
    EXPECT_TRUE(heddle::detail::schedinit(*sched_));
    heddle::detail::stop_the_world(*sched_);
  }
  ~stopped_world() {
    stop(*sched_);
    heddle::detail::start_the_world(*sched_);  // starts no M
    EXPECT_EQ(sched_->mcount.peek(), 0);
    heddle::detail::schedfree(*sched_);
  }
  schedt *operator->() const { return sched_.get(); }
  schedt &operator*() const { return *sched_; }

  std::uint64_t put(int p, bool next) {
    heddle::detail::g *gp = fresh();
    sched_->allp[p].get()->runq.runqput(
        gp, next, [this](heddle::detail::gqueue<heddle::detail::g> &batch) { sched_->runq.globrunqputbatch(batch); });
    return gp->goid.get();
  }
  std::uint64_t put_global() {
    heddle::detail::g *gp = fresh();
    sched_->runq.globrunqput(gp);
    return gp->goid.get();
  }
  // Resizes as set_procs does it; the world stays stopped.
  void resize(int n) {
    ASSERT_TRUE(heddle::detail::allp_reserve(*sched_, n));
    heddle::detail::procresize(*sched_, n);
  }
  ids global() const {
    ids v;
    sched_->runq.for_each([&](const heddle::detail::g *gp) { v.push_back(gp->goid.get()); });
    return v;
  }

 private:
  static heddle::detail::sched_options options(int procs) {
    heddle::detail::sched_options o;
    o.procs = procs;
    o.log = false;
    return o;
  }
  heddle::detail::g *fresh() {
    heddle::detail::g *gp = heddle::detail::newspawn(*sched_, 16, 16).gp;
    EXPECT_NE(gp, nullptr);
    gp->goid.set(++last_);
    return gp;
  }

  heddle::detail::needm here_;
  std::unique_ptr<schedt> sched_;
  std::uint64_t last_ = 0;
};

// B34: a resize may not turn the order around, nor let goroutines that have waited wait behind those that have not.
TEST(Procresize, what_waits_on_ps_that_go_comes_first_in_its_order) {
  stopped_world s(4);
  ids wanted;
  for (int p = 1; p < 4; ++p) {
    ids ring;
    for (int i = 0; i < 3; ++i) ring.push_back(s.put(p, false));
    wanted.push_back(s.put(p, true));  // runnext is the next to run there
    wanted.insert(wanted.end(), ring.begin(), ring.end());
  }
  const std::uint64_t stays = s.put(0, false);
  for (int i = 0; i < 2; ++i) wanted.push_back(s.put_global());
  s.resize(1);
  EXPECT_EQ(s.global(), wanted);
  bool inherit = true;
  heddle::detail::g *gp = s->allp[0].get()->runq.runqget(inherit);
  ASSERT_NE(gp, nullptr);
  EXPECT_EQ(gp->goid.get(), stays) << "a P that stays keeps what it has";
  EXPECT_FALSE(inherit);
}

TEST(Procresize, a_resize_to_the_same_number_moves_nothing) {
  stopped_world s(2);
  s.put(0, true);
  s.put(1, false);
  s.put_global();
  const ids before = s.global();
  for (int i = 0; i < 3; ++i) s.resize(2);
  EXPECT_EQ(s.global(), before);
  EXPECT_EQ(s->allp[0].get()->runq.size(), 1u);
  EXPECT_EQ(s->allp[1].get()->runq.size(), 1u);
}

TEST(Procresize, ps_that_go_are_dead_and_keep_nothing) {
  stopped_world s(3);
  for (int p = 1; p < 3; ++p) {
    struct heddle::detail::p *pp = s->allp[p].get();
    pp->gFree.gfput(heddle::detail::newspawn(*s, 16, 16).gp, s->gFree);
    EXPECT_EQ(pp->gFree.size(), 1u);
  }
  s.resize(1);
  EXPECT_EQ(s->gomaxprocs.peek(), 1);
  EXPECT_EQ(s->allplen.peek(), 3);
  EXPECT_EQ(s->allp[0].get()->status.peek(), pstatus::gcstop);
  for (int p = 1; p < 3; ++p) {
    EXPECT_EQ(s->allp[p].get()->status.peek(), pstatus::dead);
    EXPECT_EQ(s->allp[p].get()->gFree.size(), 0u) << "others may have them";
    EXPECT_TRUE(s->allp[p].get()->runq.runqempty());
  }
  int found = 0;
  for (auto batch = s->gFree.get(); !batch.empty(); batch = s->gFree.get()) found += static_cast<int>(batch.size());
  EXPECT_EQ(found, static_cast<int>(s->allglen.get())) << "also those of their block that were not used yet";
}

TEST(Procresize, ps_come_back_and_new_ones_are_made) {
  stopped_world s(2);
  struct heddle::detail::p *second = s->allp[1].get();
  s.resize(1);
  s.resize(4);
  EXPECT_EQ(s->gomaxprocs.peek(), 4);
  EXPECT_EQ(s->allplen.peek(), 4);
  EXPECT_EQ(s->allp[1].get(), second);
  for (int p = 0; p < 4; ++p) {
    EXPECT_EQ(s->allp[p].get()->id, p);
    EXPECT_EQ(s->allp[p].get()->status.peek(), pstatus::gcstop);
  }
}

// Whatever the number, start and step visit every P (B9).
TEST(Procresize, the_order_of_stealing_is_that_of_the_new_number) {
  stopped_world s(1);
  for (int n : {1, 2, 6, 7, 12}) {
    s.resize(n);
    ASSERT_GE(s->ncoprimes.get(), 1u);
    for (std::uint32_t c = 0; c < s->ncoprimes.get(); ++c) {
      std::vector<bool> seen(static_cast<std::size_t>(n));
      for (std::uint32_t i = 0, at = 0; i < static_cast<std::uint32_t>(n);
           ++i, at = (at + s->coprimes[c].get()) % static_cast<std::uint32_t>(n))
        seen[at] = true;
      EXPECT_EQ(seen, std::vector<bool>(static_cast<std::size_t>(n), true)) << n << " by " << s->coprimes[c].get();
    }
  }
}

}  // namespace
