// "all goroutines are asleep": reported exactly when it is true. A report that never comes leaves all threads asleep,
// which the checker calls a deadlock itself.
#include "sched/upkeep.hpp"
#include "verify/suites/standstill.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

struct alone : standstill<alone, 1, 1, 1> {
  void body() { sleep(); }
};

// The last goroutine that does something is on another M, or on the same.
template <int Ms, int Procs, bool Locked>
struct last : standstill<last<Ms, Procs, Locked>, Ms, Procs> {
  void body() {
    go([this] {
      goyield();
      if (!Locked) return this->done.set(1);
      lock_os_thread(getm());
      go([this] { this->done.set(1); });
    });
    if (Locked) lock_os_thread(getm());
    this->sleep();
  }
  void check() { VERIFY_INV("I36", this->reports.get() == 1 && this->done.get() == 1); }
};
using last_1p = last<2, 1, false>;
using last_2p = last<2, 2, false>;
// The main goroutine is locked, and so is the goroutine that ends before the last: its M ends with it, and hands on
// what is left.
using last_locked_1p = last<3, 1, true>;
using last_locked_2p = last<3, 2, true>;

// As dead.locked, with Ms that sysmon starts: those that are still to be born count.
struct by_template : standstill<by_template, 3, 1, 4> {
  void options() { sched.options.sysmon = true; }
  void body() {
    lock_os_thread(getm());
    go([this] {
      lock_os_thread(getm());
      go([this] { done.set(1); });
    });
    sleep();
  }
  void check() { VERIFY_INV("I36", reports.get() == 1 && done.get() == 1); }
};

// The process has a thread more than there are Ms until the one that ended is joined: sysmon looks again then.
struct counted : standstill<counted, 3, 2, 4> {
  atomic<std::uint32_t> elsewhere;
  void options() {
    harness::threads_counted = true;
    sched.options.sysmon = true;
  }
  void body() {
    go([this] {
      elsewhere.store(1, release);
      lock_os_thread(getm());
      // Main sleeps and no promise stands: with one, another M would start here, and be the last.
      while (sched.midle.peek_count() == 0) cpu_relax();
      sched.needspinning.store(0, relaxed);
      done.set(1);
    });
    while (elsewhere.load(acquire) == 0) cpu_relax();  // not on m0, whose thread does not end
    sleep();
  }
  void check() { VERIFY_INV("I36", reports.get() == 1 && done.get() == 1); }
};

// The embedder starts a goroutine from the report itself, which readies main (B58).
struct revived : standstill<revived, 2, 1> {
  g *main = nullptr;
  void told() {
    heddle::detail::go_from_outside(
        sched, [this] { goready(main); }, 0);
  }
  void body() {
    main = getm()->curg.peek();
    sleep();
    done.set(1);
  }
  void check() { VERIFY_INV("I37", reports.get() == 1 && done.get() == 1); }
};

// It readies main, which parks once more: that is another standstill.
struct again : standstill<again, 2, 2> {
  g *main = nullptr;
  void told() {
    if (reports.get() == 2) return stop(sched);
    goready(main);
  }
  void body() {
    main = getm()->curg.peek();
    sleep();
    done.set(1);
    sleep();
  }
  void check() { VERIFY_INV("I37", reports.get() == 2 && done.get() == 1); }
};

// An M that exits afterwards reports nothing new.
struct once : standstill<once, 3, 2, 2, 1> {
  atomic<std::uint32_t> reported;
  void told() { reported.store(1, release); }
  void foreign() {
    while (reported.load(acquire) == 0) cpu_relax();
    if (retire_m(sched))
      while (sched.freem.empty()) cpu_relax();
    stop(sched);
  }
  void body() {
    go([] {});
    sleep();
  }
};

// Two goroutines that are locked, and no third thread allowed: each could run, and no M is left to find it.
struct no_thread_left : standstill<no_thread_left, 2, 1> {
  void body() {
    go([] {
      lock_os_thread(getm());
      goyield();
    });
    goyield();
    lock_os_thread(getm());
    goyield();
  }
  // Either the other one ends before main is locked, and its M makes room; or there is a report.
  void check() { VERIFY_INV("I37", reports.get() <= 1); }
};

