// Any two calls of a runtime, and of what a goroutine asks of its own, at the same time.
#include "heddle/blocking.hpp"
#include "heddle/runtime.hpp"
#include "heddle/stats.hpp"
#include "heddle/task_local.hpp"
#include "heddle/thread.hpp"
#include "heddle/time.hpp"
#include "verify/suites/pairs.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// A runtime, as the class has it in every world.
struct runtime_calls {
  atomic<std::uint32_t> started, ran;
  plain<int> looks, hidden;  // the world is stopped when they are touched
  void start() {
    started.fetch_add(1, relaxed);
    heddle::detail::go_from_outside(
        of(), [this] { ran.fetch_add(1, release); }, 0);
  }
  void look() {
    heddle::detail::with_world_stopped(
        of(), [](void *self) { static_cast<runtime_calls *>(self)->saw(); }, this);
  }
  void saw() {
    looks.set(looks.get() + 1);
    VERIFY_INV("I28", of().stopwait.peek() == 0);
  }
  void resized(int n) { heddle::detail::resize(of(), n); }
  void figured() {
    const statistics s = figures(of());
    VERIFY_INV("I30", s.procs >= 1 && s.procs <= geometry::procs_max);
  }
  schedt &of() const { return *sched; }
  schedt *sched = nullptr;
};

// A goroutine asks its own runtime.
struct at_home : runtime_calls {
  static constexpr unsigned states = 1;
  task_local<int> local{7};
  void prepare(unsigned, int) { sched = getm()->sched; }
  bool rescue() { return false; }
  void check() {
    while (ran.load(acquire) != started.load(relaxed)) give_way();
    look();
    VERIFY_INV("I28", looks.get() >= 1);
    resized(2);
    VERIFY_INV("I30", procs() == 2);
    start();
    while (ran.load(acquire) != started.load(relaxed)) give_way();
  }
};

constexpr call<at_home> home_calls[] = {
    // Also a thread from outside makes these.
    {"runtime::go", [](at_home &o, unsigned) { o.start(); }},
    {"runtime::stop_the_world", [](at_home &o, unsigned) { o.look(); }},
    {"runtime::set_procs fewer", [](at_home &o, unsigned) { o.resized(1); }},
    {"runtime::set_procs more", [](at_home &o, unsigned) { o.resized(3); }},
    {"runtime::stats and runtime::procs", [](at_home &o, unsigned) { o.figured(); }},
    // From here on, goroutines only.
    {"go",
     [](at_home &o, unsigned) {
       o.started.fetch_add(1, relaxed);
       heddle::go([&o] { o.ran.fetch_add(1, release); });
     }},
    {"yield", [](at_home &, unsigned) { heddle::yield(); }},
    {"gosched", [](at_home &, unsigned) { heddle::gosched(); }},
    {"safepoint", [](at_home &, unsigned) { heddle::safepoint(); }},
    {"num_goroutine", [](at_home &, unsigned) { VERIFY_INV("I1", num_goroutine() >= 2); }},
    {"goid and set_name and name",
     [](at_home &, unsigned who) {
       const std::uint64_t id = goid();
       set_name(who == 0 ? "a" : "b");
       heddle::yield();
       VERIFY_INV("LOCAL", name() == (who == 0 ? "a" : "b") && goid() == id);
     }},
    {"stop_the_world", [](at_home &o, unsigned) { heddle::stop_the_world([&o] { o.saw(); }); }},
    {"set_procs", [](at_home &, unsigned) { heddle::set_procs(3); }},
    {"procs and stats",
     [](at_home &, unsigned) { VERIFY_INV("I30", procs() >= 1 && heddle::stats().procs <= geometry::procs_max); }},
    {"blocking", [](at_home &, unsigned) { blocking([] { cpu_relax(); }); }},
    {"blocking_long", [](at_home &, unsigned) { blocking_long([] { cpu_relax(); }); }},
    {"blocking around stop_the_world", [](at_home &o, unsigned) { blocking([&o] { o.look(); }); }},
    {"lock_os_thread and unlock_os_thread",
     [](at_home &, unsigned) {
       heddle::lock_os_thread();
       const m *const mp = getm();
       heddle::yield();
       VERIFY_INV("I39", getm() == mp);
       heddle::unlock_os_thread();
     }},
    {"no_preempt::no_preempt and no_preempt::~no_preempt",
     [](at_home &, unsigned) {
       const no_preempt here;
       heddle::safepoint();
     }},
    {"sleep_for", [](at_home &, unsigned) { sleep_for(pair_time); }},
    {"sleep_until", [](at_home &, unsigned) { sleep_until(pair_moment()); }},
    {"task_local::get and task_local::has_value and task_local::reset and task_local::operator* and "
     "task_local::operator->",
     [](at_home &o, unsigned who) {
       VERIFY_INV("LOCAL", !o.local.has_value() && o.local.get() == 7);
       *o.local = static_cast<int>(who);
       heddle::yield();
       VERIFY_INV("LOCAL", *o.local.operator->() == static_cast<int>(who));
       o.local.reset();
       VERIFY_INV("LOCAL", *o.local == 7);
     }},
};

