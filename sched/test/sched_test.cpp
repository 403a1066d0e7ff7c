// The scheduler below the public interface: notes, statuses, steal order, layout, boot, birth and death of goroutines,
// and the order in which one P runs what it has.
#include <gtest/gtest.h>
#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "heddle/go.hpp"
#include "sched/boot.hpp"
#include "sched/deadlock.hpp"
#include "sched/m.hpp"
#include "sched/newproc.hpp"
#include "sched/park.hpp"
#include "sched/procresize.hpp"
#include "sched/schedule.hpp"
#include "sched/status.hpp"
#include "sched/stopworld.hpp"
#include "sched/switch/switch.hpp"
#include "sched/syscall.hpp"
#include "sched/sysmon.hpp"
#include "sched/wake.hpp"
#include "sched/yield.hpp"

#ifdef HEDDLE_TSAN
// The children of death tests need not wait for reports about threads that are still on their way out.
extern "C" const char *__tsan_default_options() { return "atexit_sleep_ms=0"; }
#endif

namespace {

using heddle::detail::getm;
using heddle::detail::gopark;
using heddle::detail::goready;
using heddle::detail::gstatus;
using heddle::detail::schedt;
using heddle::detail::waitreason;
using strings = std::vector<std::string>;

// A scheduler that starts no thread of its own.
struct scheduler {
  explicit scheduler(int procs, heddle::detail::sched_options o = {}) {
    o.procs = procs;
    o.log = false;
    sched.reset(new schedt(o));
    EXPECT_TRUE(heddle::detail::schedinit(*sched));
  }
  ~scheduler() { abandoned(); }

  // Frees the scheduler early. Returns how many goroutines had not ended.
  std::uint64_t abandoned() {
    const std::uint64_t n = sched ? heddle::detail::schedfree(*sched) : 0;
    sched.reset();
    return n;
  }
  schedt *operator->() const { return sched.get(); }
  schedt &operator*() const { return *sched; }

  std::unique_ptr<schedt> sched;
};

template <class F>
void invoke(void *closure) {
  F &f = *static_cast<F *>(closure);
  f();
  f.~F();
}

template <class F>
heddle::detail::newborn prepare(schedt &sched, F f, std::size_t stack_size = 0) {
  const heddle::detail::newborn s = heddle::detail::newspawn(sched, sizeof(F), alignof(F), stack_size);
  EXPECT_NE(s.gp, nullptr);
  ::new (s.closure) F(std::move(f));
  return s;
}

// Starts f as a goroutine of the current scheduler.
template <class F>
heddle::detail::g *start(F f) {
  schedt &sched = *getm()->sched;
  const heddle::detail::newborn s = prepare(sched, std::move(f));
  heddle::detail::newproc(sched, s, &invoke<F>);
  return s.gp;
}

// Runs f as the main goroutine on this thread, to the end of the scheduler's life.
template <class F>
void run_main(schedt &sched, F f) {
  heddle::detail::m *mp = heddle::detail::attach_m0(sched);
  ASSERT_NE(mp, nullptr);
  const heddle::detail::newborn s = prepare(sched, std::move(f));
  sched.maing.store(s.gp, heddle::detail::relaxed);
  heddle::detail::newproc(sched, s, &invoke<F>);
  heddle::detail::schedule(mp);
  if (mp->p.get() != nullptr) heddle::detail::releasep(mp);
  heddle::detail::set_current_m(nullptr);
  heddle::detail::joinms(sched);
}

void park() { gopark(nullptr, nullptr, waitreason::test); }

heddle::detail::g *self() { return getm()->curg.peek(); }

// ---------------------------------------------------------------------------------------------------------------- note

TEST(Note, wake_before_sleep_is_remembered) {
  heddle::detail::note n;
  n.notewakeup();
  n.notesleep();
}

TEST(Note, wakes_a_sleeper_and_orders_what_came_before) {
  heddle::detail::note n;
  int value = 0;
  std::thread waker([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    value = 42;
    n.notewakeup();
  });
  n.notesleep();
  EXPECT_EQ(value, 42);
  waker.join();
}

TEST(Note, can_be_used_again_after_clear) {
  heddle::detail::note here, there;
  int turns = 0;
  std::thread peer([&] {
    for (int i = 0; i < 2000; ++i) {
      there.notesleep();
      there.noteclear();
      ++turns;
      here.notewakeup();
    }
  });
  for (int i = 0; i < 2000; ++i) {
    EXPECT_EQ(turns, i);
    there.notewakeup();
    here.notesleep();
    here.noteclear();
  }
  peer.join();
  EXPECT_EQ(turns, 2000);
}

TEST(Note, a_sleep_with_a_time_ends_with_it) {
  heddle::detail::note n;
  for (const std::int64_t ns : {std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}, std::int64_t{20'000'000}}) {
    const std::int64_t begin = heddle::detail::nanotime();
    EXPECT_FALSE(n.notetsleep(ns));
    EXPECT_GE(heddle::detail::nanotime() - begin, ns);
  }
  n.notewakeup();  // too late for those sleeps, in time for the next
  EXPECT_TRUE(n.notetsleep(0));
  n.noteclear();
  EXPECT_FALSE(n.notetsleep(1000));
  n.notewakeup();
  n.notesleep();
}

TEST(Note, a_sleep_with_a_time_is_woken_in_time) {
  heddle::detail::note n;
  int value = 0;
  std::thread waker([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    value = 42;
    n.notewakeup();
  });
  EXPECT_TRUE(n.notetsleep(std::numeric_limits<std::int64_t>::max()));
  EXPECT_EQ(value, 42);
  waker.join();
}

