#pragma once
// A crash of the code under test, or a loop that makes no step, is a failed execution like any other, with a history
// and a replay token.

namespace verify {

// The parent sends it to a process that makes no more steps.
extern const int hung_signal;

// From now on a fatal signal calls fail("crashed: ..."), which should not return; if it does, the signal ends the
// process.
void catch_crashes(void (*fail)(const char *what));

}  // namespace verify
