// Any two calls of a mutex, a shared_mutex, a condition_variable or a once at the same time.
#include <mutex>

#include "heddle/condition_variable.hpp"
#include "heddle/mutex.hpp"
#include "heddle/once.hpp"
#include "heddle/shared_mutex.hpp"
#include "verify/suites/pairs.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// States: free; held, until a party or the third unlocks it.
struct locked_by_one {
  static constexpr unsigned states = 2;
  heddle::mutex mu;
  plain<int> count;
  claimed_once held;
  void prepare(unsigned state, int) {
    if (state == 0) return;
    VERIFY_CHECK(mu.try_lock());
    held.offer(1);
  }
  void critical(bool is_mine = true) {
    if (!is_mine) return;
    count.set(count.get() + 1);
    mu.unlock();
  }
  bool rescue() {
    critical(held.claim());
    return false;
  }
  void check() {
    mu.lock();
    critical();
    VERIFY_INV("LIMIT-1", mu.try_lock());
    VERIFY_INV("I58", !mu.try_lock() && !mu.try_lock_for(std::chrono::nanoseconds(1)));
    critical();
  }
};

constexpr call<locked_by_one> mutex_calls[] = {
    {"mutex::lock",
     [](locked_by_one &o, unsigned) {
       o.mu.lock();
       o.critical();
     }},
    {"mutex::try_lock", [](locked_by_one &o, unsigned) { o.critical(o.mu.try_lock()); }},
    {"mutex::try_lock_for", [](locked_by_one &o, unsigned) { o.critical(o.mu.try_lock_for(pair_time)); }},
    {"mutex::try_lock_until", [](locked_by_one &o, unsigned) { o.critical(o.mu.try_lock_until(pair_moment())); }},
    {"mutex::unlock",
     [](locked_by_one &o, unsigned) {
       const bool was_held = o.held.claim();
       if (!was_held) o.mu.lock();
       o.critical();
     }},
};

// States: free; held by a writer; held by two readers. What is held goes by a party or the third, one share by each.
struct locked_by_many {
  static constexpr unsigned states = 3;
  heddle::shared_mutex mu;
  plain<int> written;
  claimed_once writer, readers[2];
  void prepare(unsigned state, int) {
    if (state == 1) {
      VERIFY_CHECK(mu.try_lock());
      writer.offer(1);
    } else if (state == 2) {
      for (claimed_once &r : readers) {
        VERIFY_CHECK(mu.try_lock_shared());
        r.offer(1);
      }
    }
  }
  void write(bool is_mine = true) {
    if (!is_mine) return;
    written.set(written.get() + 1);
    mu.unlock();
  }
  void read(bool is_mine = true) {
    if (!is_mine) return;
    (void)written.get();
    mu.unlock_shared();
  }
  bool rescue() {
    write(writer.claim());
    for (claimed_once &r : readers) read(r.claim());
    return false;
  }
  void check() {
    mu.lock();
    write();
    mu.lock_shared();
    VERIFY_INV("RW-EXCL", mu.try_lock_shared());
    VERIFY_INV("RW-EXCL", !mu.try_lock() && !mu.try_lock_for(std::chrono::nanoseconds(1)));
    read();
    read();
    VERIFY_INV("LIMIT-1", mu.try_lock());
    VERIFY_INV("RW-EXCL", !mu.try_lock_shared());
    write();
  }
};

