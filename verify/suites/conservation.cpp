// Conservation: what the other suites leave to chance, and the check itself: it fails where one thing of each kind is
// lost.
#include "verify/suites/scheduled.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// Goroutines with stacks of two sizes take each other's gs: a stack of the wrong size goes back to the pool.
template <int Ms, int Procs>
struct sizes : scheduled<sizes<Ms, Procs>, Ms, Procs> {
  static constexpr std::size_t small = geometry::stack_size / 2;
  trail trails[4];
  void body() {
    for (int i = 0; i < 4; ++i) {
      countdown one(1);
      go(
          [this, i, &one] {
            trails[i].step();
            one.arrive();
          },
          i % 2 == 0 ? small : 0);
      one.wait();
    }
  }
};
using sizes_1p = sizes<2, 1>;
using sizes_2p = sizes<2, 2>;

enum class thing { g, m, p, stack };

// At the end one thing is where it does not belong, or nowhere.
template <thing Lost>
struct loses : scheduled<loses<Lost>, 2, 2> {
  using base = scheduled<loses<Lost>, 2, 2>;
  gfree_global<g> none;
  void describe(names &to) {
    base::describe(to);
    to.object("none", none);
  }
  void body() {
    countdown one(1);
    go([&one] { one.arrive(); });
    one.wait();
  }
  void check() {
    schedt &of = base::sched;
    g *gp = nullptr;
    switch (Lost) {
      case thing::g:
        for (int i = 0; gp == nullptr; ++i) gp = of.allp[i].get()->gFree.gfget(i == 0 ? none : of.gFree);
        break;
      case thing::m: of.mfree.push(of.m0); break;
      case thing::p: of.pidle.get(); break;
      case thing::stack: VERIFY_CHECK(static_cast<bool>(of.stacks.stackalloc(0))); break;
    }
  }
};

}  // namespace

HEDDLE_SUITE(sizes_1p, {.name = "conserve.sizes_1p",
                        .component = "sched",
                        .invariants = "CONSERVE-1",
                        .what = "goroutines with stacks of two sizes use each other's gs, one P",
                        .modes = {random_mix(0.5)}})
HEDDLE_SUITE(sizes_2p, {.name = "conserve.sizes",
                        .component = "sched",
                        .invariants = "CONSERVE-1",
                        .what = "as conserve.sizes_1p, two Ps",
                        .modes = {random_mix(1)}})
HEDDLE_WORLDS(lost, "sched", "CONSERVE-1",
              {world<loses<thing::g>>({.name = "conserve.g",
                                       .what = "a dead g is on no list at the end",
                                       .modes = {random_mix(0.1)},
                                       .expected = expect::red}),
               world<loses<thing::m>>({.name = "conserve.m",
                                       .what = "m0, which has not ended, is on the list of the Ms that have",
                                       .modes = {random_mix(0.1)},
                                       .expected = expect::red}),
               world<loses<thing::p>>({.name = "conserve.p",
                                       .what = "an idle P is not on pidle at the end",
                                       .modes = {random_mix(0.1)},
                                       .expected = expect::red}),
               world<loses<thing::stack>>({.name = "conserve.stack",
                                           .what = "a stack is out and belongs to no g",
                                           .modes = {random_mix(0.1)},
                                           .expected = expect::red})})
