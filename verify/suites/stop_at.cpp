// The world is stopped just then: each thread is an M put right before the step that matters, and thread 0 stops the
// world. A P that is forgotten leaves thread 0 asleep for ever.
#include "heddle/blocking.hpp"
#include "verify/suites/stopped.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// A P is dropped by an M that found nothing, spinning or not; then it looks for work once more, and may take it back.
template <bool Spinning>
struct at_drop : stopping_at<at_drop<Spinning>, 2, 0> {
  void other(int, m *mp) {
    if (Spinning) become_spinning(mp);
    if (!drop_p(mp)) stopm(mp);
    this->loop(mp);
  }
};

// Two of them, and a third P that is idle from the beginning.
struct at_drop_two : stopping_at<at_drop_two, 3, 0> {
  void arrange() { become_spinning(ms[2]); }
  void other(int, m *mp) {
    if (!drop_p(mp)) stopm(mp);
    loop(mp);
  }
};

// A P is on its way to an M that is being born.
struct at_birth : stopping_at<at_birth, 2, 1> {
  void other(int, m *mp) {
    startm(sched, releasep(mp), false);
    loop(mp);
  }
};

// There is no M for the P, and it is put back by a thread that never goes to sleep: no other party repeats what that
// thread must do.
struct at_put_back : stopping_at<at_put_back, 2, 0> {
  void other(int, m *mp) {
    set_current_m(nullptr);
    startm(sched, releasep(mp), false);
  }
};

// A P is handed on by an M that will not run it, to an M that sleeps.
struct at_handoff : stopping_at<at_handoff, 3, 0, 2> {
  void other(int i, m *mp) {
    if (i == 1) handoffp(sched, releasep(mp));
    loop(mp);
  }
};

// The M that the P is for may only be started by the template thread.
struct at_template : stopping_at<at_template, 3, 1, 2> {
  atomic<std::uint32_t> over;
  void arrange() { sched.options.sysmon = true; }
  void other(int i, m *mp) {
    set_current_m(nullptr);
    if (i == 1) return startm(sched, releasep(mp), false);
    while (over.load(acquire) == 0) {
      start_handed_off(sched);
      cpu_relax();
    }
  }
  void started() {
    stop(sched);
    over.store(1, release);
  }
};

// One thread holds two Ps and puts both; the thread that finds attention first deals with both.
struct at_put : stopping_at<at_put, 3, 0> {
  void other(int, m *mp) { leave_p(mp); }
};

// A call begins and ends. The P stays wired, and it depends on whether its M or the asker sees the other first.
struct at_call : stopping_at<at_call, 2, 0> {
  void arrange() {
    put(1, [this] {
      world.set(2);
      blocking([] {});
      world.set(3);
    });
  }
  void other(int, m *mp) { loop(mp); }
};

// The call lasts until the world has been stopped: only the asker can deal with its P.
struct at_long_call : stopping_at<at_long_call, 2, 0> {
  atomic<std::uint32_t> over;
  void arrange() {
    put(1, [this] {
      world.set(2);
      blocking([this] {
        while (over.load(acquire) == 0) cpu_relax();
      });
      world.set(3);
    });
  }
  void other(int, m *mp) { loop(mp); }
  void stopped() { over.store(1, release); }
};

// Two calls that last; the second begins as the asker deals with the first.
struct at_two_calls : stopping_at<at_two_calls, 3, 0> {
  atomic<std::uint32_t> over;
  void arrange() {
    for (int i : {1, 2})
      put(i, [this] {
        blocking([this] {
          while (over.load(acquire) == 0) cpu_relax();
        });
      });
  }
  void other(int, m *mp) { loop(mp); }
  void stopped() { over.store(1, release); }
};

// sysmon takes the P of the call at the same time.
struct at_retake : stopping_at<at_retake, 3, 0, 2> {
  atomic<std::uint32_t> over;
  void arrange() {
    put(1, [this] {
      world.set(2);
      blocking([this] {
        while (over.load(acquire) == 0) cpu_relax();
      });
      world.set(3);
    });
  }
  void other(int i, m *mp) {
    if (i == 1) return loop(mp);
    set_current_m(nullptr);
    retake(sched, 0);
  }
  void stopped() { over.store(1, release); }
};

// A thread looks for the P of another call, by what it has seen long ago, and has the scan bit when the asker comes. It
// clears the bit and leaves the P, so the asker must wait for it.
struct at_contended : stopping_at<at_contended, 3, 0> {
  atomic<std::uint32_t> over;
  struct p *before_it = nullptr;
  void arrange() {
    before_it = sched.allp[1].get();
    struct p *other = releasep(ms[2]);
    struct p *mine = releasep(ms[1]);
    acquirep(ms[1], other);
    put(1, [this] {
      blocking([this] {
        while (over.load(acquire) == 0) cpu_relax();
      });
    });
    releasep(ms[1]);
    acquirep(ms[1], mine);
  }
  void other(int i, m *mp) {
    if (i == 1) {
      struct p *first = releasep(mp);
      acquirep(mp, sched.allp[2].get());
      sched.pidle.put(first);
      fence(seq_cst);
      after_idling(sched);
      return loop(mp);
    }
    if (g *gp = block_exitsyscall(before_it)) resume_exitsyscall(gp);
  }
  void stopped() { over.store(1, release); }
};

