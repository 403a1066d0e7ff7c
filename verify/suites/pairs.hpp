#pragma once
// Any two public calls of an object at the same time. A suite has an object and the table of its calls, each of which is
// legal whatever the others have done by then. In each execution two parties make a call each; a third ends what would
// wait for ever, and then uses the object once more, as if nothing had failed. Which two calls, and the state in which
// they find the object, is dealt: so many executions in a row (every_pair) make all pairs in all states, and a call beside
// itself.
//
//   struct units {
//     static constexpr unsigned states = 2;
//     void prepare(unsigned state, int counted);  // alone, first; counted: what the two rows say that they count
//     bool rescue();                              // the third party; called until it returns false
//     void check();                               // the same party, when both calls have returned
//   };
//   constexpr call<units> unit_calls[] = {{"semaphore::acquire", [](units &o, unsigned party) { ... }}, ...};
//
// The name of a row is that of the call, and perhaps more words. cmake/dev/pairs.py reads the tables, and fails where a
// pair of calls of one object is in none.
#include <chrono>
#include <optional>

#include "verify/suites/watched.hpp"

namespace verify {

template <class Object>
struct call {
  const char *name;
  void (*make)(Object &, unsigned who);
  int counted = 0;
};

// A goroutine that waits for others, of its P and of other threads.
inline void give_way() {
  heddle::detail::goyield();
  heddle::detail::cpu_relax();
}

template <class Object, const auto &Calls, unsigned Rows = sizeof Calls / sizeof Calls[0]>
struct pairing {
  static constexpr unsigned rows = Rows, dealt_at_once = 256;
  // A long table's pairs are dealt in both orders.
  static constexpr bool is_long = rows * (rows + 1) / 2 > dealt_at_once;
  static constexpr unsigned pairs = is_long ? rows * rows : rows * (rows + 1) / 2;
  // Each pair in each state, under each of the seven kinds of sampling.
  static constexpr std::uint64_t every_pair = std::uint64_t{7} * pairs * Object::states;

  Object object;
  const call<Object> *made[2] = {};
  heddle::detail::atomic<std::uint32_t> left{2};

  void deal() {
    unsigned n = heddle::detail::harness::dealt(is_long ? rows : pairs), second = 0;
    if (is_long)
      second = heddle::detail::harness::dealt(rows);
    else
      while (n > second) n -= ++second;  // 0 0, 0 1, 1 1, 0 2, 1 2, 2 2 ...
    const unsigned state = heddle::detail::harness::dealt(Object::states);
    made[0] = &Calls[n];
    made[1] = &Calls[second];
    object.prepare(state, made[0]->counted + made[1]->counted);
  }
  void make(unsigned who) {
    made[who]->make(object, who);
    left.fetch_sub(1, heddle::detail::release);
  }
  bool both_made() const { return left.load(heddle::detail::acquire) == 0; }
  template <class Wait>
  void third(Wait wait) {
    bool more = object.rescue();
    while (!both_made()) {
      if (more) more = object.rescue();
      wait();
    }
    object.check();
  }
};

// Three threads that belong to no runtime; the object may have one, with so many Ms.
template <class Object, const auto &Calls, unsigned Rows = sizeof Calls / sizeof Calls[0], int Ms = 0>
struct by_threads : suite<3, Ms> {
  using pairing_t = pairing<Object, Calls, Rows>;
  static constexpr std::uint64_t every_pair = pairing_t::every_pair;
  pairing_t both;
  void before() { both.deal(); }
  void thread(unsigned i) {
    if (i != 2) return both.make(i);
    both.third([] { heddle::detail::cpu_relax(); });
  }
};

template <class Derived, int Ms, int Procs, bool Sysmon>
using with_sysmon = std::conditional_t<Sysmon, watched<Derived, Ms, Procs>, scheduled<Derived, Ms, Procs>>;

// Two goroutines on two Ms; main is the third.
template <class Object, const auto &Calls, int Ms = 2, int Procs = 2, bool Sysmon = false>
struct by_goroutines : with_sysmon<by_goroutines<Object, Calls, Ms, Procs, Sysmon>, Ms, Procs, Sysmon> {
  using pairing_t = pairing<Object, Calls>;
  static constexpr std::uint64_t every_pair = pairing_t::every_pair;
  std::optional<pairing_t> both;
  countdown all{2};
  void options() { heddle::detail::harness::sleeps_last = 1'000'000; }  // where there is a sysmon, a lost wake is seen
  void body() {
    both.emplace();
    both->deal();
    for (unsigned i : {0u, 1u}) {
      auto party = [this, i] {
        both->make(i);
        all.arrive();
      };
      if constexpr (requires { both->object.start(party, both->made[i]->counted); })
        both->object.start(party, both->made[i]->counted);
      else
        heddle::go(party);
    }
    both->third(give_way);
    all.wait();
    both.reset();
  }
};

// A goroutine and a thread from outside; the third is another goroutine. The one M is never asleep where the thread could
// not wake it.
template <class Object, const auto &Calls, int Ms = 1, int Procs = 1>
struct by_both : scheduled<by_both<Object, Calls, Ms, Procs>, Ms, Procs, 1> {
  using pairing_t = pairing<Object, Calls>;
  static constexpr std::uint64_t every_pair = 2 * pairing_t::every_pair;
  std::optional<pairing_t> both;
  unsigned mine = 0;
  heddle::detail::atomic<std::uint32_t> begun, ended;
  countdown all{1};
  void foreign() {
    while (begun.load(heddle::detail::acquire) == 0) heddle::detail::cpu_relax();
    both->make(1 - mine);
    ended.store(1, heddle::detail::release);
  }
  void body() {
    both.emplace();
    both->deal();
    mine = heddle::detail::harness::dealt(2);
    heddle::go([this] {
      both->third(give_way);
      all.arrive();
    });
    begun.store(1, heddle::detail::release);
    both->make(mine);
    all.wait();
    while (ended.load(heddle::detail::acquire) == 0) give_way();
    both.reset();
  }
};

inline constexpr std::chrono::nanoseconds pair_time(20'000);
inline std::chrono::steady_clock::time_point pair_moment() {
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(heddle::detail::nanotime()) + pair_time);
}

// What is there once: the first to claim it has it.
class claimed_once {
 public:
  void offer(std::uint32_t n) { left_.store(n, heddle::detail::relaxed); }
  bool claim() { return left_.exchange(0, heddle::detail::acq_rel) != 0; }

 private:
  heddle::detail::atomic<std::uint32_t> left_;
};

}  // namespace verify
