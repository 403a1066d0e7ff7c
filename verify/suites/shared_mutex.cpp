// shared_mutex over the composed scheduler, and between threads.
#include "heddle/shared_mutex.hpp"
#include "heddle/runtime.hpp"
#include "verify/suites/scheduled.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// A pair that only a writer may change: a reader sees both halves equal, and a race shows any thread that got in beside
// it.
struct pair_of_halves {
  shared_mutex mu;
  plain<int> left, right;
  void write(bool yields) {
    mu.lock();
    left.set(left.get() + 1);
    if (yields) goyield();
    right.set(right.get() + 1);
    mu.unlock();
  }
  void read(bool yields) {
    mu.lock_shared();
    const int seen = left.get();
    if (yields) goyield();
    VERIFY_INV("RW-EXCL", right.get() == seen);
    mu.unlock_shared();
  }
  bool is_free() {
    const bool was = mu.try_lock();
    if (was) mu.unlock();
    return was;
  }
};

// Two readers and two writers.
template <int Ms, int Procs>
struct both : scheduled<both<Ms, Procs>, Ms, Procs> {
  pair_of_halves p;
  countdown all{3};
  void body() {
    go([this] {
      p.read(true);
      all.arrive();
    });
    go([this] {
      p.write(true);
      all.arrive();
    });
    go([this] {
      p.read(false);
      all.arrive();
    });
    p.write(false);
    all.wait();
    VERIFY_INV("RW-EXCL", p.left.get() == 2 && p.is_free());
  }
};
using both_1p = both<2, 1>;
using both_2p = both<2, 2>;

// Three threads outside every runtime: two readers and a writer; two writers and a reader.
template <int Writers>
struct threads : suite<3> {
  pair_of_halves p;
  void thread(unsigned i) {
    if (i < Writers)
      p.write(false);
    else
      p.read(false);
  }
  void after() { VERIFY_INV("RW-EXCL", p.left.get() == Writers && p.is_free()); }
};
using two_readers = threads<1>;
using two_writers = threads<2>;

// One writer, one reader: few steps, all of them searched.
struct meet : suite<2> {
  pair_of_halves p;
  void thread(unsigned i) {
    if (i == 0)
      p.write(false);
    else
      p.read(false);
  }
  void after() { VERIFY_INV("RW-EXCL", p.left.get() == 1 && p.is_free()); }
};

// One writer, one thread that only tries, for writing and for reading.
struct tries : suite<2> {
  pair_of_halves p;
  void thread(unsigned i) {
    if (i == 0) return p.write(false);
    if (p.mu.try_lock_shared()) {
      VERIFY_INV("RW-EXCL", p.left.get() == p.right.get());
      p.mu.unlock_shared();
    }
    if (p.mu.try_lock()) {
      VERIFY_INV("RW-EXCL", p.left.get() == p.right.get());
      p.left.set(1);
      p.right.set(1);
      p.mu.unlock();
    }
  }
  void after() { VERIFY_INV("RW-EXCL", p.left.get() == p.right.get() && p.is_free()); }
};

// A reader holds it, a writer waits: new readers wait behind that writer. They go before the next writer, which came
// before them.
struct preference : scheduled<preference, 2, 1> {
  shared_mutex mu;
  plain<int> order;
  countdown all{3};
  void turn(int mine) {
    VERIFY_INV("RW-ORDER", order.get() == mine);
    order.set(mine + 1);
  }
  void body() {
    mu.lock_shared();
    for (int w = 0; w < 2; ++w) {
      go([this, w] {
        mu.lock();
        turn(w == 0 ? 0 : 2);
        mu.unlock();
        all.arrive();
      });
      goyield();  // one P: it waits now
      VERIFY_INV("RW-ORDER", !mu.try_lock_shared());
    }
    go([this] {
      mu.lock_shared();
      turn(1);
      mu.unlock_shared();
      all.arrive();
    });
    goyield();
    mu.unlock_shared();
    all.wait();
  }
};

// The goroutine that gets it last destroys it.
struct gone : scheduled<gone, 2, 2> {
  plain<int> left{3};
  countdown all{2};
  void last_out(shared_mutex *mu) {
    mu->lock();
    const int n = left.get() - 1;
    left.set(n);
    mu->unlock();
    if (n == 0) delete mu;
  }
  void body() {
    auto *mu = new shared_mutex;
    for (int i = 0; i < 2; ++i)
      go([this, mu] {
        mu->lock_shared();
        mu->unlock_shared();
        last_out(mu);
        all.arrive();
      });
    last_out(mu);
    all.wait();
  }
};

}  // namespace

HEDDLE_SUITE(both_1p, {.name = "shared_mutex.both_1p",
                       .component = "shared_mutex",
                       .invariants = "I25 I26 RW-EXCL",
                       .what = "two readers and two writers on one P, some give way inside",
                       .modes = {random_mix(1)}})
HEDDLE_SUITE(both_2p, {.name = "shared_mutex.both",
                       .component = "shared_mutex",
                       .invariants = "I25 I26 RW-EXCL",
                       .what = "as shared_mutex.both_1p on two Ps",
                       .modes = {random_mix(3)}})
HEDDLE_SUITE(two_readers, {.name = "shared_mutex.two_readers",
                           .component = "shared_mutex",
                           .invariants = "RW-EXCL",
                           .what = "three threads: two readers, a writer",
                           .modes = {random_mix(2)}})
HEDDLE_SUITE(two_writers, {.name = "shared_mutex.two_writers",
                           .component = "shared_mutex",
                           .invariants = "RW-EXCL",
                           .what = "three threads: a reader, two writers",
                           .modes = {random_mix(2)}})
HEDDLE_SUITE(meet, {.name = "shared_mutex.meet",
                    .component = "shared_mutex",
                    .invariants = "RW-EXCL",
                    .what = "two threads: a reader, a writer",
                    .modes = {random_mix(1), bounded(2, 2)}})
HEDDLE_SUITE(tries, {.name = "shared_mutex.tries",
                     .component = "shared_mutex",
                     .invariants = "RW-EXCL",
                     .what = "two threads: a writer, and one that only tries",
                     .modes = {random_mix(1), bounded(2, 1)}})
HEDDLE_SUITE(preference, {.name = "shared_mutex.preference",
                          .component = "shared_mutex",
                          .invariants = "RW-ORDER",
                          .what = "a writer, the reader that waited for it, the next writer",
                          .modes = {random_mix(0.5)}})
HEDDLE_SUITE(gone, {.name = "shared_mutex.gone",
                    .component = "shared_mutex",
                    .invariants = "I26 RW-EXCL",
                    .what = "destruction by the goroutine that gets it last",
                    .modes = {random_mix(2)}})
