// The delicate dance alone: each thread is an M put right before the step that matters, so that few steps lead to each
// race. The submitter never runs anything itself: it stands for an M that computes on for ever. If a wake-up is lost,
// the others sleep (deadlock) or a goroutine waits for its twin (livelock).
#include "sched/wake.hpp"
#include "heddle/runtime.hpp"
#include "runtime/spawn.hpp"
#include "sched/boot.hpp"
#include "sched/m.hpp"
#include "sched/schedule.hpp"
#include "sched/status.hpp"
#include "sched/stopworld.hpp"
#include "verify/suite.hpp"
#include "verify/suites/describe.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// Thread 0 submits `Gs` goroutines that must all run at once; each other thread is an M about to drop its P.
template <class Derived, int Droppers, int Dynamic, int Gs>
struct directed : suite<1 + Droppers, Dynamic> {
  static constexpr int procs = 1 + Droppers;
  schedt sched{sched_options{.procs = procs, .threads_max = procs + Dynamic, .detect_deadlock = false}};
  m *ms[procs];
  atomic<std::uint32_t> arrived;
  plain<int> ran;

  void before() {
    VERIFY_CHECK(schedinit(sched));
    for (m *&mp : ms) {
      mp = allocm(sched);
      sched.mcount.fetch_add(1, relaxed);
      sched.nmrunning.fetch_add(1, relaxed);
      acquirep(mp, sched.pidle.get());
    }
    (sched.m0 = ms[0])->borrowed = true;  // never joined: its thread is the suite's
  }

  void body() {
    // acq_rel: the last one sees what the others did; they wait for it by looking.
    if (arrived.fetch_add(1, acq_rel) + 1 == Gs) ran.set(1);
    while (arrived.load(acquire) != Gs) cpu_relax();
    stop(sched);
  }

  // The submitter's M runs no goroutine that could give way.
  template <class F>
  void start(F f) {
    m *const mp = getm();
    ++mp->locks;
    go(f);
    --mp->locks;
  }
  void start() {
    start([this] { body(); });
  }

  void submit() {
    for (int i = 0; i < Gs; ++i) start();
  }

  void thread(unsigned i) {
    m *mp = ms[i];
    set_current_m(mp);
    if (i == 0) {
      static_cast<Derived *>(this)->submit();
    } else {
      static_cast<Derived *>(this)->prepare(mp);
      if (!drop_p(mp)) stopm(mp);
      if (mp->p.get() != nullptr) schedule(mp);
      leave_p(mp);
    }
    set_current_m(nullptr);
  }
  void prepare(m *) {}
  void describe(names &to) { describe_sched(to, sched); }

  void after() {
    VERIFY_INV("I14", ran.get() == 1);
    VERIFY_INV("I11", sched.nmspinning.peek() >= 0);
    // The Ms that newm made are still joined here; the suite's own threads have ended as well.
    schedfree(sched);
  }
};

// The submitter has looked for an idle P in vain just before the other M drops its own (B1).
struct drop_one : directed<drop_one, 1, 1, 1> {};
// As above, the other was spinning: the submitter may have relied on it.
struct drop_spinning : directed<drop_spinning, 1, 1, 1> {
  void prepare(m *mp) { become_spinning(mp); }
};
// No M can be made: the one that drops its P is the only one.
struct drop_no_thread : directed<drop_no_thread, 1, 0, 1> {};
struct drop_spinning_no_thread : directed<drop_spinning_no_thread, 1, 0, 1> {
  void prepare(m *mp) { become_spinning(mp); }
};
// Two goroutines, two droppers: neither P may stay idle beside a promise (DANCE-4).
struct drop_two : directed<drop_two, 2, 1, 2> {};
struct drop_two_mixed : directed<drop_two_mixed, 2, 1, 2> {
  void prepare(m *mp) {
    if (mp == ms[1]) become_spinning(mp);
  }
};

// The submitter's M goes on: a g yields to the global queue, and the other g of the same P then computes until it has
// run. The spinner may have looked at the global queue just before, and look at the ring just after (B2).
struct drop_gosched : directed<drop_gosched, 1, 0, 1> {
  atomic<std::uint32_t> done;
  void submit() {
    this->start([this] {
      while (done.load(acquire) == 0) cpu_relax();
      ran.set(1);
      stop(sched);
    });
    this->start([this] {
      gosched();
      done.store(1, release);
    });
    ms[0]->p.get()->schedtick.add();  // off the fairness tick, which would take the g from the global queue at once
    schedule(ms[0]);
  }
  void prepare(m *mp) { become_spinning(mp); }
};

