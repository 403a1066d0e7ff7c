#pragma once
// Extra Ms: how a thread that is no M waits like a goroutine. Source: needm, dropm of Go's proc.go.
#include "sched/runtime2.hpp"
#include "sched/status.hpp"

HEDDLE_DETAIL_BEGIN

// Makes the calling thread an M for as long as this object lives, with a g that is in a call. The M has no P and needs
// none, as its code is its own; parking blocks the thread on the M's note, and readying wakes it (gopark, goready). It
// belongs to no runtime: the other end of a channel may be in any. It lives in the thread's frame: there is no list, no
// allocation, and nothing left behind by a thread that ends. Caller: a thread that is no M.
class needm {
 public:
  needm() noexcept {
    not_in_user_code();
    mp_.curg.store(&gp_, relaxed);  // relaxed: no other thread knows of it yet
    mp_.extra = true;
    mp_.incall = 1;
    gp_.m.set(&mp_);
    casgstatus<gstatus::idle, gstatus::deadextra>(&gp_);
    casgstatus<gstatus::deadextra, gstatus::syscall>(&gp_);
    set_current_m(&mp_);
  }
  ~needm() {  // dropm
    set_current_m(nullptr);
    casgstatus<gstatus::syscall, gstatus::deadextra>(&gp_);
  }
  needm(const needm &) = delete;
  needm &operator=(const needm &) = delete;

 private:
  m mp_;
  g gp_;
};

HEDDLE_DETAIL_END
