#pragma once
// A runtime that ends beside a thread that goes on with what its goroutines wait for.
#include "verify/suites/scheduled.hpp"

namespace verify {

// Main starts goroutines that wait for the object, or are about to, and ends. Thread 1 uses the object while the runtime
// ends; when thread 0 is through, nothing is left of the runtime.
template <class Object, int Waiters>
struct ends_beside : suite<2, 1> {
  Object *object = nullptr;
  heddle::detail::schedt *sched = nullptr;
  void before() {
    object = new Object;
    sched = new heddle::detail::schedt(
        heddle::detail::sched_options{.procs = 1, .threads_max = 2, .detect_deadlock = false});
    VERIFY_CHECK(heddle::detail::schedinit(*sched));
  }
  void thread(unsigned i) {
    if (i == 1) return object->use();
    heddle::detail::start_main(*sched);
    auto main = [this] {
      for (int k = 0; k < Waiters; ++k) heddle::go([o = object, k] { o->wait(k); });
      heddle::detail::goyield();
    };
    heddle::detail::run_main(*sched, heddle::detail::prepare(*sched, main, 0), &heddle::detail::invoke<decltype(main)>);
    heddle::detail::schedfree(*sched);
    delete sched;
  }
  void after() { delete object; }
};

}  // namespace verify