// A goroutine that comes back from a call without a P takes the one whose goroutine is in a call now.
struct at_return : stopping_at<at_return, 3, 0, 2> {
  atomic<std::uint32_t> taken, over;
  void arrange() {
    put(1, [this] {
      blocking([this] {
        while (taken.load(acquire) == 0) cpu_relax();
      });
      world.set(2);
    });
  }
  void other(int i, m *mp) {
    if (i == 1) return loop(mp);
    struct p *pp = sched.allp[1].get();
    g *gp = nullptr;
    while ((gp = block_exitsyscall(pp)) == nullptr) cpu_relax();
    takep(pp, gp->m.get());
    sched.nmspinning.fetch_add(1, relaxed);
    heddle::detail::go_from_outside(
        sched,
        [this] {
          blocking([this] {
            while (over.load(acquire) == 0) cpu_relax();
          });
        },
        0);
    sched.nmspinning.fetch_sub(1, relaxed);
    acquirep(mp, pp);
    resume_exitsyscall(gp);
    taken.store(1, release);
    loop(mp);
  }
  void wait() {
    while (taken.load(acquire) == 0) cpu_relax();
  }
  void stopped() { over.store(1, release); }
};

// A goroutine computes, and its P is asked to give way twice: by the asker, and by sysmon at the end of its slice. The
// M that takes the one request must have understood the other (ATTN-2).
template <bool Sysmon>
struct at_computing : stopping_at<at_computing<Sysmon>, 2 + Sysmon, 0, 2> {
  atomic<std::uint32_t> over;
  void arrange() {
    this->put(1, [this] {
      while (over.load(acquire) == 0) {
        cpu_relax();
        safepoint(getm());
      }
    });
  }
  void other(int i, m *mp) {
    if (i == 1) return this->loop(mp);
    set_current_m(nullptr);
    preemptone(this->sched.allp[1].get());
  }
  void stopped() { over.store(1, release); }
};

// A goroutine submits while the world is being stopped: it holds the P that it takes for the new one's M, so it may not
// give way before it has passed that P on (B12).
struct at_submit : stopping_at<at_submit, 2, 1, 3> {
  atomic<std::uint32_t> ran;
  void arrange() {
    put(1, [this] {
      go([this] { ran.fetch_add(1, relaxed); });
      ran.fetch_add(1, relaxed);
    });
  }
  void other(int, m *mp) { loop(mp); }
};

// A P has a locked goroutine in its queue: the P travels to the goroutine's M.
struct at_locked : stopping_at<at_locked, 3, 0, 2> {
  void arrange() {
    put(1, [this] { world.set(2); });
    bool inherit = false;
    g *gp = ms[1]->p.get()->runq.runqget(inherit);
    gp->lockedm.set(ms[2]);
    ms[2]->lockedg.set(gp);
    ms[1]->p.get()->runq.runqput(gp, true, [](gqueue<g> &) {});
  }
  void other(int, m *mp) { loop_locked(mp); }
  void loop_locked(m *mp) {
    if (mp->p.get() != nullptr || mp->lockedg.get() != nullptr) schedule(mp);
    leave_p(mp);
  }
};

// Main ends while a goroutine stops the world and has it stopped, and while the Ms leave: their Ps count as stopped.
struct at_end : stopping_at<at_end, 3, 0> {
  void arrange() {
    put(1, [this] { stop(sched); });
  }
  void other(int, m *mp) { loop(mp); }
};

// The runtime ends as the world is started. A goroutine that comes back from its call then, to a P that was stopped,
// does nothing but pass safepoints, and must be told.
struct at_start : stopping_at<at_start, 3, 0, 2> {
  atomic<std::uint32_t> over;
  void arrange() {
    put(1, [this] {
      blocking([this] {
        while (over.load(acquire) == 0) cpu_relax();
      });
      for (;;) {
        cpu_relax();
        safepoint(getm());
      }
    });
  }
  void other(int i, m *mp) {
    if (i == 1) return loop(mp);
    stop(sched);
  }
  void started() { over.store(1, release); }
};

}  // namespace

HEDDLE_WORLDS(at_drop, "sched/stopworld", "I7 I28 I29",
              {world<at_drop<false>>({.name = "stop.at_drop",
                                      .what = "a P is dropped as the world is stopped",
                                      .modes = {random_mix(1), bounded(2, 2)}}),
               world<at_drop<true>>({.name = "stop.at_drop_spinning",
                                     .what = "as stop.at_drop, by an M that was spinning",
                                     .modes = {random_mix(1), bounded(2, 2)}})})
