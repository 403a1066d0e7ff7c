// Ten thousand generated programs of channel operations. Each execution makes one of them, so 10,000 in a row make all,
// and 70,000 make each under every kind of sampling: what one shows must be what some order of its steps shows in a
// sequential model. In the manner of Go's test/chan/select5.go.
#include <cstdio>
#include <cstdlib>

#include "verify/models/play.hpp"
#include "verify/suites/scheduled.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

constexpr unsigned hundred = 100, programs = hundred * hundred;

// With HEDDLE_SELECT5_COUNT in the environment: prints, by the thousand, how many different programs this process has
// run.
void count(unsigned number) {
  static bool run[programs];
  static unsigned n = 0;
  if (std::exchange(run[number], true) || ++n % 1000 != 0) return;
  if (std::getenv("HEDDLE_SELECT5_COUNT") != nullptr) std::fprintf(stderr, "select5: %u different programs\n", n);
}

// The numbered program: the first of a sequence that always comes to its end, whatever the order.
models::program numbered(unsigned number) {
  static models::visited<4096> states;   // of one search only
  static std::uint32_t found[programs];  // 1 + its number: the same in every execution
  for (std::uint32_t i = found[number] == 0 ? 0 : found[number] - 1;; ++i) {
    models::dice seed{std::uint64_t{number} << 32 | i};
    const models::program p = models::generator(seed.next(), {.scripts = 3, .ops = 2, .chans = 2}).make();
    if (found[number] == 0 && !models::always_ends(p, states)) continue;
    found[number] = i + 1;
    return p;
  }
}

struct generated {
  models::program p;
  models::outcomes shown{};
  std::optional<models::player> play;

  void begin() {
    const unsigned ones = harness::dealt(hundred);
    const unsigned number = harness::dealt(hundred) * hundred + ones;
    count(number);
    p = numbered(number);
    play.emplace(p);
    play->make();
  }
  void act(unsigned who) {
    if (who >= p.scripts) return;
    for (unsigned at = 0; at < p.script_of[who].n; ++at) shown[who][at] = play->perform(who, at);
  }
  void check() {
    static models::visited<4096> states;  // of one search only
    play.reset();
    VERIFY_INV("STEPS", models::allows(p, shown, states));
  }
};

struct by_threads : suite<3> {
  generated g;
  void before() { g.begin(); }
  void thread(unsigned i) { g.act(i); }
  void after() { g.check(); }
};

template <int Procs>
struct by_goroutines : scheduled<by_goroutines<Procs>, 2, Procs> {
  generated g;
  countdown all{2};
  void body() {
    g.begin();
    for (unsigned i = 1; i <= 2; ++i)
      go([this, i] {
        g.act(i);
        all.arrive();
      });
    g.act(0);
    all.wait();
  }
  void check() {
    g.check();
    for (const heddle::detail::g *gp = this->sched.allgs.peek(); gp != nullptr; gp = gp->alllink.peek())
      VERIFY_INV("I53", gp->selectdone.peek() == 0);
  }
};
using on_one_p = by_goroutines<1>;
using on_two_ps = by_goroutines<2>;

}  // namespace

HEDDLE_SUITE(by_threads, {.name = "select5.threads",
                          .component = "select",
                          .invariants = "STEPS I50 I53 I55",
                          .what = "10,000 generated programs, by three threads without a runtime",
                          .modes = {random_mix(1, programs)}})
HEDDLE_SUITE(on_one_p, {.name = "select5.1p",
                        .component = "select",
                        .invariants = "STEPS I50 I53 I55 I56",
                        .what = "10,000 generated programs, by goroutines on one P",
                        .modes = {random_mix(0.5, programs)}})
HEDDLE_SUITE(on_two_ps, {.name = "select5.2p",
                         .component = "select",
                         .invariants = "STEPS I25 I50 I53 I55 I56",
                         .what = "10,000 generated programs, by goroutines on two Ps",
                         .modes = {random_mix(1, programs)}})
