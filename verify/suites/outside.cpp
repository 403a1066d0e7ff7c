// Threads that are no Ms: what they must do for the scheduler's end, and what the deadlock report must do for them.
#include "heddle/blocking.hpp"
#include "verify/suites/scheduled.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// A foreign thread (one that is no M) submits while the runtime is stopped and its Ms are joined: no M may be started
// once joinms has joined them all, or it would run in a scheduler that is being taken apart (STOP-2).
struct stopped : suite<2, 1> {
  schedt sched{sched_options{.procs = 1, .threads_max = 2, .detect_deadlock = false}};
  std::int32_t ms_when_joined = -1;
  void before() { VERIFY_CHECK(schedinit(sched)); }
  void thread(unsigned i) {
    if (i == 0) {
      heddle::detail::go_from_outside(
          sched, [] {}, 0);
      return;
    }
    stop(sched);
    joinms(sched);
    ms_when_joined = sched.mcount.peek();
  }
  void after() {
    VERIFY_INV("STOP-2", sched.mcount.peek() == ms_when_joined && sched.foreigners.peek() == 0);
    schedfree(sched);
  }
};

// The same thread does both, and the M that has found the goroutine may be about to start another: that one is joined
// as well.
struct shut_down_first : suite<1, 2> {
  schedt sched{sched_options{.procs = 2, .threads_max = 2, .detect_deadlock = false}};
  void before() { VERIFY_CHECK(schedinit(sched)); }
  void thread(unsigned) {
    heddle::detail::go_from_outside(
        sched, [] {}, 0);
    stop(sched);
    joinms(sched);
    for (unsigned k = 1; k <= 2; ++k) VERIFY_INV("STOP-2", !harness::can_run(k));
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    VERIFY_INV("I34", sched.mcount.peek() == heddle::detail::awake_in(sched.nmrunning.peek()));
    schedfree(sched);
  }
};

// An M goes to sleep as the runtime is stopped, and no other thread comes by later.
struct stopped_asleep : suite<2> {
  schedt sched{sched_options{.procs = 1, .threads_max = 1, .detect_deadlock = false}};
  m *mp = nullptr;
  void before() {
    VERIFY_CHECK(schedinit(sched));
    mp = allocm(sched);
    sched.mcount.fetch_add(1, relaxed);
    sched.nmrunning.fetch_add(1, relaxed);
    acquirep(mp, sched.pidle.get());
  }
  void thread(unsigned i) {
    if (i != 0) return stop(sched);
    set_current_m(mp);
    VERIFY_CHECK(!drop_p(mp));
    stopm(mp);
    VERIFY_INV("I37", mp->p.get() == nullptr);
    set_current_m(nullptr);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    VERIFY_INV("I10", sched.midle.empty());
    schedfree(sched);
  }
};

// Two at once: neither is forgotten, and the thread that joins the Ms sees what they have done.
struct stopped_two : suite<3> {
  schedt sched{sched_options{.procs = 1, .threads_max = 1, .detect_deadlock = false}};
  plain<int> done[2];
  void thread(unsigned i) {
    if (i != 0) {
      const foreign_call here(sched);
      if (here.open()) done[i - 1].set(1);
      return;
    }
    stop(sched);
    joinms(sched);
    for (const plain<int> &d : done) VERIFY_INV("STOP-2", d.get() <= 1);
  }
  void after() { VERIFY_INV("STOP-2", sched.foreigners.peek() == 0); }
};

// Two threads start a goroutine each: both are counted, and have a number of their own.
struct two_numbers : suite<2> {
  schedt sched{sched_options{.procs = 1, .threads_max = 1, .detect_deadlock = false}};
  void before() {
    VERIFY_CHECK(schedinit(sched));
    stop(sched);  // no M is to run them
  }
  void thread(unsigned) {
    heddle::detail::go_from_outside(
        sched, [] {}, 0);
  }
  void after() {
    VERIFY_INV("I1", gcount(sched) == 2);
    const g *const first = sched.allgs.peek();
    VERIFY_INV("GOID", first->goid.get() != first->alllink.peek()->goid.get());
    VERIFY_INV("STOP-2", sched.foreigners.peek() == 0);
    schedfree(sched);
  }
};

