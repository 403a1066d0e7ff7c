#pragma once
// What the embedder may not do; misuse and in_child are in heddle/detail/sched.hpp.
#include "heddle/detail/sched.hpp"

HEDDLE_DETAIL_BEGIN

// Misuse: `who` was called on a thread that runs no goroutine; in the child of a fork no thread does.
[[noreturn]] void no_goroutine(const char *who) noexcept;
// Misuse: it would wait or yield where it may not.
[[noreturn]] void may_not_wait() noexcept;

HEDDLE_DETAIL_END
