// The workloads of bench/workloads.cpp in Boost.Fiber, with the same command line and the same line of JSON:
//   workload NAME PROCS [--quick]     workload --list
// Stacks come from malloc, told not to give them back: otherwise each fiber would cost an mmap and a munmap.
// One P: the default scheduler (round robin). More: work stealing, a thread each. No select: Boost.Fiber has none.
#include <malloc.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <boost/fiber/all.hpp>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

namespace fibers = boost::fibers;
using fibers::buffered_channel;
using fibers::channel_op_status;
using fibers::fiber;
using fibers::unbuffered_channel;

struct figure {
  double value;
  const char *unit;
  double elapsed_s;
  std::vector<std::pair<const char *, double>> more = {};
};

void check(bool right, const char *what) {
  if (right) return;
  std::fprintf(stderr, "workload: wrong result: %s\n", what);
  std::_Exit(1);
}

double since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}
figure per_operation(std::chrono::steady_clock::time_point start, std::int64_t operations) {
  const double s = since(start);
  return {s * 1e9 / static_cast<double>(operations), "ns", s};
}
figure whole(std::chrono::steady_clock::time_point start) { return {since(start) * 1e3, "ms", since(start)}; }

// A counter to wait for, as Go's WaitGroup.
class wait_group {
 public:
  explicit wait_group(std::int64_t n = 0) : count_(n) {}
  void add(std::int64_t n) { count_ += n; }
  void done() {
    if (count_.fetch_sub(1) != 1) return;
    const std::lock_guard<fibers::mutex> hold(mutex_);
    zero_.notify_all();
  }
  void wait() {
    std::unique_lock<fibers::mutex> hold(mutex_);
    zero_.wait(hold, [this] { return count_ == 0; });
  }

 private:
  std::atomic<std::int64_t> count_;
  fibers::mutex mutex_;
  fibers::condition_variable zero_;
};

template <class F>
void go(F &&f, fibers::launch how = fibers::launch::post) {
  fiber(how, std::forward<F>(f)).detach();
}

figure spawn_exit(std::int64_t divisor) {
  constexpr std::int64_t batch = 1000;
  const std::int64_t batches = 1000 / divisor;
  const auto start = std::chrono::steady_clock::now();
  wait_group done;
  for (std::int64_t i = 0; i < batches; ++i) {
    done.add(batch);
    for (std::int64_t j = 0; j < batch; ++j) go([&done] { done.done(); });
    done.wait();
  }
  return per_operation(start, batches * batch);
}

figure yield_among(std::int64_t tasks, std::int64_t yields_each) {
  const auto start = std::chrono::steady_clock::now();
  wait_group done(tasks);
  for (std::int64_t i = 0; i < tasks; ++i)
    go([&done, yields_each] {
      for (std::int64_t j = 0; j < yields_each; ++j) boost::this_fiber::yield();
      done.done();
    });
  done.wait();
  return per_operation(start, tasks * yields_each);
}
figure yield_2(std::int64_t divisor) { return yield_among(2, 5'000'000 / divisor); }
figure yield_1000(std::int64_t divisor) { return yield_among(1000, 10'000 / divisor); }

figure pingpong(std::int64_t divisor) {
  const std::int64_t rounds = 1'000'000 / divisor;
  const auto start = std::chrono::steady_clock::now();
  unbuffered_channel<std::int64_t> there, back;
  fiber other([&] {
    for (const std::int64_t v : there) back.push(v + 1);
  });
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < rounds; ++i) {
    there.push(i);
    sum += back.value_pop() - i;
  }
  there.close();
  other.join();
  check(sum == rounds, "pingpong");
  return per_operation(start, rounds);
}

figure chan_128(std::int64_t pairs, std::int64_t items) {
  const auto start = std::chrono::steady_clock::now();
  buffered_channel<std::int64_t> c(128);
  wait_group produced(pairs), consumed(pairs);
  std::atomic<std::int64_t> sum{0};
  const std::int64_t n = items / pairs;
  for (std::int64_t i = 0; i < pairs; ++i) {
    go([&, n] {
      for (std::int64_t j = 0; j < n; ++j) c.push(j);
      produced.done();
    });
    go([&] {
      std::int64_t mine = 0;
      for (const std::int64_t v : c) mine += v;
      sum += mine;
      consumed.done();
    });
  }
  produced.wait();
  c.close();
  consumed.wait();
  check(sum == pairs * n * (n - 1) / 2, "chan");
  return per_operation(start, items);
}
figure chan_1p1c(std::int64_t divisor) { return chan_128(1, 4'000'000 / divisor); }
figure chan_4p4c(std::int64_t divisor) { return chan_128(4, 4'000'000 / divisor); }

// launch::dispatch runs the child at once: posted, a million stacks would exist at the same time.
void skynet_node(unbuffered_channel<std::int64_t> &up, std::int64_t number, std::int64_t leaves) {
  constexpr std::int64_t fan_out = 10;
  if (leaves == 1) {
    up.push(number);
    return;
  }
  unbuffered_channel<std::int64_t> down;
  std::vector<fiber> children;
  const std::int64_t part = leaves / fan_out;
  for (std::int64_t i = 0; i < fan_out; ++i)
    children.emplace_back(fibers::launch::dispatch,
                          [&down, number, part, i] { skynet_node(down, number + i * part, part); });
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < fan_out; ++i) sum += down.value_pop();
  for (fiber &f : children) f.join();
  up.push(sum);
}
figure skynet(std::int64_t divisor) {
  const std::int64_t leaves = 1'000'000 / divisor;
  const auto start = std::chrono::steady_clock::now();
  unbuffered_channel<std::int64_t> result;
  fiber root([&] { skynet_node(result, 0, leaves); });
  check(result.value_pop() == leaves * (leaves - 1) / 2, "skynet");
  root.join();
  return whole(start);
}