// A thread outside takes one dead g of a batch; the others stay where the next taker finds them.
struct leftover : suite<2> {
  schedt sched{sched_options{.procs = 1, .threads_max = 1, .detect_deadlock = false}};
  void before() {
    VERIFY_CHECK(schedinit(sched));
    gqueue<g> batch;
    for (int k = 0; k < 3; ++k) batch.push_back(newspawn(sched, 16, 16).gp);
    sched.gFree.put(batch);
  }
  void thread(unsigned) { unspawn(sched, newspawn(sched, 16, 16)); }
  void after() {
    std::uint32_t found = 0;
    for (gqueue<g> batch = sched.gFree.get(); !batch.empty(); batch = sched.gFree.get()) found += batch.size();
    VERIFY_INV("I27", found == sched.allglen.get());
    schedfree(sched);
  }
};

// As two_numbers for two Ps, which give numbers by the batch.
struct two_batches : suite<2> {
  schedt sched{sched_options{.procs = 2, .threads_max = 2, .detect_deadlock = false}};
  m *ms[2];
  void before() {
    VERIFY_CHECK(schedinit(sched));
    for (m *&mp : ms) {
      mp = allocm(sched);
      acquirep(mp, sched.pidle.get());
      acquirem(mp);  // it runs no goroutine that could give way
    }
    stop(sched);
  }
  void thread(unsigned i) {
    set_current_m(ms[i]);
    go([] {});
    set_current_m(nullptr);
  }
  void after() {
    VERIFY_INV("I1", gcount(sched) == 2);
    const g *const first = sched.allgs.peek();
    VERIFY_INV("GOID", first->goid.get() != first->alllink.peek()->goid.get());
    schedfree(sched);
  }
};

// The same for a goroutine that is readied from outside, from the moment when it can be: the runtime stops just then.
struct stopped_ready : suite<2, 1> {
  schedt sched{sched_options{.procs = 1, .threads_max = 2, .detect_deadlock = false}};
  atomic<g *> parked;
  std::int32_t ms_when_joined = -1;
  void before() { VERIFY_CHECK(schedinit(sched)); }
  static bool publish_and_stop(g *gp, void *self) {
    auto *const s = static_cast<stopped_ready *>(self);
    s->parked.store(gp, release);
    stop(s->sched);
    return true;
  }
  void thread(unsigned i) {
    if (i == 0) {
      while (parked.load(acquire) == nullptr) cpu_relax();
      return goready(parked.load(relaxed));
    }
    heddle::detail::start_main(sched);
    m *const mp = getm();
    auto main = [this] { gopark(publish_and_stop, this, waitreason::test); };
    const heddle::detail::newborn s = heddle::detail::prepare(sched, main, 0);
    sched.maing.store(s.gp, relaxed);  // so that it is put without a wake-up, which would leave a promise
    newproc(sched, s, &heddle::detail::invoke<decltype(main)>);
    schedule(mp);
    sched.pidle.put(releasep(mp));
    set_current_m(nullptr);
    joinms(sched);
    ms_when_joined = sched.mcount.peek();
  }
  void after() {
    VERIFY_INV("STOP-2", sched.mcount.peek() == ms_when_joined && sched.foreigners.peek() == 0);
    schedfree(sched);
  }
};

// All goroutines wait, and that is no deadlock: a thread outside, which has started one of them before, starts another.
struct not_dead : scheduled<not_dead, 1, 1, 1> {
  atomic<std::uint32_t> begun;
  countdown all{1};
  void before() {
    sched.options.detect_deadlock = true;
    scheduled<not_dead, 1, 1, 1>::before();
  }
  void foreign() {
    heddle::detail::go_from_outside(
        sched, [this] { begun.store(1, release); }, 0);
    heddle::detail::go_from_outside(
        sched, [this] { all.arrive(); }, 0);
  }
  void body() {
    while (begun.load(acquire) == 0) gosched();
    all.wait();
  }
};

