#pragma once
// What the stress tests share: their time, and their random choices.
#include "runtime/test/test_support.hpp"

namespace heddle_test {

using clock_type = std::chrono::steady_clock;

// A quarter of the budget, because each test runs for 1, 2, 4 and 8 Ps. The first call always says that there is time,
// so that something is done even on a machine that is busy with other things.
class budget {
 public:
  budget() {
    const char *ms = std::getenv("HEDDLE_STRESS_MS");
    end_ = clock_type::now() + std::chrono::milliseconds(ms != nullptr ? std::atoi(ms) : 300) / 4;
  }
  bool over() const { return asked_.exchange(true, std::memory_order_relaxed) && clock_type::now() >= end_; }

 private:
  clock_type::time_point end_;
  mutable std::atomic<bool> asked_{false};
};

inline constexpr int all_procs[] = {1, 2, 4, 8};

// The random choices of one goroutine.
struct dice {
  std::uint64_t state;
  explicit dice(std::uint64_t seed) : state(seed * 0x9e3779b97f4a7c15u + 1) {}
  std::uint32_t operator()(std::uint32_t n) { return heddle::detail::cheaprandn(state, n); }

  // Now and then lets others go first, or lets time pass, so that rare orders come about. Caller: a goroutine.
  void delay() {
    switch ((*this)(16)) {
      case 0: heddle::yield(); break;
      case 1: heddle::gosched(); break;
      case 2: pause((*this)(200)); break;
      case 3:
        if ((*this)(64) == 0) std::this_thread::sleep_for(std::chrono::microseconds((*this)(100)));
        break;
      default: break;
    }
  }
  static void pause(std::uint32_t n) {
    for (std::uint32_t i = 0; i < n; ++i) heddle::detail::cpu_relax();
  }
};

}  // namespace heddle_test
