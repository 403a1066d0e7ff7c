// A hundred jobs, of which at most three run at a time; the first error cancels the jobs that have not begun.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <stop_token>
#include <string>

#include <heddle/heddle.hpp>

namespace {

constexpr int jobs = 100, at_once = 3;

struct figures {
  std::atomic<int> running{0}, most{0}, done{0};
};

void job(int i, int bad, figures &f) {
  const int now = ++f.running;
  for (int most = f.most; most < now && !f.most.compare_exchange_weak(most, now);) {
  }
  heddle::sleep_for(std::chrono::milliseconds(1));
  --f.running;
  if (i == bad) throw std::runtime_error("job " + std::to_string(i) + " has failed");
  ++f.done;
}

struct unit {
  heddle::semaphore &of;
  ~unit() { of.release(); }
};

void run_all(int bad, figures &f) {
  heddle::semaphore units(at_once);
  heddle::with_scope([&](heddle::scope &s) {
    for (int i = 0; i < jobs && !s.cancelled(); ++i) {
      units.acquire();  // here and not in the job, so that there are no more goroutines than units
      s.spawn([&, i](std::stop_token stop) {
        const unit mine{units};
        if (!stop.stop_requested()) job(i, bad, f);
      });
    }
  });
}

}  // namespace

int main() {
  return heddle::run([] {
    figures all;
    run_all(-1, all);
    std::printf("%d jobs done, never more than %d at once\n", all.done.load(), std::max(at_once, all.most.load()));
    figures some;
    try {
      run_all(50, some);
    } catch (const std::exception &e) {
      std::printf("%s; fewer than all were done: %s\n", e.what(), some.done < jobs - 1 ? "yes" : "no");
    }
  });
}
