// Calls the plugin while nothing of heddle runs here, and from a thread beside a runtime of the host's. Its exit status is 0 if both work.
#include <dlfcn.h>
#include <heddle/heddle.hpp>

#include <cstdio>
#include <mutex>
#include <thread>

#include "shared.hpp"

int main() {
  void *const plugin = dlopen(PLUGIN, RTLD_NOW | RTLD_LOCAL);
  if (plugin == nullptr) {
    std::printf("%s\n", dlerror());
    return 1;
  }
  const auto sum_up = reinterpret_cast<int (*)(int)>(dlsym(plugin, "sum_up"));
  if (sum_up(100) != 5095) return 1;
  const auto count_up = reinterpret_cast<int (*)()>(dlsym(plugin, "count_up"));
  ++counter();
  if (count_up() != 2) return 1;
  return heddle::run([&] {
    int wrong = 0, received = 0;
    heddle::mutex guard;
    heddle::task<int> none = heddle::spawn([] { return 0; });
    heddle::chan<int> numbers;
    std::thread beside([&] {
      for (int i = 0; i < 20; ++i) wrong += sum_up(100) != 5095;
    });
    heddle::go([&] {
      for (int i = 0; i < 1000; ++i) {
        std::lock_guard hold(guard);
        numbers.send(i);
      }
      numbers.close();
    });
    for (const int i : numbers) received += i;
    received += none.get();
    heddle::blocking([&] { beside.join(); });
    return wrong == 0 && received == 499500 ? 0 : 1;
  });
}
