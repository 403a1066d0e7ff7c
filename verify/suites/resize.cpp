// The number of Ps changes: under goroutines that run, steal, are in calls or wait in the queues of Ps that go.
#include "heddle/blocking.hpp"
#include "verify/suites/stopped.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// From `From` Ps to `To` and on to `Then`, by main, with goroutines before, between and after. Each runs once to its
// end.
template <int Ms, int From, int To, int Then>
struct resized : scheduled<resized<Ms, From, To, Then>, Ms, From> {
  trail trails[6];
  countdown ended{6};
  void spawn_two(int at) {
    for (int k = at; k < at + 2; ++k)
      go([this, k] {
        trails[k].step();
        safepoint(getm());
        trails[k].step();
        ended.arrive();
      });
  }
  void resize(int n) {
    VERIFY_CHECK(set_procs(this->sched, n));
    VERIFY_INV("I30", procs() == n && getm()->p.get()->id < n);
    VERIFY_INV("GOID", goid() == 1);
  }
  void body() {
    spawn_two(0);
    resize(To);
    spawn_two(2);
    resize(Then);
    spawn_two(4);
    ended.wait();
    for (const trail &t : trails) VERIFY_INV("I20", t.steps.get() == 2);
  }
};
using grow = resized<2, 1, 2, 3>;
using shrink = resized<2, 3, 2, 1>;
using back_and_forth = resized<3, 2, 1, 2>;
using forth_and_back = resized<3, 2, 3, 2>;

// The asker runs on the P that goes.
struct own_goes : scheduled<own_goes, 2, 2> {
  trail other, later;
  atomic<std::uint32_t> done;
  countdown ended{2};
  void body() {
    go([this] {
      other.step();
      VERIFY_CHECK(set_procs(sched, 1));
      VERIFY_INV("I30", getm()->p.get() == sched.allp[0].get());
      go([this] {
        later.step();
        ended.arrive();
      });
      other.step();
      done.store(1, release);
      ended.arrive();
    });
    while (done.load(acquire) == 0) {
      cpu_relax();
      safepoint(getm());
    }
    ended.wait();
    VERIFY_INV("I20", other.steps.get() == 2 && later.steps.get() == 1);
  }
};

// Calls begin and end meanwhile; a P that goroutines want back is gone.
template <int From, int To>
struct calling : scheduled<calling<From, To>, 3, From> {
  trail trails[2];
  countdown ended{2};
  void body() {
    for (trail &t : trails)
      go([this, &t] {
        t.step();
        blocking([] {});
        t.step();
        ended.arrive();
      });
    VERIFY_CHECK(set_procs(this->sched, To));
    ended.wait();
    for (const trail &t : trails) VERIFY_INV("I20", t.steps.get() == 2);
  }
};

// The asker is in a call, and has no P that could be among those that stay.
struct from_call : scheduled<from_call, 2, 2> {
  trail other;
  countdown ended{1};
  void body() {
    go([this] {
      other.step();
      ended.arrive();
    });
    blocking([this] { VERIFY_CHECK(set_procs(sched, 1)); });
    ended.wait();
    VERIFY_INV("I20", other.steps.get() == 1 && getm()->p.get()->id == 0);
  }
};

// A thread outside asks, and starts goroutines before and afterwards.
template <int From, int To>
struct from_outside : scheduled<from_outside<From, To>, 2, From, 1> {
  trail trails[3];
  countdown ended{3};
  void start(int k) {
    heddle::detail::go_from_outside(
        this->sched,
        [this, k] {
          trails[k].step();
          ended.arrive();
        },
        0);
  }
  void foreign() {
    start(0);
    heddle::detail::resize(this->sched, To);
    start(1);
  }
  void body() {
    go([this] {
      trails[2].step();
      ended.arrive();
    });
    ended.wait();
    for (const trail &t : trails) VERIFY_INV("I20", t.steps.get() == 1);
  }
};

