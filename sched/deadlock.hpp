#pragma once
// How a deadlock is found, and what is printed then.
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// A place for reports, which come some lines at a time. One thread's.
struct text_sink {
  line_fn write;
  void *arg;
};
// Prints what each waiting goroutine waits for, and draws circles of goroutines that wait for each other. Caller: one
// thread at a time. Pre: as sched_options::waits_for, for all goroutines.
void print_standstill(const schedt &sched, text_sink out) noexcept;

// nmrunning holds two counts: how many Ms are awake, and how often an M has been woken or started. They are in one
// word: a thread that reads the same value twice, with no M awake, knows that no M has been awake in between.
inline constexpr std::uint64_t one_wake = 1 << 24;  // more Ms than the kernel has threads
constexpr std::int32_t awake_in(std::uint64_t nmrunning) noexcept {
  return static_cast<std::int32_t>(nmrunning % one_wake);
}
constexpr std::uint64_t wakes_in(std::uint64_t nmrunning) noexcept { return nmrunning / one_wake; }

// Caller: a thread that has just found that no M is awake. Reports a deadlock, and ends the process or calls the
// embedder.
void checkdead(schedt &sched) noexcept;
// True: the process has no threads but those of sched. Caller: any thread. Cost: a system call.
bool no_strangers(const schedt &sched) noexcept;
// How many threads are sched's own, with so many Ms.
inline std::int32_t own_threads(const schedt &sched, std::int32_t ms) noexcept {
  return ms + (sched.options.sysmon ? 1 : 0) + sched.options.helpers;
}
// One more M is awake. Caller: the thread that wakes or starts the M, before that M can go on.
void count_awake(schedt &sched) noexcept;
// One M less runs, or a thread gives up the count that it has held meanwhile. Caller: any thread that holds no lock.
void leave_running(schedt &sched) noexcept;

HEDDLE_DETAIL_END
