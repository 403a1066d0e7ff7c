#pragma once
// A file to read from: POSIX in the manner of <system_error>.
#include <cstddef>
#include <filesystem>
#include <system_error>

class input {
 public:
  // Opens the file; on failure sets error, and the input must not be read.
  input(const std::filesystem::path &file, std::error_code &error);
  ~input();
  input(const input &) = delete;
  input &operator=(const input &) = delete;

  // Reads up to size bytes. Returns how many; 0 at the end of the file, and on failure, when error is set.
  std::size_t read(char *to, std::size_t size, std::error_code &error);

 private:
  int fd_;
};
