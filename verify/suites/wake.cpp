// The delicate dance alone: each thread is an M put right before the step that matters, so that few steps lead to each
// race. The submitter never runs anything itself: it stands for an M that computes on for ever. If a wake-up is lost,
// the others sleep (deadlock) or a goroutine waits for its twin (livelock).
#include "heddle/runtime.hpp"
#include "verify/suite.hpp"
#include "verify/suites/describe.hpp"

using namespace heddle;
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
      allmadd(sched, mp);
      sched.mcount.fetch_add(1, relaxed);
      acquirep(mp, sched.pidle.get());
    }
    sched.m0 = ms[0];  // never joined: its thread is the suite's
  }

  void body() {
    // acq_rel: the last one sees what the others did; they wait for it by looking.
    if (arrived.fetch_add(1, acq_rel) + 1 == Gs) ran.set(1);
    while (arrived.load(acquire) != Gs) cpu_relax();
    stop(sched);
  }

  void submit() {
    for (int i = 0; i < Gs; ++i) go([this] { body(); });
  }

  void thread(unsigned i) {
    m *mp = ms[i];
    set_current_m(mp);
    if (i == 0) {
      static_cast<Derived *>(this)->submit();
    } else {
      static_cast<Derived *>(this)->prepare(mp);
      if (!drop_p(mp)) stopm(mp);
      if (mp->p != nullptr) schedule(mp);
      if (mp->p != nullptr) sched.pidle.put(releasep(mp));
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

// The submitter has looked for an idle P in vain just before the other drops its own (B1).
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
    go([this] {
      while (done.load(acquire) == 0) cpu_relax();
      ran.set(1);
      stop(sched);
    });
    go([this] {
      gosched();
      done.store(1, release);
    });
    ms[0]->p->schedtick.add();  // off the fairness tick, which would take the g from the global queue at once
    schedule(ms[0]);
  }
  void prepare(m *mp) { become_spinning(mp); }
};

}  // namespace

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
HEDDLE_SUITE(drop_two_mixed, {.name = "wake.drop_two_mixed",
                              .component = "sched/wake",
                              .invariants = "I13 I14 I15",
                              .what = "as wake.drop_two, one of the two was spinning",
                              .modes = {random_mix(12)}})
