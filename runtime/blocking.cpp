// How a blocking call begins and ends.
#include "heddle/blocking.hpp"

#include "sched/syscall.hpp"

HEDDLE_DETAIL_BEGIN

bool begin_call(bool lasting) noexcept {
  m *mp = getm();
  if (mp == nullptr || mp->incall != 0 || mp->locks != 0) {
    not_in_user_code();
    return false;
  }
  if (lasting)
    entersyscallblock(mp);
  else
    entersyscall(mp);
  return true;
}

void end_call() noexcept {
  not_in_child("the end of heddle::blocking");
  exitsyscall(getm());
}

HEDDLE_DETAIL_END
