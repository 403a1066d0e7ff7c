#pragma once
// Our strategies, in the form of a scheduler of Relacy. Relacy's own random scheduler repeats itself early (its
// generator has at most 131,072 different sequences of two-way choices); this one forwards every question to the
// session's strategy.
#include "sched/world.hpp"
#include "verify/search/session.hpp"

namespace verify {

inline session *active_session = nullptr;  // Relacy constructs the scheduler, so the session cannot be passed to it
// Called when the scheduler is destroyed: the execution has ended, and all its memory is still there.
inline void (*before_memory_goes)() = nullptr;

template <rl::thread_id_t N>
class plug : public rl::scheduler<plug<N>, rl::scheduler_thread_info, N> {
  using base = rl::scheduler<plug<N>, rl::scheduler_thread_info, N>;
  static_assert(N < static_cast<int>(no_thread) && N <= static_cast<int>(heddle::detail::harness::threads_limit));

 public:
  using shared_context_t = typename base::shared_context_t;
  struct task_t {};

  plug(rl::test_params &p, shared_context_t &c, rl::thread_id_t dynamic_threads)
      : base(p, c, dynamic_threads), session_(*active_session) {}
  ~plug() { before_memory_goes(); }

  rl::thread_id_t iteration_begin_impl() {
    session_.record->count = 0;
    hash_ = 0;
    entered_ = 0;
    entering_ = no_thread;
    session_.how->begin(session_.first_iteration + this->iter_ - 1);
    return static_cast<rl::thread_id_t>(pick(runnable(), no_thread, false));
  }

  bool iteration_end_impl() {
    session &s = session_;
    if (s.how->counts()) {
      ++s.executions;
      s.fingerprint += hash_;
      if (s.seen) s.seen->add(hash_);
    } else {
      ++s.uncounted;
    }
    s.exhausted = s.how->end();
    s.saturated = s.how->samples() && s.seen && s.seen->saturated();
    if ((s.executions + s.uncounted) % 64 == 1) {
      s.view->executions.store(s.executions, std::memory_order_relaxed);
      if (s.seen) s.view->distinct.store(s.seen->distinct(), std::memory_order_relaxed);
      if (s.executions >= s.executions_min && std::chrono::steady_clock::now() >= s.deadline) return true;
    }
    return s.exhausted || s.saturated || s.executions >= s.executions_max;
  }

  rl::thread_id_t schedule_impl(rl::unpark_reason &reason, unsigned yield) {
    const auto current = static_cast<unsigned>(this->thread_->index_);
    const std::uint64_t set = runnable();
    const bool goes_on = set >> current & 1;
    ++heddle::detail::harness::steps;
    session_.view->steps.store(++session_.steps, std::memory_order_relaxed);
    reason = rl::unpark_reason_normal;

    // A thread that has only now been entered stands before its first step, and was chosen to make that step. To ask
    // again would count every order of entering the threads as another execution.
    if (entering_ == current && goes_on && !yield) {
      entering_ = no_thread;
      return this->thread_->index_;
    }
    entering_ = no_thread;

    // At the end of a suite Relacy lets the dynamic threads end that were never started. Their order is not a choice.
    for (rl::thread_id_t k = 0; k < this->running_threads_count; ++k)
      if (const rl::thread_id_t i = this->running_threads[static_cast<std::size_t>(k)];
          !heddle::detail::harness::can_run(static_cast<unsigned>(i)))
        return i;

    if (const auto sleepers = static_cast<unsigned>(this->spurious_thread_count_); sleepers && set) {
      if (const unsigned w = ask(sleepers + 1, choice::spurious_wake)) {
        const rl::thread_id_t i = this->spurious_threads_[w - 1]->index_;
        this->unpark_thread(i);
        reason = rl::unpark_reason_spurious;
        ran(static_cast<unsigned>(i));
        return i;
      }
    }
    return static_cast<rl::thread_id_t>(pick(set, current, yield && goes_on));
  }

  unsigned rand_impl(unsigned limit, rl::sched_type type) {
    if (type == heddle::detail::sched_type_turn) return ask(limit, choice::turn);
    switch (type) {
      case rl::sched_type_atomic_load: return ask(limit, choice::stale_load);
      case rl::sched_type_cas_fail: return ask(2, choice::cas_failure) ? 0 : 1;    // Relacy fails it on 0
      case rl::sched_type_mem_realloc: return ask(2, choice::late_reuse) ? 0 : 1;  // and holds it back on 0
      case heddle::detail::sched_type_sleep: return ask(limit, choice::timed_sleep);
      default: return limit < 2 ? 0 : ask(limit, choice::user);
    }
  }

  rl::iteration_t iteration_count_impl() { return 1; }
  void get_state_impl(std::ostream &) {}
  void set_state_impl(std::istream &) {}
  void on_thread_block(rl::thread_id_t, bool) {}
  void thread_finished_impl() {}
  void purge_blocked_threads() {}

 private:
  std::uint64_t runnable() const noexcept {
    std::uint64_t set = 0;
    for (rl::thread_id_t k = 0; k < this->running_threads_count; ++k)
      set |= std::uint64_t{1} << this->running_threads[static_cast<std::size_t>(k)];
    return set;
  }

  unsigned pick(std::uint64_t set, unsigned current, bool yielded) {
    unsigned thread;
    if ((set & (set - 1)) == 0) {
      thread = static_cast<unsigned>(__builtin_ctzll(set));
    } else {
      thread = session_.how->choose_thread(set, current, yielded);
      session_.record->add(choice::thread, thread);
      ++session_.choices;
    }
    ran(thread);
    return thread;
  }

  void ran(unsigned thread) {
    session_.how->ran(thread);
    mix(thread);
    if (entered_ >> thread & 1) return;
    entered_ |= std::uint64_t{1} << thread;
    entering_ = thread;
  }

  unsigned ask(unsigned limit, choice kind) {
    const unsigned answer = session_.how->choose(limit, kind);
    session_.record->add(kind, answer);
    ++session_.choices;
    mix(64 + answer);
    return answer;
  }

  void mix(std::uint64_t v) noexcept {
    hash_ = (hash_ + v + 1) * 0xff51afd7ed558ccdull;
    hash_ ^= hash_ >> 32;
  }

  session &session_;
  std::uint64_t hash_ = 0;
  std::uint64_t entered_ = 0;  // threads that have begun
  unsigned entering_ = no_thread;
};

}  // namespace verify
