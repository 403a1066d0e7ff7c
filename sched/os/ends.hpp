#pragma once
// What is told before the process ends.
#include <atomic>
#include <span>

#include "sched/world.hpp"

HEDDLE_DETAIL_BEGIN

// Prints the parts of a message and what more there is to say, and calls the embedder (options::on_fatal). frame: the
// frame in which the end began. Null until there has been a runtime. sched/os knows no goroutines, so it is set from
// above.
using fatal_reporter = void (*)(std::span<const char *const> parts, const void *frame) noexcept;
extern std::atomic<fatal_reporter> fatal_report;

// True: HEDDLE_DEBUG, a list separated by commas, has this setting. Caller: any thread; it allocates nothing.
bool debug_says(const char *setting) noexcept;

HEDDLE_DETAIL_END
