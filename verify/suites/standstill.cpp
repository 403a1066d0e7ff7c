// The text of a standstill's report: what each goroutine waits for, as it was when it parked, whichever M looks. The
// callback that gets the report ends the waits: what is in the frames of the waiters must not be left behind.
#include "verify/suites/standstill.hpp"

#include <cstring>

#include "heddle/chan.hpp"
#include "heddle/mutex.hpp"
#include "heddle/scope.hpp"
#include "heddle/select.hpp"
#include "heddle/shared_mutex.hpp"
#include "heddle/task.hpp"
#include "heddle/wait_group.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// Each of them may be on any M. What they wait for is printed for all.
template <int Ms, int Procs>
struct everybody : standstill<everybody<Ms, Procs>, Ms, Procs> {
  wait_group wg{2};
  chan<int> c, d{1};
  countdown all{2};
  bool seen = false;
  bool says(const char *text) const { return std::strstr(this->report, text) != nullptr; }
  void told() {
    seen = says("--> wait_group ") && says(", 2 to be done\n") && says("--> receive from chan ") &&
           says("--> or receive from chan ") && says(", 0 of 1 in it\n") && !says("these wait for each other");
    wg.add(-2);
    c.close();
  }
  void body() {
    go([this] {
      (void)c.recv();
      all.arrive();
    });
    go([this] {
      select(on_recv(c), on_recv(d));
      all.arrive();
    });
    wg.wait();
    all.wait();
  }
  void check() { VERIFY_INV("REPORT", this->reports.get() == 1 && seen); }
};
using everybody_1p = everybody<2, 1>;
using everybody_2p = everybody<2, 2>;

// Two goroutines that each have a mutex and want the other's, and a third that wants one and has none.
template <int Ms, int Procs>
struct circle : standstill<circle<Ms, Procs>, Ms, Procs> {
  mutex a, b;
  atomic<std::uint32_t> locked;
  countdown all{2};
  int circles = 0;
  void told() {
    for (const char *at = this->report; (at = std::strstr(at, "these wait for each other")) != nullptr; ++at) ++circles;
    ++getm()->locks;  // no goroutine can give way here to one that gets a mutex
    a.unlock();
    b.unlock();
    --getm()->locks;
  }
  void cross(mutex &first, mutex &second) {
    first.lock();
    locked.fetch_add(1, release);
    while (locked.load(acquire) != 2) goyield();
    second.lock();
    second.unlock();
    all.arrive();
  }
  void body() {
    go([this] { cross(a, b); });
    go([this] { cross(b, a); });
    while (locked.load(acquire) != 2) goyield();
    a.lock();
    a.unlock();
    all.wait();
  }
  void check() { VERIFY_INV("REPORT", this->reports.get() == 1 && circles == 1); }
};
using circle_1p = circle<2, 1>;
using circle_2p = circle<2, 2>;

// Main waits for two goroutines of a scope; one of them waits for what main has, and the other for no known goroutine.
struct nursery : standstill<nursery, 2, 2> {
  mutex a;
  chan<int> c;
  bool seen = false;
  bool says(const char *text) const { return std::strstr(report, text) != nullptr; }
  void told() {
    seen = says("--> scope ") && says(", 2 have not ended\n") &&
           says("these wait for each other:\n  +-> goroutine 1 waits for scope ") &&
           says(", held by goroutine 1\n  +-- goroutine 1\n");
    c.close();
    ++getm()->locks;  // as in circle
    a.unlock();
    --getm()->locks;
  }
  void body() {
    a.lock();
    scope s;
    s.spawn([this] { (void)c.recv(); });
    s.spawn([this] {
      a.lock();
      a.unlock();
    });
    s.wait();
  }
  void check() { VERIFY_INV("REPORT", reports.get() == 1 && seen); }
};

// A goroutine has a lock, which it took or was handed, and waits for the end of a task that wants it.
template <bool Handed>
struct joined : standstill<joined<Handed>, 2, 2> {
  shared_mutex rw;
  countdown all{1};
  bool seen = false;
  bool says(const char *text) const { return std::strstr(this->report, text) != nullptr; }
  void told() {
    seen = says("these wait for each other:\n") && says(" waits for task ") && says(", run by goroutine ") &&
           says(" waits for shared_mutex ") && says(", held by goroutine ") && says("goroutine 1 waits for") != Handed;
    rw.unlock();
  }
  void join() {
    spawn([this] {
      rw.lock_shared();
      rw.unlock_shared();
    }).join();
  }
  void body() {
    rw.lock();
    if constexpr (!Handed) return join();
    go([this] {
      rw.lock();
      join();
      all.arrive();
    });
    goyield();
    rw.unlock();
    all.wait();
  }
  void check() { VERIFY_INV("REPORT", this->reports.get() == 1 && seen); }
};
using joined_taken = joined<false>;
using joined_handed = joined<true>;

}  // namespace

HEDDLE_SUITE(everybody_1p, {.name = "standstill.everybody_1p",
                            .component = "sched/standstill",
                            .invariants = "I37 REPORT",
                            .what = "the report names what each waits for: a wait_group, a channel, a select of two",
                            .modes = {random_mix(2)}})
HEDDLE_SUITE(everybody_2p, {.name = "standstill.everybody",
                            .component = "sched/standstill",
                            .invariants = "I37 REPORT",
                            .what = "as standstill.everybody_1p on two Ps",
                            .modes = {random_mix(2)}})
HEDDLE_SUITE(circle_1p, {.name = "standstill.circle_1p",
                         .component = "sched/standstill",
                         .invariants = "I37 REPORT",
                         .what = "two hold a mutex each and want the other's, a third wants one: one circle is drawn",
                         .modes = {random_mix(2)}})
HEDDLE_SUITE(circle_2p, {.name = "standstill.circle",
                         .component = "sched/standstill",
                         .invariants = "I37 REPORT",
                         .what = "as standstill.circle_1p on two Ps",
                         .modes = {random_mix(2)}})
HEDDLE_SUITE(nursery, {.name = "standstill.scope",
                       .component = "sched/standstill",
                       .invariants = "I37 REPORT",
                       .what = "the way from a scope goes on from each of its goroutines: one leads back",
                       .modes = {random_mix(1)}})
HEDDLE_SUITE(joined_taken, {.name = "standstill.task",
                            .component = "sched/standstill",
                            .invariants = "I37 REPORT",
                            .what = "a task wants a shared_mutex whose writer joins it: one circle",
                            .modes = {random_mix(1)}})
HEDDLE_SUITE(joined_handed, {.name = "standstill.task_handed",
                             .component = "sched/standstill",
                             .invariants = "I37 REPORT",
                             .what = "as standstill.task, by a goroutine to which the lock may have been handed over",
                             .modes = {random_mix(1)}})
