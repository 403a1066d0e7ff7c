// for_each_p: each P has its call once, by the thread that holds it, and nothing stops for that. What a P owns is plain
// here: a goroutine touches it between two safepoints, fn touches it, and a race is a call at the wrong moment.
#include "heddle/blocking.hpp"
#include "verify/suites/stopped.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// What each P owns, and how often fn has been there.
template <int Procs>
struct owned_by_ps {
  plain<int> words[Procs];
  plain<int> visits[Procs];

  // Caller: a goroutine; no safepoint in between.
  void touch() {
    plain<int> &word = words[getm()->p.get()->id];
    word.set(word.get() + 1);
  }
  static void visit(void *self, struct heddle::detail::p *pp) {
    auto &s = *static_cast<owned_by_ps *>(self);
    s.words[pp->id].set(s.words[pp->id].get() + 1);
    s.visits[pp->id].set(s.visits[pp->id].get() + 1);
  }
  // Caller: as for_each_p.
  void visit_all(schedt &sched, int rounds_so_far) {
    for_each_p(sched, visit, this);
    for (const plain<int> &v : visits) VERIFY_INV("I32", v.get() == rounds_so_far + 1);
  }
};

template <class Derived, int Ms, int Procs, int Foreign = 0>
struct visited : scheduled<Derived, Ms, Procs, Foreign> {
  owned_by_ps<Procs> owned;
  void check() {
    VERIFY_INV("I32", this->sched.safepointwait.peek() == 0);
    for (int i = 0; i < Procs; ++i) VERIFY_INV("I32", !this->sched.allp[i].peek()->safepointdue.peek());
  }
};

// Goroutines that run, and give way now and then; some Ps are idle.
template <int Ms, int Procs>
struct running : visited<running<Ms, Procs>, Ms, Procs> {
  countdown ended{2};
  void body() {
    for (int k = 0; k < 2; ++k)
      go([this] {
        for (int i = 0; i < 2; ++i) {
          this->owned.touch();
          safepoint(getm());
        }
        ended.arrive();
      });
    this->owned.visit_all(this->sched, 0);
    this->owned.touch();
    this->owned.visit_all(this->sched, 1);
    ended.wait();
  }
};
using running_1p = running<2, 1>;
using running_2p = running<2, 2>;
using running_3p = running<2, 3>;

// Calls come and go.
template <bool Long, int Procs = 2>
struct calling : visited<calling<Long, Procs>, Procs + 1, Procs> {
  countdown ended{2};
  void body() {
    for (int k = 0; k < 2; ++k)
      go([this] {
        this->owned.touch();
        if (Long)
          blocking_long([] {});
        else
          blocking([] {});
        this->owned.touch();
        ended.arrive();
      });
    this->owned.visit_all(this->sched, 0);
    ended.wait();
  }
};

// The asker is in a call.
struct from_call : visited<from_call, 3, 2> {
  countdown ended{1};
  void body() {
    go([this] {
      owned.touch();
      safepoint(getm());
      owned.touch();
      ended.arrive();
    });
    blocking([this] { owned.visit_all(sched, 0); });
    owned.touch();
    ended.wait();
  }
};

// The asker is a thread that is no M.
struct from_outside : visited<from_outside, 2, 2, 1> {
  countdown ended{1};
  void foreign() {
    const needm here;
    const foreign_call counted(sched);
    owned.visit_all(sched, 0);
  }
  void body() {
    go([this] {
      owned.touch();
      safepoint(getm());
      owned.touch();
      ended.arrive();
    });
    ended.wait();
  }
};

// One goroutine stops the world, another has each P visited: they take turns, and what is counted for one is not for
// the other (B15).
struct beside_stop : visited<beside_stop, 3, 2> {
  countdown ended{2};
  void body() {
    go([this] {
      look_at_stopped(sched, [] {});
      owned.touch();
      ended.arrive();
    });
    go([this] {
      blocking([] {});
      owned.visit_all(sched, 0);
      ended.arrive();
    });
    ended.wait();
  }
};

// Each thread is an M right before the step that matters, as in stop_at.cpp.
template <class Derived, int Threads, int Dynamic, int Procs = Threads>
struct visiting_at : stopping_at<Derived, Threads, Dynamic, Procs> {
  owned_by_ps<Procs> owned;
  void ask() {
    static_cast<Derived *>(this)->wait();
    owned.visit_all(this->sched, 0);
    this->world.set(1);
    static_cast<Derived *>(this)->stopped();
    stop(this->sched);
  }
  void check() { VERIFY_INV("I32", this->sched.safepointwait.peek() == 0); }
};