// The runtime stops while the last M goes to sleep.
struct stopped : standstill<stopped, 2, 2, 1, 1> {
  void foreign() { stop(sched); }
  void body() {
    go([this] { done.set(1); });
    sleep();
  }
  void check() { VERIFY_INV("I37", reports.get() <= 1); }
};

// A thread looks that was the last to sleep and was overtaken: main has been readied, has run and parked meanwhile, on
// another M. It is reported once, and the thread sees what it reports.
struct overtaken : suite<2> {
  schedt sched{sched_options{.procs = 1, .threads_max = 2, .waits_for = waits_for, .holder_for = holder_for}};
  m *mp = nullptr;
  plain<int> reports;
  void before() {
    sched.options.on_deadlock = [](void *self, const char *) {
      auto *const s = static_cast<overtaken *>(self);
      s->reports.set(s->reports.get() + 1);
      stop(s->sched);
    };
    sched.options.on_deadlock_arg = this;
    VERIFY_CHECK(schedinit(sched));
    mp = attach_m0(sched);
    auto main = [] { gopark(nullptr, nullptr, waitreason::test); };
    const heddle::detail::newborn s = heddle::detail::prepare(sched, main, 0);
    sched.maing.store(s.gp, relaxed);
    newproc(sched, s, &heddle::detail::invoke<decltype(main)>);
    set_current_m(nullptr);
  }
  void thread(unsigned i) {
    if (i == 1) return checkdead(sched);
    set_current_m(mp);
    schedule(mp);
    leave_p(mp);
    set_current_m(nullptr);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    VERIFY_INV("I37", reports.get() == 1);
    schedfree(sched);
  }
};

// One M wakes another, and both sleep; so does the last one, which may have heard of it late. Timer: the other M took
// the last timer. There is one report, by either of them.
template <bool Timer>
struct woke : suite<2> {
  schedt sched{sched_options{.procs = 1, .threads_max = 3}};
  m *mp = nullptr;
  runtime_timer t;
  g *main = nullptr;
  plain<int> reports;
  void before() {
    sched.options.on_deadlock = [](void *self, const char *) {
      auto *const s = static_cast<woke *>(self);
      s->reports.set(s->reports.get() + 1);
    };
    sched.options.on_deadlock_arg = this;
    VERIFY_CHECK(schedinit(sched));
    mp = allocm(sched);
    sched.mcount.fetch_add(3, relaxed);
    sched.nmrunning.fetch_add(2, relaxed);
    main = newspawn(sched, 16, 16).gp;
    sched.maing.store(main, relaxed);
    t.f.set([](runtime_timer *, bool) {});
    if (Timer) resettimer(sched, &t, nanotime());
  }
  void thread(unsigned i) {
    if (i == 1) {
      set_current_m(mp);
      acquirep(mp, pidleget(sched));
      count_awake(sched);
      checktimers(mp, mp->p.get()->timers);
      leave_running(sched);
      set_current_m(nullptr);
    }
    leave_running(sched);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    VERIFY_INV("I37", reports.get() == 1);
    schedfree(sched);
  }
};

using woke_for_work = woke<false>;
using woke_for_timer = woke<true>;

