// How the process ends when the embedder breaks a rule: with words about what was called, and with status 2.
#include "sched/fatal.hpp"

#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

void misuse(const char *what) noexcept { exit_misuse(what); }

void in_child(const char *who) noexcept {
  exit_misuse(who, " in the child of a fork: only exec or _exit is possible here");
}

void no_goroutine(const char *who) noexcept {
  not_in_child(who);
  exit_misuse(who, " called on a thread that runs no goroutine");
}

void may_not_wait() noexcept {
  not_in_user_code();
  misuse("wait or yield inside no_preempt or stop_the_world");
}

// On an M, locks is counted as well: so what looks at locks anyway needs no second look where there is none.
void enter_user_code() noexcept {
  m *mp = getm();
  if (mp == nullptr) {
    ++user_code_depth();
    return;
  }
  ++mp->locks;
  ++mp->usercode;
}

void leave_user_code() noexcept {
  m *mp = getm();
  if (mp == nullptr) {
    --user_code_depth();
    return;
  }
  --mp->usercode;
  --mp->locks;
}

void not_in_user_code() noexcept {
  const m *mp = getm();
  if ((mp != nullptr ? mp->usercode : user_code_depth()) == 0) [[likely]]
    return;
  misuse(
      "heddle called by the move or destructor of a value that is on its way through a channel, under the channel's "
      "lock");
}

HEDDLE_DETAIL_END
