// Threads that are no Ms: what they owe the scheduler's end, and what the deadlock report owes them.
#include "verify/suites/scheduled.hpp"

using namespace heddle;
using namespace verify;

namespace {

// A foreign thread submits while the runtime is stopped and its Ms are joined: no M may be started once joinms has
// joined them all, or it would run in a scheduler that is being taken apart (STOP-2).
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
    const heddle::spawn s = heddle::detail::prepare(sched, main, 0);
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

}  // namespace

HEDDLE_SUITE(stopped, {.name = "outside.stop",
                       .component = "sched/wake",
                       .invariants = "STOP-2 I34",
                       .what = "no M is started after joinms by a thread that submits",
                       .modes = {random_mix(3), bounded(2, 3)}})
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
