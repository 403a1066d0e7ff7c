// A goroutine that never calls heddle gives the only P to another one at the entry of a function. No P is taken here.
#include <heddle/heddle.hpp>

#include <atomic>

[[gnu::noinline]] bool look(const std::atomic<bool> &over) { return over; }

int main() {
  heddle::options o;
  o.procs = 1;
  o.hogs_max = -1;
  return heddle::run(
      [] {
        std::atomic<bool> over{false};
        heddle::go([&over] {
          heddle::yield();
          over = true;
        });
        while (!look(over)) {
        }
      },
      o);
}
