// Any two calls of a semaphore, a wait_group, a latch or a barrier at the same time.
#include "heddle/barrier.hpp"
#include "heddle/latch.hpp"
#include "heddle/semaphore.hpp"
#include "heddle/wait_group.hpp"
#include "verify/suites/pairs.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// States: as many units. The third party releases two.
struct units {
  static constexpr unsigned states = 3;
  std::optional<semaphore> s;
  int taken[2] = {}, given[3] = {};
  void prepare(unsigned state, int) {
    s.emplace(static_cast<std::ptrdiff_t>(state));
    given[2] = static_cast<int>(state);
  }
  void release(unsigned who, int n) {
    s->release(n);
    given[who] += n;
  }
  bool rescue() {
    release(2, 2);
    return false;
  }
  void check() {
    int left = 0;
    while (s->try_acquire()) ++left;
    VERIFY_INV("SEM-UNITS", taken[0] + taken[1] + left == given[0] + given[1] + given[2]);
    VERIFY_INV("SEM-UNITS", !s->try_acquire_for(std::chrono::nanoseconds(1)));
    s->release();
    s->acquire();
    VERIFY_INV("SEM-UNITS", !s->try_acquire());
  }
};

constexpr call<units> semaphore_calls[] = {
    {"semaphore::acquire",
     [](units &o, unsigned who) {
       o.s->acquire();
       ++o.taken[who];
     }},
    {"semaphore::try_acquire", [](units &o, unsigned who) { o.taken[who] += o.s->try_acquire(); }},
    {"semaphore::try_acquire_for", [](units &o, unsigned who) { o.taken[who] += o.s->try_acquire_for(pair_time); }},
    {"semaphore::try_acquire_until",
     [](units &o, unsigned who) { o.taken[who] += o.s->try_acquire_until(pair_moment()); }},
    {"semaphore::try_acquire_for, and again",
     [](units &o, unsigned who) {
       if (!o.s->try_acquire_for(pair_time)) o.s->acquire();
       ++o.taken[who];
     }},
    {"semaphore::release", [](units &o, unsigned who) { o.release(who, 1); }},
    {"semaphore::release of two", [](units &o, unsigned who) { o.release(who, 2); }},
};

// States: nothing to wait for; something, which is done by a party or the third.
struct group_of_some {
  static constexpr unsigned states = 2;
  std::optional<wait_group> wg;
  claimed_once open;
  int first = 0;
  trail earlier;
  plain<int> ran[2];
  int started[2] = {};
  void prepare(unsigned state, int) {
    first = static_cast<int>(state);
    wg.emplace(first);
    if (state == 1) open.offer(1);
  }
  bool done_first() {
    if (!open.claim()) return false;
    earlier.step();
    wg->done();
    return true;
  }
  bool rescue() {
    done_first();
    return false;
  }
  void waited() { VERIFY_INV("I57", earlier.steps.get() == first); }
  void check() {
    wg->wait();
    waited();
    for (int k : {0, 1}) VERIFY_INV("I57", ran[k].get() == started[k]);
    VERIFY_INV("I57", wg->wait_for(std::chrono::nanoseconds(1)));
    wg->add(1);
    VERIFY_INV("I57", !wg->wait_for(std::chrono::nanoseconds(1)));
    wg->done();
    wg->wait();
  }
};

constexpr call<group_of_some> wait_group_calls[] = {
    {"wait_group::wait",
     [](group_of_some &o, unsigned) {
       o.wg->wait();
       o.waited();
     }},
    {"wait_group::wait_for",
     [](group_of_some &o, unsigned) {
       if (o.wg->wait_for(pair_time)) o.waited();
     }},
    {"wait_group::wait_until, and again",
     [](group_of_some &o, unsigned) {
       if (!o.wg->wait_until(pair_moment())) o.wg->wait();
       o.waited();
     }},
    {"wait_group::add",
     [](group_of_some &o, unsigned) {
       o.wg->add(2);
       o.wg->add(-2);
     }},
    {"wait_group::done",
     [](group_of_some &o, unsigned) {
       if (o.done_first()) return;
       o.wg->add(1);
       o.wg->done();
     }},
    // From here on, goroutines only.
    {"wait_group::go",
     [](group_of_some &o, unsigned who) {
       o.started[who] = 1;
       o.wg->go([&ran = o.ran[who]] { ran.set(1); });
     }},
};
constexpr unsigned wait_group_rows_of_threads = 5;

// What is counted down: one by the third party, and one by each call that does so.
struct counted_down {
  static constexpr unsigned states = 1;
  std::optional<latch> l;
  trail earlier;
  void prepare(unsigned, int counted) { l.emplace(1 + counted); }
  bool rescue() {
    earlier.step();
    l->count_down();
    return false;
  }
  void waited() { VERIFY_INV("LATCH", earlier.steps.get() == 1 && l->try_wait()); }
  void check() {
    l->wait();
    waited();
    l->arrive_and_wait(0);
    l->count_down(0);
  }
};

