// The workloads in heddle. bench/peers/ has the same in other languages, line for line where that is possible.
#include "bench/workloads.hpp"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "heddle/heddle.hpp"

namespace bench {

std::int64_t now_ns() noexcept {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

void compute_until(std::int64_t deadline_ns) noexcept {
  while (now_ns() < deadline_ns) {
  }
}

namespace {

void check(bool right, const char *what) {
  if (right) return;
  std::fprintf(stderr, "workload: wrong result: %s\n", what);
  std::_Exit(1);
}

heddle::options with_procs(int procs) {
  heddle::options o;
  o.procs = procs;
  return o;
}

// Runs f as the main goroutine and returns how long it took.
template <class F>
double timed(int procs, F &&f) {
  std::int64_t elapsed = 0;
  const int status = heddle::run(
      [&] {
        const std::int64_t start = now_ns();
        f();
        elapsed = now_ns() - start;
      },
      with_procs(procs));
  check(status == 0, "the runtime did not start");
  return static_cast<double>(elapsed) * 1e-9;
}

figure per_operation(double elapsed_s, std::int64_t operations) {
  return {elapsed_s * 1e9 / static_cast<double>(operations), "ns", elapsed_s, {}};
}

figure whole(double elapsed_s) { return {elapsed_s * 1e3, "ms", elapsed_s, {}}; }

figure spawn_exit(int procs, std::int64_t divisor) {
  constexpr std::int64_t batch = 1000;
  const std::int64_t batches = 1000 / divisor;
  const double elapsed = timed(procs, [&] {
    alignas(128) heddle::wait_group done;  // not on a line with main's own variables, as chance has it
    for (std::int64_t i = 0; i < batches; ++i) {
      done.add(batch);
      for (std::int64_t j = 0; j < batch; ++j) heddle::go([&done] { done.done(); });
      done.wait();
    }
  });
  return per_operation(elapsed, batches * batch);
}

figure yield_among(int procs, std::int64_t tasks, std::int64_t yields_each) {
  const double elapsed = timed(procs, [&] {
    heddle::wait_group done(tasks);
    for (std::int64_t i = 0; i < tasks; ++i)
      heddle::go([&done, yields_each] {
        for (std::int64_t j = 0; j < yields_each; ++j) heddle::yield();
        done.done();
      });
    done.wait();
  });
  return per_operation(elapsed, tasks * yields_each);
}

figure yield_2(int procs, std::int64_t divisor) { return yield_among(procs, 2, 5'000'000 / divisor); }
figure yield_1000(int procs, std::int64_t divisor) { return yield_among(procs, 1000, 10'000 / divisor); }

figure pingpong(int procs, std::int64_t divisor) {
  const std::int64_t rounds = 1'000'000 / divisor;
  const double elapsed = timed(procs, [&] {
    heddle::chan<std::int64_t> there, back;
    heddle::go([=] {
      while (const auto v = there.recv()) back.send(*v + 1);
    });
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < rounds; ++i) {
      there.send(i);
      sum += *back.recv() - i;
    }
    there.close();
    check(sum == rounds, "pingpong");
  });
  return per_operation(elapsed, rounds);
}

figure chan_128(int procs, std::int64_t pairs, std::int64_t items) {
  std::atomic<std::int64_t> sum{0};
  const double elapsed = timed(procs, [&] {
    const heddle::chan<std::int64_t> c(128);
    heddle::wait_group produced(pairs), consumed(pairs);
    for (std::int64_t i = 0; i < pairs; ++i) {
      heddle::go([&produced, c, n = items / pairs] {
        for (std::int64_t j = 0; j < n; ++j) c.send(j);
        produced.done();
      });
      heddle::go([&consumed, &sum, c] {
        std::int64_t mine = 0;
        while (const auto v = c.recv()) mine += *v;
        sum += mine;
        consumed.done();
      });
    }
    produced.wait();
    c.close();
    consumed.wait();
  });
  const std::int64_t n = items / pairs;
  check(sum == pairs * n * (n - 1) / 2, "chan");
  return per_operation(elapsed, items);
}

figure chan_1p1c(int procs, std::int64_t divisor) { return chan_128(procs, 1, 4'000'000 / divisor); }
figure chan_4p4c(int procs, std::int64_t divisor) { return chan_128(procs, 4, 4'000'000 / divisor); }

void skynet_node(const heddle::chan<std::int64_t> &up, std::int64_t number, std::int64_t leaves) {
  constexpr std::int64_t fan_out = 10;
  if (leaves == 1) return up.send(number);
  const heddle::chan<std::int64_t> down;
  const std::int64_t part = leaves / fan_out;
  for (std::int64_t i = 0; i < fan_out; ++i)
    heddle::go([down, child = number + i * part, part] { skynet_node(down, child, part); });
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < fan_out; ++i) sum += *down.recv();
  up.send(sum);
}

figure skynet(int procs, std::int64_t divisor) {
  const std::int64_t leaves = 1'000'000 / divisor;  // a power of ten, as the divisor is
  const double elapsed = timed(procs, [&] {
    const heddle::chan<std::int64_t> result;
    heddle::go([=] { skynet_node(result, 0, leaves); });
    check(*result.recv() == leaves * (leaves - 1) / 2, "skynet");
  });
  return whole(elapsed);
}

// Four producers, each with a channel of its own; the receiver takes what comes first.
figure select4(int procs, std::int64_t divisor) {
  constexpr std::int64_t producers = 4;
  const std::int64_t each = 500'000 / divisor;
  std::int64_t sum = 0;
  const double elapsed = timed(procs, [&] {
    const heddle::chan<std::int64_t> c[producers];
    for (const auto &to : c)
      heddle::go([to, each] {
        for (std::int64_t i = 0; i < each; ++i) to.send(i);
      });
    const auto add = [&sum](std::optional<std::int64_t> v) { sum += *v; };
    for (std::int64_t i = 0; i < producers * each; ++i)
      heddle::select(heddle::on_recv(c[0], add), heddle::on_recv(c[1], add), heddle::on_recv(c[2], add),
                     heddle::on_recv(c[3], add));
  });
  check(sum == producers * each * (each - 1) / 2, "select");
  return per_operation(elapsed, producers * each);
}

figure mutex(int procs, std::int64_t divisor) {
  constexpr std::int64_t tasks = 1000;
  const std::int64_t increments = 1000 / divisor;
  std::int64_t counter = 0;
  const double elapsed = timed(procs, [&] {
    heddle::mutex mu;
    heddle::wait_group done(tasks);
    for (std::int64_t i = 0; i < tasks; ++i)
      heddle::go([&] {
        for (std::int64_t j = 0; j < increments; ++j) {
          const std::lock_guard hold(mu);
          ++counter;
        }
        done.done();
      });
    done.wait();
  });
  check(counter == tasks * increments, "mutex");
  return per_operation(elapsed, tasks * increments);
}

// Work that a compiler can neither leave out nor shorten: about 1.8 ns for each step.
std::uint64_t compute(std::uint64_t x, std::int64_t steps) {
  for (std::int64_t i = 0; i < steps; ++i) x = x * 6364136223846793005u + 1442695040888963407u;
  return x;
}

// So many goroutines work under the mutex and outside it, again and again.
figure mutex_among(int procs, std::int64_t tasks, std::int64_t locks, std::int64_t inside, std::int64_t outside) {
  std::uint64_t value = 1;
  std::int64_t counter = 0;
  const double elapsed = timed(procs, [&] {
    heddle::mutex mu;
    heddle::wait_group done(tasks);
    for (std::int64_t i = 0; i < tasks; ++i)
      heddle::go([&] {
        std::uint64_t own = 1;
        for (std::int64_t j = 0; j < locks / tasks; ++j) {
          {
            const std::lock_guard hold(mu);
            value = compute(value, inside);
            ++counter;
          }
          own = compute(own, outside);
        }
        check(own != 0, "mutex");
        done.done();
      });
    done.wait();
  });
  check(counter == locks / tasks * tasks && value != 0, "mutex");
  return per_operation(elapsed, counter);
}

figure mutex_1(int procs, std::int64_t divisor) { return mutex_among(procs, 1, 20'000'000 / divisor, 0, 0); }
figure mutex_2(int procs, std::int64_t divisor) { return mutex_among(procs, 2, 4'000'000 / divisor, 0, 0); }
figure mutex_16(int procs, std::int64_t divisor) { return mutex_among(procs, 16, 4'000'000 / divisor, 0, 0); }
figure mutex_work_2(int procs, std::int64_t divisor) { return mutex_among(procs, 2, 2'000'000 / divisor, 50, 200); }
figure mutex_work_16(int procs, std::int64_t divisor) { return mutex_among(procs, 16, 2'000'000 / divisor, 50, 200); }

figure primes(int procs, std::int64_t divisor) {
  const std::int64_t count = 2000 / divisor;
  const double elapsed = timed(procs, [&] {
    heddle::chan<std::int64_t> numbers;
    heddle::go([=] {
      for (std::int64_t i = 2;; ++i) numbers.send(i);
    });
    std::int64_t prime = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      prime = *numbers.recv();
      const heddle::chan<std::int64_t> next;
      heddle::go([in = numbers, out = next, prime] {
        for (;;) {
          const std::int64_t n = *in.recv();
          if (n % prime != 0) out.send(n);
        }
      });
      numbers = next;
    }
    check(prime == 17389 || count != 2000, "primes");
  });
  return whole(elapsed);
}

double quantile(const std::vector<std::int64_t> &sorted, double q) {
  const auto at = static_cast<std::size_t>(q * static_cast<double>(sorted.size()));
  return static_cast<double>(sorted[std::min(at, sorted.size() - 1)]);
}

// Makes the figure, which is the p50, from how late each one was, in ns. Sorts them.
figure lateness(std::vector<std::int64_t> &late, double elapsed_s) {
  std::sort(late.begin(), late.end());
  const double p50 = quantile(late, 0.50) * 1e-3, p99 = quantile(late, 0.99) * 1e-3;
  return {p50, "us", elapsed_s, {{"p50_us", p50}, {"p99_us", p99}, {"max_us", quantile(late, 1.0) * 1e-3}}};
}

// The value that is sent is the time of the send; the receiver subtracts it from its own time.
figure wake(int procs, std::int64_t divisor) {
  constexpr std::int64_t compute_ns = 400'000;
  const std::int64_t wakes = 2000 / divisor;
  std::vector<std::int64_t> late;
  late.reserve(static_cast<std::size_t>(wakes));
  const double elapsed = timed(procs, [&] {
    const heddle::chan<std::int64_t> c;
    heddle::wait_group done(1);
    heddle::go([&late, &done, c] {
      while (const auto sent = c.recv()) late.push_back(now_ns() - *sent);
      done.done();
    });
    for (std::int64_t i = 0; i < wakes; ++i) {
      compute_until(now_ns() + compute_ns);
      c.send(now_ns());
    }
    compute_until(now_ns() + compute_ns);
    c.close();
    done.wait();
  });
  check(static_cast<std::int64_t>(late.size()) == wakes, "wake");
  return lateness(late, elapsed);
}

// How many Ms are woken or started for 1000 empty goroutines; `gos` goroutines are started, with `gap_ns` of computing
// after each.
double wakes_per_1000(std::int64_t gos, std::int64_t gap_ns) {
  constexpr std::int64_t batch = 1000;
  const std::uint64_t before = heddle::stats().wakes;
  heddle::wait_group done;
  for (std::int64_t i = 0; i < gos; ++i) {
    done.go([] {});
    if (gap_ns != 0) compute_until(now_ns() + gap_ns);
    if ((i + 1) % batch == 0) done.wait();
  }
  done.wait();
  return 1000.0 * static_cast<double>(heddle::stats().wakes - before) / static_cast<double>(gos);
}

figure wakes(int procs, std::int64_t divisor) {
  double burst = 0, often = 0, seldom = 0;
  const double elapsed = timed(procs, [&] {
    burst = wakes_per_1000(1'000'000 / divisor, 0);
    often = wakes_per_1000(20'000 / divisor, 10'000);
    seldom = wakes_per_1000(2'000 / divisor, 200'000);
  });
  return {burst,
          "wakes",
          elapsed,
          {{"burst_per_1000", burst}, {"each_10us_per_1000", often}, {"each_200us_per_1000", seldom}}};
}

double cpu_ms() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
}

figure timers(int procs, std::int64_t divisor) {
  const std::int64_t count = 100'000 / divisor;
  std::vector<std::int64_t> late(static_cast<std::size_t>(count));
  double cpu = 0;
  const double elapsed = timed(procs, [&] {
    const double before = cpu_ms();
    heddle::wait_group done(count);
    std::uint64_t random = 1;
    for (std::int64_t &mine : late) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      const auto ns = static_cast<std::int64_t>(1'000'000 + (random >> 33) % 999'000'000);
      heddle::go([&mine, &done, ns] {
        const std::int64_t start = now_ns();
        heddle::sleep_for(std::chrono::nanoseconds(ns));
        mine = now_ns() - start - ns;
        done.done();
      });
    }
    done.wait();
    cpu = cpu_ms() - before;
  });
  figure f = lateness(late, elapsed);
  check(late.front() >= 0, "timers");
  f.value = cpu;
  f.unit = "ms";
  return f;
}

