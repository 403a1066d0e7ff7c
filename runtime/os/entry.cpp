// Giving way at the entry of a function, in code that is compiled for it. Source: morestack and newstack of Go's
// stack.go, where each function compares its stack pointer with a limit that the runtime can poison.
//
// Such an entry may be anywhere: in code of the embedder's that heddle calls, in one of heddle's own inline functions,
// in a signal handler. It is no safepoint where
//   the thread runs no goroutine                         current_m is null, or it is in the scheduler: m.outside
//   the goroutine may not give way                       no_preempt, stop_the_world, user code under a lock: m.locks
//   it has no P to give                                  blocking(f): m.incall
//   the thread holds a spinlock                          sections
//   the stack is not the goroutine's                     a handler on the thread's alternate stack
//   there is little room left on it
// In each of these the request stands (a hog's does, too), and the next entry looks again.
#include "heddle/detail/preemptible.hpp"

#include "runtime/os/fatal.hpp"
#include "runtime/os/report.hpp"
#include "runtime/wait.hpp"
#include "sched/yield.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

constexpr std::ptrdiff_t room = 4096;  // that a switch, and what comes before it, needs on the stack

thread_local int mutexes = 0;
std::atomic<bool> told{false};

[[gnu::noinline]] int &mutexes_here() noexcept {
  asm volatile("");
  return mutexes;
}

bool on_own_stack(const g *gp) noexcept {
  const struct stack its = gp->stack.get();
  const char *here = static_cast<const char *>(__builtin_frame_address(0));
  return here > its.lo && here - its.lo >= room && here < its.hi;
}

struct place_in_code {
  const g *gp;
  std::uintptr_t pc;
  const void *frame;
};

void tell(void *raw) noexcept {
  const place_in_code &at = *static_cast<const place_in_code *>(raw);
  short_text text;
  text.add("heddle: a goroutine should give way where it holds a std::mutex; it does not, and keeps others waiting\n");
  introduce(text, at.gp);
  print_interrupted_stack(at.gp, at.pc, at.frame, short_text::line, &text);
  print_error(text.get());
}

}  // namespace

void mutex_held(int change) noexcept { mutexes_here() += change; }

void entered(std::uintptr_t pc, const void *frame) noexcept {
  m *mp = getm();
  if (mp == nullptr || !mp->outside || mp->incall != 0 || mp->locks != 0 || sections_held() != 0) return;
  const g *gp = own_g(mp);
  if (!on_own_stack(gp)) return;
  if (mutexes_here() != 0) {
    place_in_code at = {gp, pc, frame};
    if (!told.exchange(true, std::memory_order_relaxed)) on_report_stack([](void *raw) { tell(raw); }, &at);
    return;
  }
  gosched(mp);
}

HEDDLE_DETAIL_END