// Two ask at once: they take turns, and the last one's number stands.
struct by_two : scheduled<by_two, 3, 2> {
  plain<int> last;
  countdown ended{2};
  void resize(int n) {
    VERIFY_CHECK(set_procs(sched, n));
    ended.arrive();
  }
  void body() {
    go([this] { resize(1); });
    go([this] { resize(3); });
    ended.wait();
  }
  void check() { VERIFY_INV("I30", sched.gomaxprocs.peek() == 1 || sched.gomaxprocs.peek() == 3); }
};

// More Ps come, and threads that have acquired nothing of them walk through allp: one counts goroutines, one stops the
// runtime.
template <class Other>
struct walked : suite<2> {
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
    if (i != 0) return Other::walk(sched);
    set_current_m(mp);
    VERIFY_CHECK(allp_reserve(sched, 2));
    procresize(sched, 2);
    set_current_m(nullptr);
  }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    VERIFY_INV("I30", sched.gomaxprocs.peek() == 2);
    schedfree(sched);
  }
};
struct counts {
  static void walk(schedt &sched) { VERIFY_INV("I1", gcount(sched) == 0); }
};
struct stops {
  static void walk(schedt &sched) { stop(sched); }
};
using counted = walked<counts>;
using stopped_meanwhile = walked<stops>;

// What waits on the Ps that go comes first in the global queue, in the order in which it waited: the lowest P's first,
// each P's in its own order (B34).
struct order : stopping_at<order, 3, 0> {
  static constexpr int many = 2;
  void arrange() {
    for (int i : {1, 2})
      for (int k = 0; k < many; ++k) put(i, [] {});
  }
  void other(int, m *mp) { loop(mp); }
  void ask() {
    heddle::detail::stop_the_world(sched);
    const bool all = !sched.allp[1].get()->runq.runqempty() && sched.allp[1].get()->runq.size() == many &&
                     sched.allp[2].get()->runq.size() == many;
    procresize(sched, 1);
    std::uint64_t last = 0;
    int n = 0;
    bool in_order = true;
    sched.runq.for_each([&](const g *gp) {
      const std::uint64_t id = gp->goid.get();
      // Of each P: the one in runnext, which has the higher number, then the other.
      in_order &= n % many == 0 ? n == 0 || id > last : id + 1 == last;
      last = id;
      ++n;
    });
    if (all) VERIFY_INV("I31", n == 2 * many && in_order);
    world.set(1);
    start_the_world(sched);
    stop(sched);
  }
  void after() { schedfree(sched); }
};

// An M has dropped its P and looks at every queue for the last time, as there come to be more of them, and an M that
// computes on for ever puts work in the new one (B8).
struct at_last_look : stopping_at<at_last_look, 2, 0, 2> {
  atomic<std::uint32_t> ran;
  void ask() {
    m *mp = ms[0];
    VERIFY_CHECK(set_procs(sched, 3));
    struct heddle::detail::p *mine = releasep(mp), *third = sched.pidle.get();
    if (third == nullptr) {
      acquirep(mp, mine);
    } else {
      acquirep(mp, third);
      sched.pidle.put(mine);
      fence(seq_cst);
      after_idling(sched);
    }
    go([this] { ran.store(1, release); });
    while (ran.load(acquire) == 0) cpu_relax();
    world.set(1);
    stop(sched);
  }
  void other(int, m *mp) {
    become_spinning(mp);
    if (!drop_p(mp)) stopm(mp);
    loop(mp);
  }
  void after() { schedfree(sched); }
};

// Each P with work is given an M at the start, before any M looks for more (I31, B33). Ms sleep, so nothing but the
// start brings them; the goroutines of the two Ps must run at once, and no M may look for work (enough others seem to).
struct both_started : stopping_at<both_started, 3, 0> {
  atomic<std::uint32_t> arrived;
  void arrange() {
    for (int i : {1, 2})
      put(i, [this] {
        arrived.fetch_add(1, acq_rel);
        while (arrived.load(acquire) != 2) cpu_relax();
      });
    for (int i : {1, 2}) sched.pidle.put(releasep(ms[i]));
  }
  void wait() {
    while (sched.midle.peek_count() != 2) cpu_relax();
  }
  void other(int, m *mp) {
    sched.midle.put(mp);
    sleepm(mp);
    loop(mp);
  }
  void stopped() {
    for (int i : {1, 2}) VERIFY_INV("I31", !sched.allp[i].get()->runq.runqempty());
    sched.nmspinning.fetch_add(1, relaxed);  // no M is woken to look for work
  }
  void started() {
    while (arrived.load(acquire) != 2) cpu_relax();
    sched.nmspinning.fetch_sub(1, relaxed);
    stop(sched);
  }
};

}  // namespace

