#pragma once
// What holds while the world is stopped, for the suites that stop it.
#include "verify/suites/scheduled.hpp"

namespace verify {

// Caller: the party that has stopped the world, between the stop and the start; own: the P that it still has, or null.
inline void check_stopped(const heddle::detail::schedt &sched, const heddle::detail::p *own) {
  VERIFY_INV("I28", sched.stopwait.peek() == 0);
  VERIFY_INV("I29", sched.pidle.empty());
  for (std::int32_t i = 0; i < sched.gomaxprocs.peek(); ++i) {
    const heddle::detail::p *pp = sched.allp[i].peek();
    VERIFY_INV("I29", pp->status.peek() == heddle::detail::pstatus::gcstop);
    VERIFY_INV("I6", (pp->m.peek() != nullptr) == (pp == own));
  }
}

// Goroutines that step while others look on with the world stopped. Steps are plain and so are the looks: a goroutine
// that runs meanwhile, or goes on without having seen the start, is a race.
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
void look_at_stopped(heddle::detail::schedt &sched, F &&f) {
  auto looks = [&] {
    check_stopped(sched, heddle::detail::own_p(sched, heddle::detail::getm()));
    f();
  };
  heddle::detail::with_world_stopped(
      sched, [](void *arg) { (*static_cast<decltype(looks) *>(arg))(); }, &looks);
}

// Thread i is ms[i], with allp[i] if there is one. The last thing that thread 0 does is to stop the runtime; the others
// are on their way into the schedule loop, or in it.
template <class Derived, int Threads, int Dynamic, int Procs = Threads>
struct stopping_at : suite<Threads, Dynamic> {
  static constexpr int procs = Procs;
  heddle::detail::schedt sched{
      heddle::detail::sched_options{.procs = Procs, .threads_max = Threads + Dynamic, .detect_deadlock = false}};
  heddle::detail::m *ms[Threads];
  heddle::detail::plain<int> world;  // belongs to the party that has it stopped, else to goroutines

  void before() {
    VERIFY_CHECK(heddle::detail::schedinit(sched));
    for (int i = 0; i < Threads; ++i) {
      ms[i] = heddle::detail::allocm(sched);
      sched.mcount.fetch_add(1, heddle::detail::relaxed);
      sched.nmrunning.fetch_add(1, heddle::detail::relaxed);
      if (i < Procs) heddle::detail::acquirep(ms[i], sched.pidle.get());
    }
    (sched.m0 = ms[0])->borrowed = true;
    static_cast<Derived *>(this)->arrange();
  }
  void arrange() {}
  // Puts a goroutine that will run f into the queue of ms[i]'s P. Pre: nothing runs yet.
  template <class F>
  void put(int i, F f) {
    sched.nmspinning.fetch_add(1, heddle::detail::relaxed);  // no M is woken for it
    heddle::detail::set_current_m(ms[i]);
    heddle::go(f);
    heddle::detail::set_current_m(nullptr);
    sched.nmspinning.fetch_sub(1, heddle::detail::relaxed);
  }

  // The asker's part; at its end all Ms are on their way out.
  void ask() {
    static_cast<Derived *>(this)->wait();
    heddle::detail::stop_the_world(sched);
    check_stopped(sched, heddle::detail::own_p(sched, heddle::detail::getm()));
    world.set(1);
    static_cast<Derived *>(this)->stopped();
    heddle::detail::start_the_world(sched);
    static_cast<Derived *>(this)->started();
  }
  void wait() {}
  void stopped() {}
  void started() { heddle::detail::stop(sched); }

  // The schedule loop to its end; mp has a P or not.
  void loop(heddle::detail::m *mp) {
    if (mp->p.get() == nullptr) heddle::detail::stopm(mp);
    if (mp->p.get() != nullptr) heddle::detail::schedule(mp);
    heddle::detail::leave_p(mp);
  }
  void thread(unsigned i) {
    heddle::detail::set_current_m(ms[i]);
    if (i == 0) {
      heddle::detail::acquirem(ms[0]);  // it runs no goroutine that could give way
      static_cast<Derived *>(this)->ask();
    } else {
      static_cast<Derived *>(this)->other(static_cast<int>(i), ms[i]);
    }
    heddle::detail::set_current_m(nullptr);
  }
  void describe(names &to) { describe_sched(to, sched); }

  void after() {
    VERIFY_INV("I28", sched.stopwait.peek() == 0 && world.get() != 0);
    for (std::int32_t i = 0; i < Procs; ++i)
      VERIFY_INV("I7", sched.allp[i].peek()->status.peek() == heddle::detail::pstatus::idle ||
                           sched.allp[i].peek()->m.peek() != nullptr);
    static_cast<Derived *>(this)->check();
    check_conservation(sched);
    heddle::detail::schedfree(sched);
  }
  void check() {}
};

}  // namespace verify
