#pragma once
// What valgrind must be told about stacks that are not a thread's. It is told by client requests: instructions that do
// nothing on a real CPU. Their codes are part of valgrind's interface, so its header is not needed. Source: valgrind.h,
// memcheck.h.
#include <cstddef>
#include <cstdint>

#include "sched/world.hpp"

HEDDLE_DETAIL_BEGIN

namespace valgrind {

// Not in line: it would make the paths longer on which no valgrind listens.
[[gnu::noinline]] inline std::uintptr_t request(std::uintptr_t code, std::uintptr_t a = 0,
                                                std::uintptr_t b = 0) noexcept {
  const volatile std::uintptr_t words[6] = {code, a, b, 0, 0, 0};
  std::uintptr_t answer = 0;  // remains where no valgrind listens
#if defined(__x86_64__)
  asm volatile("rolq $3, %%rdi\n\trolq $13, %%rdi\n\trolq $61, %%rdi\n\trolq $51, %%rdi\n\txchgq %%rbx, %%rbx"
               : "+d"(answer)
               : "a"(&words[0])
               : "cc", "memory");
#endif
  return answer;
}

inline bool running() noexcept {
  static const bool yes = request(0x1001) != 0;
  return yes;
}

// From here on valgrind takes a stack pointer that moves into [lo, hi) for a switch and not for a new frame. The result
// is for forget; 0: no valgrind listens.
inline std::uintptr_t watch(const char *lo, const char *hi) noexcept {
  return request(0x1501, reinterpret_cast<std::uintptr_t>(lo), reinterpret_cast<std::uintptr_t>(hi - 1));
}
inline void forget(std::uintptr_t number) noexcept {
  if (number != 0) request(0x1502, number);
}

// For a stack that is mapped alone, its lowest word keeps the number: a frame that gets down there is about to hit the
// guard.
inline void watch(stack s) noexcept {
  if (running()) *reinterpret_cast<std::uintptr_t *>(s.lo) = watch(s.lo, s.hi);
}
inline void forget(stack s) noexcept {
  if (running()) forget(*reinterpret_cast<std::uintptr_t *>(s.lo));
}

// Tells memcheck that the frames on s are gone, and that its next user may write anywhere in it.
inline void as_new(stack s) noexcept {
  if (!running()) [[likely]]
    return;
  char *const lo = s.lo + sizeof(std::uintptr_t);
  request((std::uintptr_t{'M'} << 24 | std::uintptr_t{'C'} << 16) + 1, reinterpret_cast<std::uintptr_t>(lo),
          static_cast<std::uintptr_t>(s.hi - lo));
}

}  // namespace valgrind

HEDDLE_DETAIL_END
