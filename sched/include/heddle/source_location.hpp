#pragma once
// A place in the source: where a goroutine was started.
#include <cstdint>
#include <version>
#ifdef __cpp_lib_source_location
#include <source_location>
#endif

#include "heddle/detail/world.hpp"

HEDDLE_BEGIN

// A place in the source, as std::source_location, which not every compiler that compiles heddle has. As a default
// argument, current() is the place of the call. The strings live as long as the program.
class source_location {
 public:
  constexpr source_location() noexcept = default;
#ifdef __cpp_lib_source_location
  constexpr source_location(const std::source_location &from) noexcept
      : file_(from.file_name()), function_(from.function_name()), line_(from.line()) {}
#endif
  [[nodiscard]] static constexpr source_location current(const char *file = __builtin_FILE(),
                                                         const char *function = __builtin_FUNCTION(),
                                                         std::uint32_t line = __builtin_LINE()) noexcept {
    source_location here;
    here.file_ = file;
    here.function_ = function;
    here.line_ = line;
    return here;
  }
  // These return "" and 0 if the place is not known.
  [[nodiscard]] constexpr const char *file_name() const noexcept { return file_; }
  [[nodiscard]] constexpr const char *function_name() const noexcept { return function_; }
  [[nodiscard]] constexpr std::uint32_t line() const noexcept { return line_; }

 private:
  // One thread's, as any value; where others read it, as in a g, it is in a plain<>.
  const char *file_ = "";
  const char *function_ = "";  // one thread's
  std::uint32_t line_ = 0;     // one thread's
};

HEDDLE_END