// A runtime is shut down with a limit while a goroutine is in a call, or a thread outside in one of the runtime's. At
// most once is it told that the shutdown waits; at the limit it is told once that a thread is left. If that is not told,
// no thread is left.
template <bool Sysmon>
struct limited : suite<2, 1 + Sysmon> {
  schedt sched;
  plain<int> waiting, left;
  limited() : sched(sched_options{.procs = 1, .threads_max = 1, .detect_deadlock = false, .sysmon = Sysmon}) {
    sched.options.tell_waiting = tell;
  }
  static inline limited *now;
  static void tell(const schedt &, bool left) {
    plain<int> &n = left ? now->left : now->waiting;
    n.set(n.get() + 1);
  }
  void before() {
    now = this;
    harness::step_ns = wait_untold / 4;
    VERIFY_CHECK(schedinit(sched));
  }
  void thread(unsigned i) {
    if (i == 0)
      return heddle::detail::go_from_outside(
          sched, [] { blocking([] { cpu_relax(); }); }, 0);
    VERIFY_CHECK(start_sysmon(sched) == 0);
    const bool ended = shut_down(sched, nanotime() + 8 * wait_untold);
    if (!ended) {
      VERIFY_INV("STOP-2", left.get() == 1);
      shut_down(sched, never);
    }
    VERIFY_INV("STOP-2", left.get() == (ended ? 0 : 1) && waiting.get() <= 1);
    for (unsigned k = 2; k <= 2 + Sysmon; ++k) VERIFY_INV("STOP-2", !harness::can_run(k));
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() { schedfree(sched); }
};
using limited_alone = limited<false>;
using limited_with_sysmon = limited<true>;

}  // namespace

HEDDLE_SUITE(stopped, {.name = "outside.stop",
                       .component = "sched/wake",
                       .invariants = "STOP-2 I34",
                       .what = "no M is started after joinms by a thread that submits",
                       .modes = {random_mix(3), bounded(2, 3)}})
HEDDLE_SUITE(shut_down_first, {.name = "outside.shutdown",
                               .component = "sched/m",
                               .invariants = "STOP-2 I34",
                               .what = "an M that starts another as the runtime ends: both are joined",
                               .modes = {random_mix(2), bounded(2, 1)}})
HEDDLE_SUITE(stopped_asleep, {.name = "outside.stop_asleep",
                              .component = "sched/stopworld",
                              .invariants = "I10 I37 I38",
                              .what = "an M goes to sleep as a thread outside stops the runtime",
                              .modes = {random_mix(1), bounded(2, 1)}})
HEDDLE_SUITE(stopped_two, {.name = "outside.stop_two",
                           .component = "sched/wake",
                           .invariants = "STOP-2",
                           .what = "as outside.stop with two threads, and what they did is seen afterwards",
                           .modes = {random_mix(2), bounded(2, 2)}})
HEDDLE_SUITE(two_numbers, {.name = "outside.numbers",
                           .component = "sched/newproc",
                           .invariants = "I1 GOID",
                           .what = "goroutines started at once by two threads are counted, and their numbers differ",
                           .modes = {random_mix(2)}})
HEDDLE_SUITE(leftover, {.name = "outside.leftover",
                        .component = "sched/newproc",
                        .invariants = "I27",
                        .what = "no dead g is lost when a thread outside takes one of a batch",
                        .modes = {random_mix(1), bounded(2, 2)}})
HEDDLE_SUITE(two_batches, {.name = "sched.numbers",
                           .component = "sched/newproc",
                           .invariants = "I1 GOID",
                           .what = "as outside.numbers, started by two Ms",
                           .modes = {random_mix(1)}})
HEDDLE_SUITE(stopped_ready, {.name = "outside.stop_ready",
                             .component = "sched/wake",
                             .invariants = "STOP-2 I34",
                             .what = "no M is started after joinms by a thread that readies",
                             .modes = {random_mix(4)}})
HEDDLE_SUITE(not_dead, {.name = "outside.no_report",
                        .component = "sched/deadlock",
                        .invariants = "I36",
                        .what = "no deadlock is reported while a thread outside may start a goroutine",
                        .modes = {random_mix(3)}})
HEDDLE_SUITE(limited_alone, {.name = "outside.limit",
                             .component = "sched/m",
                             .invariants = "STOP-2",
                             .what = "a shutdown with a limit while a goroutine is in a call",
                             .modes = {random_mix(2)}})
HEDDLE_SUITE(limited_with_sysmon, {.name = "outside.limit_sysmon",
                                   .component = "sched/m",
                                   .invariants = "STOP-2",
                                   .what = "as outside.limit, and sysmon may tell of it too",
                                   .modes = {random_mix(2)}})