// As drop_spinning, the work on the P with the highest number: an M that looks must look at every one.
struct drop_spinning_last : directed<drop_spinning_last, 1, 1, 1> {
  void before() {
    directed::before();
    struct p *first = releasep(ms[0]), *last = releasep(ms[1]);
    acquirep(ms[0], last);
    acquirep(ms[1], first);
  }
  void prepare(m *mp) { become_spinning(mp); }
};

// An M that may not spin, because enough others do, goes to sleep beside work that is for those to take. The one
// spinning M here waits for that; and a start is in flight whose M never comes. An M that took its P back because it
// sees work, and may not steal it, would go round for as long (B4).
struct capped : directed<capped, 2, 0, 1> {
  void before() {
    directed::before();
    become_spinning(ms[2]);
    sched.nmspinning.fetch_add(1, relaxed);
    set_current_m(ms[0]);
    start();
    set_current_m(nullptr);
  }
  void submit() {}
  void prepare(m *mp) {
    while (mp == ms[2] && sched.midle.empty()) cpu_relax();
  }
};

// One pass over the Ps finds what is there, wherever it is: the random numbers decide the order, never whether it is
// found (B9). A search that may miss a P goes round for as long as the random numbers let it.
struct covers : directed<covers, 2, 0, 1> {
  void before() {
    directed::before();
    become_spinning(ms[1]);
    std::uint64_t chance = 0;
    set_current_m(ms[cheaprandn(chance, 2) * 2]);
    start();
    set_current_m(nullptr);
  }
  void thread(unsigned i) {
    if (i == 1) directed::thread(i);
  }
};

// Two gs that must run at once are in the inbox, and an M that is not spinning takes both. While it holds them a
// spinning M looks for the last time: only a wake-up tells of the second (B56). With the fairness tick or without, by a
// random number.
struct inbox_batch : directed<inbox_batch, 1, 1, 2> {
  void before() {
    directed::before();
    become_spinning(ms[0]);
    set_current_m(nullptr);
    for (int i = 0; i < 2; ++i)
      heddle::detail::go_from_outside(
          sched, [this] { body(); }, 0);
    std::uint64_t chance = 0;
    if (cheaprandn(chance, 2) == 1) ms[1]->p.get()->schedtick.add();
  }
  void thread(unsigned i) {
    m *const mp = ms[i];
    set_current_m(mp);
    if (i == 0 && !drop_p(mp)) stopm(mp);
    if (mp->p.get() != nullptr) schedule(mp);
    leave_p(mp);
    set_current_m(nullptr);
  }
};

// More is in the inbox than a ring holds, and an M that is not at its fairness tick takes all: what does not fit goes
// to the global queue.
struct inbox_flood : directed<inbox_flood, 1, 0, 1> {
  static constexpr std::uint32_t many = geometry::runq_capacity + 3;
  atomic<std::uint32_t> left{many};
  void before() {
    directed::before();
    set_current_m(nullptr);
    for (std::uint32_t k = 0; k < many; ++k)
      heddle::detail::go_from_outside(
          sched,
          [this] {
            if (left.fetch_sub(1, acq_rel) != 1) return;
            ran.set(1);
            stop(sched);
          },
          0);
    for (m *mp : ms) mp->p.get()->schedtick.add();
  }
  void thread(unsigned i) {
    m *const mp = ms[i];
    set_current_m(mp);
    schedule(mp);
    leave_p(mp);
    set_current_m(nullptr);
  }
};

// An M is being born, finds nothing, and goes to sleep before its creator has made another step: that is no deadlock
// (B10). It may not spin here, because enough others seem to: a spin loop would let the creator go on.
struct newborn_m : directed<newborn_m, 1, 1, 1> {
  void before() {
    directed::before();
    sched.options.detect_deadlock = true;
    set_current_m(ms[0]);
    go([] {});
    bool inherit = false;
    sched.maing.store(ms[0]->p.get()->runq.runqget(inherit), relaxed);
    set_current_m(nullptr);
    sched.needspinning.store(0, relaxed);
    sched.nmspinning.fetch_add(1, relaxed);
    sched.mcount.fetch_sub(1, relaxed);  // ms[1] is no M of this suite
    sched.nmrunning.fetch_sub(1, relaxed);
    ran.set(1);
  }
  void thread(unsigned i) {
    if (i == 1) return;
    set_current_m(ms[0]);
    VERIFY_INV("I34", newm(sched, releasep(ms[1]), false) == birth::begun);
    stop(sched);
    set_current_m(nullptr);
  }
};

