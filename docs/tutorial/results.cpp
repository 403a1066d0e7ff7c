// Results: a task keeps what its function returns or throws; a scope joins all that it has started.
#include <cstdio>
#include <stdexcept>
#include <stop_token>
#include <vector>

#include <heddle/heddle.hpp>

long sum_of(const std::vector<int> &numbers) {
  long sum = 0;
  for (int n : numbers) sum += n;
  return sum;
}

int main() {
  return heddle::run([] {
    const std::vector<int> small = {1, 2, 3}, large = {100, 200, 300};

    // spawn is go with a result.
    heddle::task<long> first = heddle::spawn([&] { return sum_of(small); });
    heddle::task<long> second = heddle::spawn([&] { return sum_of(large); });
    std::printf("%ld and %ld\n", first.get(), second.get());

    // A scope: when the block ends, so have its goroutines. The first exception cancels the others and comes out here.
    try {
      heddle::with_scope([](heddle::scope &s) {
        s.spawn([](std::stop_token stop) {
          heddle::stop_signal stopped(stop);
          stopped.done().recv();  // waits until it is cancelled
          std::puts("cancelled");
        });
        s.spawn([] { throw std::runtime_error("no such file"); });
      });
    } catch (const std::exception &e) {
      std::printf("error: %s\n", e.what());
    }
  });
}
