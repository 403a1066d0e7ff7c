// What the system refuses and gives later: a thread, the guard of a stack, memory for gs. Which calls are refused is a
// choice of the strategy; sysmon asks again, and a lost wake of its long sleeps is seen.
#include "sched/refused.hpp"
#include "heddle/time.hpp"
#include "sched/wake.hpp"
#include "verify/suites/calls.hpp"
#include "verify/suites/watched.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// So many calls may be refused while the program runs.
template <class Derived, int Ms, int Procs, int Times, unsigned Kinds = harness::threads>
struct refusing : watched<Derived, Ms, Procs> {
  using base = watched<Derived, Ms, Procs>;
  void options() {
    harness::sleeps_last = 1'000'000;  // the pauses between two requests are shorter, sysmon's others longer
    this->sched.options.log = false;
  }
  void body() {
    harness::refusals = Times;
    harness::refusable = Kinds;
    static_cast<Derived *>(this)->program();
    harness::refusals = 0;
  }
  void check() { VERIFY_INV("REFUSE-1", this->sched.stackless.empty()); }
};

// The only M is in a call that waits for a goroutine, for which there is no thread: nothing else will ask again.
template <int Times>
struct in_call : refusing<in_call<Times>, 2, 1, Times> {
  signal ran;
  trail other;
  void program() {
    go([this] {
      other.step();
      ran.set();
    });
    m *const mp = getm();
    entersyscallblock(mp);
    ran.await();
    exitsyscall(mp);
    VERIFY_INV("I14", other.steps.get() == 1);
  }
};

// As in_call, but the call is short at first: sysmon takes its P.
struct retaken : refusing<retaken, 2, 1, 1> {
  signal ran;
  void options() {
    refusing::options();
    harness::sleeps_last = harness::no_sleep;  // it is by looking again and again that sysmon finds the call
  }
  void program() {
    go([this] { ran.set(); });
    m *const mp = getm();
    entersyscall(mp);
    ran.await();
    exitsyscall(mp);
  }
};