HEDDLE_WORLDS(
    resized, "sched/procresize", "I7 I20 I30 I31",
    {world<grow>({.name = "resize.grow",
                  .what = "from one P to three, step by step, under goroutines",
                  .modes = {random_mix(3)}}),
     world<shrink>({.name = "resize.shrink",
                    .what = "from three Ps to one; what waits there goes on elsewhere",
                    .modes = {random_mix(3)}}),
     world<back_and_forth>({.name = "resize.back_and_forth",
                            .what = "two Ps, one, two: the second is used again",
                            .modes = {random_mix(3)}}),
     world<forth_and_back>({.name = "resize.forth_and_back", .what = "two Ps, three, two", .modes = {random_mix(2)}})})
HEDDLE_SUITE(own_goes, {.name = "resize.own_goes",
                        .component = "sched/procresize",
                        .invariants = "I6 I7 I30",
                        .what = "the P of the goroutine that asks is one of those that go",
                        .modes = {random_mix(2)}})
HEDDLE_WORLDS(calling, "sched/procresize", "I7 I20 I30",
              {world<calling<2, 1>>({.name = "resize.calling_shrink",
                                     .what = "calls end after their P has gone",
                                     .modes = {random_mix(3)}}),
               world<calling<1, 2>>(
                   {.name = "resize.calling_grow", .what = "calls end as new Ps come", .modes = {random_mix(2)}})})
HEDDLE_SUITE(from_call, {.name = "resize.from_call",
                         .component = "sched/procresize",
                         .invariants = "I7 I20 I30",
                         .what = "the asker is in a call",
                         .modes = {random_mix(2)}})
HEDDLE_WORLDS(from_outside, "sched/procresize", "I7 I20 I30",
              {world<from_outside<2, 1>>({.name = "resize.from_outside",
                                          .what = "a thread that is no M takes a P away",
                                          .modes = {random_mix(2)}}),
               world<from_outside<1, 2>>({.name = "resize.from_outside_grow",
                                          .what = "a thread that is no M adds a P",
                                          .modes = {random_mix(2)}})})
HEDDLE_SUITE(by_two, {.name = "resize.by_two",
                      .component = "sched/procresize",
                      .invariants = "I7 I30",
                      .what = "two goroutines change the number at once",
                      .modes = {random_mix(3)}})
HEDDLE_WORLDS(walked, "sched/procresize", "I30",
              {world<counted>({.name = "resize.counted",
                               .what = "goroutines are counted by a thread outside as a P comes",
                               .modes = {random_mix(0.5), bounded(2, 0.5)}}),
               world<stopped_meanwhile>({.name = "resize.stopped",
                                         .what = "a thread outside stops the runtime as a P comes",
                                         .modes = {random_mix(1), bounded(2, 1)}})})
HEDDLE_SUITE(order, {.name = "resize.order",
                     .component = "sched/procresize",
                     .invariants = "I31",
                     .what = "what waits on Ps that go keeps its order, before all else (B34)",
                     .modes = {random_mix(0.5)}})
HEDDLE_SUITE(at_last_look, {.name = "resize.at_last_look",
                            .component = "sched/find_runnable",
                            .invariants = "I13 I14",
                            .what = "an M without a P looks at every queue as there come to be more (B8)",
                            .modes = {random_mix(2)}})
HEDDLE_SUITE(both_started, {.name = "resize.both_started",
                            .component = "sched/stopworld",
                            .invariants = "I31",
                            .what = "each P with work gets an M when the world starts (B33)",
                            .modes = {random_mix(1)}})