template <bool Spinning>
struct at_drop : visiting_at<at_drop<Spinning>, 2, 0> {
  void other(int, m *mp) {
    this->owned.touch();
    if (Spinning) become_spinning(mp);
    if (!drop_p(mp)) stopm(mp);
    this->loop(mp);
  }
};

template <int Dynamic>
struct at_birth : visiting_at<at_birth<Dynamic>, 2, Dynamic> {
  void other(int, m *mp) {
    this->owned.touch();
    startm(this->sched, releasep(mp), false);
    this->loop(mp);
  }
};

// A P leaves the idle list for a moment, and comes back without having been run (B14).
struct comes_back : visiting_at<comes_back, 2, 0, 3> {
  void other(int, m *mp) {
    if (struct heddle::detail::p *pp = pidleget(sched)) {
      sched.pidle.put(pp);
      fence(seq_cst);
      after_idling(sched);
    }
    loop(mp);
  }
};

// The call lasts until every P has been visited.
struct at_long_call : visiting_at<at_long_call, 2, 0> {
  atomic<std::uint32_t> over;
  void arrange() {
    put(1, [this] {
      owned.touch();
      blocking([this] {
        while (over.load(acquire) == 0) cpu_relax();
      });
      owned.touch();
    });
  }
  void other(int, m *mp) { loop(mp); }
  void stopped() { over.store(1, release); }
};

struct at_retake : visiting_at<at_retake, 3, 0, 2> {
  atomic<std::uint32_t> over;
  void arrange() {
    put(1, [this] {
      owned.touch();
      blocking([this] {
        while (over.load(acquire) == 0) cpu_relax();
      });
    });
  }
  void other(int i, m *mp) {
    if (i == 1) return loop(mp);
    set_current_m(nullptr);
    retake(sched, 0);
  }
  void stopped() { over.store(1, release); }
};

