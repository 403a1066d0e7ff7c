// Three workers share the jobs of one channel and send the results on another, which is closed when all are done.
#include <cstdio>
#include <heddle/heddle.hpp>
#include <map>

namespace {

struct result {
  int job;
  long sum;
};

long sum_of_squares(int n) {
  long sum = 0;
  for (long i = 1; i <= n; ++i) sum += i * i;
  return sum;
}

}  // namespace

int main() {
  return heddle::run([] {
    const heddle::chan<int> jobs;
    const heddle::chan<result> results;
    heddle::wait_group workers;
    for (int w = 0; w < 3; ++w)
      workers.go([&] {
        for (int n : jobs) results.send({n, sum_of_squares(n)});
      });
    heddle::go([&] {
      for (int n = 1; n <= 9; ++n) jobs.send(n);
      jobs.close();
    });
    heddle::go([&] {
      workers.wait();
      results.close();
    });
    std::map<int, long> sorted;  // they come in any order
    for (const result r : results) sorted[r.job] = r.sum;
    for (const auto &[job, sum] : sorted) std::printf("%d: %ld\n", job, sum);
  });
}