// A promise stands beside a count. One M clears it, finds nothing and goes to sleep; the M that was counted has found a
// g, which computes on for ever, and must not take the old promise for a present one (DANCE-2). Each waits for its
// moment by what it peeks, which orders nothing.
struct stale_promise : directed<stale_promise, 2, 0, 1> {
  void before() {
    directed::before();
    ms[2]->spinning.set(true);
    sched.nmspinning.fetch_add(1, relaxed);
    sched.needspinning.store(1, relaxed);
  }
  void prepare(m *mp) { become_spinning(mp); }
  void submit() {
    while (sched.midle.peek_count() == 0) cpu_relax();
    start();
  }
  void thread(unsigned i) {
    if (i != 2) return directed::thread(i);
    set_current_m(ms[2]);
    while (ms[1]->spinning.peek() || sched.needspinning.peek() != 0) cpu_relax();
    resetspinning(ms[2]);
    set_current_m(nullptr);
  }
};

// While a waker that has found no P makes its promise, an M that was spinning clears that promise, finds a g that
// computes on for ever, and relies on the waker's count for all else: that count must not outlive the promise
// (DANCE-2).
struct overtaken : directed<overtaken, 2, 0, 1> {
  void thread(unsigned i) {
    if (i != 2) return directed::thread(i);
    set_current_m(ms[2]);
    become_spinning(ms[2]);
    resetspinning(ms[2]);
    set_current_m(nullptr);
  }
};

// The P that a spinning M has just dropped goes to an M that comes from elsewhere and was never counted, as m0 does. It
// may take the spinning M for one that still looks, and then does not steal: only a promise makes it look again
// (DANCE-1).
struct attached : directed<attached, 2, 0, 1> {
  void before() {
    directed::before();
    releasep(ms[2]);
    sched.gomaxprocs.store(2, relaxed);  // the third P does not exist, and the order of stealing is that of two
    sched.ncoprimes.set(1);
  }
  void prepare(m *mp) { become_spinning(mp); }
  void thread(unsigned i) {
    if (i != 2) return directed::thread(i);
    set_current_m(ms[2]);
    if (struct p *pp = sched.pidle.get())
      acquirep(ms[2], pp);
    else
      stopm(ms[2]);
    if (ms[2]->p.get() != nullptr) schedule(ms[2]);
    leave_p(ms[2]);
    set_current_m(nullptr);
  }
};

// A P is handed on with work in its queue, there is no M for it, and so it is left with a promise, while the other M
// clears that promise, taking it for an older one (DANCE-2, DANCE-5).
struct handed_on : directed<handed_on, 1, 0, 1> {
  void before() {
    directed::before();
    sched.needspinning.store(1, relaxed);
  }
  void submit() {
    start();
    startm(sched, releasep(ms[0]), false);
  }
};

// Two threads at once ask for an M that may not be made: the count of Ms is what it was (I34).
struct refused : directed<refused, 1, 0, 1> {
  void thread(unsigned i) { VERIFY_INV("I34", newm(sched, ms[i]->p.get(), false) != birth::begun); }
  void after() {
    VERIFY_INV("I34", sched.mcount.peek() == procs);
    schedfree(sched);
  }
};

}  // namespace

HEDDLE_SUITE(inbox_batch, {.name = "wake.inbox_batch",
                           .component = "sched/find_runnable",
                           .invariants = "I13 I14",
                           .what = "an M that takes two from the inbox tells of the second (B56)",
                           .modes = {random_mix(5)}})
HEDDLE_SUITE(inbox_flood, {.name = "wake.inbox_flood",
                           .component = "sched/find_runnable",
                           .invariants = "I14 I20",
                           .what = "an M takes more from the inbox than its ring holds",
                           .modes = {random_mix(3)}})
