#pragma once
// A whole scheduler with goroutines in calls, whose Ps a second static thread takes away, as sysmon does. Each look is a
// second after the last, so every call is old enough.
#include "heddle/blocking.hpp"
#include "verify/suites/scheduled.hpp"

namespace verify {

inline constexpr std::int64_t second = 1'000'000'000;

template <class Derived, int Ms, int Procs, int Foreign = 0>
struct policed : scheduled<Derived, Ms, Procs, 1 + Foreign> {
  using base = scheduled<Derived, Ms, Procs, 1 + Foreign>;
  // What a P carries from one M to the next: written by whoever runs with it, so a race here is a P that two have, or one
  // that was handed over without an edge.
  heddle::plain<int> carried[Procs];
  void touch() {
    heddle::plain<int> &c = carried[heddle::getm()->p.get()->id];
    c.set(c.get() + 1);
  }

  void before() {
    base::before();
    this->sched.foreigners.fetch_add(1, heddle::relaxed);  // joinms waits for the police, as for sysmon
  }
  void thread(unsigned i) {
    if (i != 1) return base::thread(i);
    static_cast<Derived *>(this)->watch();
    this->sched.foreigners.fetch_sub(1, heddle::release);
  }
  void watch() {
    for (std::int64_t now = second; !heddle::stopping(this->sched); now += second) {
      heddle::retake(this->sched, now);
      heddle::cpu_relax();
    }
  }
  // Takes one P from a call, and never looks again.
  void take_once() {
    for (std::int64_t now = second; !heddle::stopping(this->sched); now += second) {
      if (heddle::retake(this->sched, now) != 0) return;
      heddle::cpu_relax();
    }
  }
};

// A flag that a goroutine waits for in a call, holding up its thread and nothing else.
class signal {
 public:
  void set() { flag_.store(1, heddle::release); }
  bool is_set() const { return flag_.load(heddle::acquire) != 0; }
  void await() const {
    while (!is_set()) heddle::cpu_relax();
  }

 private:
  heddle::atomic<std::uint32_t> flag_;
};

}  // namespace verify
