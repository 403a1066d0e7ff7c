// Select: waits for several channels at once.
#include <chrono>
#include <cstdio>
#include <optional>

#include <heddle/heddle.hpp>

using namespace std::chrono_literals;

int main() {
  return heddle::run([] {
    const heddle::chan<int> numbers, quit;
    heddle::wait_group all;
    all.go([=] {
      for (int i = 1; i <= 3; ++i) numbers.send(i);
      quit.close();
    });
    bool more = true;
    while (more)
      heddle::select(heddle::on_recv(numbers, [](std::optional<int> n) { std::printf("number %d\n", *n); }),
                     heddle::on_recv(quit, [&] { more = false; }));
    all.wait();

    // With otherwise() a select does not wait.
    heddle::select(heddle::on_recv(numbers, [] { std::puts("a number"); }),
                   heddle::otherwise([] { std::puts("nothing there now"); }));

    // A timer is a channel too, so it limits a select.
    heddle::select(heddle::on_recv(numbers, [] { std::puts("a number"); }),
                   heddle::on_recv(heddle::after(10ms), [] { std::puts("nothing within 10 ms"); }));
  });
}
