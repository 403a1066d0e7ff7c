#pragma once
// How an M is woken for work, and how it goes to sleep: the delicate dance. The argument is in sched/wake.cpp.
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

void wakep(schedt &sched) noexcept;
// Takes a P off pidle; null: none is idle. Caller: any thread. The caller then holds the P and must hand it on soon.
struct p *pidleget(schedt &sched) noexcept;
void leave_idle(schedt &sched) noexcept;
void become_spinning(m *mp) noexcept;
void stop_spinning(m *mp) noexcept;
void resetspinning(m *mp) noexcept;
enum class birth { begun, full, refused };  // of an M: full: threads_max is reached; refused: by the system
void startm(schedt &sched, struct p *pp, bool spinning) noexcept;
bool put_back(schedt &sched, struct p *pp, bool spinning, birth why) noexcept;
void handoffp(schedt &sched, struct p *pp) noexcept;
void after_idling(schedt &sched) noexcept;
void stopm(m *mp) noexcept;
void sleepm(m *mp, std::int64_t until = timers::never) noexcept;
void wakem(schedt &sched, m *mp) noexcept;
// Gives up mp's P because it found nothing. True: something turned up; mp has a P again and is spinning.
bool drop_p(m *mp) noexcept;

// The presence of a thread that is no M inside the scheduler: while such a thread is here, the scheduler is not taken
// apart. open(): the runtime is not stopping, so what the thread submits may wake an M. vouched: the caller guarantees
// that the scheduler exists for the length of the call. joinms does not wait for a vouched thread that comes after the
// stop: threads that come again and again would keep the runtime from ending. Caller: any thread. One thread's: it lives
// in a frame.
class foreign_call {
 public:
  explicit foreign_call(schedt &sched, bool vouched = false) noexcept;
  ~foreign_call();
  foreign_call(const foreign_call &) = delete;
  foreign_call &operator=(const foreign_call &) = delete;
  bool open() const noexcept { return open_; }

 private:
  schedt &sched_;
  bool open_;
  bool counted_;
};

HEDDLE_DETAIL_END