// Threads from outside ask a runtime that has no main goroutine; the third party shuts it down meanwhile, or a party does.
struct from_outside : runtime_calls {
  static constexpr unsigned states = 1;
  schedt itself{sched_options{.procs = 2, .threads_max = 2, .detect_deadlock = false}};
  atomic<std::uint32_t> turn;
  void prepare(unsigned, int) {
    VERIFY_CHECK(schedinit(itself));
    sched = &itself;
  }
  // One at a time.
  bool shutdown(std::int64_t limit) {
    while (turn.exchange(1, acq_rel) != 0) cpu_relax();
    const bool ended = shut_down(itself, limit == never ? never : nanotime() + limit);
    turn.store(0, release);
    return ended;
  }
  // What it starts may be abandoned wherever it waits or gives way.
  void start_one_of(unsigned what) {
    started.fetch_add(1, relaxed);
    heddle::detail::go_from_outside(
        itself,
        [this, what] {
          do_one_of(what);
          ran.fetch_add(1, release);
        },
        0);
  }
  void do_one_of(unsigned what) {
    std::uint64_t chance = 0;
    switch (3 * what + cheaprandn(chance, 3)) {
      case 0: return heddle::yield();
      case 1: return heddle::gosched();
      case 2: return heddle::go([] { heddle::safepoint(); });
      case 3: return heddle::set_name(goid() + num_goroutine() != 0 ? "a" : "b");
      case 4: return heddle::set_procs(procs() == 1 ? 2 : 1);
      case 5: return heddle::stop_the_world([this] { saw(); });
      case 6: return blocking([] { cpu_relax(); });
      case 7: return blocking_long([] { cpu_relax(); });
      case 8: return blocking([this] { look(); });
      case 9: return sleep_for(pair_time);
      case 10: return sleep_until(pair_moment());
      default:
        heddle::lock_os_thread();
        heddle::yield();
        return heddle::unlock_os_thread();
    }
  }
  bool rescue() { return false; }
  void check() {
    shutdown(never);
    VERIFY_INV("STOP-2", shutdown(never));
    look();
    resized(1);
    figured();
    start();
    VERIFY_INV("STOP-2", ran.load(acquire) < started.load(relaxed));
    release_members(itself);
    schedfree(itself);
  }
};

constexpr call<from_outside> outside_calls[] = {
    {"runtime::go", [](from_outside &o, unsigned) { o.start(); }},
    {"runtime::stop_the_world", [](from_outside &o, unsigned) { o.look(); }},
    {"runtime::set_procs fewer", [](from_outside &o, unsigned) { o.resized(1); }},
    {"runtime::set_procs more", [](from_outside &o, unsigned) { o.resized(3); }},
    {"runtime::stats and runtime::procs", [](from_outside &o, unsigned) { o.figured(); }},
    {"yield or gosched or go or safepoint by a goroutine", [](from_outside &o, unsigned) { o.start_one_of(0); }},
    {"set_name or goid or num_goroutine or procs or set_procs or stop_the_world by a goroutine",
     [](from_outside &o, unsigned) { o.start_one_of(1); }},
    {"blocking or blocking_long by a goroutine", [](from_outside &o, unsigned) { o.start_one_of(2); }},
    {"sleep_for or sleep_until or lock_os_thread or unlock_os_thread by a goroutine",
     [](from_outside &o, unsigned) { o.start_one_of(3); }},
    {"runtime::shutdown", [](from_outside &o, unsigned) { VERIFY_INV("STOP-2", o.shutdown(never)); }},
    {"runtime::shutdown in time, and again",
     [](from_outside &o, unsigned) {
       if (!o.shutdown(5'000)) VERIFY_INV("STOP-2", o.shutdown(never));
     }},
};

using home_by_goroutines = by_goroutines<at_home, home_calls, 3, 2, true>;
using outside_by_threads = by_threads<from_outside, outside_calls, std::size(outside_calls), 2>;

}  // namespace

HEDDLE_WORLDS(
    homes, "runtime", "I1 I28 I29 I30 I31 I39 LOCAL",
    {world<home_by_goroutines>({.name = "pairs.runtime",
                                .what = "any two calls of a runtime and what belongs to it, by two goroutines",
                                .modes = {random_mix(3, home_by_goroutines::every_pair)}})})
HEDDLE_WORLDS(
    outsides, "runtime", "I28 I29 I30 STOP-2",
    {world<outside_by_threads>({.name = "pairs.runtime_outside",
                                .what = "any two calls of a runtime that is shut down, by threads from outside",
                                .modes = {random_mix(2, outside_by_threads::every_pair)}})})
