#pragma once
// What holds while the world is stopped, for the suites that stop it.
#include "verify/suites/scheduled.hpp"

namespace verify {

// Caller: who has stopped the world, between the stop and the start; own: the P that it still has, or null.
inline void check_stopped(const heddle::schedt &sched, const heddle::p *own) {
  VERIFY_INV("I28", sched.stopwait.peek() == 0);
  VERIFY_INV("I29", sched.pidle.empty());
  for (std::int32_t i = 0; i < sched.gomaxprocs.peek(); ++i) {
    const heddle::p *pp = sched.allp[i].peek();
    VERIFY_INV("I29", pp->status.peek() == heddle::pstatus::gcstop);
    VERIFY_INV("I6", (pp->m.peek() != nullptr) == (pp == own));
  }
}

// Goroutines that step while others look on with the world stopped. Steps are plain and so are the looks: a goroutine that
// runs meanwhile, or goes on without having seen the start, is a race.
template <int N>
struct watched {
  trail trails[N];
  // Pre: the world is stopped.
  int seen() const {
    int n = 0;
    for (const trail &t : trails) n += t.steps.get();
    return n;
  }
};

// Stops the world, looks, and starts it. Caller: as stop_the_world.
template <class F>
void look_at_stopped(heddle::schedt &sched, F &&f) {
  auto looks = [&] {
    check_stopped(sched, heddle::own_p(sched, heddle::getm()));
    f();
  };
  heddle::detail::with_world_stopped(
      sched, [](void *arg) { (*static_cast<decltype(looks) *>(arg))(); }, &looks);
}

}  // namespace verify
