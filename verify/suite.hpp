#pragma once
// How a suite is written. A suite is a class whose members are the objects under test, made anew for each execution:
//
//   struct steal_takes_prefix : verify::suite<2> {      // two static threads; <2, 1>: also at most one thread_start
//     heddle::detail::runq q;
//     void before() {}                                  // alone, first
//     void thread(unsigned i) {}                        // all threads at the same time
//     void after() { VERIFY_INV("I20", q.empty()); }    // alone, last
//     void invariant() {}                               // before every step; may only peek
//     VERIFY_NAMES(q)                                   // members by name in reports
//   };
//   HEDDLE_SUITE(steal_takes_prefix, {.name = "runq.steal", .component = "runq", .invariants = "I18 I20",
//                                     .what = "a steal takes a prefix", .modes = {verify::random_mix(8)}})
//
// A suite may depend on nothing but the choices of the strategy: no clock, no addresses, no statics that outlive an
// execution, no exceptions, and no std containers that allocate.
#include "sched/world.hpp"
#include "verify/engine/run_relacy.hpp"
#include "verify/registry.hpp"

#include <initializer_list>
#include <new>

namespace verify {

template <int Static, int Dynamic = 0>
struct suite {
  static_assert(Static >= 1 && Static + Dynamic >= 2, "one thread has nothing to interleave with");
  static constexpr int static_threads = Static;
  static constexpr int dynamic_threads = Dynamic;
  void before() {}
  void thread(unsigned) {}
  void after() {}
  void invariant() {}
  void describe(names &) {}
};

template <class Suite>
result run_suite(const suite_info &info, session &s, std::string *history) {
  constexpr bool watches =
      !std::is_same_v<decltype(&Suite::invariant), void (suite<Suite::static_threads, Suite::dynamic_threads>::*)()>;
  static constexpr suite_calls calls = {
      sizeof(Suite),
      alignof(Suite),
      [](void *p) { new (p) Suite; },
      [](void *p) { static_cast<Suite *>(p)->~Suite(); },
      [](void *p) { static_cast<Suite *>(p)->before(); },
      [](void *p, unsigned i) { static_cast<Suite *>(p)->thread(i); },
      [](void *p) { static_cast<Suite *>(p)->after(); },
      watches ? static_cast<void (*)(void *)>([](void *p) { static_cast<Suite *>(p)->invariant(); }) : nullptr,
      [](void *p, names &to) { static_cast<Suite *>(p)->describe(to); },
  };
  return run_relacy<Suite::static_threads, Suite::dynamic_threads>(calls, info, s, history);
}

// One suite with several sets of parameters: instances of its template with other sizes. What they share is said once.
struct worlds {
  worlds(const char *component, const char *invariants, std::initializer_list<suite_entry> rows) {
    for (suite_entry row : rows) {
      row.info.component = component;
      row.info.invariants = invariants;
      registration{row.info, row.run};
    }
  }
};
template <class Suite>
suite_entry world(const suite_info &info) {
  return {info, &run_suite<Suite>};
}

}  // namespace verify

#define HEDDLE_SUITE(type, ...) \
  static const verify::registration type##_registration(verify::suite_info __VA_ARGS__, &verify::run_suite<type>);

// The same suite with other parameters, beside the one that HEDDLE_SUITE names:
//   HEDDLE_WORLDS(steal, "runq", "I18 I20",
//                 {world<steal_from<8>>({.name = "runq.steal_r8", .what = "...", .modes = {verify::bounded(2, 1)}})})
#define HEDDLE_WORLDS(type, component, invariants, ...) \
  static const verify::worlds type##_worlds(component, invariants, __VA_ARGS__);

// A failing check ends the execution; its message begins with the id of the invariant.
#define VERIFY_INV(id, cond) HEDDLE_INV(id, cond)
// In a suite: reports show these members by their names. What cannot be listed here, a member function
// describe(names &) names; it may only peek.
#define VERIFY_NAMES(...) \
  void describe(verify::names &to) { to.objects(#__VA_ARGS__, __VA_ARGS__); }
#define VERIFY_CHECK(cond) HEDDLE_INV("check", cond)
