// How the process ends when the embedder breaks a rule: with words about what was called, and with status 2.
#include "sched/fatal.hpp"

#include "sched/world.hpp"

HEDDLE_DETAIL_BEGIN

void misuse(const char *what) noexcept { exit_misuse(what); }

void in_child(const char *who) noexcept {
  exit_misuse(who, " in the child of a fork: only exec or _exit is possible here");
}

void no_goroutine(const char *who) noexcept {
  not_in_child(who);
  exit_misuse(who, " called on a thread that runs no goroutine");
}

void may_not_wait() noexcept { misuse("wait or yield inside no_preempt or stop_the_world"); }

HEDDLE_DETAIL_END
