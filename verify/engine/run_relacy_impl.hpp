#pragma once
// Defines what run_relacy.hpp declares. Only run_relacy_*.cpp include it.
#include "verify/engine/crash.hpp"
#include "verify/engine/relacy_scheduler.hpp"
#include "verify/engine/run_relacy.hpp"
#include "verify/story/history.hpp"

#include <setjmp.h>

namespace verify {

// Relacy makes the suite and the scheduler itself, so arguments cannot be passed to them.
inline const suite_calls *active_calls = nullptr;
inline void *active_memory = nullptr;
inline names *active_names = nullptr;  // names are wanted, and not there yet
inline bool active_lives = false;

// A failed execution may have left its lists in any state: names are collected as far as the lists can be followed.
inline sigjmp_buf describe_end;
inline bool describing = false;
inline void describe_suite() {
  if (!active_lives || !active_names) return;
  describing = true;
  if (sigsetjmp(describe_end, 0) == 0) active_calls->describe(active_memory, *std::exchange(active_names, nullptr));
  describing = false;
}

// Asymmetric fences in the model checker. A thread's clock says what the thread has seen of each thread. A light fence
// adds its thread's clock to one global clock and takes over another one; a heavy fence does the same with the two
// clocks exchanged. What a fence takes over it does not pass on: the paper promises nothing about three threads.
template <int N>
struct asymmetric_fences {
  static inline rl::timestamp_t light[N];
  static inline rl::timestamp_t heavy[N];

  static void reset() noexcept {
    for (int i = 0; i < N; ++i) light[i] = heavy[i] = 0;
  }
  static void exchange(const rl::timestamp_t *from, rl::timestamp_t *to) noexcept {
    auto &clock = static_cast<rl::thread_info<N> *>(rl::ctx().threadx_)->acq_rel_order_;
    for (int i = 0; i < N; ++i) to[i] = std::max(to[i], clock[i]);
    for (int i = 0; i < N; ++i) clock[i] = std::max(clock[i], from[i]);
  }
  static void pass_light() noexcept { exchange(heavy, light); }
  static void pass_heavy() noexcept { exchange(light, heavy); }
};

// One execution: makes the world and the suite anew, and runs them to their end.
template <int Static, int Dynamic>
class execution : public rl::test_suite<execution<Static, Dynamic>, Static> {
 public:
  static rl::thread_id_t const dynamic_thread_count = Dynamic;

  execution() {
    using fences = asymmetric_fences<Static + Dynamic>;
    fences::reset();
    heddle::detail::harness::begin_execution({Static, Dynamic, &fences::pass_light, &fences::pass_heavy});
    active_calls->construct(active_memory);
    active_lives = true;
  }
  ~execution() {
    active_lives = false;
    active_calls->destroy(active_memory);
  }

  void before() {
    active_calls->before(active_memory);
    heddle::detail::harness::on_main(false);
    heddle::detail::harness::threads_begin();
  }
  void thread(unsigned i) {
    active_calls->thread(active_memory, i);
    heddle::detail::harness::thread_end(i);
  }
  void after() {
    describe_suite();  // now, because after() may take everything apart
    heddle::detail::harness::on_main(true);
    active_calls->after(active_memory);
  }
  void invariant() {
    if (active_calls->invariant) active_calls->invariant(active_memory);
  }
};

template <int Static, int Dynamic>
result run_relacy(const suite_calls &calls, const suite_info &info, session &s, std::string *history) {
  std::ostream nowhere(nullptr);
  rl::ostringstream told;  // its memory does not belong to the model checker
  rl::ostringstream state;
  rl::test_params params;
  params.progress_stream = &nowhere;
  params.output_stream = history ? &told : &nowhere;
  params.collect_history = history != nullptr;
  params.search_type = s.how->samples() ? rl::sched_random : rl::sched_full;
  params.execution_depth_limit = info.steps_max;
  names known;
  active_names = history ? &known : nullptr;
  active_lives = false;
  before_memory_goes = &describe_suite;
  catch_crashes([](const char *what) {
    if (describing) siglongjmp(describe_end, 1);
    if (rl::is_ctx() && rl::ctx().threadx_)
      rl::ctx().fail_test(what, rl::test_result_user_assert_failed, rl::debug_info("the code under test", what));
  });
  active_session = &s;
  active_calls = &calls;
  active_memory = std::aligned_alloc(calls.align, (calls.size + calls.align - 1) / calls.align * calls.align);
  namespace world = heddle::detail::harness;
  world::force_seq_cst = s.sequential;
  world::mutant = s.mutant;
  world::visit = s.visit;
  world::altered = s.sequential || s.visit || s.mutant.how != mistake::none;
  const rl::test_result_e r = rl::run_test<execution<Static, Dynamic>, plug<Static + Dynamic>>(params, state, false);
  world::altered = false;
  if (history) *history = readable_history(told.str().c_str(), known, active_memory, calls.size);
  std::free(active_memory);
  if (r == rl::test_result_success) return {};
  ++s.executions;
  return {true, rl::test_result_str(r)};
}

}  // namespace verify