// The last M goes to sleep beside a timer. Another is woken for it, takes it, and goes on. Again: twice more that M
// arms the timer and sleeps, and is woken for it too.
template <bool Again>
struct timed : suite<2> {
  schedt sched{sched_options{.procs = 1, .threads_max = 2, .waits_for = waits_for, .holder_for = holder_for}};
  m *mp = nullptr;
  runtime_timer t;
  g *main = nullptr;
  void before() {
    sched.options.on_deadlock = [](void *, const char *) { VERIFY_INV("I37", !"a timer is armed, or somebody awake"); };
    VERIFY_CHECK(schedinit(sched));
    mp = allocm(sched);
    sched.mcount.fetch_add(2, relaxed);
    sched.nmrunning.fetch_add(1, relaxed);
    main = newspawn(sched, 16, 16).gp;
    sched.maing.store(main, relaxed);
    t.f.set([](runtime_timer *, bool) {});
    resettimer(sched, &t, nanotime());
  }
  void take_timer() {
    wakem(sched, mp);
    mp->park.noteclear();
    checktimers(mp, mp->p.get()->timers);
  }
  void thread(unsigned i) {
    if (i == 0) return leave_running(sched);
    set_current_m(mp);
    acquirep(mp, pidleget(sched));
    take_timer();
    for (int again = Again ? 2 : 0; again > 0; --again) {
      resettimer(sched, &t, nanotime());
      leave_running(sched);
      take_timer();
    }
    set_current_m(nullptr);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    VERIFY_INV("I37", t.in.peek() == nullptr);
    schedfree(sched);
  }
};

using timed_once = timed<false>;
using timed_again = timed<true>;

// There is another thread, which ends at some time: sysmon notices, and the report comes. The M that sleeps last has
// left the rest to sysmon, which may be in its deep sleep by then. Unknown: at first it is not known how many threads there
// are. Again: the other thread readies main before it ends, so that an M goes to sleep again while sysmon looks.
template <bool Unknown, bool Again>
struct company : standstill<company<Unknown, Again>, 2, 1, 2, 1> {
  atomic<std::int32_t> strangers{Unknown ? -1 : 9};
  countdown woken{1};
  void options() {
    harness::strangers = &strangers;
    this->sched.options.sysmon = true;
  }
  void foreign() {
    while (this->sched.company.load(relaxed) == 0) cpu_relax();
    if (Again) woken.arrive();
    strangers.store(0, release);
  }
  void told() {
    VERIFY_INV("I36", strangers.peek() == 0);
    stop(this->sched);
  }
  void body() {
    if (Again) woken.wait();
    this->done.set(1);
    this->sleep();
  }
};
using company_goes = company<false, false>;
using company_unknown = company<true, false>;
using company_again = company<false, true>;

