// The whole life of Ms, Ps and goroutines at once, in a random mix: start, yield, channels, mutexes, calls that block,
// locked threads that come and end, stopped worlds, more and fewer Ps, threads from outside, several runtimes. The mix
// is free of deadlock by construction, so everything must end. HEDDLE_STRESS_MS is as in stress_test.cpp.
// HEDDLE_STRESS_SEED, which is printed, repeats the choices of a run (not its timing). A run that hangs says so and
// aborts.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/test/stress_support.hpp"

namespace {

// Set once goroutines have been abandoned, because what they owned is never freed. The leak checker asks for it at its
// check.
bool abandoned = false;

}  // namespace

#ifdef HEDDLE_ASAN
extern "C" int __lsan_do_recoverable_leak_check();
extern "C" int __lsan_is_turned_off() { return abandoned; }
#endif

namespace {

using heddle_test::all_procs;
using heddle_test::budget;
using heddle_test::dice;
using heddle_test::tsan;
using heddle_test::with_procs;

std::uint64_t base_seed() {
  static const std::uint64_t seed = [] {
    const char *text = std::getenv("HEDDLE_STRESS_SEED");
    const std::uint64_t s =
        text != nullptr ? std::strtoull(text, nullptr, 0) : heddle::detail::random_seed() % 1'000'000'000;
    std::printf("HEDDLE_STRESS_SEED=%llu\n", static_cast<unsigned long long>(s));
    std::fflush(stdout);
    return s;
  }();
  return seed;
}

// Ends the process if what it watches has not ended two minutes after its time. It uses a signal and not a thread,
// because no deadlock is looked for where other threads might help.
class watchdog {
 public:
  explicit watchdog(const char *what) {
    std::snprintf(text_, sizeof text_, "Lifecycle.%s is stuck; HEDDLE_STRESS_SEED=%llu\n", what,
                  static_cast<unsigned long long>(base_seed()));
    std::signal(SIGALRM, [](int) {
      heddle::detail::print_error(text_);
      std::abort();
    });
    const char *ms = std::getenv("HEDDLE_STRESS_MS");
    alarm(static_cast<unsigned>(120 + (ms != nullptr ? std::atoi(ms) : 300) / 1000));
  }
  ~watchdog() { alarm(0); }

 private:
  static inline char text_[128];
};

struct request {
  int value;
  heddle::chan<int> reply;  // with room for the answer, so that a server never waits for a client
};

// Goroutines write these without any lock, and the goroutine that has stopped the world reads them.
struct alignas(64) cell {
  std::uint64_t value = 0;
  bool busy = false;
};

// One runtime's part. A goroutine waits only for a server, which waits for clients only; for a token, whose holder
// waits for nothing; for a mutex, whose holder waits for no other mutex and no token; for a child; or for a world to
// stop.
struct town {
  explicit town(std::uint64_t s) : seed(s), tokens(3) {
    for (int i = 0; i < 3; ++i) tokens.send(i);
  }

  const std::uint64_t seed;
  heddle::runtime *rt = nullptr;
  bool ends_early = false;  // a call that waits for an abandoned goroutine would not end
  heddle::chan<request> requests;
  heddle::chan<int> tokens;
  heddle::mutex mu;
  std::uint64_t guarded = 0;  // under mu
  std::vector<cell> cells{24};
  std::atomic<std::uint64_t> sections{0}, asked{0}, stops{0}, resizes{0}, locked_exits{0}, started{0}, ended{0};
};

void ask(const town &t, town &counts, dice &d) {
  const int value = static_cast<int>(d(1'000'000));
  const request r{value, heddle::chan<int>(1)};
  t.requests.send(r);
  EXPECT_EQ(r.reply.recv(), value + 1);
  counts.asked.fetch_add(1, std::memory_order_relaxed);
}

void sleep_us(std::uint32_t us) { std::this_thread::sleep_for(std::chrono::microseconds(us)); }

void look_around(town &t) {
  std::uint64_t before = 0, after = 0;
  for (const cell &c : t.cells) {
    EXPECT_FALSE(c.busy) << "a goroutine runs although the world is stopped";
    before += c.value;
  }
  dice::pause(200);
  for (const cell &c : t.cells) after += c.value;
  EXPECT_EQ(before, after);
  t.stops.fetch_add(1, std::memory_order_relaxed);
}

// A goroutine that does random things, most of the time something cheap.
class person {
 public:
  person(town &home, town &abroad, std::uint64_t number)
      : home_(home), abroad_(abroad), d_(home.seed * 1000 + number) {}