constexpr call<locked_by_many> shared_mutex_calls[] = {
    {"shared_mutex::lock",
     [](locked_by_many &o, unsigned) {
       o.mu.lock();
       o.write();
     }},
    {"shared_mutex::try_lock", [](locked_by_many &o, unsigned) { o.write(o.mu.try_lock()); }},
    {"shared_mutex::try_lock_for", [](locked_by_many &o, unsigned) { o.write(o.mu.try_lock_for(pair_time)); }},
    {"shared_mutex::try_lock_until", [](locked_by_many &o, unsigned) { o.write(o.mu.try_lock_until(pair_moment())); }},
    {"shared_mutex::unlock",
     [](locked_by_many &o, unsigned) {
       const bool was_held = o.writer.claim();
       if (!was_held) o.mu.lock();
       o.write();
     }},
    {"shared_mutex::lock_shared",
     [](locked_by_many &o, unsigned) {
       o.mu.lock_shared();
       o.read();
     }},
    {"shared_mutex::try_lock_shared", [](locked_by_many &o, unsigned) { o.read(o.mu.try_lock_shared()); }},
    {"shared_mutex::try_lock_shared_for",
     [](locked_by_many &o, unsigned) { o.read(o.mu.try_lock_shared_for(pair_time)); }},
    {"shared_mutex::try_lock_shared_until",
     [](locked_by_many &o, unsigned) { o.read(o.mu.try_lock_shared_until(pair_moment())); }},
    {"shared_mutex::unlock_shared",
     [](locked_by_many &o, unsigned who) {
       const bool was_held = o.readers[who].claim();
       if (!was_held) o.mu.lock_shared();
       o.read();
     }},
};

// The third party makes the condition true, and notifies all, once.
struct awaited {
  static constexpr unsigned states = 1;
  heddle::mutex mu;
  condition_variable cv;
  plain<bool> open;
  void prepare(unsigned, int) {}
  bool rescue() {
    {
      const std::lock_guard hold(mu);
      open.set(true);
    }
    cv.notify_all();
    return false;
  }
  void check() {
    std::unique_lock hold(mu);
    VERIFY_INV("COND-WAKE", cv.wait_for(hold, std::chrono::nanoseconds(1)) == std::cv_status::timeout);
    VERIFY_INV("COND-WAKE", hold.owns_lock() && open.get());
  }
  template <class F>
  void locked(F &&f) {
    std::unique_lock hold(mu);
    f(hold);
    VERIFY_INV("I58", hold.owns_lock());
  }
  auto is_open() {
    return [this] { return open.get(); };
  }
  // After a wait that has ended by its time, the same party waits again.
  void again(std::unique_lock<heddle::mutex> &hold) { cv.wait(hold, is_open()); }
};

constexpr call<awaited> condition_variable_calls[] = {
    {"condition_variable::wait",
     [](awaited &o, unsigned) {
       o.locked([&](auto &hold) {
         while (!o.open.get()) o.cv.wait(hold);
       });
     }},
    {"condition_variable::wait for a condition",
     [](awaited &o, unsigned) { o.locked([&](auto &hold) { o.cv.wait(hold, o.is_open()); }); }},
    {"condition_variable::wait_for",
     [](awaited &o, unsigned) {
       o.locked([&](auto &hold) {
         if (!o.open.get() && o.cv.wait_for(hold, pair_time) == std::cv_status::timeout) o.again(hold);
       });
     }},
    {"condition_variable::wait_until",
     [](awaited &o, unsigned) {
       o.locked([&](auto &hold) {
         if (!o.open.get() && o.cv.wait_until(hold, pair_moment()) == std::cv_status::timeout) o.again(hold);
       });
     }},
    {"condition_variable::wait_for a condition",
     [](awaited &o, unsigned) {
       o.locked([&](auto &hold) {
         if (!o.cv.wait_for(hold, pair_time, o.is_open())) o.again(hold);
       });
     }},
    {"condition_variable::wait_until a condition",
     [](awaited &o, unsigned) {
       o.locked([&](auto &hold) {
         if (!o.cv.wait_until(hold, pair_moment(), o.is_open())) o.again(hold);
       });
     }},
    {"condition_variable::notify_one", [](awaited &o, unsigned) { o.cv.notify_one(); }},
    {"condition_variable::notify_all", [](awaited &o, unsigned) { o.cv.notify_all(); }},
};

// States: fresh; done; failed once.
struct done_once {
  static constexpr unsigned states = 3;
  once o;
  plain<int> n;
  void prepare(unsigned state, int) {
    if (state == 1) work();
    if (state == 2) fail();
  }
  void work() {
    o.call([this] { n.set(n.get() + 1); });
    VERIFY_INV("ONCE-1", n.get() == 1);
  }
  void fail() {
    bool failed = false;
    try {
      o.call([] { throw 1; });
    } catch (int) {
      failed = true;
    }
    VERIFY_INV("ONCE-1", failed || n.get() == 1);
  }
  bool rescue() { return false; }
  void check() {
    work();
    o.call([this] { n.set(7); });
    VERIFY_INV("ONCE-1", n.get() == 1);
  }
};

