#pragma once
// The register half of a switch on x86-64. Only sched/switch/switch.hpp includes this.
//
// It is in line and not a function: a call pushes an entry on the processor's return stack that no ret consumes, and
// the rets that follow are mispredicted (measured: 14 ns a yield). The compiler is told that every register changes and
// saves those that it needs, which on these paths are few. The code switches the stack pointer and the frame pointer
// itself; MXCSR and the x87 control word belong to the thread (CAVEATS.md). notrack: a resumed pc bears no endbr64.
#include "sched/runtime2.hpp"

extern "C" void heddle_gostart();  // sched/switch/gostart_x86_64.S: the first pc of every g

HEDDLE_DETAIL_BEGIN

static_assert(offsetof(gobuf, sp) == 0 && offsetof(gobuf, pc) == 8 && offsetof(gobuf, g) == 16 &&
                  offsetof(gobuf, bp) == 32,
              "the offsets below");

// Saves the present context in *from and resumes *to. Returns when another switch resumes *from. A first pc finds its g
// in rdi.
[[gnu::always_inline]] inline void switch_context(gobuf *from, const gobuf *to) noexcept {
  asm volatile(
      "leaq 1f(%%rip), %%rax\n\t"
      "movq %%rsp, 0(%%rdi)\n\t"
      "movq %%rax, 8(%%rdi)\n\t"
      "movq %%rbp, 32(%%rdi)\n\t"
      "movq 0(%%rsi), %%rsp\n\t"
      "movq 32(%%rsi), %%rbp\n\t"
      "movq 16(%%rsi), %%rdi\n\t"
      "notrack jmpq *8(%%rsi)\n"
      "1:"
      : "+D"(from), "+S"(to)
      :
      : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0", "xmm1", "xmm2",
        "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
        "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)",
#ifdef __AVX512F__
        "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27",
        "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7",
#endif
        "cc", "memory");
}

// Does what switch_context does, from a context that is never resumed.
[[noreturn]] [[gnu::always_inline]] inline void resume_context(const gobuf *to) noexcept {
  asm volatile(
      "movq 0(%%rsi), %%rsp\n\t"
      "movq 32(%%rsi), %%rbp\n\t"
      "movq 16(%%rsi), %%rdi\n\t"
      "notrack jmpq *8(%%rsi)"
      :
      : "S"(to)
      : "memory");
  __builtin_unreachable();
}

HEDDLE_DETAIL_END
