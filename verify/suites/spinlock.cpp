// spinlock: one holder at a time, and each sees what the earlier ones wrote.
#include "heddle/detail/spinlock.hpp"

#include <mutex>

#include "verify/suite.hpp"

namespace {

template <int Threads>
struct counts_of : verify::suite<Threads> {
  heddle::detail::spinlock lock;
  heddle::detail::plain<int> guarded;
  VERIFY_NAMES(lock, guarded)
  bool held = false;
  void thread(unsigned) {
    const std::lock_guard hold(lock);
    VERIFY_INV("LOCK-1", !held);
    held = true;
    guarded.set(guarded.get() + 1);
    held = false;
  }
  void after() { VERIFY_INV("LOCK-1", guarded.get() == Threads); }
};
using counts = counts_of<3>;
HEDDLE_SUITE(counts, {.name = "spinlock.counts",
                      .component = "spinlock",
                      .invariants = "LOCK-1",
                      .what = "three threads count under the lock",
                      .modes = {verify::random_mix(2), verify::bounded(2, 5)}})
HEDDLE_WORLDS(counts, "spinlock", "LOCK-1",
              {verify::world<counts_of<2>>({.name = "spinlock.counts_2",
                                            .what = "two threads count under the lock, searched to the end",
                                            .modes = {verify::full_search(0.5)}}),
               verify::world<counts_of<4>>({.name = "spinlock.counts_4",
                                            .what = "four threads count under the lock",
                                            .modes = {verify::random_mix(0.5)}})})

struct tries : verify::suite<2> {
  heddle::detail::spinlock lock;
  heddle::detail::plain<int> guarded;
  VERIFY_NAMES(lock, guarded)
  int done = 0;
  void thread(unsigned i) {
    if (i == 0)
      lock.lock();
    else if (!lock.try_lock())
      return;
    guarded.set(guarded.get() + 1);
    ++done;
    lock.unlock();
  }
  void after() {
    VERIFY_INV("LOCK-1", guarded.get() == done && done >= 1);
    VERIFY_INV("LOCK-1", lock.try_lock());
  }
};
HEDDLE_SUITE(tries, {.name = "spinlock.tries",
                     .component = "spinlock",
                     .invariants = "LOCK-1",
                     .what = "lock against try_lock",
                     .modes = {verify::random_mix(1), verify::full_search(5)}})

}  // namespace