// Timers of an hour: made, stopped and destroyed one after the other; a thousand reset in turn; all armed at once, then
// stopped.
figure timer_ops(int procs, std::int64_t divisor) {
  using namespace std::chrono_literals;
  const std::int64_t count = 1'000'000 / divisor;
  double make = 0, reset = 0, arm = 0, stop = 0;
  const double elapsed = timed(procs, [&] {
    std::int64_t start = now_ns();
    const auto each = [&start, count] {
      const std::int64_t now = now_ns();
      return static_cast<double>(now - std::exchange(start, now)) / static_cast<double>(count);
    };
    for (std::int64_t i = 0; i < count; ++i) check(heddle::timer(1h).stop(), "timer_ops");
    make = each();
    {
      std::vector<heddle::timer> some;
      for (int i = 0; i < 1000; ++i) some.emplace_back(1h);
      start = now_ns();
      for (std::int64_t i = 0; i < count; ++i) some[static_cast<std::size_t>(i % 1000)].reset(1h + i * 1us);
      reset = each();
    }
    std::vector<heddle::timer> all;
    all.reserve(static_cast<std::size_t>(count));
    start = now_ns();
    for (std::int64_t i = 0; i < count; ++i) all.emplace_back(1h + i * 1us);
    arm = each();
    for (const heddle::timer &t : all) check(t.stop(), "timer_ops");
    stop = each();
  });
  return {make, "ns", elapsed, {{"make_stop_ns", make}, {"reset_ns", reset}, {"arm_ns", arm}, {"stop_ns", stop}}};
}

