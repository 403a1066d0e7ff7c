# The switch between two stacks, System V ABI. Offsets are those of heddle::gobuf (sched/runtime2.hpp asserts them).
#
#   void heddle_switch(gobuf *from, const gobuf *to)    saves into from, resumes to; returns when from is resumed
#   void heddle_gogo(const gobuf *to)                   resumes to, saves nothing; never returns
#   heddle_gostart                                      first pc of every g
#
# Callee-saved registers only. The return address is taken off the stack and jumped to: a ret onto another stack is
# mispredicted every time. MXCSR and the x87 control word belong to the thread and are not switched (CAVEATS.md).
# notrack: the resumed pc follows a call and bears no endbr64.
    .set  GOBUF_SP, 0
    .set  GOBUF_PC, 8
    .set  GOBUF_G, 16
    .set  GOBUF_BP, 48

    .text
    .globl heddle_switch
    .type heddle_switch, @function
    .p2align 5
heddle_switch:
    .cfi_startproc
    endbr64
    popq  %rdx
    .cfi_adjust_cfa_offset -8
    .cfi_register rip, rdx
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq  %rsp, GOBUF_SP(%rdi)
    movq  %rdx, GOBUF_PC(%rdi)
    movq  %rbp, GOBUF_BP(%rdi)
    movq  %rsi, %rdi
    .cfi_endproc
    # falls through
    .size heddle_switch, .-heddle_switch

    .globl heddle_gogo
    .type heddle_gogo, @function
heddle_gogo:
    .cfi_startproc
    .cfi_undefined rip
    movq  GOBUF_SP(%rdi), %rsp
    movq  GOBUF_PC(%rdi), %rdx
    movq  GOBUF_BP(%rdi), %rbp
    movq  GOBUF_G(%rdi), %rdi
    popq  %r15
    popq  %r14
    popq  %r13
    popq  %r12
    popq  %rbx
    notrack jmp *%rdx
    .cfi_endproc
    .size heddle_gogo, .-heddle_gogo

# The outermost frame of a goroutine: unwinders and frame-pointer walkers end here.
    .globl heddle_gostart
    .type heddle_gostart, @function
    .p2align 4
heddle_gostart:
    .cfi_startproc
    .cfi_undefined rip
    xorl  %ebp, %ebp
    call  heddle_goroutine_entry
    ud2
    .cfi_endproc
    .size heddle_gostart, .-heddle_gostart

    .section .note.GNU-stack,"",@progbits