HEDDLE_SUITE(at_drop_two, {.name = "stop.at_drop_two",
                           .component = "sched/stopworld",
                           .invariants = "I7 I28 I29",
                           .what = "two Ps are dropped as the world is stopped",
                           .modes = {random_mix(2)}})
HEDDLE_SUITE(at_birth, {.name = "stop.at_birth",
                        .component = "sched/stopworld",
                        .invariants = "I7 I28 I29",
                        .what = "a P waits for an M that is being born",
                        .modes = {random_mix(1), bounded(2, 2)}})
HEDDLE_SUITE(at_put_back, {.name = "stop.at_put_back",
                           .component = "sched/stopworld",
                           .invariants = "I7 I28 I29",
                           .what = "no M can be had for a P, and it goes back",
                           .modes = {random_mix(1), bounded(2, 2)}})
HEDDLE_SUITE(at_handoff, {.name = "stop.at_handoff",
                          .component = "sched/stopworld",
                          .invariants = "I7 I28 I29",
                          .what = "a P is handed on as the world is stopped",
                          .modes = {random_mix(1), bounded(2, 2)}})
HEDDLE_SUITE(at_template, {.name = "stop.at_template",
                           .component = "sched/stopworld",
                           .invariants = "I7 I28 I29",
                           .what = "a P waits for the template thread",
                           .modes = {random_mix(2)}})
HEDDLE_SUITE(at_put, {.name = "stop.at_put",
                      .component = "sched/stopworld",
                      .invariants = "I7 I28 I29",
                      .what = "two Ms leave their Ps as the world is stopped",
                      .modes = {random_mix(1), bounded(2, 2)}})
HEDDLE_SUITE(at_call, {.name = "stop.at_call",
                       .component = "sched/stopworld",
                       .invariants = "I7 I28 I29",
                       .what = "a call begins and ends as the world is stopped",
                       .modes = {random_mix(1), bounded(2, 2)}})
HEDDLE_SUITE(at_long_call, {.name = "stop.at_long_call",
                            .component = "sched/stopworld",
                            .invariants = "I7 I28 I29",
                            .what = "a call begins as the world is stopped, and lasts",
                            .modes = {random_mix(1), bounded(2, 2)}})
HEDDLE_SUITE(at_two_calls, {.name = "stop.at_two_calls",
                            .component = "sched/stopworld",
                            .invariants = "I7 I28 I29",
                            .what = "two calls begin as the world is stopped, and last",
                            .modes = {random_mix(2)}})
HEDDLE_SUITE(at_retake, {.name = "stop.at_retake",
                         .component = "sched/stopworld",
                         .invariants = "I7 I28 I29",
                         .what = "sysmon takes a P from its call as the world is stopped",
                         .modes = {random_mix(2)}})
HEDDLE_SUITE(at_contended, {.name = "stop.at_contended",
                            .component = "sched/stopworld",
                            .invariants = "I7 I28 I29",
                            .what = "the scan bit of a call is held by a thread that wants another P",
                            .modes = {random_mix(2)}})
HEDDLE_SUITE(at_return, {.name = "stop.at_return",
                         .component = "sched/stopworld",
                         .invariants = "I7 I28 I29",
                         .what = "a goroutine takes back its P from the call that has it now",
                         .modes = {random_mix(2)}})
HEDDLE_WORLDS(at_computing, "sched/stopworld", "I28 I29",
              {world<at_computing<false>>({.name = "stop.at_computing",
                                           .what = "a thread that takes a request to give way sees why (ATTN-2)",
                                           .modes = {random_mix(1), bounded(2, 2)}}),
               world<at_computing<true>>({.name = "stop.at_slice_end",
                                          .what = "as stop.at_computing, and sysmon asks as well",
                                          .modes = {random_mix(2)}})})
HEDDLE_SUITE(at_submit, {.name = "stop.at_submit",
                         .component = "sched/stopworld",
                         .invariants = "I7 I28 I29",
                         .what = "a goroutine holds a P as the world is stopped (B12)",
                         .modes = {random_mix(2)}})
HEDDLE_SUITE(at_locked, {.name = "stop.at_locked",
                         .component = "sched/stopworld",
                         .invariants = "I7 I28 I29",
                         .what = "a P travels to the M of a locked goroutine as the world is stopped",
                         .modes = {random_mix(2)}})
HEDDLE_SUITE(at_end, {.name = "stop.at_end",
                      .component = "sched/stopworld",
                      .invariants = "I7 I28 I29",
                      .what = "the runtime ends as the world is stopped",
                      .modes = {random_mix(1), bounded(2, 2)}})
HEDDLE_SUITE(at_start, {.name = "stop.at_start",
                        .component = "sched/stopworld",
                        .invariants = "I37",
                        .what = "the runtime ends as the world is started",
                        .modes = {random_mix(2)}})