constexpr call<done_once> once_calls[] = {
    {"once::call", [](done_once &o, unsigned) { o.work(); }},
    {"once::call with arguments",
     [](done_once &o, unsigned) { o.o.call([](plain<int> &n, int k) { n.set(k); }, o.n, 1); }},
    {"once::call of what throws", [](done_once &o, unsigned) { o.fail(); }},
    {"once::call of what throws, and again",
     [](done_once &o, unsigned) {
       o.fail();
       o.work();
     }},
};

using mutex_by_threads = by_threads<locked_by_one, mutex_calls>;
using mutex_by_goroutines = by_goroutines<locked_by_one, mutex_calls>;
using mutex_by_both = by_both<locked_by_one, mutex_calls>;
using shared_mutex_by_threads = by_threads<locked_by_many, shared_mutex_calls>;
using shared_mutex_by_goroutines = by_goroutines<locked_by_many, shared_mutex_calls>;
using cond_by_threads = by_threads<awaited, condition_variable_calls>;
using cond_by_goroutines = by_goroutines<awaited, condition_variable_calls>;
using cond_by_both = by_both<awaited, condition_variable_calls>;
using once_by_threads = by_threads<done_once, once_calls>;
using once_by_goroutines = by_goroutines<done_once, once_calls>;

}  // namespace

HEDDLE_WORLDS(mutexes, "mutex", "I47 I58 LIMIT-1 TIMED-1",
              {world<mutex_by_threads>({.name = "pairs.mutex",
                                        .what = "any two calls of a mutex, by two threads",
                                        .modes = {random_mix(1, mutex_by_threads::every_pair)}}),
               world<mutex_by_goroutines>({.name = "pairs.mutex_goroutines",
                                           .what = "any two calls of a mutex, by two goroutines",
                                           .modes = {random_mix(1, mutex_by_goroutines::every_pair)}}),
               world<mutex_by_both>({.name = "pairs.mutex_both",
                                     .what = "any two calls of a mutex, by a goroutine and a thread",
                                     .modes = {random_mix(1, mutex_by_both::every_pair)}})})
HEDDLE_WORLDS(shared_mutexes, "shared_mutex", "LIMIT-1 RW-EXCL TIMED-1",
              {world<shared_mutex_by_threads>({.name = "pairs.shared_mutex",
                                               .what = "any two calls of a shared_mutex, by two threads",
                                               .modes = {random_mix(1, shared_mutex_by_threads::every_pair)}}),
               world<shared_mutex_by_goroutines>({.name = "pairs.shared_mutex_goroutines",
                                                  .what = "any two calls of a shared_mutex, by two goroutines",
                                                  .modes = {random_mix(1, shared_mutex_by_goroutines::every_pair)}})})
HEDDLE_WORLDS(conditions, "condition_variable", "COND-WAKE I58 TIMED-1",
              {world<cond_by_threads>({.name = "pairs.cond",
                                       .what = "any two calls of a condition_variable, by two threads",
                                       .modes = {random_mix(1, cond_by_threads::every_pair)}}),
               world<cond_by_goroutines>({.name = "pairs.cond_goroutines",
                                          .what = "any two calls of a condition_variable, by two goroutines",
                                          .modes = {random_mix(1, cond_by_goroutines::every_pair)}}),
               world<cond_by_both>({.name = "pairs.cond_both",
                                    .what = "any two calls of a condition_variable, by a goroutine and a thread",
                                    .modes = {random_mix(1, cond_by_both::every_pair)}})})
HEDDLE_WORLDS(onces, "once", "ONCE-1",
              {world<once_by_threads>({.name = "pairs.once",
                                       .what = "any two calls of a once, which may fail, by two threads",
                                       .modes = {random_mix(1, once_by_threads::every_pair)}}),
               world<once_by_goroutines>({.name = "pairs.once_goroutines",
                                          .what = "any two calls of a once, which may fail, by two goroutines",
                                          .modes = {random_mix(1, once_by_goroutines::every_pair)}})})
