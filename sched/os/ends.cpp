// How the process ends, and what it prints then. Nothing here allocates from the heap.
#include <pthread.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "sched/os/ends.hpp"

HEDDLE_DETAIL_BEGIN

#if defined(HEDDLE_ASAN)
const char heddle_is_compiled_with_asan = 0;
#elif defined(HEDDLE_TSAN)
const char heddle_is_compiled_with_tsan = 0;
#else
const char heddle_is_compiled_without_asan_and_tsan = 0;
#endif

std::atomic<fatal_reporter> fatal_report{nullptr};

namespace {

enum class ending : int { nobody, begun };
std::atomic<ending> the_end{ending::nobody};
std::atomic<pthread_t> ender{};

// One thread ends the process. Others that come here meanwhile stay here, so that there is one report. False: the
// caller is that thread already: a callback, or the report itself, has broken a rule.
bool begin_to_end() noexcept {
  if (the_end.exchange(ending::begun, std::memory_order_acq_rel) == ending::nobody) {
    ender.store(pthread_self(), std::memory_order_release);
    return true;
  }
  if (pthread_equal(ender.load(std::memory_order_acquire), pthread_self()) != 0) return false;
  for (;;) pause();
}

[[noreturn]] void end(bool as_crash) noexcept {
  if (!forked()) std::fflush(stdout);  // a child's buffer is a copy: the parent writes it
  if (as_crash) std::abort();
  _exit(2);
}

// Tells what has happened, once. frame: where the end began.
void tell(std::initializer_list<const char *> what, const void *frame) noexcept {
  const std::span<const char *const> parts(what.begin(), what.size());
  const bool first = begin_to_end();
  const fatal_reporter report = fatal_report.load(std::memory_order_acquire);
  if (first && report != nullptr && !forked()) return report(parts, frame);
  for (const char *part : parts) print_error(part);
}

}  // namespace

bool debug_says(const char *wanted) noexcept {
  const char *at = std::getenv("HEDDLE_DEBUG");
  const std::size_t length = std::strlen(wanted);
  while (at != nullptr && *at != '\0') {
    const std::size_t n = std::strcspn(at, ",");
    if (n == length && std::strncmp(at, wanted, n) == 0) return true;
    at += n + (at[n] == ',');
  }
  return false;
}

void print_error(const char *text) noexcept {
  for (std::size_t left = std::strlen(text); left != 0;) {
    const ssize_t n = write(STDERR_FILENO, text, left);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text += n;
    left -= static_cast<std::size_t>(n);
  }
}

void exit_misuse(const char *a, const char *b, const char *c, const char *d) noexcept {
  tell({"fatal error: ", a, b, c, d, "\n"}, __builtin_frame_address(0));
  end(debug_says("crash=1"));
}

void exit_reported(void (*on_fatal)(void *, const char *), void *arg, const char *report) noexcept {
  if (begin_to_end() && on_fatal != nullptr && !forked()) on_fatal(arg, report);
  end(debug_says("crash=1"));
}

void invariant_broken(const char *id, const char *condition, const char *file, int line) noexcept {
  char number[16];
  std::snprintf(number, sizeof number, "%d", line);
  tell({"fatal error: heddle: invariant ", id, " is broken: ", condition, " (", file, ":", number,
        "); please report this\n"},
       __builtin_frame_address(0));
  std::abort();
}

HEDDLE_DETAIL_END
