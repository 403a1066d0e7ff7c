// The alternate stack on which a thread of the runtime handles signals: where a goroutine has used all of its own, there
// is no other.
#include <sys/mman.h>
#include <unistd.h>
#include <algorithm>
#include <csignal>

#include "sched/os/guard.hpp"
#include "sched/world.hpp"

HEDDLE_DETAIL_BEGIN

namespace {

// Handlers of the embedder, which expect a thread's stack, may come to run here as well.
std::size_t whole_size() noexcept {
  const long least = std::max(sysconf(_SC_MINSIGSTKSZ), long{2048});
  const std::size_t size = static_cast<std::size_t>(least) + (std::size_t{64} << 10);
  return (size + page_size() - 1) / page_size() * page_size() + page_size();
}

}  // namespace

signal_stack::signal_stack() noexcept {
  stack_t now = {};
  if (sigaltstack(nullptr, &now) != 0 || (now.ss_flags & SS_DISABLE) == 0)
    return;  // that of another party serves as well
  void *const at = mmap(nullptr, whole_size(), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return;  // an overflow ends the process without words
  mprotect(at, page_size(), PROT_NONE);
  stack_t ours = {};
  ours.ss_sp = static_cast<char *>(at) + page_size();
  ours.ss_size = whole_size() - page_size();
  if (sigaltstack(&ours, nullptr) == 0)
    at_ = at;
  else
    munmap(at, whole_size());
}

signal_stack::~signal_stack() {
  if (at_ == nullptr) return;
  stack_t now = {};
  if (sigaltstack(nullptr, &now) == 0 && now.ss_sp == static_cast<char *>(at_) + page_size()) {
    stack_t none = {};
    none.ss_flags = SS_DISABLE;
    if (sigaltstack(&none, nullptr) != 0) return;  // it may still be in use
  }
  munmap(at_, whole_size());
}

HEDDLE_DETAIL_END
