// How the process ends, and what it prints then. Nothing here allocates.
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "sched/world.hpp"

HEDDLE_DETAIL_BEGIN

#if defined(HEDDLE_ASAN)
const char heddle_is_compiled_with_asan = 0;
#elif defined(HEDDLE_TSAN)
const char heddle_is_compiled_with_tsan = 0;
#else
const char heddle_is_compiled_without_asan_and_tsan = 0;
#endif

void print_error(const char *text) noexcept {
  for (std::size_t left = std::strlen(text); left != 0;) {
    const ssize_t n = write(STDERR_FILENO, text, left);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text += n;
    left -= static_cast<std::size_t>(n);
  }
}

void exit_misuse() noexcept {
  if (!forked()) std::fflush(stdout);  // a child's buffer is a copy: the parent writes it
  _exit(2);
}

void invariant_broken(const char *id, const char *condition, const char *file, int line) noexcept {
  char text[512];
  std::snprintf(text, sizeof text, "fatal error: heddle: invariant %s is broken: %s (%s:%d); please report this\n", id,
                condition, file, line);
  print_error(text);
  std::abort();
}

HEDDLE_DETAIL_END