  void live(cell *c, std::uint32_t steps, int depth) {
    for (std::uint32_t i = 0; i < steps; ++i) step(c, depth);
  }

 private:
  void step(cell *c, int depth) {
    switch (d_(24)) {
      case 0: return heddle::yield();
      case 1: return heddle::gosched();
      case 2: return with_token();
      case 3: return with_mutex();
      case 4: return ask(home_, home_, d_);
      case 5: return ask(abroad_, home_, d_);
      case 6: return with_child(depth);
      case 7: return call(c, depth);
      case 8: return long_call(depth);
      case 9: return locked(c, depth);
      case 10: return d_(8) == 0 ? stop_world() : d_.delay();
      case 11: return d_(16) == 0 ? resize() : d_.delay();
      case 12: return d_(4) == 0 ? end_locked() : d_.delay();
      case 13: return unhurried();
      case 14: return d_(8) == 0 ? each_p() : d_.delay();
      case 15: return home_.rt->go([] { heddle::gosched(); });
      default: return compute(c);
    }
  }

  void compute(cell *c) {
    if (c == nullptr) return d_.delay();
    for (std::uint32_t i = d_(20); i != 0; --i) {
      c->busy = true;
      for (std::uint32_t k = d_(50); k != 0; --k) c->value += k;
      c->busy = false;
      heddle::safepoint();
    }
  }

  void with_token() {
    const int token = home_.tokens.recv().value();
    d_.delay();
    home_.tokens.send(token);
  }

  void with_mutex() {
    const std::lock_guard hold(home_.mu);
    ++home_.guarded;
    home_.sections.fetch_add(1, std::memory_order_relaxed);
    if (d_(8) == 0) heddle::safepoint();
    d_.delay();
  }

  void with_child(int depth) {
    if (depth > 2) return;
    heddle::wait_group wg;
    for (std::uint32_t i = d_(3); i != 0; --i) {
      home_.started.fetch_add(1, std::memory_order_relaxed);
      wg.go([this, depth, seed = d_(1'000'000)] {
        person(home_, abroad_, seed).live(nullptr, 3, depth + 1);
        home_.ended.fetch_add(1, std::memory_order_relaxed);
      });
    }
    if (d_(2) == 0) d_.delay();
    wg.wait();
  }

  void call(cell *c, int depth) {
    heddle::blocking([&] {
      if (d_(2) == 0) sleep_us(d_(300));
      if (d_(4) == 0 && depth < 2 && !home_.ends_early) live(nullptr, 2, depth + 1);
    });
    compute(c);
  }

  void long_call(int depth) {
    heddle::blocking_long([&] {
      sleep_us(d_(200));
      if (d_(4) == 0 && depth < 2 && !home_.ends_early) heddle::blocking([&] { live(nullptr, 2, depth + 1); });
    });
  }

  void locked(cell *c, int depth) {
    if (depth > 2) return;
    heddle::lock_os_thread();
    const long thread = heddle_test::thread_id();
    live(c, d_(4), depth + 1);
    EXPECT_EQ(heddle_test::thread_id(), thread);
    heddle::unlock_os_thread();
  }

  // The thread ends with the goroutine, perhaps from within another lock.
  void end_locked() {
    heddle::wait_group wg;
    wg.go([this, seed = d_(1'000'000)] {
      heddle::lock_os_thread();
      person(home_, abroad_, seed).live(nullptr, 2, 3);
      home_.locked_exits.fetch_add(1, std::memory_order_relaxed);
    });
    wg.wait();
  }

