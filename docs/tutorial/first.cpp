// The first program: goroutines, and a wait_group that waits for them.
#include <cstdio>

#include <heddle/heddle.hpp>

int main() {
  return heddle::run([] {
    int squares[5];
    heddle::wait_group all;
    for (int i = 0; i < 5; ++i) all.go([&squares, i] { squares[i] = i * i; });
    all.wait();
    for (int square : squares) std::printf("%d\n", square);
  });
}
