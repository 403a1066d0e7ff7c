// Primes from a chain of goroutines, one for each prime found. Each lets through the numbers that its prime does not
// divide.
#include <cstdio>
#include <heddle/heddle.hpp>

namespace {

void generate(const heddle::sender<int> &to) {
  for (int i = 2; i < 30; ++i) to.send(i);
  to.close();
}

void filter(const heddle::receiver<int> &from, const heddle::sender<int> &to, int prime) {
  for (int i : from)
    if (i % prime != 0) to.send(i);
  to.close();
}

}  // namespace

int main() {
  return heddle::run([] {
    heddle::wait_group all;
    heddle::chan<int> c;
    all.go([=] { generate(c); });
    while (const std::optional<int> prime = c.recv()) {
      std::printf("%d\n", *prime);
      const heddle::chan<int> next;
      all.go([=] { filter(c, next, *prime); });
      c = next;
    }
    all.wait();
  });
}