figure mutex(std::int64_t divisor) {
  constexpr std::int64_t tasks = 1000;
  const std::int64_t increments = 1000 / divisor;
  const auto start = std::chrono::steady_clock::now();
  fibers::mutex mu;
  wait_group done(tasks);
  std::int64_t counter = 0;
  for (std::int64_t i = 0; i < tasks; ++i)
    go([&] {
      for (std::int64_t j = 0; j < increments; ++j) {
        const std::lock_guard<fibers::mutex> hold(mu);
        ++counter;
      }
      done.done();
    });
  done.wait();
  check(counter == tasks * increments, "mutex");
  return per_operation(start, tasks * increments);
}

figure primes(std::int64_t divisor) {
  const std::int64_t count = 2000 / divisor;
  using numbers = unbuffered_channel<std::int64_t>;
  const auto start = std::chrono::steady_clock::now();
  numbers *in = new numbers;  // the chain ends with the process
  go([out = in] {
    for (std::int64_t i = 2;; ++i) out->push(i);
  });
  std::int64_t prime = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    prime = in->value_pop();
    numbers *const next = new numbers;
    go([in, next, prime] {
      for (;;)
        if (const std::int64_t n = in->value_pop(); n % prime != 0) next->push(n);
    });
    in = next;
  }
  const figure f = whole(start);
  check(prime == 17389 || count != 2000, "primes");
  return f;
}

double cpu_ms() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
}

// Nanoseconds that a sleep of ns lasts longer.
std::int64_t lateness(std::int64_t ns) {
  const auto start = std::chrono::steady_clock::now();
  boost::this_fiber::sleep_for(std::chrono::nanoseconds(ns));
  return (std::chrono::steady_clock::now() - start).count() - ns;
}

std::vector<std::pair<const char *, double>> quantiles(std::vector<std::int64_t> &late) {
  std::sort(late.begin(), late.end());
  const auto at = [&late](double q) {
    const auto i = static_cast<std::size_t>(q * static_cast<double>(late.size()));
    return static_cast<double>(late[std::min(i, late.size() - 1)]) * 1e-3;
  };
  return {{"p50_us", at(0.5)}, {"p99_us", at(0.99)}, {"max_us", at(1)}};
}

figure timers(std::int64_t divisor) {
  std::vector<std::int64_t> late(static_cast<std::size_t>(100'000 / divisor));
  const auto start = std::chrono::steady_clock::now();
  const double before = cpu_ms();
  wait_group done(static_cast<std::int64_t>(late.size()));
  std::uint64_t random = 1;
  for (std::int64_t &mine : late) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    const auto ns = static_cast<std::int64_t>(1'000'000 + (random >> 33) % 999'000'000);
    go([&mine, &done, ns] {
      mine = lateness(ns);
      done.done();
    });
  }
  done.wait();
  const double cpu = cpu_ms() - before;
  return {cpu, "ms", since(start), quantiles(late)};
}

figure sleep_late(std::int64_t divisor) {
  std::vector<std::int64_t> late(static_cast<std::size_t>(5000 / divisor));
  const auto start = std::chrono::steady_clock::now();
  for (std::int64_t &mine : late) mine = lateness(100'000);
  auto more = quantiles(late);
  const double p50 = more[0].second;
  return {p50, "us", since(start), std::move(more)};
}

const std::map<std::string, figure (*)(std::int64_t)> workloads = {
    {"spawn_exit", spawn_exit}, {"yield_2", yield_2},     {"yield_1000", yield_1000}, {"pingpong", pingpong},
    {"chan_1p1c", chan_1p1c},   {"chan_4p4c", chan_4p4c}, {"skynet", skynet},         {"mutex", mutex},
    {"primes", primes},         {"timers", timers},       {"sleep_late", sleep_late},
};

// As the main fiber of `procs` threads, which steal from each other until the process ends.
void start_threads(unsigned procs) {
  if (procs == 1) return;
  for (unsigned i = 1; i < procs; ++i)
    std::thread([procs] {
      fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(procs);
      fibers::mutex never;
      std::unique_lock<fibers::mutex> hold(never);
      fibers::condition_variable().wait(hold, [] { return false; });
    }).detach();
  fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(procs);
}

int usage() {
  std::fputs("usage: workload NAME PROCS [--quick]\n       workload --list\n", stderr);
  return 2;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc == 2 && std::strcmp(argv[1], "--list") == 0) {
    for (const auto &[name, run] : workloads) std::printf("%s\n", name.c_str());
    return 0;
  }
  const bool quick = argc == 4 && std::strcmp(argv[3], "--quick") == 0;
  if (argc != 3 && !quick) return usage();
  const auto found = workloads.find(argv[1]);
  unsigned procs = 0;
  const std::string_view text = argv[2];
  const auto [end, error] = std::from_chars(text.begin(), text.end(), procs);
  if (found == workloads.end() || error != std::errc() || end != text.end() || procs < 1) return usage();
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, -1);
  start_threads(procs);
  const figure f = found->second(quick ? 10 : 1);
  std::printf("{\"name\": \"%s\", \"procs\": %u, \"value\": %.6g, \"unit\": \"%s\", \"elapsed_s\": %.6g, ", argv[1],
              procs, f.value, f.unit, f.elapsed_s);
  for (const auto &[name, value] : f.more) std::printf("\"%s\": %.6g, ", name, value);
  std::printf("\"compiler\": \"g++ %s -O2, Boost %s\"}\n", __VERSION__, BOOST_LIB_VERSION);
  std::fflush(stdout);
  std::_Exit(0);  // threads and fibers are still there
}
