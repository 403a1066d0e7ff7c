#include "verify/engine/crash.hpp"

#include <signal.h>
#include <initializer_list>

namespace verify {

const int hung_signal = SIGUSR1;

namespace {

void (*fail_execution)(const char *what) = nullptr;

// A stack of its own for the handler, because the stack of the thread that crashed may be full.
alignas(16) char signal_stack[64 * 1024];

const char *name_of(int signal) {
  switch (signal) {
    case SIGSEGV: return "crashed: bad memory access";
    case SIGBUS: return "crashed: bus error";
    case SIGFPE: return "crashed: arithmetic error";
    case SIGUSR1: return "hung: a loop without a scheduling point";
    case SIGILL: return "crashed: illegal instruction";
    default: return "crashed: aborted";
  }
}

void on_signal(int signal) {
  fail_execution(name_of(signal));
  ::signal(signal, SIG_DFL);
  raise(signal);
}

}  // namespace

void catch_crashes(void (*fail)(const char *what)) {
  fail_execution = fail;
  stack_t stack = {};
  stack.ss_sp = signal_stack;
  stack.ss_size = sizeof signal_stack;
  sigaltstack(&stack, nullptr);
  struct sigaction action = {};
  action.sa_handler = &on_signal;
  action.sa_flags = SA_ONSTACK | SA_NODEFER;  // the handler leaves by a jump, and the signal must not stay blocked
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, hung_signal}) sigaction(signal, &action, nullptr);
}

}  // namespace verify
