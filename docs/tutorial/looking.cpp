// Looking in: figures, names, and where each goroutine stands.
#include <cstdio>
#include <sstream>

#include <heddle/heddle.hpp>

int main() {
  return heddle::run([] {
    const heddle::chan<int> never;
    heddle::task<void> waiter = heddle::spawn([=] {
      heddle::set_name("waiter");
      never.recv();
    });
    while (heddle::stats().parks == 0) heddle::yield();  // until the waiter has parked

    std::ostringstream out;
    heddle::dump(out);  // each goroutine: its name, what it waits for, where it was started, its stack
    std::printf("goroutines: %llu\n", static_cast<unsigned long long>(heddle::num_goroutine()));
    std::printf("the waiter is in the dump: %s\n", out.str().find("waiter") != std::string::npos ? "yes" : "no");
    never.close();
  });
}
