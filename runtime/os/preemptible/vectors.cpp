// How much room entry_x86_64.S needs for the vector registers of this CPU.
#include <algorithm>
#include <cstdint>

#include <cpuid.h>

extern "C" {
// 0: it has no xsave, or nothing has looked yet; then no goroutine gives way at an entry.
[[gnu::visibility("hidden")]] std::uint32_t heddle_vector_room = 0;
[[gnu::visibility("hidden")]] std::uint32_t heddle_vector_mask = 0;
}

namespace {

constexpr std::uint32_t legacy_area = 576;                      // of xsave: SSE and the header
constexpr std::uint32_t vectors = 1u << 1 | 1u << 2 | 7u << 5;  // SSE, AVX, the three parts of AVX-512

[[gnu::constructor]] void look() noexcept {
  std::uint32_t a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_OSXSAVE) == 0) return;
  std::uint32_t enabled = 0, high = 0;
  asm volatile("xgetbv" : "=a"(enabled), "=d"(high) : "c"(0));
  heddle_vector_mask = enabled & vectors;
  std::uint32_t room = legacy_area;
  for (std::uint32_t part = 2; part < 8; ++part)
    if ((heddle_vector_mask & 1u << part) != 0 && __get_cpuid_count(0xD, part, &a, &b, &c, &d) != 0)
      room = std::max(room, b + a);
  heddle_vector_room = room;
}

}  // namespace
