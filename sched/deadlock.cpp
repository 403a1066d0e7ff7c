// "all goroutines are asleep - deadlock!" Source: checkdead of Go's proc.go.
#include <cstdio>
#include <cstring>

#include "sched/deadlock.hpp"
#include "sched/schedule.hpp"
#include "sched/status.hpp"
#include "sched/stopworld.hpp"
#include "sched/sysmon.hpp"

HEDDLE_DETAIL_BEGIN

const char *waitreason_text(waitreason r) noexcept {
  switch (r) {
    case waitreason::zero: return "unknown";
    case waitreason::chan_receive: return "chan receive";
    case waitreason::chan_send: return "chan send";
    case waitreason::chan_receive_nil: return "chan receive (nil chan)";
    case waitreason::chan_send_nil: return "chan send (nil chan)";
    case waitreason::select: return "select";
    case waitreason::select_no_cases: return "select (no cases)";
    case waitreason::mutex_lock: return "mutex lock";
    case waitreason::wait_group_wait: return "wait_group wait";
    case waitreason::semaphore_acquire: return "semaphore acquire";
    case waitreason::condition_variable_wait: return "condition_variable wait";
    case waitreason::latch_wait: return "latch wait";
    case waitreason::barrier_wait: return "barrier wait";
    case waitreason::shared_mutex_lock: return "shared_mutex lock";
    case waitreason::shared_mutex_lock_shared: return "shared_mutex lock_shared";
    case waitreason::task_join: return "task join";
    case waitreason::scope_wait: return "scope wait";
    case waitreason::sleep: return "sleep";
    case waitreason::stop_the_world: return "stop the world";
    case waitreason::test: return "test";
  }
  return "unknown";
}

namespace {

// Builds text for the embedder and for standard error, without allocating. Standard error gets all of it, piece by
// piece; the embedder gets what fits. It is large: it lives on a report stack. One thread's.
class deadlock_report {
 public:
  explicit deadlock_report(const schedt &sched) noexcept : sched_(sched) {}
  void line(const char *text) noexcept {
    const std::size_t n = std::strlen(text);
    if (!full_ && used_ + n < sizeof text_) {
      std::memcpy(text_ + used_, text, n + 1);
      used_ += n;
    } else if (sched_.options.on_deadlock == nullptr) {  // the embedder gets the first goroutines
      if (!full_) print_error(text_);
      full_ = true;
      print_error(text);
    }
  }
  // Returns if the embedder may go on.
  void finish() noexcept {
    const sched_options &o = sched_.options;
    if (o.on_deadlock != nullptr) return o.on_deadlock(o.on_deadlock_arg, text_);
    if (!full_) print_error(text_);
    exit_reported(o.on_fatal, o.on_fatal_arg, text_);
  }
  text_sink sink() noexcept {
    return {[](void *self, const char *text) noexcept { static_cast<deadlock_report *>(self)->line(text); }, this};
  }

 private:
  const schedt &sched_;
  std::size_t used_ = 0;
  bool full_ = false;
  char text_[16384] = "";
};

// No lock is held: the embedder may inspect the runtime (B58).
void report_standstill(void *arg) noexcept {
  schedt &sched = *static_cast<schedt *>(arg);
  deadlock_report report(sched);
  // Ms that are not locked to a goroutine take all work that there is before they sleep.
  report.line(has_work(sched) ? "fatal error: goroutines can run, but all threads are locked to others and threads_max "
                                "allows no more - deadlock!\n"
                              : "fatal error: all goroutines are asleep - deadlock!\n");
  print_standstill(sched, report.sink());
  report.finish();
}

// True once for each standstill: an embedder may let the process live, and Ms that exit later come here again.
bool first_report(schedt &sched) noexcept {
  std::uint64_t executes = 1;
  each_p(sched, [&executes](const struct p &pp) { executes += pp.executes(); });
  // relaxed: of the threads that come here, one gets another value; nothing is read through it
  return sched.reported.exchange(executes, relaxed) != executes;
}

// True: another thread of the process may be about to send or unlock something; there is no way to know. The kernel is
// asked once; from then on, while the answer is yes, sysmon asks at its own pace, and looks for the deadlock itself when
// the threads have gone. So a program with threads of its own pays a load and a fence for each standstill.
bool in_company(schedt &sched) noexcept {
  if (!sched.options.sysmon) return !no_strangers(sched);
  fence(seq_cst);  // nmrunning against company; partner: look_again. [DEAD-3]
  // relaxed: ordered by the fence
  if (sched.company.load(relaxed) == 0) {
    if (no_strangers(sched)) return false;
    sched.company.store(1, relaxed);  // relaxed: ordered by the fence
    fence(seq_cst);                   // company against sysmonwait; partner: sysmon_sleep. [SYSMON-2]
    if (sched.sysmonwait.load(relaxed) == sysmon_deep) wake_sysmon(sched);  // relaxed: ordered by the fence
  }
  return true;
}

}  // namespace

