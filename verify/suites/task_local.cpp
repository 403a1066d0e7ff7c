// Values and names of goroutines over the composed scheduler.
#include "heddle/task_local.hpp"
#include "verify/suites/scheduled.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// Each goroutine has a value of its own wherever it goes on. The value ends before its goroutine does, and the
// goroutine that gets the g next finds none.
struct own : scheduled<own, 2, 2> {
  struct counted {
    const task_local<counted> *mine = nullptr;
    plain<int> *gone = nullptr;
    countdown *ended = nullptr;
    int of = 0;
    counted() = default;
    counted(const counted &) = delete;
    counted &operator=(const counted &) = delete;
    ~counted() {
      VERIFY_INV("LOCAL", !mine->has_value());  // it is not there any more for the code that ends it
      goyield();
      gone->set(gone->get() + 1);
      ended->arrive();
    }
  };
  task_local<counted> value;
  plain<int> gone[3];
  void one(int i, countdown &ended) {
    go([this, i, &ended] {
      VERIFY_INV("LOCAL", !value.has_value() && name().empty());
      value->mine = &value;
      value->gone = &gone[i];
      value->ended = &ended;
      value->of = i;
      set_name(i == 0 ? "a" : "b");
      goyield();
      VERIFY_INV("LOCAL", value->of == i && name() == (i == 0 ? "a" : "b"));
    });
  }
  void body() {
    countdown first{2}, then{1};
    one(0, first);
    one(1, first);
    first.wait();
    one(2, then);
    then.wait();
    VERIFY_INV("LOCAL", !value.has_value());
  }
  void check() {
    for (const plain<int> &n : gone) VERIFY_INV("LOCAL", n.get() == 1);
  }
};

}  // namespace

HEDDLE_SUITE(own, {.name = "task_local.own",
                   .component = "runtime",
                   .invariants = "LOCAL I28",
                   .what = "values and names of goroutines that move, end and are followed by others",
                   .modes = {random_mix(2)}})
