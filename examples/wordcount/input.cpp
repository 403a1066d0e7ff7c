// This is a file of its own because of errno: a compiler may keep the address of errno in a register, and a goroutine
// that has parked may go on on another thread. So errno is read only here, in functions that never park and that are
// never inlined into one that does.
#include "input.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>

namespace {

std::error_code last_error() { return {errno, std::generic_category()}; }

}  // namespace

// O_NOFOLLOW: the walk saw a regular file here; if it has become a symbolic link since, it is not followed either.
[[gnu::noinline]] input::input(const std::filesystem::path &file, std::error_code &error)
    : fd_(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) {
  if (fd_ < 0) error = last_error();
}

input::~input() {
  if (fd_ >= 0) close(fd_);
}

[[gnu::noinline]] std::size_t input::read(char *to, std::size_t size, std::error_code &error) {
  for (;;) {
    const ssize_t n = ::read(fd_, to, size);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EINTR) continue;
    error = last_error();
    return 0;
  }
}
