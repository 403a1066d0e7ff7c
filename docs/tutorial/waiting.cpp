// Shared data: a mutex protects it, a condition_variable tells of changes, a wait_group says when all are done.
#include <cstdio>
#include <mutex>

#include <heddle/heddle.hpp>

int main() {
  return heddle::run([] {
    heddle::mutex mu;
    heddle::condition_variable changed;
    int total = 0;

    heddle::wait_group all;
    for (int i = 1; i <= 100; ++i)
      all.go([&, i] {
        const std::lock_guard hold(mu);
        total += i;
        changed.notify_one();
      });

    {
      std::unique_lock hold(mu);
      changed.wait(hold, [&] { return total >= 1000; });
      std::puts("the total has reached 1000");
    }
    all.wait();
    std::printf("the total is %d\n", total);
  });
}
