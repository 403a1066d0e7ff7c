#pragma once
// midle and pidle: the idle Ms and the idle Ps, each an lfstack with a count. Source: midle, pidle of Go's schedt. Go
// keeps them under sched.lock; here they need no lock (the argument is the delicate dance, sched/wake.cpp).
#include "queues/lfstack.hpp"

HEDDLE_DETAIL_BEGIN

// LIFO, so that warm threads and low Ps come back first. The count is exact when no call is in progress (I10); else it
// may run behind a put or ahead of a get by the calls in progress. Caller: any thread. Blocks: nothing.
template <class T>
class idlestack {
 public:
  void put(T *x) noexcept {
    stack_.push(x);
    // release: pairs with count()'s acquire in checkdead, which must see all that the threads it counts have done.
    // [IDLE-1]
    count_.fetch_add(1, release);
  }

  // Puts x[0..n) in one step, so that x[0] comes out first.
  void put_all(T *const *x, std::int32_t n) noexcept {
    if (n == 0) return;
    for (std::int32_t i = 0; i + 1 < n; ++i) stack_.set_next(x[i], x[i + 1]);
    stack_.push_batch(x[0], x[n - 1]);
    count_.fetch_add(n, release);  // release: as in put. [IDLE-1]
  }

  T *get() noexcept {
    T *x = stack_.pop();
    // relaxed: any RMW continues the release sequences of the earlier puts to checkdead. [IDLE-1]
    if (x != nullptr) count_.fetch_sub(1, relaxed);
    return x;
  }

  // Empties the stack and calls f once for each element.
  template <class F>
  void drain(F &&f) noexcept {
    for (T *x = stack_.pop_all(); x != nullptr;) {
      T *next = stack_.next_of(x);   // before f: another thread may use x as soon as f has it
      count_.fetch_sub(1, relaxed);  // relaxed: as in get. [IDLE-1]
      f(x);
      x = next;
    }
  }

  bool empty() const noexcept { return stack_.empty(); }
  std::int32_t count() const noexcept { return count_.load(acquire); }  // acquire: pairs with put. [IDLE-1]
  std::int32_t peek_count() const noexcept { return count_.peek(); }

 private:
  lfstack<T> stack_;
  atomic<std::int32_t> count_;
};

HEDDLE_DETAIL_END
