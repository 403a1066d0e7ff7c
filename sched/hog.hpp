#pragma once
// Goroutines that compute for long, and how their Ps are taken from them. The argument is in sched/hog.cpp.
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// The values of m.claim.
inline constexpr std::uint32_t claim_none = 0, claim_made = 1, claim_taken = 2;

// Waits until the party that has claimed mp's P has decided. Caller: own M.
void await_claim(m *mp) noexcept;

// mp enters the scheduler: from here on mp->p stays as it is, until enter_user. True: it comes from user code, and the
// caller must call enter_user at its end. False: it was in the scheduler already. Caller: own M. Blocks: nothing, but
// another thread may be deciding, for a few instructions. Cost: a store and two loads.
[[gnu::always_inline]] inline bool leave_user(m *mp) noexcept {
  if (!mp->outside) [[unlikely]]
    return false;
  mp->outside = false;
  mp->user.store(0, relaxed);  // relaxed: ordered by the fence
  fence_light();               // user against claim; partner: the heavy fence in retake_hog. [HOG-1]
  // acquire: pairs with retake_hog: the P is gone, or what it has read of this M. [HOG-2]
  if (mp->claim.load(acquire) == claim_made) [[unlikely]]
    await_claim(mp);
  return true;
}

// From here on mp's P may be taken. Caller: own M, whose goroutine goes on with its own code.
inline void enter_user(m *mp) noexcept {
  mp->outside = true;
  mp->user.store(1, release);  // release: pairs with retake_hog: all that was done with the P. [HOG-2]
}

// A stay in the scheduler in which the calling goroutine does not give way. mp: null on a thread that is no M. One
// thread's: it lives in a frame.
class in_scheduler {
 public:
  explicit in_scheduler(m *mp) noexcept : mp_(mp != nullptr && leave_user(mp) ? mp : nullptr) {}
  ~in_scheduler() {
    if (mp_ != nullptr) enter_user(mp_);
  }
  in_scheduler(const in_scheduler &) = delete;
  in_scheduler &operator=(const in_scheduler &) = delete;

 private:
  m *const mp_;
};

// True: mp's P was taken while its goroutine computed, and that has not come back yet. Caller: own M. In user code the
// answer may change at any moment.
inline bool is_hog(const m *mp) noexcept {
  return mp->claim.load(relaxed) == claim_taken;  // relaxed: own M has waited for the decision
}

// mp, a hog, no longer computes: a party that stops the world need not wait for it. Caller: own M, in the scheduler.
void end_hog(m *mp) noexcept;
// Takes pp from the goroutine that computes with it, if it still does, and has another M run it. False: it did not, or
// there are options.hogs_max hogs already, or the world is being stopped. Caller: sysmon.
bool retake_hog(schedt &sched, struct p *pp) noexcept;

HEDDLE_DETAIL_END
