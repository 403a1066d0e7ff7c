// What the scheduler looks like now, in Go's words. Source: schedtrace of Go's proc.go.
#include <cstdio>

#include "sched/proc.hpp"
#include "sched/status.hpp"

HEDDLE_BEGIN

void schedtrace(schedt &sched, bool) noexcept {
  char line[256];
  std::snprintf(line, sizeof line, "SCHED %lldms: gomaxprocs=%d\n",
                static_cast<long long>((nanotime() - sched.starttime) / 1'000'000), sched.gomaxprocs.peek());
  print_error(line);
}

HEDDLE_END
