# heddle_call_on: calls fn(arg) on another stack, of which `top` is the end. Registers: top in rdi, fn in rsi, arg in rdx.
# Unwinders and debuggers find the caller through it.
    .text
    .globl heddle_call_on
    .hidden heddle_call_on
    .type heddle_call_on, @function
    .p2align 4
heddle_call_on:
    .cfi_startproc
    endbr64
    pushq %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset rbp, -16
    movq  %rsp, %rbp
    .cfi_def_cfa_register rbp
    movq  %rdi, %rsp
    movq  %rdx, %rdi
    call  *%rsi
    movq  %rbp, %rsp
    popq  %rbp
    .cfi_def_cfa rsp, 8
    ret
    .cfi_endproc
    .size heddle_call_on, .-heddle_call_on

    .section .note.GNU-stack,"",@progbits
