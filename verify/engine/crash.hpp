#pragma once
// A crash of the code under test, or a loop without a step, is a failed execution like any other: with its history and
// its token.

namespace verify {

// Sent by the parent to a process that makes no steps any more.
extern const int hung_signal;

// From now on a fatal signal calls fail("crashed: ..."), which should not return; if it does, the process dies of it.
void catch_crashes(void (*fail)(const char *what));

}  // namespace verify