  void stop_world() {
    heddle::stop_the_world([this] { look_around(home_); });
  }

  void resize() {
    heddle::set_procs(static_cast<int>(1 + d_(8)));
    home_.resizes.fetch_add(1, std::memory_order_relaxed);
  }

  void each_p() {
    int visits = 0;
    heddle::detail::for_each_p(
        *heddle::detail::getm()->sched, [](void *n, heddle::detail::p *) { ++*static_cast<int *>(n); }, &visits);
    EXPECT_GE(visits, 1);
    EXPECT_LE(visits, 8);
  }

  void unhurried() {
    const heddle::no_preempt hold;
    dice::pause(d_(300));
    heddle::safepoint();
  }

  town &home_;
  town &abroad_;
  dice d_;
};

void serve(const town &t) {
  dice d(t.seed);
  for (request r : t.requests) {
    if (d(8) == 0) d.delay();
    r.reply.send(r.value + 1);
  }
}

// Runs the life of one town on the calling goroutine, which may be main's.
void inhabit(town &home, town &abroad, const budget &b) {
  heddle::wait_group people;
  for (std::size_t i = 0; i < home.cells.size(); ++i) {
    home.started.fetch_add(1, std::memory_order_relaxed);
    people.go([&, i] {
      person p(home, abroad, i);
      do p.live(&home.cells[i], 10, 0);
      while (!b.over());
      home.ended.fetch_add(1, std::memory_order_relaxed);
    });
  }
  people.wait();
}

void start_servers(town &t, heddle::wait_group &servers) {
  for (int i = 0; i < 3; ++i) servers.go([&t] { serve(t); });
}

void expect_sane(const town &t, const heddle::statistics &s) {
  EXPECT_EQ(t.guarded, t.sections.load());
  EXPECT_EQ(t.started.load(), t.ended.load());
  EXPECT_GT(s.calls, 0u);
}

std::uint64_t seed_of(int procs, std::uint64_t round) {
  return base_seed() + static_cast<std::uint64_t>(procs) * 100 + round;
}

// One runtime alone: any deadlock that it finds is a false one.
TEST(Lifecycle, of_one_runtime) {
  const watchdog dog("of_one_runtime");
  for (const int procs : all_procs) {
    const budget b;
    heddle::runtime rt(with_procs(procs));
    town t(seed_of(procs, 0));
    t.rt = &rt;
    EXPECT_EQ(rt.run([&] {
      heddle::wait_group servers;
      start_servers(t, servers);
      inhabit(t, t, b);
      t.requests.close();
      servers.wait();
    }),
              0);
    expect_sane(t, rt.stats());
  }
}

// Short-lived threads that are no Ms do what goroutines do.
void foreigner(town &t, std::uint64_t seed) {
  dice d(seed);
  for (std::uint32_t i = d(6); i != 0; --i) switch (d(8)) {
      case 0: {
        t.started.fetch_add(1, std::memory_order_relaxed);
        t.rt->go([&t] {
          heddle::gosched();
          t.ended.fetch_add(1, std::memory_order_relaxed);
        });
        break;
      }
      case 1: {
        const int token = t.tokens.recv().value();
        if (d(4) == 0) sleep_us(d(100));
        t.tokens.send(token);
        break;
      }
      case 2: {
        const std::lock_guard hold(t.mu);
        ++t.guarded;
        t.sections.fetch_add(1, std::memory_order_relaxed);
        break;
      }
      case 3: {
        heddle::wait_group wg(1);
        t.rt->go([&wg] { wg.done(); });
        wg.wait();
        break;
      }
      case 4:
        if (d(4) == 0) t.rt->stop_the_world([&] { look_around(t); });
        break;
      case 5:
        if (d(8) == 0) t.rt->set_procs(static_cast<int>(1 + d(8)));
        break;
      case 6: (void)t.rt->stats(); break;
      default: ask(t, t, d); break;
    }
}

// Two runtimes that serve each other's goroutines, and threads from outside that come and go.
TEST(Lifecycle, of_two_runtimes_and_of_threads_outside) {
  const watchdog dog("of_two_runtimes_and_of_threads_outside");
  for (const int procs : all_procs) {
    const budget b;
    heddle::options o = with_procs(procs);
    o.detect_deadlock = false;  // neither runtime knows of the other's goroutines
    town a(seed_of(procs, 1)), c(seed_of(procs, 2));
    heddle::runtime first(o), second(o);
    a.rt = &first;
    c.rt = &second;
    heddle::wait_group servers, ready(2), done(2);
    const auto citizens = [&](town &home, town &abroad) {
      start_servers(home, servers);
      ready.done();
      ready.wait();
      inhabit(home, abroad, b);
      done.done();
      done.wait();  // no more requests come
    };
    std::atomic<bool> over{false};
    std::vector<std::thread> threads;
    threads.emplace_back([&] {
      EXPECT_EQ(first.run([&] {
        citizens(a, c);
        while (!over.load()) heddle::blocking([] { sleep_us(200); });
        a.requests.close();
        c.requests.close();
        servers.wait();
      }),
                0);
    });
    second.go([&] { citizens(c, a); });
    for (std::uint64_t who = 0; who < 3; ++who)
      threads.emplace_back([&, who] {
        town &t = who == 0 ? a : c;
        ready.wait();
        for (std::uint64_t i = 0; !b.over(); ++i)
          std::thread([&, i] { foreigner(t, seed_of(procs, 10 + who + 3 * i)); }).join();
      });
    for (std::size_t i = 1; i < threads.size(); ++i) threads[i].join();
    done.wait();
    EXPECT_TRUE(heddle_test::wait_until([&] { return a.started.load() == a.ended.load(); }));
    EXPECT_TRUE(heddle_test::wait_until([&] { return c.started.load() == c.ended.load(); }));
    over.store(true);
    threads[0].join();
    second.shutdown();
    expect_sane(a, first.stats());
    expect_sane(c, second.stats());
  }
}

// Main returns while the others are anywhere: running, in calls, locked, waiting, stopping the world. It is the last
// test of this program, because after it a leak cannot be recognised.
TEST(Lifecycle, ends_in_the_middle) {
  const watchdog dog("ends_in_the_middle");
#ifdef HEDDLE_ASAN
  EXPECT_EQ(__lsan_do_recoverable_leak_check(), 0) << "of the tests before this one";
#endif
  abandoned = true;
  for (const int procs : all_procs) {
    std::uint64_t rounds = 0;
    for (const budget b; !b.over(); ++rounds) {
      const std::uint64_t seed = seed_of(procs, 1000 + rounds);
      heddle::options o = with_procs(procs);
      o.detect_deadlock = false;  // threads outside wait for goroutines that are abandoned, and the other way round
      auto t = std::make_unique<town>(seed);
      const auto rt = std::make_unique<heddle::runtime>(o);
      t->rt = rt.get();
      t->ends_early = true;
      std::atomic<bool> over{false};
      EXPECT_EQ(rt->run([&, t = t.get()] {
        const auto loiter = [t, &over](std::uint64_t number) {
          person p(*t, *t, number);
          while (!over.load(std::memory_order_relaxed)) {
            p.live(nullptr, 1, 0);
            heddle::gosched();
          }
        };
        for (int i = 0; i < 2; ++i) heddle::go([t] { serve(*t); });
        for (std::uint64_t i = 0; i < (tsan ? 6 : 12); ++i) heddle::go([loiter, i] { loiter(i); });
        dice d(seed);
        if (d(2) == 0)
          heddle::blocking([&] { sleep_us(d(2000)); });
        else
          for (std::uint32_t i = d(50); i != 0; --i) heddle::gosched();
        over.store(true, std::memory_order_relaxed);
      }),
                0);
    }
    EXPECT_GT(rounds, 0u);
  }
}

}  // namespace
