// Five philosophers that all take the left fork first: each has one and waits for the other. The report says so, and
// the process ends with status 2.
#include <array>
#include <heddle/heddle.hpp>

int main() {
  heddle::options o;
  o.procs = 1;  // the same numbers in every run
  o.preempt = false;
  return heddle::run(
      [] {
        std::array<heddle::mutex, 5> forks;
        heddle::wait_group all;
        for (std::size_t i = 0; i < 5; ++i)
          all.go([&forks, i] {
            forks[i].lock();
            heddle::yield();  // the others take theirs
            forks[(i + 1) % 5].lock();
          });
        all.wait();
      },
      o);
}
