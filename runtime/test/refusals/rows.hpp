#pragma once
// The calls that the system can refuse. Each row is a function that the library calls; the linker puts ours in its place
// (--wrap), which refuses as the plan says.
#include <cstddef>
#include <cstdint>

namespace refusals {

// A row: its name, and the symbol that it stands for; of `syscall` the call's number decides.
enum class row : int {
  new_throwing,
  new_nothrow,
  malloc_,
  mmap_,
  munmap_,
  mprotect_,
  madvise_,
  mincore_,
  process_madvise,
  membarrier_register,
  membarrier_use,
  futex_wait,
  pthread_create_,
  pthread_atfork_,
  pthread_timedjoin,
  sigaltstack_,
  sigaction_,
  getrlimit_,
  prctl_,
  getrandom_,
  sched_getaffinity_,
  stat_,
  fopen_,
  fgets_,
  fscanf_,
  write_,
  dladdr_,
  demangle,
  count,
};
inline constexpr int rows = static_cast<int>(row::count);

struct row_info {
  const char *name;               // as in docs/refusals.md
  const char *symbols;            // which it stands for, separated by spaces
  const char *untried = nullptr;  // why no program comes to it here
};
extern const row_info info[rows];

// Which calls of one row are refused: those from the `first` on, at most `many`, and no more once `grace_ns` have passed
// since the first refusal.
struct plan {
  row what = row::count;
  std::uint64_t first = 0;
  std::uint64_t many = 0;
  std::int64_t grace_ns = 0;
};
// From now on. Counts the calls from 0.
void set_plan(const plan &p) noexcept;
std::uint64_t calls(row r) noexcept;  // so far
std::uint64_t refused() noexcept;     // so far
bool refuse(row r) noexcept;          // counts a call; true: it is to be refused

// Numbers of `syscall` that have no row, in the order in which they came; 0 where there are no more.
long strange_syscall(std::size_t i) noexcept;

}  // namespace refusals
