#pragma once
// When nothing can go on, and what is said then.
#include "sched/runtime2.hpp"

HEDDLE_DETAIL_BEGIN

// Where reports go, some lines at a time.
struct text_sink {
  void (*write)(void *arg, const char *text);
  void *arg;
};
// Says of each goroutine that waits what for, and draws circles of those who wait for each other. Caller: nobody else does at the
// time. Pre: as waits_for, for all.
void print_standstill(const schedt &sched, text_sink out) noexcept;

// What nmrunning says: how many Ms are awake, and how often one has been woken or started. In one word: whoever finds it as it
// was, with nobody awake, knows that no M has been awake in between.
inline constexpr std::uint64_t one_wake = 1 << 24;  // more Ms than the kernel has threads
constexpr std::int32_t awake_in(std::uint64_t nmrunning) noexcept {
  return static_cast<std::int32_t>(nmrunning % one_wake);
}
constexpr std::uint64_t wakes_in(std::uint64_t nmrunning) noexcept { return nmrunning / one_wake; }

// Called by whoever has just found that nobody is awake. Reports, and ends the process or calls the embedder.
void checkdead(schedt &sched) noexcept;
// One more M is awake: who wakes or starts it calls this before it can go on.
void count_awake(schedt &sched) noexcept;
// One M less that runs, or one who was counted as such for the time. Caller: any thread, holding nothing.
void leave_running(schedt &sched) noexcept;

HEDDLE_DETAIL_END