template <bool Sysmon>
struct at_computing : visiting_at<at_computing<Sysmon>, 2 + Sysmon, 0, 2> {
  atomic<std::uint32_t> over;
  void arrange() {
    this->put(1, [this] {
      while (over.load(acquire) == 0) {
        cpu_relax();
        this->owned.touch();
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

// The asker holds the idle Ps as work is put, so the submitter finds none: the work must not be lost. The submitter
// computes until its work has run, and the asker waits for the submitter's P.
template <bool Dropped>
struct promised : visiting_at<promised<Dropped>, 3, 1> {
  atomic<std::uint32_t> ran;
  void arrange() {
    if (Dropped) return;
    this->sched.pidle.put(releasep(this->ms[2]));
  }
  void other(int i, m *mp) {
    if (i == 2) {
      if (Dropped) leave_p(mp);
      return;
    }
    acquirem(mp);  // this thread runs no goroutine that could give way
    go([this] { ran.store(1, release); });
    while (ran.load(acquire) == 0) cpu_relax();
    leave_p(mp);
  }
};

// A spinning M drops its P, sees work, and takes another P back, which another thread has put beside its own meanwhile.
// That one may have been visited already, and its own is left among the idle ones. Then it computes on.
struct taken_back : visiting_at<taken_back, 3, 0> {
  atomic<std::uint32_t> over;
  void arrange() {
    put(0, [] {});
    bool inherit = false;
    g *gp = ms[0]->p.get()->runq.runqget(inherit);
    sched.runq.globrunqput(gp);
    become_spinning(ms[1]);
  }
  void other(int i, m *mp) {
    if (i == 2) return leave_p(mp);
    if (!drop_p(mp)) stopm(mp);
    acquirem(mp);
    while (over.load(acquire) == 0) {
      if (sched.attention.load(relaxed) != 0 && mp->p.get() != nullptr) heed(mp);
      cpu_relax();
    }
  }
  void stopped() { over.store(1, release); }
};

}  // namespace

HEDDLE_WORLDS(running, "sched/stopworld", "I14 I32",
              {world<running_1p>(
                   {.name = "barrier.running_1p", .what = "one P: its own goroutine asks", .modes = {random_mix(1)}}),
               world<running_2p>({.name = "barrier.running",
                                  .what = "each P is visited once while goroutines run",
                                  .modes = {random_mix(2)}}),
               world<running_3p>({.name = "barrier.running_3p",
                                  .what = "as barrier.running, one P more than Ms",
                                  .modes = {random_mix(2)}})})
HEDDLE_WORLDS(calling, "sched/stopworld", "I14 I32",
              {world<calling<false>>({.name = "barrier.calling",
                                      .what = "each P is visited once while calls begin and end",
                                      .modes = {random_mix(3)}}),
               world<calling<true>>({.name = "barrier.calling_long",
                                     .what = "as barrier.calling, the Ps are handed on",
                                     .modes = {random_mix(2)}}),
               world<calling<false, 3>>({.name = "barrier.calling_3p",
                                         .what = "as barrier.calling, with two Ps in calls at the same time",
                                         .modes = {random_mix(2)}})})
HEDDLE_SUITE(from_call, {.name = "barrier.from_call",
                         .component = "sched/stopworld",
                         .invariants = "I14 I32",
                         .what = "the asker is in a call",
                         .modes = {random_mix(2)}})
HEDDLE_SUITE(from_outside, {.name = "barrier.from_outside",
                            .component = "sched/stopworld",
                            .invariants = "I14 I32",
                            .what = "the asker is a thread that is no M",
                            .modes = {random_mix(2)}})
HEDDLE_SUITE(beside_stop, {.name = "barrier.beside_stop",
                           .component = "sched/stopworld",
                           .invariants = "I28 I29 I32",
                           .what = "the world is stopped and each P visited, in turn (B15)",
                           .modes = {random_mix(3)}})
HEDDLE_WORLDS(at_drop, "sched/stopworld", "I32",
              {world<at_drop<false>>({.name = "barrier.at_drop",
                                      .what = "a P is dropped as it is to be visited",
                                      .modes = {random_mix(1), bounded(2, 1)}}),
               world<at_drop<true>>({.name = "barrier.at_drop_spinning",
                                     .what = "as barrier.at_drop, by an M that was spinning",
                                     .modes = {random_mix(1)}})})
HEDDLE_WORLDS(at_birth, "sched/stopworld", "I32",
              {world<at_birth<1>>({.name = "barrier.at_birth",
                                   .what = "a P waits for an M that is being born",
                                   .modes = {random_mix(1)}}),
               world<at_birth<0>>({.name = "barrier.at_put_back",
                                   .what = "no M can be had for a P, and it goes back",
                                   .modes = {random_mix(1)}})})
HEDDLE_SUITE(comes_back, {.name = "barrier.comes_back",
                          .component = "sched/stopworld",
                          .invariants = "I32",
                          .what = "a P is not idle for a moment (B14)",
                          .modes = {random_mix(1), bounded(2, 1)}})
HEDDLE_SUITE(at_long_call, {.name = "barrier.at_long_call",
                            .component = "sched/stopworld",
                            .invariants = "I32",
                            .what = "a call begins, and lasts until its P has been visited",
                            .modes = {random_mix(1), bounded(2, 1)}})
HEDDLE_SUITE(at_retake, {.name = "barrier.at_retake",
                         .component = "sched/stopworld",
                         .invariants = "I32",
                         .what = "sysmon takes a P from its call as it is to be visited",
                         .modes = {random_mix(2)}})
HEDDLE_WORLDS(at_computing, "sched/stopworld", "I32",
              {world<at_computing<false>>({.name = "barrier.at_computing",
                                           .what = "a thread that takes a request to give way sees why",
                                           .modes = {random_mix(1)}}),
               world<at_computing<true>>({.name = "barrier.at_slice_end",
                                          .what = "as barrier.at_computing, and sysmon asks as well",
                                          .modes = {random_mix(2)}})})
HEDDLE_WORLDS(promised, "sched/stopworld", "I13 I14 I32",
              {world<promised<false>>({.name = "barrier.promised",
                                       .what = "work is put while the asker holds the idle Ps",
                                       .modes = {random_mix(2), bounded(2, 1)}}),
               world<promised<true>>({.name = "barrier.promised_drop",
                                      .what = "as barrier.promised, and a P goes idle meanwhile",
                                      .modes = {random_mix(2)}})})
HEDDLE_SUITE(taken_back, {.name = "barrier.taken_back",
                          .component = "sched/wake",
                          .invariants = "I32",
                          .what = "an M that has dropped its P takes another one back",
                          .modes = {random_mix(2)}})
