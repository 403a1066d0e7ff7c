// Guards of stacks. A guard has several pages, because a frame that is larger than its guard jumps over it. (A program
// that is compiled with -fstack-clash-protection touches each page of a frame; its libraries may not do so.)
//
// A guard is one of two kinds. A hard guard is laid by mprotect and takes two mappings, of which the kernel allows a
// limited number. A light guard (Linux 6.13) takes none. But a reader of another process's memory is stopped by a light
// guard: gdb's gcore leaves out the rest of the mapping, and all stacks in it are zeros in the core. So the first few
// hundred guards of a process are hard, and a core that gcore writes holds the stacks above them.
#include "sched/os/guard.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <algorithm>
#include <cstdio>

#include "sched/os/valgrind.hpp"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102  // Linux 6.13
#endif
#ifndef PIDFD_SELF
#define PIDFD_SELF (-10000)  // the calling thread, Linux 6.15
#endif

HEDDLE_DETAIL_BEGIN

namespace {

constexpr std::size_t guard_pages = 16;
// In all pools. Each costs a system call and two mappings, which a program of 100,000 goroutines feels.
constexpr std::size_t hard_most = 512;

std::atomic<std::size_t> hard_guards{0};

// Takes up to `wanted` of the hard guards that the process may still have.
std::size_t take_hard(std::size_t wanted) noexcept {
  std::size_t used = hard_guards.load(std::memory_order_relaxed), taken = 0;
  do {
    taken = std::min(wanted, hard_most - used);
  } while (taken != 0 && !hard_guards.compare_exchange_weak(used, used + taken, std::memory_order_relaxed));
  return taken;
}

bool lay_hard(char *at) noexcept { return mprotect(at, guard_size(), PROT_NONE) == 0; }

}  // namespace

std::size_t page_size() noexcept {
  static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

std::size_t guard_size() noexcept { return guard_pages * page_size(); }

bool advise_each(const iovec *pieces, std::size_t n, int advice) noexcept {
  return syscall(SYS_process_madvise, PIDFD_SELF, pieces, n, advice, 0) == static_cast<long>(n * pieces[0].iov_len);
}

bool advise_each(char *at, std::size_t distance, std::size_t size, std::size_t n, int advice) noexcept {
  iovec pieces[batch_most];
  for (std::size_t i = 0; i < n; ++i) pieces[i] = {at + i * distance, size};
  return advise_each(pieces, n, advice);
}

bool has_light_guards() noexcept {
  if (valgrind::running()) return false;  // it knows no other unreadable pages than those of mprotect, and reads them
  void *const page = mmap(nullptr, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return false;
  const bool yes = madvise(page, page_size(), MADV_GUARD_INSTALL) == 0;
  munmap(page, page_size());
  return yes;
}

guards::guards(bool log) noexcept : light_(has_light_guards()), log_(log), batches_(light_) {}

guards::~guards() { hard_guards.fetch_sub(hard_.load(std::memory_order_relaxed), std::memory_order_relaxed); }

std::size_t guards::lay(char *at, std::size_t distance, std::size_t n) noexcept {
  std::size_t laid = 0;
  const std::size_t hard = take_hard(n);
  while (laid < hard && lay_hard(at + laid * distance)) ++laid;
  hard_.fetch_add(laid, std::memory_order_relaxed);
  if (laid < hard) hard_guards.fetch_sub(hard - laid, std::memory_order_relaxed);
  if (laid == n || lay_light(at + laid * distance, distance, n - laid)) return n;
  // There is no light guard: a mapping for each, for as long as the kernel allows more of them.
  no_light_guards();
  while (laid < n && lay_hard(at + laid * distance)) ++laid;
  return laid;
}

bool guards::lay_alone(char *at) noexcept { return lay_hard(at) || lay_light(at, 0, 1); }

bool guards::lay_light(char *at, std::size_t distance, std::size_t n) noexcept {
  if (!light_) return false;
  if (n > 1 && advise_each(at, distance, guard_size(), n, MADV_GUARD_INSTALL)) return true;
  if (n > 1) batches_.store(false, std::memory_order_relaxed);
  for (std::size_t i = 0; i < n; ++i)
    if (madvise(at + i * distance, guard_size(), MADV_GUARD_INSTALL) != 0) return false;
  return true;
}

void guards::no_light_guards() noexcept {
  if (light_ || !log_ || warned_.exchange(true, std::memory_order_relaxed)) return;
  long maps = 65530;
  if (std::FILE *file = std::fopen("/proc/sys/vm/max_map_count", "re")) {
    if (std::fscanf(file, "%ld", &maps) != 1) maps = 65530;
    std::fclose(file);
  }
  char text[200];
  std::snprintf(text, sizeof text,
                "heddle: no MADV_GUARD_INSTALL here (Linux 6.13 has it); guard pages by mprotect take two mappings a "
                "stack: vm.max_map_count=%ld allows about %ld goroutines\n",
                maps, maps / 2);
  print_error(text);
}

HEDDLE_DETAIL_END
