// Five philosophers, five forks, and no deadlock: each takes the fork with the lower number first, so it never happens
// that all of them have one and wait for another. philosophers_deadlock.cpp shows what happens otherwise.
#include <algorithm>
#include <array>
#include <cstdio>
#include <heddle/heddle.hpp>
#include <mutex>

int main() {
  return heddle::run([] {
    std::array<heddle::mutex, 5> forks;
    std::array<int, 5> meals{};
    heddle::wait_group all;
    for (std::size_t i = 0; i < 5; ++i)
      all.go([&, i] {
        const std::size_t left = i, right = (i + 1) % 5;
        for (int meal = 0; meal < 3; ++meal) {
          const std::lock_guard first(forks[std::min(left, right)]);
          heddle::yield();
          const std::lock_guard second(forks[std::max(left, right)]);
          ++meals[i];
        }
      });
    all.wait();
    for (std::size_t i = 0; i < 5; ++i) std::printf("philosopher %zu has eaten %d times\n", i, meals[i]);
  });
}
