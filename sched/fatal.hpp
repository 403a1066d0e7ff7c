#pragma once
// The ends of a process whose embedder breaks a rule; misuse and in_child are in heddle/detail/sched.hpp.
#include "heddle/detail/sched.hpp"

HEDDLE_DETAIL_BEGIN

// Misuse: `who` names the function that was called on a thread that runs no goroutine. (In the child of a fork no
// thread runs one: then it ends as in_child does.)
[[noreturn]] void no_goroutine(const char *who) noexcept;
// Misuse: the caller would wait or yield where it may not.
[[noreturn]] void may_not_wait() noexcept;

HEDDLE_DETAIL_END