// The limits of time are about as long as the waker takes, so that many are over just when the wake-up comes.
TEST(Note, every_wake_is_heard_once_whatever_the_time) {
  heddle::detail::note here, there;
  int turns = 0;
  std::thread peer([&] {
    for (int i = 0; i < 5000; ++i) {
      while (!there.notetsleep(i % 64 * 1000)) {
      }
      there.noteclear();
      ++turns;
      here.notewakeup();
    }
  });
  for (int i = 0; i < 5000; ++i) {
    EXPECT_EQ(turns, i);
    there.notewakeup();
    if (!here.notetsleep(i % 128 * 500)) here.notesleep();
    here.noteclear();
  }
  peer.join();
  EXPECT_EQ(turns, 5000);
}

TEST(Futex, a_timed_sleep_says_why_it_ended) {
  heddle::detail::atomic<std::uint32_t> word{7};
  EXPECT_FALSE(heddle::detail::futex_sleep_for(word, 7, 0));
  EXPECT_FALSE(heddle::detail::futex_sleep_for(word, 7, -1));
  EXPECT_TRUE(heddle::detail::futex_sleep_for(word, 8, 60'000'000'000));  // the word has changed
  const std::int64_t begin = heddle::detail::nanotime();
  while (heddle::detail::futex_sleep_for(word, 7, 5'000'000)) {
  }
  EXPECT_GE(heddle::detail::nanotime() - begin, 5'000'000);
}

TEST(Futex, a_timed_sleep_leaves_the_threads_timer_slack_as_it_was) {
  std::thread([] {
    ASSERT_EQ(prctl(PR_SET_TIMERSLACK, 12'345UL, 0, 0, 0), 0);
    heddle::detail::atomic<std::uint32_t> word{7};
    for (const std::int64_t ns : {10'000, 100'000, 1'000'000}) {
      heddle::detail::futex_sleep_for(word, 7, ns);
      EXPECT_EQ(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), 12'345);
    }
  }).join();
}

TEST(NoteDeathTest, a_second_wake_breaks_an_invariant) {
  heddle::detail::note n;
  n.notewakeup();
  EXPECT_EXIT(n.notewakeup(), testing::KilledBySignal(SIGABRT), "invariant I38 is broken");
}

// -------------------------------------------------------------------------------------------------------------- status

using heddle::detail::pstatus;

constexpr gstatus statuses[] = {gstatus::idle,    gstatus::runnable, gstatus::running,   gstatus::syscall,
                                gstatus::waiting, gstatus::dead,     gstatus::deadextra, gstatus::scansyscall};
constexpr pstatus pstatuses[] = {pstatus::idle, pstatus::running, pstatus::gcstop, pstatus::dead};

TEST(Status, has_go_s_values) {
  EXPECT_EQ(static_cast<int>(gstatus::idle), 0);
  EXPECT_EQ(static_cast<int>(gstatus::runnable), 1);
  EXPECT_EQ(static_cast<int>(gstatus::running), 2);
  EXPECT_EQ(static_cast<int>(gstatus::syscall), 3);
  EXPECT_EQ(static_cast<int>(gstatus::waiting), 4);
  EXPECT_EQ(static_cast<int>(gstatus::dead), 6);
  EXPECT_EQ(static_cast<int>(gstatus::deadextra), 11);
  EXPECT_EQ(static_cast<int>(gstatus::scan), 0x1000);
  EXPECT_EQ(static_cast<int>(gstatus::scansyscall), 0x1003);
  EXPECT_EQ(static_cast<int>(pstatus::idle), 0);
  EXPECT_EQ(static_cast<int>(pstatus::running), 1);
  EXPECT_EQ(static_cast<int>(pstatus::gcstop), 3);
  EXPECT_EQ(static_cast<int>(pstatus::dead), 4);
}

TEST(Status, these_moves_are_legal_and_no_others) {
  using enum gstatus;
  const std::set<std::pair<gstatus, gstatus>> wanted = {
      {idle, dead},        {dead, runnable},   {runnable, running},    {running, runnable},   {running, waiting},
      {waiting, runnable}, {running, dead},    {idle, deadextra},      {deadextra, syscall},  {syscall, deadextra},
      {running, syscall},  {syscall, running}, {syscall, scansyscall}, {scansyscall, syscall}};
  for (const gstatus from : statuses)
    for (const gstatus to : statuses)
      EXPECT_EQ(heddle::detail::legal(heddle::detail::gmoves, from, to), wanted.count({from, to}) == 1)
          << static_cast<int>(from) << " to " << static_cast<int>(to);
}

TEST(Status, these_moves_of_a_p_are_legal_and_no_others) {
  using enum pstatus;
  const std::set<std::pair<pstatus, pstatus>> wanted = {{idle, running}, {running, idle}, {running, gcstop},
                                                        {idle, gcstop},  {gcstop, idle},  {gcstop, running},
                                                        {gcstop, dead},  {dead, gcstop}};
  for (const pstatus from : pstatuses)
    for (const pstatus to : pstatuses)
      EXPECT_EQ(heddle::detail::legal(heddle::detail::pmoves, from, to), wanted.count({from, to}) == 1)
          << static_cast<int>(from) << " to " << static_cast<int>(to);
}

template <gstatus From, gstatus To>
void check_move() {
  heddle::detail::g gp{};
  gp.atomicstatus.store(From, heddle::detail::relaxed);
  heddle::detail::casgstatus<From, To>(&gp);
  EXPECT_EQ(heddle::detail::readgstatus(&gp), To);
}

template <pstatus From, pstatus To>
void check_move_of_p() {
  heddle::detail::p pp;
  pp.status.store(From, heddle::detail::relaxed);
  heddle::detail::setpstatus<From, To>(&pp);
  EXPECT_EQ(pp.status.peek(), To);
}

TEST(Status, every_legal_move_of_a_p_is_made) {
  using enum pstatus;
  check_move_of_p<idle, running>();
  check_move_of_p<running, idle>();
  check_move_of_p<running, gcstop>();
  check_move_of_p<idle, gcstop>();
  check_move_of_p<gcstop, idle>();
  check_move_of_p<gcstop, running>();
  check_move_of_p<gcstop, dead>();
  check_move_of_p<dead, gcstop>();
}

TEST(StatusDeathTest, a_move_of_a_p_from_another_status_breaks_an_invariant) {
  using enum pstatus;
  for (const pstatus present : {running, gcstop, dead}) {
    heddle::detail::p pp;
    pp.status.store(present, heddle::detail::relaxed);
    EXPECT_EXIT((heddle::detail::setpstatus<idle, running>(&pp)), testing::KilledBySignal(SIGABRT),
                "invariant I7 is broken");
  }
}

TEST(Status, every_legal_move_is_made) {
  using enum gstatus;
  check_move<idle, dead>();
  check_move<idle, deadextra>();
  check_move<deadextra, syscall>();
  check_move<syscall, deadextra>();
  check_move<dead, runnable>();
  check_move<runnable, running>();
  check_move<running, runnable>();
  check_move<running, waiting>();
  check_move<waiting, runnable>();
  check_move<running, dead>();
}

TEST(StatusDeathTest, a_move_from_another_status_breaks_an_invariant) {
  using enum gstatus;
  for (const gstatus present : {idle, runnable, running, dead}) {
    heddle::detail::g gp{};
    gp.atomicstatus.store(present, heddle::detail::relaxed);
    EXPECT_EXIT((heddle::detail::casgstatus<waiting, runnable>(&gp)), testing::KilledBySignal(SIGABRT),
                "invariant I23 is broken");
  }
}

TEST(StatusDeathTest, readying_a_goroutine_that_is_not_parked_breaks_an_invariant) {
  EXPECT_EXIT(
      {
        scheduler s(1);
        run_main(*s, [] { goready(self()); });
      },
      testing::KilledBySignal(SIGABRT), "invariant I25 is broken");
}

// --------------------------------------------------------------------------------------------------------- steal order

TEST(sched, TestStealOrder) {
  for (int procs = 1; procs <= 64; ++procs) {
    scheduler s(procs);
    const auto n = static_cast<std::uint32_t>(procs);
    std::uint32_t wanted = 0;
    for (std::uint32_t i = 1; i <= n; ++i) wanted += std::gcd(i, n) == 1;
    ASSERT_EQ(s->ncoprimes.get(), wanted);
    for (std::uint32_t c = 0; c + 1 < s->ncoprimes.get(); ++c)
      ASSERT_LT(s->coprimes[c].get(), s->coprimes[c + 1].get());  // all differ
    for (std::uint32_t c = 0; c < s->ncoprimes.get(); ++c)
      for (std::uint32_t first = 0; first < n; ++first) {
        std::vector<int> visits(n);
        std::uint32_t at = first;
        for (std::uint32_t i = 0; i < n; ++i, at = (at + s->coprimes[c].get()) % n) ++visits[at];
        ASSERT_EQ(at, first);
        ASSERT_TRUE(std::all_of(visits.begin(), visits.end(), [](int v) { return v == 1; }))
            << procs << " Ps from " << first << " by " << s->coprimes[c].get();
      }
  }
}

// -------------------------------------------------------------------------------------------------------------- layout

TEST(Layout, gobuf_is_what_the_assembly_thinks) {
  EXPECT_EQ(offsetof(heddle::detail::gobuf, sp), 0u);
  EXPECT_EQ(offsetof(heddle::detail::gobuf, pc), 8u);
  EXPECT_EQ(offsetof(heddle::detail::gobuf, g), 16u);
  EXPECT_EQ(offsetof(heddle::detail::gobuf, ctxt), 24u);
  EXPECT_EQ(offsetof(heddle::detail::gobuf, bp), 32u);
  EXPECT_EQ(sizeof(heddle::detail::gobuf), 40u);
}

// A change of these numbers is a change of what a million goroutines cost: make it on purpose, and here too.
TEST(Layout, golden_sizes) {
#if defined(HEDDLE_ASAN)
  constexpr std::size_t fiber = 64;
#elif defined(HEDDLE_TSAN)
  constexpr std::size_t fiber = 48;
#else
  constexpr std::size_t fiber = 40;
#endif
  EXPECT_EQ(sizeof(heddle::detail::fiber), fiber);
  EXPECT_EQ(sizeof(heddle::detail::g), 448u);
  EXPECT_EQ(sizeof(heddle::detail::m), 704u);
  EXPECT_EQ(sizeof(heddle::detail::p), 7040u);  // two thirds of it the timing wheel
  EXPECT_EQ(sizeof(heddle::detail::runq<heddle::detail::g>), 16u + 256 * sizeof(void *));
}

TEST(Layout, what_different_threads_write_is_on_different_lines) {
  EXPECT_EQ(alignof(heddle::detail::g), heddle::detail::cacheline);
  EXPECT_EQ(alignof(heddle::detail::m), heddle::detail::cacheline);
  EXPECT_EQ(alignof(heddle::detail::p), heddle::detail::cacheline);
  scheduler s(1);
  const auto line = [](const void *at) { return reinterpret_cast<std::uintptr_t>(at) / heddle::detail::cacheline; };
  const std::set<std::uintptr_t> lines = {line(&s->nmspinning), line(&s->pidle), line(&s->midle),  line(&s->runq),
                                          line(&s->inbox),      line(&s->gFree), line(&s->goidgen)};
  EXPECT_EQ(lines.size(), 7u);
  EXPECT_EQ(line(&s->nmspinning), line(&s->needspinning)) << "a submitter reads both";
}

// ---------------------------------------------------------------------------------------------------------------- boot

TEST(Boot, schedinit_makes_the_ps) {
  for (const int procs : {1, 2, 7, 1024}) {
    scheduler s(procs);
    EXPECT_EQ(s->gomaxprocs.peek(), procs);
    EXPECT_EQ(s->pidle.count(), procs);
    EXPECT_EQ(s->mcount.peek(), 0);
    EXPECT_EQ(s->midle.count(), 0);
    EXPECT_EQ(heddle::detail::gcount(*s), 0u);
    EXPECT_FALSE(heddle::detail::has_work(*s));
    for (int i = 0; i < procs; ++i) {
      EXPECT_EQ(s->allp[i].get()->id, i);
      EXPECT_EQ(s->allp[i].get()->status.peek(), heddle::detail::pstatus::idle);
      EXPECT_EQ(s->allp[i].get()->m.peek(), nullptr);
    }
    for (int i = 0; i < procs; ++i) ASSERT_EQ(s->pidle.get(), s->allp[i].get()) << "low ids come out first";
    EXPECT_EQ(s->pidle.get(), nullptr);
  }
}

TEST(Boot, m0_is_wired_to_the_first_p) {
  scheduler s(3);
  EXPECT_EQ(getm(), nullptr);
  heddle::detail::m *mp = heddle::detail::attach_m0(*s);
  ASSERT_NE(mp, nullptr);
  EXPECT_EQ(getm(), mp);
  EXPECT_EQ(s->m0, mp);
  EXPECT_EQ(mp->id, 0);
  EXPECT_EQ(mp->p.get(), s->allp[0].get());
  EXPECT_EQ(s->allp[0].get()->m.peek(), mp);
  EXPECT_EQ(s->allp[0].get()->status.peek(), heddle::detail::pstatus::running);
  EXPECT_EQ(s->pidle.count(), 2);
  EXPECT_EQ(s->mcount.peek(), 1);
  EXPECT_EQ(s->allm.get(), mp);
  heddle::detail::releasep(mp);
  heddle::detail::set_current_m(nullptr);
}

TEST(Boot, main_has_goid_1_and_no_two_have_the_same) {
  scheduler s(4);
  std::mutex lock;
  std::vector<std::uint64_t> ids;
  std::atomic<int> ended{0};
  const auto note_id = [&] {
    const std::lock_guard hold(lock);
    ids.push_back(self()->goid.get());
  };
  run_main(*s, [&] {
    EXPECT_EQ(self()->goid.get(), 1u);
    for (int i = 0; i < 50; ++i)
      start([&] {
        note_id();
        start([&] {
          note_id();
          ended.fetch_add(1);
        });
        ended.fetch_add(1);
      });
    while (ended.load() != 100) heddle::gosched();
  });
  ids.push_back(1);
  EXPECT_EQ(std::set<std::uint64_t>(ids.begin(), ids.end()).size(), 101u);
}

TEST(BootDeathTest, a_p_that_is_taken_cannot_be_acquired) {
  EXPECT_EXIT(
      {
        scheduler s(2);
        heddle::detail::m *mp = heddle::detail::attach_m0(*s);
        heddle::detail::acquirep(mp, s->allp[1].get());
      },
      testing::KilledBySignal(SIGABRT), "invariant I6 is broken");
}

TEST(Boot, newm_beyond_threads_max_changes_nothing) {
  heddle::detail::sched_options o;
  o.threads_max = 1;
  scheduler s(2, o);
  run_main(*s, [&] {
    struct heddle::detail::p *pp = s->pidle.get();
    EXPECT_EQ(heddle::detail::newm(*s, pp, false), heddle::detail::birth::full);
    EXPECT_EQ(s->mcount.peek(), 1);
    EXPECT_EQ(s->allm.get(), s->m0);
    s->pidle.put(pp);
  });
}

TEST(Boot, one_thread_is_enough_for_many_ps) {
  heddle::detail::sched_options o;
  o.threads_max = 1;
  scheduler s(8, o);
  int ran = 0;  // plain: there is only one thread
  run_main(*s, [&] {
    for (int i = 0; i < 100; ++i) start([&] { ++ran; });
    while (ran != 100) heddle::gosched();
  });
  EXPECT_EQ(ran, 100);
  EXPECT_EQ(s->mcount.peek(), 1);
}

// ---------------------------------------------------------------------------------------------------- birth and death

// A small closure without wishes for its stack lies in the g, if the g may get its stack when it first runs.
TEST(Newproc, the_closure_lies_aligned_at_the_top_of_the_stack_or_in_the_g) {
  scheduler s(1);
  for (const std::size_t align : {4096u, 64u, 16u, 8u, 1u})
    for (const std::size_t size : {4096u, 100u, 48u, 8u, 1u}) {
      const heddle::detail::newborn sp = heddle::detail::newspawn(*s, size, align);
      ASSERT_NE(sp.gp, nullptr);
      const auto at = reinterpret_cast<std::uintptr_t>(sp.closure);
      EXPECT_EQ(at % std::max<std::size_t>(align, 16), 0u);
      if (size <= sizeof sp.gp->closure && align <= 16 && s->stacks.promises()) {
        EXPECT_EQ(sp.closure, sp.gp->closure);
        heddle::detail::unspawn(*s, sp);
        continue;
      }
      EXPECT_LE(static_cast<char *>(sp.closure) + size, sp.gp->stack.get().hi);
      EXPECT_GE(static_cast<char *>(sp.closure) + size + align + 16 * heddle::detail::cacheline, sp.gp->stack.get().hi);
      EXPECT_EQ(heddle::detail::readgstatus(sp.gp), gstatus::dead);
      std::memset(sp.closure, 0x5a, size);
      heddle::detail::unspawn(*s, sp);
    }
  EXPECT_EQ(s->allglen.get(), heddle::detail::geometry::gblock) << "one g served them all, and one block was made";
  EXPECT_EQ(s.abandoned(), 0u);
}

TEST(Newproc, the_colours_of_stacks_differ) {
  scheduler s(1);
  std::set<std::uintptr_t> offsets;
  for (int i = 0; i < 16; ++i) {
    const heddle::detail::newborn sp = heddle::detail::newspawn(*s, 64, 16);
    ASSERT_NE(sp.gp, nullptr);
    offsets.insert(static_cast<std::uintptr_t>(sp.gp->stack.get().hi - static_cast<char *>(sp.closure)));
  }
  EXPECT_EQ(offsets.size(), 16u);
}

TEST(Newproc, a_closure_that_does_not_fit_is_refused_and_nothing_is_lost) {
  scheduler s(1);
  const std::size_t usable = s->stacks.usable(0);
  for (std::uint32_t i = 0; i < heddle::detail::geometry::gblock; ++i) {
    EXPECT_EQ(heddle::detail::newspawn(*s, usable, 16).gp, nullptr);
    EXPECT_EQ(heddle::detail::newspawn(*s, usable - 1024, 16).gp, nullptr);
  }
  EXPECT_EQ(heddle::detail::newspawn(*s, std::size_t{1} << 40, 16).gp, nullptr);
  const heddle::detail::newborn fits = heddle::detail::newspawn(*s, usable / 2, 16);
  EXPECT_NE(fits.gp, nullptr);
  heddle::detail::unspawn(*s, fits);
  const heddle::detail::newborn larger = heddle::detail::newspawn(*s, usable, 16, 4 * usable);
  ASSERT_NE(larger.gp, nullptr);
  EXPECT_EQ(static_cast<std::size_t>(larger.gp->stack.get().hi - larger.gp->stack.get().lo),
            s->stacks.usable(4 * usable));
  heddle::detail::unspawn(*s, larger);
  EXPECT_EQ(s->allglen.get(), heddle::detail::geometry::gblock);
  EXPECT_EQ(heddle::detail::gcount(*s), 0u);
}

TEST(Newproc, a_stack_that_cannot_be_had_is_refused) {
  scheduler s(1);
  EXPECT_EQ(heddle::detail::newspawn(*s, 16, 16, std::size_t{1} << 60).gp, nullptr);
  EXPECT_EQ(heddle::detail::newspawn(*s, 16, 16, ~std::size_t{0}).gp, nullptr);
  EXPECT_NE(heddle::detail::newspawn(*s, 16, 16).gp, nullptr);
}

// Tells which stack a goroutine runs on, by the address of its frame in units of a stack's size.
std::uintptr_t whose_stack(const schedt &sched) {
  return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) / sched.stacks.usable(0);
}

TEST(Newproc, those_that_wait_for_their_turn_need_no_stack) {
  scheduler s(1);
  if (!s->stacks.promises()) GTEST_SKIP() << "guards consume mappings here, so a goroutine has its stack at once";
  std::set<std::uintptr_t> stacks;
  run_main(*s, [&] {
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 1000; ++i) start([&] { stacks.insert(whose_stack(*s)); });
      while (heddle::detail::gcount(*s) != 1) heddle::detail::goyield();
    }
  });
  EXPECT_LE(stacks.size(), 8u) << "of two that run in turn, and each may lie across a border";
}

TEST(Newproc, each_that_has_begun_has_a_stack_of_its_own) {
  scheduler s(1);
  std::set<std::uintptr_t> frames;
  run_main(*s, [&] {
    for (int i = 0; i < 200; ++i)
      start([&frames, i] {
        for (int again = i % 3; again > 0; --again) {
          volatile int mine = i;
          frames.insert(reinterpret_cast<std::uintptr_t>(&mine));
          heddle::detail::goyield();
          EXPECT_EQ(mine, i);
          frames.erase(reinterpret_cast<std::uintptr_t>(&mine));
        }
      });
    while (heddle::detail::gcount(*s) != 1) heddle::detail::goyield();
  });
  EXPECT_TRUE(frames.empty());
}

TEST(Newproc, dead_goroutines_are_used_again) {
  scheduler s(1);
  run_main(*s, [&] {
    for (int i = 0; i < 2000; ++i) {
      start([] {});
      heddle::detail::goyield();
    }
    EXPECT_EQ(heddle::detail::gcount(*s), 1u);
  });
  EXPECT_EQ(s->allglen.get(), heddle::detail::geometry::gblock);
  EXPECT_EQ(s.abandoned(), 0u);
}

// No other thread does it: there is no sysmon, and the other P has no M.
TEST(Timers, an_m_that_sleeps_wakes_for_them) {
  scheduler s(2);
  int slept = 0;
  run_main(*s, [&] {
    for (const std::int64_t ns : {5'000'000, 1'000'000, 10'000'000, 100'000}) {
      const std::int64_t until = heddle::detail::nanotime() + ns;
      heddle::detail::timesleep(until);
      slept += heddle::detail::nanotime() >= until;
    }
  });
  EXPECT_EQ(slept, 4);
}

TEST(Newproc, counts_those_that_have_begun_and_not_ended) {
  scheduler s(1);
  run_main(*s, [&] {
    EXPECT_EQ(heddle::detail::gcount(*s), 1u);
    heddle::detail::g *parked[10];
    for (auto &gp : parked) gp = start(park);
    EXPECT_EQ(heddle::detail::gcount(*s), 11u);
    heddle::detail::goyield();
    EXPECT_EQ(heddle::detail::gcount(*s), 11u);
    for (int i = 0; i < 4; ++i) goready(parked[i]);
    heddle::detail::goyield();
    EXPECT_EQ(heddle::detail::gcount(*s), 7u);
  });
  EXPECT_EQ(heddle::detail::gcount(*s), 6u);
  EXPECT_EQ(s.abandoned(), 6u);
}

TEST(Newproc, goexit_ends_a_goroutine_from_the_middle) {
  scheduler s(1);
  bool before = false, after = false;
  run_main(*s, [&] {
    start([&] {
      before = true;
      heddle::detail::goexit();
      after = true;
    });
    heddle::detail::goyield();
    EXPECT_EQ(heddle::detail::gcount(*s), 1u);
  });
  EXPECT_TRUE(before);
  EXPECT_FALSE(after);
}

TEST(Newproc, from_a_thread_that_is_no_m_goes_to_the_inbox) {
  scheduler s(1);
  bool ran = false;
  const auto f = [&] { ran = true; };
  const heddle::detail::newborn sp = prepare(*s, f);
  // wakep would start a thread; with no idle P it only leaves a promise.
  struct heddle::detail::p *pp = s->pidle.get();
  heddle::detail::newproc(*s, sp, &invoke<decltype(f)>);
  EXPECT_FALSE(s->inbox.empty());
  EXPECT_TRUE(heddle::detail::has_work(*s));
  EXPECT_EQ(s->injected.peek(), 1u);
  EXPECT_EQ(s->needspinning.peek(), 1u);
  s->pidle.put(pp);
  run_main(*s, [&] {
    while (!ran) heddle::gosched();
  });
  EXPECT_TRUE(ran);
}

// ------------------------------------------------------------------------------------------------------ order on one P

TEST(Order, the_last_one_started_runs_first_and_the_others_in_order) {
  scheduler s(1);
  strings log;
  run_main(*s, [&] {
    for (const char *name : {"a", "b", "c", "d"}) start([&log, name] { log.push_back(name); });
    heddle::detail::goyield();
  });
  EXPECT_EQ(log, (strings{"d", "a", "b", "c"}));  // runnext, then the ring
}

TEST(Order, yield_goes_round_robin) {
  scheduler s(1);
  strings log;
  run_main(*s, [&] {
    for (const char *name : {"a", "b", "c"})
      start([&log, name] {
        for (int i = 0; i < 3; ++i) {
          log.push_back(name);
          heddle::detail::goyield();
        }
      });
    heddle::detail::goyield();
    for (int i = 0; i < 4; ++i) heddle::detail::goyield();
  });
  EXPECT_EQ(log, (strings{"c", "a", "b", "c", "a", "b", "c", "a", "b"}));
}

TEST(Order, gosched_goes_behind_everyone) {
  scheduler s(1);
  strings log;
  run_main(*s, [&] {
    heddle::detail::goyield();  // past the fairness tick 0, at which the global queue goes first
    start([&] {
      for (int i = 0; i < 5; ++i) {
        log.push_back("y");
        heddle::detail::goyield();
      }
    });
    start([&] {
      log.push_back("g1");
      heddle::gosched();
      log.push_back("g2");
    });
    heddle::gosched();
    log.push_back("main");
  });
  ASSERT_GE(log.size(), 4u);
  EXPECT_EQ(log[0], "g1");
  EXPECT_EQ(log[1], "y");
  const auto at = [&](const char *what) { return std::find(log.begin(), log.end(), what) - log.begin(); };
  EXPECT_LT(at("main"), at("g2")) << "main was in the global queue first";
  EXPECT_EQ(std::count(log.begin(), log.begin() + at("main"), "y"), 5) << "the local queue goes before the global one";
}

TEST(Order, a_readied_goroutine_runs_next_or_last_as_asked) {
  for (const bool next : {true, false}) {
    scheduler s(1);
    strings log;
    run_main(*s, [&] {
      heddle::detail::g *gp = start([&] {
        park();
        log.push_back("woken");
      });
      heddle::detail::goyield();
      start([&] { log.push_back("a"); });
      start([&] { log.push_back("b"); });
      goready(gp, next);
      heddle::detail::goyield();
    });
    EXPECT_EQ(log, next ? (strings{"woken", "a", "b"}) : (strings{"b", "a", "woken"})) << next;
  }
}

TEST(Order, a_pair_in_runnext_does_not_starve_the_ring) {
  scheduler s(1);
  int rounds = 0, others = 0;
  run_main(*s, [&] {
    bool over = false;
    heddle::detail::g *a = nullptr, *b = nullptr;
    start([&] {
      while (!over) {
        ++others;
        heddle::detail::goyield();
      }
    });
    a = start([&] {
      park();
      for (; rounds < 1000; ++rounds) {
        goready(b);
        park();
      }
      over = true;
    });
    heddle::detail::goyield();  // a parks before b readies it
    b = start([&] {
      for (;;) {
        goready(a);
        park();
      }
    });
    while (!over) heddle::detail::goyield();
  });
  EXPECT_EQ(rounds, 1000);
  // 2000 wake-ups go through runnext, and after every runnext_streak of them it is the ring's turn.
  EXPECT_GE(others, 2000 / static_cast<int>(heddle::detail::geometry::runnext_streak) / 2 - 2);
}

TEST(Order, the_global_queue_is_served_while_local_work_never_ends) {
  scheduler s(1);
  std::uint64_t executes = 0;
  run_main(*s, [&] {
    bool over = false;
    for (int i = 0; i < 3; ++i)
      start([&] {
        while (!over) heddle::detail::goyield();
      });
    executes = s->allp[0].get()->executes();
    heddle::gosched();
    executes = s->allp[0].get()->executes() - executes;
    over = true;
  });
  EXPECT_LE(executes, heddle::detail::geometry::fairness_tick + 2);
}

// A ping-pong pair stays in one time slice, so the fairness tick comes late, but it comes.
TEST(Order, the_global_queue_is_served_beside_a_pair_in_runnext) {
  scheduler s(1);
  std::uint64_t executes = 0;
  run_main(*s, [&] {
    bool over = false;
    heddle::detail::g *a = nullptr, *b = nullptr;
    a = start([&] {
      park();
      while (!over) {
        goready(b);
        park();
      }
    });
    heddle::detail::goyield();
    b = start([&] {
      for (;;) {
        goready(a);
        park();
      }
    });
    executes = s->allp[0].get()->executes();
    heddle::gosched();
    executes = s->allp[0].get()->executes() - executes;
    over = true;
  });
  EXPECT_LE(executes,
            (heddle::detail::geometry::fairness_tick + 1) * (heddle::detail::geometry::runnext_streak + 1) + 2);
}

TEST(Order, the_inbox_is_served_while_local_work_never_ends) {
  scheduler s(1);
  std::atomic<bool> over{false};
  run_main(*s, [&] {
    std::thread foreign([&] {
      const auto f = [&] { over.store(true); };
      heddle::detail::newproc(*s, prepare(*s, f), &invoke<decltype(f)>);
    });
    start([&] {
      while (!over.load()) heddle::detail::goyield();
    });
    while (!over.load()) heddle::detail::goyield();
    foreign.join();
  });
  EXPECT_TRUE(over.load());
}

TEST(Order, the_inbox_is_served_while_the_global_queue_is_never_empty) {
  scheduler s(1);
  std::atomic<bool> ran{false};
  bool served = false;
  run_main(*s, [&] {
    std::thread([&] {
      const auto f = [&] { ran.store(true); };
      heddle::detail::newproc(*s, prepare(*s, f), &invoke<decltype(f)>);
    }).join();
    start([&] {
      while (!served) heddle::gosched();
    });
    for (std::uint32_t i = 0; i < 4 * heddle::detail::geometry::fairness_tick && !ran.load(); ++i) heddle::gosched();
    served = true;
    EXPECT_TRUE(ran.load());
  });
}

TEST(Order, the_global_queue_is_served_while_the_inbox_is_never_empty) {
  scheduler s(1);
  std::atomic<bool> over{false};
  std::atomic<int> alive{0};
  std::thread foreign;
  bool served = false;
  run_main(*s, [&] {
    foreign = std::thread([&] {
      const auto f = [&] {
        heddle::detail::goyield();
        alive.fetch_sub(1);
      };
      while (!over.load()) {
        if (alive.load() > 100) continue;
        alive.fetch_add(1);
        heddle::detail::newproc(*s, prepare(*s, f), &invoke<decltype(f)>);
      }
    });
    while (alive.load() == 0) heddle::detail::goyield();
    for (int i = 0; i < 50; ++i) heddle::gosched();
    served = true;
    over.store(true);
    foreign.join();
  });
  EXPECT_TRUE(served);
}

TEST(Order, an_overfull_ring_spills_and_loses_nothing) {
  constexpr int n = 1500;
  scheduler s(1);
  std::vector<int> log;
  run_main(*s, [&] {
    for (int i = 0; i < n; ++i) start([&log, i] { log.push_back(i); });
    EXPECT_GT(s->runq.size(), 0u);
    while (log.size() != n) heddle::gosched();
  });
  std::sort(log.begin(), log.end());
  for (int i = 0; i < n; ++i) EXPECT_EQ(log[static_cast<std::size_t>(i)], i);
}

// ---------------------------------------------------------------------------------------------------------------- park

TEST(Park, a_declined_park_goes_on_at_once) {
  scheduler s(1);
  strings log;
  bool committed = false;
  run_main(*s, [&] {
    start([&] { log.push_back("other"); });
    gopark(
        [](heddle::detail::g *gp, void *seen) {
          EXPECT_EQ(heddle::detail::readgstatus(gp), gstatus::waiting);
          *static_cast<bool *>(seen) = true;
          return false;
        },
        &committed, waitreason::test);
    log.push_back("main");
    heddle::detail::goyield();
  });
  EXPECT_TRUE(committed);
  EXPECT_EQ(log, (strings{"main", "other"}));
}

TEST(Park, a_wake_before_the_park_is_committed_is_not_lost) {
  scheduler s(2);
  run_main(*s, [&] {
    for (int i = 0; i < 200; ++i) {
      heddle::detail::spinlock lock;
      bool waiting = false;
      heddle::detail::g *me = self();
      start([&lock, &waiting, me] {
        for (;;) {
          lock.lock();
          const bool now = waiting;
          lock.unlock();
          if (now) break;
          heddle::detail::goyield();
        }
        goready(me);
      });
      lock.lock();
      waiting = true;
      gopark(heddle::detail::parkunlock, &lock, waitreason::test);
    }
  });
}

TEST(Park, figures_count_parks_and_executes) {
  scheduler s(1);
  run_main(*s, [&] {
    heddle::detail::g *gp = start(park);
    heddle::detail::goyield();
    goready(gp);
    heddle::detail::goyield();
  });
  EXPECT_EQ(s->allp[0].get()->parks.get(), 1u);
  EXPECT_EQ(s->allp[0].get()->spawned.get(), 2u);
  EXPECT_EQ(s->allp[0].get()->exited.get(), 2u);
  EXPECT_EQ(s->allp[0].get()->executes(), 5u);
}

TEST(Park, reasons_have_words) {
  EXPECT_STREQ(heddle::detail::waitreason_text(waitreason::chan_receive), "chan receive");
  EXPECT_STREQ(heddle::detail::waitreason_text(waitreason::chan_send), "chan send");
  EXPECT_STREQ(heddle::detail::waitreason_text(waitreason::chan_receive_nil), "chan receive (nil chan)");
  EXPECT_STREQ(heddle::detail::waitreason_text(waitreason::chan_send_nil), "chan send (nil chan)");
  EXPECT_STREQ(heddle::detail::waitreason_text(waitreason::select), "select");
  EXPECT_STREQ(heddle::detail::waitreason_text(waitreason::select_no_cases), "select (no cases)");
  EXPECT_STREQ(heddle::detail::waitreason_text(waitreason::mutex_lock), "mutex lock");
  EXPECT_STREQ(heddle::detail::waitreason_text(waitreason::wait_group_wait), "wait_group wait");
  EXPECT_STREQ(heddle::detail::waitreason_text(waitreason::semaphore_acquire), "semaphore acquire");
  EXPECT_STREQ(heddle::detail::waitreason_text(waitreason::condition_variable_wait), "condition_variable wait");
  EXPECT_STREQ(heddle::detail::waitreason_text(waitreason::latch_wait), "latch wait");
  EXPECT_STREQ(heddle::detail::waitreason_text(waitreason::barrier_wait), "barrier wait");
  EXPECT_STREQ(heddle::detail::waitreason_text(waitreason::shared_mutex_lock), "shared_mutex lock");
  EXPECT_STREQ(heddle::detail::waitreason_text(waitreason::shared_mutex_lock_shared), "shared_mutex lock_shared");
  EXPECT_STREQ(heddle::detail::waitreason_text(waitreason::test), "test");
  EXPECT_STREQ(heddle::detail::waitreason_text(waitreason::zero), "unknown");
}

// ---------------------------------------------------------------------------------------------------------------- wake

TEST(Wake, work_wakes_another_m_and_is_stolen) {
  scheduler s(2);
  std::atomic<bool> ran{false};
  run_main(*s, [&] {
    start([&] { ran.store(true); });
    while (!ran.load()) heddle::detail::cpu_relax();  // this P never gets to it
  });
  EXPECT_GE(s->mcount.peek(), 2);
  EXPECT_EQ(s->allp[0].get()->steals.get() + s->allp[1].get()->steals.get(), 1u);
}

// One spinning M is enough for any number of submissions: no M is woken or started, and no system call made for it.
TEST(Wake, nobody_is_woken_while_an_m_spins) {
  scheduler s(4);
  std::uint64_t wakes = 0;
  std::int32_t ms = 0;
  run_main(*s, [&] {
    s->nmspinning.fetch_add(1, heddle::detail::relaxed);  // stands for an M that spins
    for (int i = 0; i < 1000; ++i) start([] {});
    wakes = heddle::detail::wakes_in(s->nmrunning.peek());
    ms = s->mcount.peek();
    s->nmspinning.fetch_sub(1, heddle::detail::relaxed);
    while (heddle::detail::gcount(*s) != 1) heddle::detail::goyield();
  });
  EXPECT_EQ(wakes, 0u);
  EXPECT_EQ(ms, 1);
}

TEST(Wake, stop_may_be_called_often_and_from_anywhere) {
  scheduler s(4);
  std::thread stopper;
  run_main(*s, [&] {
    for (int i = 0; i < 100; ++i) start([] { heddle::detail::goyield(); });
    stopper = std::thread([&] {
      for (int i = 0; i < 100; ++i) heddle::detail::stop(*s);
    });
    for (;;) heddle::gosched();
  });
  stopper.join();
  EXPECT_GE(heddle::detail::gcount(*s), 1u) << "main has not ended";
}

}  // namespace
