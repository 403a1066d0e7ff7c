// A plugin that has a runtime of its own for the length of a call.
#include <heddle/heddle.hpp>

#include <chrono>
#include <mutex>

#include "shared.hpp"

extern "C" int count_up() { return ++counter(); }

extern "C" int sum_up(int n) {
  int sum = 0;
  heddle::run([&] {
    heddle::mutex guard;
    heddle::chan<int> numbers;
    heddle::wait_group all;
    for (int i = 1; i <= n; ++i)
      all.go([&, i] {
        std::lock_guard hold(guard);
        sum += i;
        heddle::yield();
      });
    heddle::go([numbers] {
      for (int i = 0; i < 10; ++i) numbers.send(i);
      numbers.close();
    });
    int more = 0;
    for (const int i : numbers) more += i;
    all.wait();
    heddle::task<int> none = heddle::spawn([] { return 0; });
    sum += none.get();
    heddle::sleep_for(std::chrono::milliseconds(1));
    sum += more;
  });
  return sum;
}