HEDDLE_SUITE(newborn_m, {.name = "wake.newborn",
                         .component = "sched/deadlock",
                         .invariants = "I34 I36",
                         .what = "an M that is being born is counted: no deadlock is reported (B10)",
                         .modes = {random_mix(2)}})
HEDDLE_SUITE(drop_spinning_last, {.name = "wake.drop_spinning_last",
                                  .component = "sched/wake",
                                  .invariants = "I13 I14 I16",
                                  .what = "as wake.drop_spinning, the work on the last P",
                                  .modes = {random_mix(4)}})
HEDDLE_SUITE(capped, {.name = "wake.capped",
                      .component = "sched/wake",
                      .invariants = "I14",
                      .what = "an M that may not spin sleeps, whatever work it sees (B4)",
                      .modes = {random_mix(2)}})
HEDDLE_SUITE(covers, {.name = "wake.covers",
                      .component = "sched/find_runnable",
                      .invariants = "I14",
                      .what = "every order of stealing visits every P (B9)",
                      .modes = {bounded(0, 2)}})
HEDDLE_SUITE(drop_one, {.name = "wake.drop",
                        .component = "sched/wake",
                        .invariants = "I13 I14 I15",
                        .what = "a waker finds no P while an M that was not spinning drops one",
                        .modes = {random_mix(8), bounded(1, 4)}})
HEDDLE_SUITE(drop_spinning, {.name = "wake.drop_spinning",
                             .component = "sched/wake",
                             .invariants = "I13 I14 I15",
                             .what = "a submitter relies on an M that is about to stop spinning",
                             .modes = {random_mix(8), bounded(1, 4)}})
HEDDLE_SUITE(drop_no_thread, {.name = "wake.drop_no_thread",
                              .component = "sched/wake",
                              .invariants = "I14 I15",
                              .what = "as wake.drop, and no thread can be started",
                              .modes = {random_mix(6)}})
HEDDLE_SUITE(drop_spinning_no_thread, {.name = "wake.drop_spinning_no_thread",
                                       .component = "sched/wake",
                                       .invariants = "I14 I15",
                                       .what = "as wake.drop_spinning, and no thread can be started",
                                       .modes = {random_mix(6)}})
HEDDLE_SUITE(drop_gosched, {.name = "wake.drop_gosched",
                            .component = "sched/wake",
                            .invariants = "I13 I14",
                            .what = "gosched while an M looks for the last time (B2)",
                            .modes = {random_mix(6), bounded(2, 6)}})
HEDDLE_SUITE(drop_two, {.name = "wake.drop_two",
                        .component = "sched/wake",
                        .invariants = "I13 I14 I15",
                        .what = "two Ps are dropped while two goroutines are submitted",
                        .modes = {random_mix(12)}})
HEDDLE_SUITE(stale_promise, {.name = "wake.stale_promise",
                             .component = "sched/wake",
                             .invariants = "I13 I14",
                             .what = "a waker does not rely on a promise that was cleared before its own count ended",
                             .modes = {random_mix(6), bounded(1, 4)}})
HEDDLE_SUITE(overtaken, {.name = "wake.overtaken",
                         .component = "sched/wake",
                         .invariants = "I13 I14 I15",
                         .what = "a promise is cleared by an M that then relies on the count of the waker that made it",
                         .modes = {random_mix(6), bounded(1, 4)}})
HEDDLE_SUITE(attached, {.name = "wake.attached",
                        .component = "sched/wake",
                        .invariants = "I13 I14 I15",
                        .what = "a P that a spinner drops goes to an M that was never counted",
                        .modes = {random_mix(8), bounded(1, 4)}})
HEDDLE_SUITE(handed_on, {.name = "wake.handed_on",
                         .component = "sched/wake",
                         .invariants = "I14 I15",
                         .what = "a promise is renewed for a P with work while another M clears the old one",
                         .modes = {random_mix(6), bounded(2, 4)}})
HEDDLE_SUITE(refused, {.name = "wake.refused",
                       .component = "sched/m",
                       .invariants = "I34",
                       .what = "two starts of an M that are refused leave no trace in the count",
                       .modes = {random_mix(1), full_search(2)}})
HEDDLE_SUITE(drop_two_mixed, {.name = "wake.drop_two_mixed",
                              .component = "sched/wake",
                              .invariants = "I13 I14 I15",
                              .what = "as wake.drop_two, one of the two was spinning",
                              .modes = {random_mix(12)}})
