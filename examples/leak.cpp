// A goroutine that never ends: it waits for a value that is never sent. With leak_report the runtime names the line
// that started it; HEDDLE_DEBUG=leak=1 in the environment does the same for any program.
#include <cstdio>
#include <heddle/heddle.hpp>

int main() {
  heddle::options o;
  o.procs = 1;  // the same number in every run
  o.leak_report = true;
  const heddle::chan<int> never;
  return heddle::run(
      [&] {
        heddle::go([&] { never.recv(); });
        while (heddle::stats().parks == 0) heddle::gosched();
        std::puts("done");
      },
      o);
}