constexpr call<counted_down> latch_calls[] = {
    {"latch::count_down", [](counted_down &o, unsigned) { o.l->count_down(); }, 1},
    {"latch::try_wait",
     [](counted_down &o, unsigned) {
       if (o.l->try_wait()) o.waited();
     }},
    {"latch::wait",
     [](counted_down &o, unsigned) {
       o.l->wait();
       o.waited();
     }},
    {"latch::arrive_and_wait",
     [](counted_down &o, unsigned) {
       o.l->arrive_and_wait();
       o.waited();
     },
     1},
    {"latch::arrive_and_wait of two",
     [](counted_down &o, unsigned) {
       o.l->arrive_and_wait(2);
       o.waited();
     },
     2},
};

// The two and the third, for two phases.
struct phases {
  struct noted {
    plain<int> *over;
    void operator()() const noexcept { over->set(over->get() + 1); }
  };
  static constexpr unsigned states = 1;
  plain<int> over;
  std::optional<barrier<noted>> b;
  void prepare(unsigned, int) { b.emplace(3, noted{&over}); }
  bool rescue() {
    b->arrive_and_wait();
    VERIFY_INV("BARRIER", over.get() >= 1);
    second();
    return false;
  }
  void second() {
    b->arrive_and_wait();
    VERIFY_INV("BARRIER", over.get() == 2);
  }
  void check() { VERIFY_INV("BARRIER", over.get() == 2); }
};

constexpr call<phases> barrier_calls[] = {
    {"barrier::arrive, and barrier::wait late",
     [](phases &o, unsigned) {
       auto token = o.b->arrive();
       cpu_relax();
       o.b->wait(std::move(token));
       o.second();
     }},
    {"barrier::wait",
     [](phases &o, unsigned) {
       o.b->wait(o.b->arrive());
       VERIFY_INV("BARRIER", o.over.get() >= 1);
       o.second();
     }},
    {"barrier::arrive_and_wait",
     [](phases &o, unsigned) {
       o.b->arrive_and_wait();
       o.second();
     }},
    {"barrier::arrive_and_drop", [](phases &o, unsigned) { o.b->arrive_and_drop(); }},
};

using semaphore_by_threads = by_threads<units, semaphore_calls>;
using semaphore_by_goroutines = by_goroutines<units, semaphore_calls>;
using semaphore_by_both = by_both<units, semaphore_calls>;
using wait_group_by_threads = by_threads<group_of_some, wait_group_calls, wait_group_rows_of_threads>;
using wait_group_by_goroutines = by_goroutines<group_of_some, wait_group_calls>;
using latch_by_threads = by_threads<counted_down, latch_calls>;
using latch_by_goroutines = by_goroutines<counted_down, latch_calls>;
using barrier_by_threads = by_threads<phases, barrier_calls>;
using barrier_by_goroutines = by_goroutines<phases, barrier_calls>;

}  // namespace

HEDDLE_WORLDS(semaphores, "semaphore", "SEM-UNITS TIMED-1",
              {world<semaphore_by_threads>({.name = "pairs.semaphore",
                                            .what = "any two calls of a semaphore, by two threads",
                                            .modes = {random_mix(1, semaphore_by_threads::every_pair)}}),
               world<semaphore_by_goroutines>({.name = "pairs.semaphore_goroutines",
                                               .what = "any two calls of a semaphore, by two goroutines",
                                               .modes = {random_mix(1, semaphore_by_goroutines::every_pair)}}),
               world<semaphore_by_both>({.name = "pairs.semaphore_both",
                                         .what = "any two calls of a semaphore, by a goroutine and a thread",
                                         .modes = {random_mix(1, semaphore_by_both::every_pair)}})})
HEDDLE_WORLDS(wait_groups, "wait_group", "I57 TIMED-1",
              {world<wait_group_by_threads>({.name = "pairs.wait_group",
                                             .what = "any two calls of a wait_group, by two threads",
                                             .modes = {random_mix(1, wait_group_by_threads::every_pair)}}),
               world<wait_group_by_goroutines>({.name = "pairs.wait_group_goroutines",
                                                .what = "any two calls of a wait_group, by two goroutines",
                                                .modes = {random_mix(1, wait_group_by_goroutines::every_pair)}})})
HEDDLE_WORLDS(latches, "latch", "LATCH",
              {world<latch_by_threads>({.name = "pairs.latch",
                                        .what = "any two calls of a latch, by two threads",
                                        .modes = {random_mix(1, latch_by_threads::every_pair)}}),
               world<latch_by_goroutines>({.name = "pairs.latch_goroutines",
                                           .what = "any two calls of a latch, by two goroutines",
                                           .modes = {random_mix(1, latch_by_goroutines::every_pair)}})})
HEDDLE_WORLDS(barriers, "barrier", "BARRIER",
              {world<barrier_by_threads>({.name = "pairs.barrier",
                                          .what = "any two calls of a barrier, by two of three threads",
                                          .modes = {random_mix(1, barrier_by_threads::every_pair)}}),
               world<barrier_by_goroutines>({.name = "pairs.barrier_goroutines",
                                             .what = "any two calls of a barrier, by two of three goroutines",
                                             .modes = {random_mix(1, barrier_by_goroutines::every_pair)}})})