// The only M is locked to a goroutine that sleeps: the thread that is refused is for its timer.
struct timed : refusing<timed, 2, 1, 2> {
  void program() {
    lock_os_thread(getm());
    timesleep(nanotime() + 30'000);
    unlock_os_thread(getm());
  }
};

// Two Ps have work and neither gets a thread at first; one party asks from inside a call, where threads are sysmon's to
// start.
struct both : refusing<both, 3, 2, 2> {
  signal ran[2];
  void program() {
    m *const mp = getm();
    go([this] {
      ran[0].await();
      ran[1].set();
    });
    entersyscallblock(mp);
    go([this] { ran[0].set(); });
    ran[1].await();
    exitsyscall(mp);
  }
};

// A goroutine that is to begin gets no stack, and the M that would run it goes to sleep. No deadlock is reported.
template <int Goroutines, bool Promised, int Procs = 1, unsigned Kinds = ~0u>
struct stack_refused : refusing<stack_refused<Goroutines, Promised, Procs, Kinds>, 1 + Procs, Procs, 2, Kinds> {
  using base = refusing<stack_refused<Goroutines, Promised, Procs, Kinds>, 1 + Procs, Procs, 2, Kinds>;
  countdown all{Goroutines};
  int made = 0;
  void before() {
    harness::guards_take_mappings = !Promised;
    base::before();
  }
  // There may be no memory for a goroutine; then it is asked for once more.
  void start() {
    const auto f = [this] { all.arrive(); };
    newborn s;
    while ((s = newspawn(this->sched, sizeof f, alignof(decltype(f)))).gp == nullptr) ++made;
    newproc(this->sched, build(s, f), &invoke<std::decay_t<decltype(f)>>);
  }
  void program() {
    for (int i = 0; i < Goroutines; ++i) start();
    all.wait();
    VERIFY_INV("REFUSE-1", made <= 2);
  }
};

// The time of an after_func comes, and there is no memory for its goroutine: it is called later.
struct after_refused : refusing<after_refused, 2, 1, 2, harness::memory> {
  countdown all{1};
  void program() {
    const newborn spare = newspawn(this->sched, 16, 16);  // gs are made two at a time
    const auto t = after_func(std::chrono::nanoseconds(10'000), [this] { all.arrive(); });
    all.wait();
    unspawn(this->sched, spare);
  }
};

// Two parties are refused while sysmon asks: nothing is left behind a word that says that nothing is refused. Mixed: one
// of them has left a P, the other a goroutine.
template <bool Mixed>
struct word : suite<3> {
  schedt sched{sched_options{.procs = 1, .threads_max = 1, .detect_deadlock = false, .log = false, .sysmon = true}};
  g *gs[2];
  struct p *pp;
  void before() {
    VERIFY_CHECK(schedinit(sched));
    pp = sched.pidle.get();
    for (g *&gp : gs) {
      gp = newspawn(sched, 16, 16).gp;
      casgstatus<gstatus::dead, gstatus::runnable>(gp);
    }
  }
  void thread(unsigned i) {
    if (i == 1 && Mixed) return void(put_back(sched, pp, false, birth::refused));
    if (i < 2) {
      sched.stackless.push(gs[i]);
      return ask_again(sched);
    }
    for (int k = 0; k < 2; ++k) {
      sched.retrywhen = 1;
      retry_refused(sched, 2);
    }
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    const bool promised = sched.needspinning.peek() != 0 && sched.pidle.peek_count() != 0;
    VERIFY_INV("REFUSE-1", sched.retry.peek() != 0 || (sched.stackless.empty() && !promised));
    schedfree(sched);
  }
};

// The last M goes to sleep while sysmon asks again for a goroutine that got no stack, and wakes that M for it: no deadlock
// is reported.
struct asked_meanwhile : suite<2> {
  schedt sched{sched_options{.procs = 1, .threads_max = 1, .log = false, .sysmon = true}};
  void before() {
    sched.options.on_deadlock = [](void *, const char *) { VERIFY_INV("I36", false); };
    VERIFY_CHECK(schedinit(sched));
    m *const mp = sched.m0 = allocm(sched, true);
    sched.mcount.fetch_add(1, relaxed);
    sched.nmrunning.fetch_add(1, relaxed);
    sched.midle.put(mp);
    g *const gp = newspawn(sched, 16, 16).gp;
    casgstatus<gstatus::dead, gstatus::runnable>(gp);
    sched.maing.store(gp, relaxed);
    sched.stackless.push(gp);
    sched.retry.store(1, relaxed);
    sched.retrywhen = 1;
  }
  void thread(unsigned i) {
    if (i == 0) return leave_running(sched);
    retry_refused(sched, 2);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    VERIFY_INV("I14", sched.midle.empty());
    schedfree(sched);
  }
};

// A goroutine without a stack when the runtime stops is abandoned like any other.
struct stopped_without : refusing<stopped_without, 2, 1, 1, harness::stacks> {
  void program() {
    go([] {});
    goyield();
  }
  void after() {
    std::uint64_t left = 0;
    for (gqueue<g> q = this->sched.stackless.drain(); q.pop_front() != nullptr;) ++left;
    VERIFY_INV("REFUSE-1", has_work(this->sched) || gcount(this->sched) == left);
    schedfree(this->sched);
  }
};

using word_stacks = word<false>;
using word_mixed = word<true>;
using in_call_once = in_call<1>;
using in_call_thrice = in_call<3>;
using stack_one = stack_refused<1, true>;
using stack_two = stack_refused<2, true>;
using stack_three = stack_refused<3, true>;
using stack_ps = stack_refused<2, true, 2, harness::stacks>;
using stack_mapped = stack_refused<2, false>;

}  // namespace

HEDDLE_SUITE(in_call_once, {.name = "refused.in_call",
                            .component = "sched/refused",
                            .invariants = "I14 REFUSE-1",
                            .what = "a thread is refused once; all that run wait in a call for what it was to run",
                            .modes = {random_mix(3), bounded(2, 3)}})
HEDDLE_SUITE(in_call_thrice, {.name = "refused.in_call_thrice",
                              .component = "sched/refused",
                              .invariants = "I14 REFUSE-1",
                              .what = "as refused.in_call, up to three times in a row",
                              .modes = {random_mix(3)}})
HEDDLE_SUITE(retaken, {.name = "refused.retaken",
                       .component = "sched/refused",
                       .invariants = "I14 REFUSE-1",
                       .what = "sysmon takes a P from a call, and gets no thread for it at first",
                       .modes = {random_mix(3)}})
HEDDLE_SUITE(timed,
             {.name = "refused.timer",
              .component = "sched/refused",
              .invariants = "I14 REFUSE-1 TIME-1",
              .what = "the only M waits for a goroutine that is locked to it and sleeps; no thread for its timer",
              .modes = {random_mix(3)}})
HEDDLE_SUITE(both, {.name = "refused.both",
                    .component = "sched/refused",
                    .invariants = "I14 REFUSE-1",
                    .what = "two parties get no thread; one of them leaves it to sysmon to start one",
                    .modes = {random_mix(4)}})
HEDDLE_SUITE(stack_one, {.name = "refused.stack",
                         .component = "sched/refused",
                         .invariants = "I14 I37 REFUSE-1",
                         .what = "a goroutine that is to begin gets no stack, and nothing else runs",
                         .modes = {random_mix(3), bounded(2, 3)}})
HEDDLE_SUITE(stack_two, {.name = "refused.stacks",
                         .component = "sched/refused",
                         .invariants = "I14 I37 REFUSE-1",
                         .what = "two goroutines, of which either gets no stack, no memory or no thread at first",
                         .modes = {random_mix(3)}})
HEDDLE_SUITE(stack_three, {.name = "refused.stacks_three",
                           .component = "sched/refused",
                           .invariants = "I14 I37 REFUSE-1",
                           .what = "as refused.stacks with three goroutines",
                           .modes = {random_mix(2)}})
HEDDLE_SUITE(stack_ps, {.name = "refused.stacks_2p",
                        .component = "sched/refused",
                        .invariants = "I14 I37 REFUSE-1",
                        .what = "goroutines of two Ps get no stack, one while sysmon asks again for the other",
                        .modes = {random_mix(4)}})
HEDDLE_SUITE(stack_mapped, {.name = "refused.mapped",
                            .component = "sched/newproc",
                            .invariants = "I14 REFUSE-1",
                            .what = "as refused.stacks, where a goroutine gets its stack when it is made",
                            .modes = {random_mix(3)}})
HEDDLE_SUITE(after_refused, {.name = "refused.after",
                             .component = "runtime/timer",
                             .invariants = "I47 REFUSE-1",
                             .what = "the time of an after_func comes while there is no memory for its goroutine",
                             .modes = {random_mix(3)}})
HEDDLE_SUITE(word_stacks, {.name = "refused.word",
                           .component = "sched/refused",
                           .invariants = "REFUSE-1",
                           .what = "two parties leave word for sysmon while it takes the word of one",
                           .modes = {random_mix(3), bounded(2, 2)}})
HEDDLE_SUITE(word_mixed, {.name = "refused.word_mixed",
                          .component = "sched/refused",
                          .invariants = "REFUSE-1",
                          .what = "as refused.word; one has left a P, the other a goroutine",
                          .modes = {random_mix(3), bounded(2, 2)}})
HEDDLE_SUITE(stopped_without, {.name = "refused.stopped",
                               .component = "sched/refused",
                               .invariants = "STOP-2 REFUSE-1",
                               .what = "the runtime stops while a goroutine has no stack",
                               .modes = {random_mix(2)}})
HEDDLE_SUITE(asked_meanwhile, {.name = "refused.no_report",
                               .component = "sched/deadlock",
                               .invariants = "I14 I36",
                               .what = "the last M goes to sleep while sysmon asks again and wakes it",
                               .modes = {random_mix(1), bounded(2, 2)}})
