// A stack for reports. A report may be made anywhere: on the smallest stack of a goroutine, on a thread of the
// embedder, in a signal handler. To print one takes more stack than may be left there: the demangler alone may need
// hundreds of KiB. So reports are made on a stack that is mapped for each of them, so that no two share one and nothing
// is locked while the embedder's callbacks run. Where the system has no memory for it there is one in reserve.
#include <sys/mman.h>
#include <atomic>

#include "sched/os/guard.hpp"
#include "sched/os/valgrind.hpp"
#include "sched/world.hpp"

#ifdef HEDDLE_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

HEDDLE_DETAIL_BEGIN

extern "C" void heddle_call_on(void *top, void (*fn)(void *), void *arg);  // sched/switch/call_on_x86_64.S

namespace {

constexpr std::size_t report_stack_size = std::size_t{512} << 10;

alignas(4096) char reserve_stack[std::size_t{128} << 10];
std::atomic<bool> reserve_taken{false};

struct call {
  void (*fn)(void *);
  void *arg;
  char *lo;
  char *hi;
  const void *old_bottom;
  std::size_t old_size;
};

void call_there(void *raw) {
  call &c = *static_cast<call *>(raw);
#ifdef HEDDLE_ASAN
  __sanitizer_finish_switch_fiber(nullptr, &c.old_bottom, &c.old_size);
#endif
  c.fn(c.arg);
#ifdef HEDDLE_ASAN
  __sanitizer_start_switch_fiber(nullptr, c.old_bottom, c.old_size);
#endif
}

void call_on(call &c) {
  const std::uintptr_t number = valgrind::watch(c.lo, c.hi);
#ifdef HEDDLE_ASAN
  void *fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&fake_stack, c.lo, static_cast<std::size_t>(c.hi - c.lo));
#endif
  heddle_call_on(c.hi, call_there, &c);
#ifdef HEDDLE_ASAN
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
  __asan_unpoison_memory_region(c.lo, static_cast<std::size_t>(c.hi - c.lo));
#endif
  valgrind::forget(number);
}

}  // namespace

void on_report_stack(void (*fn)(void *), void *arg) noexcept {
  void *const at =
      mmap(nullptr, report_stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (at != MAP_FAILED) {
    mprotect(at, page_size(), PROT_NONE);  // if this fails, it has no guard
    char *const bottom = static_cast<char *>(at);
    call c{fn, arg, bottom + page_size(), bottom + report_stack_size, nullptr, 0};
    call_on(c);
    munmap(at, report_stack_size);
  } else if (!reserve_taken.exchange(true, std::memory_order_acquire)) {
    call c{fn, arg, reserve_stack, reserve_stack + sizeof reserve_stack, nullptr, 0};
    call_on(c);
    reserve_taken.store(false, std::memory_order_release);
  } else {
    fn(arg);
  }
}

HEDDLE_DETAIL_END