// Another thread arms a timer and ends, while the last M looks for a deadlock: there is none before the timer has been.
struct company_timed : standstill<company_timed, 2, 1, 2, 1> {
  struct waker : runtime_timer {
    company_timed *home = nullptr;
  };
  atomic<std::int32_t> strangers{9};
  countdown woken{1};
  waker t;
  plain<int> called;
  void options() {
    harness::strangers = &strangers;
    this->sched.options.sysmon = true;
    t.home = this;
    t.f.set([](runtime_timer *self, bool due) {
      if (!due) return;
      company_timed &of = *static_cast<waker *>(self)->home;
      of.called.set(1);
      of.woken.arrive();
    });
  }
  void foreign() {
    while (awake_in(this->sched.nmrunning.load(relaxed)) != 0) cpu_relax();
    {
      const foreign_call here(this->sched);
      resettimer(this->sched, &t, nanotime() + 20'000);
    }
    strangers.store(0, release);
  }
  void told() {
    VERIFY_INV("I36", called.get() == 1);
    stop(this->sched);
  }
  void body() {
    woken.wait();
    this->done.set(1);
    this->sleep();
  }
};

// The last M goes to sleep and finds that sysmon looks after the rest, while sysmon finds that it need not any more.
struct company_left : suite<2> {
  schedt sched{sched_options{.procs = 1, .threads_max = 1, .sysmon = true}};
  plain<int> reports;
  void before() {
    sched.options.on_deadlock = [](void *self, const char *) {
      auto *const s = static_cast<company_left *>(self);
      s->reports.set(s->reports.get() + 1);
    };
    sched.options.on_deadlock_arg = this;
    VERIFY_CHECK(schedinit(sched));
    sched.mcount.fetch_add(1, relaxed);
    sched.nmrunning.fetch_add(1, relaxed);
    sched.company.store(1, relaxed);
    sched.maing.store(newspawn(sched, 16, 16).gp, relaxed);
  }
  void thread(unsigned i) {
    if (i == 0)
      leave_running(sched);
    else
      look_again(sched);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    VERIFY_INV("I37", reports.get() == 1);
    schedfree(sched);
  }
};

// A thread from outside makes a goroutine while the report on the others is printed.
struct foreign_go : standstill<foreign_go, 1, 1, 1, 1> {
  void foreign() {
    const foreign_call here(sched);
    unspawn(sched, newspawn(sched, 16, 16));
  }
  void body() { sleep(); }
};

// A goroutine in a call is no standstill, and neither is one that comes back from there while its P is being taken: the
// thread that takes it counts (B11).
struct calling : scheduled<calling, 3, 1, 1> {
  countdown all{1};
  atomic<std::uint32_t> in, looked;
  void before() {
    sched.options.detect_deadlock = true;
    scheduled::before();
  }
  void foreign() {
    while (in.load(acquire) == 0) cpu_relax();
    for (int k = 0; k < 2; ++k) retake(sched, nanotime() + 1'000'000'000);
    looked.store(1, release);
  }
  void body() {
    go([this] {
      m *const mp = getm();
      entersyscall(mp);
      in.store(1, release);
      exitsyscall(mp);
      all.arrive();
    });
    all.wait();
    while (looked.load(acquire) == 0)
      cpu_relax();  // it starts Ms as sysmon does; joinms joins it before it looks for Ms
  }
};

}  // namespace

HEDDLE_SUITE(alone, {.name = "dead.alone",
                     .component = "sched/deadlock",
                     .invariants = "I37",
                     .what = "the main goroutine parks for ever: one report",
                     .modes = {random_mix(1)}})
HEDDLE_SUITE(last_1p, {.name = "dead.last_1p",
                       .component = "sched/deadlock",
                       .invariants = "I36 I37",
                       .what = "one report, after the last goroutine that ran has ended, on one P",
                       .modes = {random_mix(2)}})
HEDDLE_SUITE(last_2p, {.name = "dead.last",
                       .component = "sched/deadlock",
                       .invariants = "I36 I37",
                       .what = "as dead.last_1p on two Ps and two Ms",
                       .modes = {random_mix(3)}})
HEDDLE_SUITE(last_locked_1p,
             {.name = "dead.locked_1p",
              .component = "sched/deadlock",
              .invariants = "I36 I37",
              .what = "the main goroutine is locked, and another ends locked, with its M, and leaves work behind",
              .modes = {random_mix(3)}})
HEDDLE_SUITE(last_locked_2p, {.name = "dead.locked",
                              .component = "sched/deadlock",
                              .invariants = "I36 I37",
                              .what = "as dead.locked_1p on two Ps",
                              .modes = {random_mix(3)}})
HEDDLE_SUITE(by_template, {.name = "dead.template",
                           .component = "sched/deadlock",
                           .invariants = "I36 I37",
                           .what = "as dead.locked_1p, the Ms started by sysmon (B10)",
                           .modes = {random_mix(3)}})
HEDDLE_SUITE(counted, {.name = "dead.joined",
                       .component = "sched/deadlock",
                       .invariants = "I37",
                       .what = "a thread that is about to end keeps the report back only until sysmon has joined it",
                       .modes = {random_mix(3)}})
HEDDLE_SUITE(revived, {.name = "dead.revived",
                       .component = "sched/deadlock",
                       .invariants = "I37",
                       .what = "a report may start a goroutine from its callback (B58)",
                       .modes = {random_mix(2)}})
HEDDLE_SUITE(again, {.name = "dead.again",
                     .component = "sched/deadlock",
                     .invariants = "I36 I37",
                     .what = "a second standstill is reported as well",
                     .modes = {random_mix(2)}})
HEDDLE_SUITE(once, {.name = "dead.once",
                    .component = "sched/deadlock",
                    .invariants = "I37",
                    .what = "an M that exits after the report brings no second one",
                    .modes = {random_mix(2)}})
HEDDLE_SUITE(no_thread_left,
             {.name = "dead.threads_max",
              .component = "sched/deadlock",
              .invariants = "I37",
              .what = "all threads are locked, and none may be started for those that can run: a report",
              .modes = {random_mix(2)}})
HEDDLE_SUITE(stopped, {.name = "dead.stop",
                       .component = "sched/deadlock",
                       .invariants = "I37",
                       .what = "the runtime stops while the last M goes to sleep",
                       .modes = {random_mix(2)}})
HEDDLE_SUITE(overtaken, {.name = "dead.overtaken",
                         .component = "sched/deadlock",
                         .invariants = "I37",
                         .what = "two Ms that were the last to sleep look at once: one report",
                         .modes = {random_mix(1), bounded(2, 1)}})
HEDDLE_SUITE(company_goes,
             {.name = "dead.company",
              .component = "sched/deadlock",
              .invariants = "I37 DEAD-3",
              .what = "the process has another thread, which ends at some time: sysmon finds the deadlock",
              .modes = {random_mix(2)}})
HEDDLE_SUITE(company_unknown, {.name = "dead.company_unknown",
                               .component = "sched/deadlock",
                               .invariants = "I37 DEAD-3",
                               .what = "as dead.company, and at first it is not known how many threads there are",
                               .modes = {random_mix(2)}})
HEDDLE_SUITE(company_again,
             {.name = "dead.company_again",
              .component = "sched/deadlock",
              .invariants = "I37 DEAD-3",
              .what = "as dead.company; the other thread readies main before it ends, and main parks once more",
              .modes = {random_mix(3)}})
HEDDLE_SUITE(company_timed, {.name = "dead.company_timed",
                             .component = "sched/deadlock",
                             .invariants = "I36 I37",
                             .what = "another thread arms a timer and ends while the last M looks for a deadlock",
                             .modes = {random_mix(4)}})
HEDDLE_SUITE(company_left, {.name = "dead.company_left",
                            .component = "sched/deadlock",
                            .invariants = "I37 DEAD-3",
                            .what = "the last M leaves the rest to sysmon while that finds the others gone: one report",
                            .modes = {random_mix(1), bounded(3, 1)}})
HEDDLE_SUITE(woke_for_work,
             {.name = "dead.woke",
              .component = "sched/deadlock",
              .invariants = "I37",
              .what = "the last one that was awake has not heard of a wake-up whose M sleeps already: one report",
              .modes = {random_mix(1), bounded(3, 1)}})
HEDDLE_SUITE(woke_for_timer,
             {.name = "dead.woke_for_timer",
              .component = "sched/deadlock",
              .invariants = "I37",
              .what = "the last M that was awake has not heard that the timer is gone, and the M that took it sleeps",
              .modes = {random_mix(1), bounded(3, 1)}})
HEDDLE_SUITE(timed_once, {.name = "dead.timer",
                          .component = "sched/deadlock",
                          .invariants = "I37",
                          .what = "an M is woken for the last timer while the last one that was awake looks",
                          .modes = {random_mix(2), bounded(3, 1)}})
HEDDLE_SUITE(timed_again, {.name = "dead.timer_again",
                           .component = "sched/deadlock",
                           .invariants = "I37",
                           .what = "as dead.timer, and twice it arms it again, sleeps, and is woken for that too",
                           .modes = {random_mix(2), bounded(3, 1)}})
HEDDLE_SUITE(foreign_go, {.name = "dead.foreign",
                          .component = "sched/deadlock",
                          .invariants = "I37",
                          .what = "a thread from outside makes a goroutine while the report is printed",
                          .modes = {random_mix(2)}})
HEDDLE_SUITE(calling, {.name = "dead.call",
                       .component = "sched/deadlock",
                       .invariants = "I36",
                       .what = "no report while a P is taken from a call that just ends (B11)",
                       .modes = {random_mix(3)}})