// How much longer than asked a goroutine sleeps when there is nothing else to do.
figure sleep_late(int procs, std::int64_t divisor) {
  constexpr std::int64_t sleep_ns = 100'000;
  const std::int64_t sleeps = 5000 / divisor;
  std::vector<std::int64_t> late;
  late.reserve(static_cast<std::size_t>(sleeps));
  const double elapsed = timed(procs, [&] {
    for (std::int64_t i = 0; i < sleeps; ++i) {
      const std::int64_t start = now_ns();
      heddle::sleep_for(std::chrono::nanoseconds(sleep_ns));
      late.push_back(now_ns() - start - sleep_ns);
    }
  });
  return lateness(late, elapsed);
}

double resident_bytes() {
  long pages = 0;
  std::FILE *file = std::fopen("/proc/self/statm", "re");
  check(file != nullptr && std::fscanf(file, "%*s %ld", &pages) == 1, "/proc/self/statm cannot be read");
  std::fclose(file);
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

figure mem(int procs, std::int64_t tasks) {
  double bytes = 0;
  std::int64_t create_ns = 0, release_ns = 0;
  const double elapsed = timed(procs, [&] {
    const heddle::chan<std::int64_t> gate;
    heddle::wait_group done(tasks);
    std::atomic<std::int64_t> parked{0};
    const double before = resident_bytes();
    const std::int64_t start = now_ns();
    for (std::int64_t i = 0; i < tasks; ++i)
      heddle::go([&] {
        parked.fetch_add(1, std::memory_order_relaxed);
        gate.recv();
        done.done();
      });
    while (parked.load(std::memory_order_relaxed) != tasks) heddle::gosched();
    const std::int64_t all_parked = now_ns();
    bytes = resident_bytes() - before;
    const std::int64_t open = now_ns();
    gate.close();
    done.wait();
    create_ns = all_parked - start;
    release_ns = now_ns() - open;
  });
  const auto n = static_cast<double>(tasks);
  return {bytes / n,
          "bytes",
          elapsed,
          {{"bytes", bytes / n},
           {"create_ns", static_cast<double>(create_ns) / n},
           {"release_ns", static_cast<double>(release_ns) / n}}};
}

figure mem_100k(int procs, std::int64_t divisor) { return mem(procs, 100'000 / divisor); }
figure mem_1m(int procs, std::int64_t divisor) { return mem(procs, 1'000'000 / divisor); }

constexpr workload all[] = {
    {"spawn_exit", spawn_exit, 1, 2, false, "1,000,000 empty goroutines, joined every 1000; ns each"},
    {"yield_2", yield_2, 1, 1, false, "two goroutines that only yield; ns per yield"},
    {"yield_1000", yield_1000, 1, 1, false, "a thousand goroutines that only yield; ns per yield"},
    {"pingpong", pingpong, 1, 2, false, "two goroutines, two unbuffered channels; ns per round trip"},
    {"chan_1p1c", chan_1p1c, 1, 2, false, "a channel of capacity 128, one producer, one consumer; ns per item"},
    {"chan_4p4c", chan_4p4c, 1, 2, false, "a channel of capacity 128, four producers, four consumers; ns per item"},
    {"skynet", skynet, 1, 2, false, "a tree of 1,000,000 leaves, fan-out 10, sums over channels; ms"},
    {"mutex", mutex, 1, 2, false, "1000 goroutines, 1000 increments each under one mutex; ns per lock"},
    {"select", select4, 1, 2, false,
     "one goroutine selects among four unbuffered channels, a producer each; ns per item"},
    {"mutex_1", mutex_1, 1, 1, false, "one goroutine, a mutex that no other goroutine wants; ns per lock"},
    {"mutex_2", mutex_2, 2, 2, false, "two goroutines want one mutex all the time; ns per lock"},
    {"mutex_16", mutex_16, 2, 2, false, "as mutex_2, 16 goroutines"},
    {"mutex_work_2", mutex_work_2, 2, 2, false, "two goroutines, some 90 ns of work inside, 350 outside; ns per lock"},
    {"mutex_work_16", mutex_work_16, 2, 2, false, "as mutex_work_2, 16 goroutines"},
    {"primes", primes, 1, 2, false, "2000 primes through a chain of unbuffered channels; ms"},
    {"wake", wake, 2, 2, false, "ready to running beside a waker that goes on computing; p50 in us"},
    {"wakes", wakes, 2, 2, false, "Ms woken or started per 1000 go(): at once, each 10 us, each 200 us"},
    {"timers", timers, 1, 2, false, "100,000 goroutines sleep 1 to 1000 ms each; CPU time of the process in ms"},
    {"timer_ops", timer_ops, 1, 2, false,
     "1,000,000 timers: made and stopped one by one, reset, all armed at once; ns each"},
    {"sleep_late", sleep_late, 1, 2, false,
     "sleeps of 100 us, one after the other: how much longer they last; p50 in us"},
    {"mem_100k", mem_100k, 1, 1, false, "100,000 goroutines parked on one gate; resident bytes each"},
    {"mem_1m", mem_1m, 1, 1, true, "1,000,000 goroutines parked on one gate; resident bytes each"},
};

}  // namespace

std::span<const workload> workloads() noexcept { return all; }

const workload *find_workload(std::string_view name) noexcept {
  for (const workload &w : all)
    if (w.name == name) return &w;
  return nullptr;
}

}  // namespace bench
