# heddle_gostart: the first pc of every goroutine, with its g in rdi and a 16-byte aligned stack. It is the outermost
# frame: unwinders and frame-pointer walkers end here. The switch itself is in line: switch_x86_64.hpp.
    .text
    .globl heddle_gostart
    .hidden heddle_gostart
    .hidden heddle_goroutine_entry
    .type heddle_gostart, @function
    .p2align 4
heddle_gostart:
    .cfi_startproc
    .cfi_undefined rip
    endbr64
    xorl  %ebp, %ebp
    call  heddle_goroutine_entry
    ud2
    .cfi_endproc
    .size heddle_gostart, .-heddle_gostart

    .section .note.GNU-stack,"",@progbits
