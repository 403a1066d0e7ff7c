#pragma once
// Programs that come to a standstill.
#include "verify/suites/scheduled.hpp"

namespace verify {

// As scheduled, for programs that stand still: the suite's callback gets the report, and ends the waits.
template <class Derived, int Ms, int Procs, int Dynamic = Ms - 1, int Foreign = 0>
struct standstill : suite<1 + Foreign, Dynamic> {
  heddle::detail::schedt sched{heddle::detail::sched_options{.procs = Procs,
                                                             .threads_max = Ms,
                                                             .waits_for = heddle::detail::waits_for,
                                                             .holder_for = heddle::detail::holder_for}};
  heddle::detail::plain<int> reports;
  heddle::detail::plain<int> done;  // goroutines that had something to do first
  const char *report = nullptr;     // while told() is called

  void before() {
    sched.options.on_deadlock = [](void *self, const char *text) {
      auto *const s = static_cast<Derived *>(self);
      s->reports.set(s->reports.get() + 1);
      s->report = text;
      s->told();
    };
    sched.options.on_deadlock_arg = static_cast<Derived *>(this);
    static_cast<Derived *>(this)->options();
    VERIFY_CHECK(heddle::detail::schedinit(sched));
  }
  void options() {}
  void told() { heddle::detail::stop(sched); }
  void thread(unsigned i) {
    if (i != 0) return static_cast<Derived *>(this)->foreign();
    if (sched.options.sysmon) VERIFY_CHECK(heddle::detail::start_sysmon(sched) == 0);
    heddle::detail::start_main(sched);
    Derived *self = static_cast<Derived *>(this);
    auto main = [self] { self->body(); };
    const heddle::detail::newborn s = heddle::detail::prepare(sched, main, 0);
    heddle::detail::run_main(sched, s, &heddle::detail::invoke<decltype(main)>);
  }
  void foreign() {}
  static void sleep() { heddle::detail::gopark(nullptr, nullptr, heddle::detail::waitreason::test); }
  void describe(names &to) { describe_sched(to, sched); }
  void after() {
    static_cast<Derived *>(this)->check();
    std::int32_t ms = 0;
    for (const heddle::detail::m *mp = sched.allm.get(); mp != nullptr; mp = mp->alllink.get()) ++ms;
    while (sched.mfree.pop() != nullptr) --ms;
    while (sched.freem.pop() != nullptr) --ms;
    VERIFY_INV("I34", sched.mcount.peek() == ms && heddle::detail::awake_in(sched.nmrunning.peek()) == ms);
    heddle::detail::schedfree(sched);
  }
  void check() { VERIFY_INV("I37", reports.get() == 1); }
};

}  // namespace verify