// Where the kernel does not say how many threads there are, there may be others.
// relaxed: an M that has left the count but not yet the process is company for a moment; sysmon looks again.
bool no_strangers(const schedt &sched) noexcept {
  const std::int32_t threads = thread_count();
  return threads >= 0 && threads <= own_threads(sched, sched.mcount.load(relaxed));
}

// nmrunning counts the Ms that are not asleep. A party that wakes or starts an M counts that M first, and is counted
// itself, or holds a count meanwhile (sysmon; the party that stops the world). So when nmrunning comes to 0, no party
// is left that could make a goroutine runnable, except threads that are no Ms: once one of them has started a goroutine
// here, or while there is such a thread at all, nothing is reported. The thread that brings nmrunning to 0 comes here,
// and has seen all that the others did. (DEAD-1)
//
// But it may come here late:
//   the last thread                              other threads
//   brings nmrunning to 0; a timer is armed
//                                                sysmon wakes an M for the timer; that M takes the timer
//   reads nmrunning as it was: no M is awake
//   reads the timers as they are: there is none
//   reads nmrunning again: it has changed
// So it looks at nmrunning again: nmrunning counts wake-ups too, and is as it was only if no M has been awake
// meanwhile. If it has changed, the M that was woken must look, when it goes to sleep. (DEAD-2)
//
// A thread that finds company set leaves the rest to sysmon, which clears it when the other threads have gone (DEAD-3):
//   the last thread                              sysmon (look_again)
//   brings nmrunning to 0                        company := 0
//   full fence                                   full fence
//   reads company                                reads nmrunning
// One of them sees the other: the thread asks the kernel itself, or sysmon finds that no M is awake. The thread that
// sets company wakes sysmon if that is in its deep sleep, in which it would not look again (SYSMON-2).
void checkdead(schedt &sched) noexcept {
  if (!sched.options.detect_deadlock) return;
  // acquire: pairs with leave_running: this thread sees all that the sleeping Ms have done, and no other M must look.
  // [DEAD-1]
  const std::uint64_t seen = sched.nmrunning.load(acquire);
  if (awake_in(seen) != 0 || next_timer(sched) != timers::never) return;  // the usual cases, before the kernel is asked
  // relaxed: the M that had main has left the count, and `seen` came with what it did. Read earlier, it could be an old
  // null, and no other thread would look again. If it is set late, threads from outside came first (injected).
  if (sched.maing.load(relaxed) == nullptr) return;
  // relaxed: nothing is read through it
  if (stopping(sched) || sched.injected.load(relaxed) != 0) return;
  // What the system has refused it may give later. relaxed: the fence of in_company acquires sysmon's count. [DEAD-2]
  if (sched.retry.load(relaxed) != 0) return;
  if (in_company(sched)) return;
  // A thread that has sent or unlocked something and has ended already has left a timer behind, or woken an M.
  if (next_timer(sched) != timers::never) return;
  // relaxed: next_timer has acquired the wake-up of the M that took a timer; what the others did came with `seen`.
  // [DEAD-2]
  if (sched.nmrunning.load(relaxed) != seen || !first_report(sched)) return;
  on_report_stack(report_standstill, &sched);
}

void count_awake(schedt &sched) noexcept {
  // relaxed: an RMW continues the release sequences of the other Ms; this thread's own end comes later. [DEAD-1]
  sched.nmrunning.fetch_add(one_wake + 1, relaxed);
}

void leave_running(schedt &sched) noexcept {
  // release: pairs with checkdead: the last one sees all that the others did. [DEAD-1]
  if (awake_in(sched.nmrunning.fetch_sub(1, release)) == 1) checkdead(sched);
}

HEDDLE_DETAIL_END
