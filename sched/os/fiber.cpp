// What a switch carries besides registers, in the os world: errno, the C++ exception state, and what sanitizers must
// know.
#include <cxxabi.h>
#include <pthread.h>

#include "sched/os/valgrind.hpp"
#include "sched/world.hpp"

#ifdef HEDDLE_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef HEDDLE_TSAN
#include <sanitizer/tsan_interface.h>
#endif

HEDDLE_DETAIL_BEGIN

// The ABI's __cxa_eh_globals: two words, the innermost caught exception and the count of uncaught ones (32 bits).
static_assert(sizeof(void *) == 8);

void fiber_attach_thread(fiber &g0) noexcept {
  g0.thread_eh = reinterpret_cast<void **>(abi::__cxa_get_globals());
  g0.thread_error = &errno;
#ifdef HEDDLE_ASAN
  pthread_attr_t attributes;
  void *bottom = nullptr;
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &bottom, &g0.size);
  pthread_attr_destroy(&attributes);
  g0.bottom = bottom;
#endif
#ifdef HEDDLE_TSAN
  g0.tsan = __tsan_get_current_fiber();
#endif
}

void fiber_create(fiber &f, [[maybe_unused]] stack s) noexcept {
  f.eh[0] = f.eh[1] = nullptr;
  f.error = 0;
#ifdef HEDDLE_ASAN
  f.fake_stack = nullptr;
  f.bottom = s.lo;
  f.size = static_cast<std::size_t>(s.hi - s.lo);
#endif
#ifdef HEDDLE_TSAN
  f.tsan = __tsan_create_fiber(0);
#endif
}

void fiber_destroy([[maybe_unused]] fiber &f, [[maybe_unused]] stack s) noexcept {
#ifdef HEDDLE_ASAN
  // The last frames never returned: their red zones must not trouble the next user of the stack.
  __asan_unpoison_memory_region(s.lo, static_cast<std::size_t>(s.hi - s.lo));
#endif
#ifdef HEDDLE_TSAN
  __tsan_destroy_fiber(f.tsan);
#endif
  valgrind::as_new(s);
}

#if defined(HEDDLE_ASAN) || defined(HEDDLE_TSAN)
// ThreadSanitizer keeps the calls of each fiber, and here the fiber changes between the call and the return: a new fiber
// would return from a call that it has not made. So this function is not one of them.
#ifdef __clang__
__attribute__((disable_sanitizer_instrumentation))
#else
__attribute__((no_sanitize("thread")))
#endif
void fiber_leave([[maybe_unused]] fiber &from, [[maybe_unused]] fiber &to, [[maybe_unused]] bool dies) noexcept {
#ifdef HEDDLE_ASAN
  __sanitizer_start_switch_fiber(dies ? nullptr : &from.fake_stack, to.bottom, to.size);
#endif
#ifdef HEDDLE_TSAN
  __tsan_switch_to_fiber(to.tsan, 0);
#endif
}

void fiber_arrive([[maybe_unused]] fiber &self) noexcept {
#ifdef HEDDLE_ASAN
  __sanitizer_finish_switch_fiber(self.fake_stack, nullptr, nullptr);
#endif
}
#endif

HEDDLE_DETAIL_END
