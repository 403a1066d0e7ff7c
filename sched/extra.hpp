#pragma once
// Threads that are no Ms, where one must wait like a goroutine. Source: needm, dropm of Go's proc.go.
#include "sched/runtime2.hpp"
#include "sched/status.hpp"

HEDDLE_DETAIL_BEGIN

// Makes the calling thread an M, with a g that is in a call for as long as this lives: it has no P and needs none, its code
// being its own; parking blocks the thread on the M's note, and readying wakes it (gopark, goready). Belongs to no
// runtime: a channel's other end may be in any. Lives in the thread's frame: no list, no allocation, nothing left behind by a
// thread that ends. Caller: a thread that is no M.
class needm {
 public:
  needm() noexcept {
    mp_.curg.store(&gp_, relaxed);  // relaxed: nobody knows of it yet
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
