// A small program of a user of heddle: goroutines, a channel, select with a timeout, a mutex. Its exit status is 0 if all of it works.
#include <heddle/heddle.hpp>

#include <cstdio>
#include <mutex>

int main() {
  int sum = 0;
  bool late = false;
  const int status = heddle::run([&] {
    heddle::chan<int> squares;
    heddle::wait_group all;
    heddle::mutex guard;
    int made = 0;
    for (int i = 1; i <= 100; ++i) {
      all.add(1);
      heddle::go([&, i] {
        squares.send(i * i);
        {
          std::lock_guard lock(guard);
          ++made;
        }
        all.done();
      });
    }
    heddle::go([&, squares]() mutable {
      all.wait();
      squares.close();
    });
    for (const int square : squares) sum += square;
    if (made != 100) sum = 0;
    heddle::chan<int> silent;
    heddle::select(heddle::on_recv(silent, [](std::optional<int>) {}),
                   heddle::on_recv(heddle::after(std::chrono::milliseconds(5)), [&](auto &&) { late = true; }));
  });
  std::printf("%d %s\n", sum, late ? "late" : "early");
  return status == 0 && sum == 338350 && late ? 0 : 1;
}
