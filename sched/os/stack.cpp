// Stack memory of the os world. Stacks of the default size come from slabs of 64 MiB of address space, so that a
// million of them need few mappings; pages are committed on touch, and the lowest page of each stack is a guard.
//
// For a goroutine that is the first on its stack, most of the cost is to lay the guard and to touch the topmost page:
// two system calls. Where there are many stacks, one call does each of these for several stacks that come next.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <mutex>
#include <new>

#include "heddle/detail/spinlock.hpp"
#include "sched/os/valgrind.hpp"
#include "sched/world.hpp"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102  // Linux 6.13
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23  // Linux 5.14
#endif
#ifndef PIDFD_SELF
#define PIDFD_SELF (-10000)  // the calling thread, Linux 6.15
#endif

HEDDLE_DETAIL_BEGIN

namespace {

constexpr std::size_t slab_size = std::size_t{64} << 20;

std::size_t page_size() noexcept {
  static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

std::size_t round_to_pages(std::size_t n) noexcept { return (n + page_size() - 1) / page_size() * page_size(); }

char *reserve(std::size_t size) noexcept {
  void *at =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (at == MAP_FAILED) return nullptr;
  madvise(at, size, MADV_NOHUGEPAGE);  // one touched page must not commit two megabytes
  return static_cast<char *>(at);
}

constexpr std::size_t batch_most = 32;  // at most so many stacks are made ready at once

// Does what madvise does, for one page in each of n stacks: the page at `at` and those at each further `distance`.
// False: it was not done for all of them.
bool advise_each(char *at, std::size_t distance, std::size_t n, int advice) noexcept {
  iovec pages[batch_most];
  for (std::size_t i = 0; i < n; ++i) pages[i] = {at + i * distance, page_size()};
  return syscall(SYS_process_madvise, PIDFD_SELF, pages, n, advice, 0) == static_cast<long>(n * page_size());
}

bool has_light_guards() noexcept {
  char *const page = reserve(page_size());
  if (page == nullptr) return false;
  const bool yes = madvise(page, page_size(), MADV_GUARD_INSTALL) == 0;
  munmap(page, page_size());
  return yes;
}

char **link(char *hi) noexcept { return reinterpret_cast<char **>(hi - sizeof(char *)); }

}  // namespace

struct stackpool::impl {
  struct slab {
    char *base;
    slab *next;
    std::uintptr_t watched;  // valgrind's number; one for all its stacks: no switch goes from one to another
  };
  spinlock lock;
  slab *slabs = nullptr;  // oldest first
  slab *last = nullptr;
  slab *carving = nullptr;  // the slab that is carved now; those after it are not touched yet
  char *free = nullptr;  // stacks of the default size; each holds the next in its topmost word, which has been touched
  char *next = nullptr;  // uncarved rest of that slab
  char *end = nullptr;
  std::size_t carved = 0;  // stacks, of all slabs
  std::size_t room = 0;    // for stacks, in all slabs
  std::size_t promised = 0;
  bool one_by_one = false;  // the kernel cannot do one thing for several stacks
  bool log = false;
  bool light_guards = false;                     // the kernel knew them when it was asked
  bool guard_by_mprotect = valgrind::running();  // valgrind knows no other unreadable pages, and reads them

  bool new_slab(std::size_t whole) noexcept {
    auto *s = new (std::nothrow) slab{reserve(slab_size), nullptr, 0};
    if (s == nullptr || s->base == nullptr) {
      delete s;
      return false;
    }
    s->watched = valgrind::watch(s->base, s->base + slab_size);
    (last != nullptr ? last->next : slabs) = s;
    last = s;
    room += slab_size / whole;
    return true;
  }

  // Goes on to the next slab. Caller: one that found the rest of this slab too small.
  bool next_slab(std::size_t whole) noexcept {
    if (carving == last && !new_slab(whole)) return false;
    carving = carving != nullptr ? carving->next : slabs;
    next = carving->base;
    end = next + slab_size;
    return true;
  }

  // Returns how many stacks are carved at once: one for eight that there are, so that a runtime that needs few pays for
  // few.
  std::size_t batch(std::size_t whole) const noexcept {
    if (one_by_one || guard_by_mprotect) return 1;
    return std::clamp<std::size_t>(carved / 8, 1, std::min(batch_most, static_cast<std::size_t>(end - next) / whole));
  }

  void put(char *at, std::size_t whole) noexcept {
    *link(at + whole) = free;
    free = at;
  }

  // Lays the guards of the n stacks from `at` on; all but the first are put on the free list. False: the first has no
  // guard.
  bool make_ready(char *at, std::size_t whole, std::size_t n, std::unique_lock<spinlock> &hold) noexcept {
    hold.unlock();  // other threads need not wait for the kernel
    const bool done = advise_each(at, whole, n, MADV_GUARD_INSTALL);
    if (done) advise_each(at + whole - page_size(), whole, n, MADV_POPULATE_WRITE);  // else they come on touch
    hold.lock();
    one_by_one |= !done;
    for (std::size_t i = n - 1; i != 0; --i)
      if (done || guard(at + i * whole)) put(at + i * whole, whole);
    return done || guard(at);
  }

  // Makes the page inaccessible, without a mapping of its own where the kernel can do that.
  bool guard(char *page) noexcept {
    if (!guard_by_mprotect && madvise(page, page_size(), MADV_GUARD_INSTALL) == 0) return true;
    if (mprotect(page, page_size(), PROT_NONE) != 0) return false;
    if (!guard_by_mprotect && log) warn();
    guard_by_mprotect = true;
    return true;
  }

  static void warn() noexcept {
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
};

stackpool::stackpool(std::size_t stack_size, bool log) noexcept
    : size_(usable_of(stack_size) + page_size()), usable_(size_ - page_size()), impl_(new (std::nothrow) impl) {
  if (impl_ == nullptr) return;
  impl_->log = log;
  impl_->light_guards = !impl_->guard_by_mprotect && has_light_guards();
}

stackpool::~stackpool() {
  if (impl_ == nullptr) return;
  for (impl::slab *s = impl_->slabs; s != nullptr;) {
    impl::slab *next = s->next;
    valgrind::forget(s->watched);
    munmap(s->base, slab_size);
    delete s;
    s = next;
  }
  delete impl_;
}

std::size_t stackpool::usable_of(std::size_t size) noexcept {
  const std::size_t least = 4 * page_size();
  return round_to_pages(size < least ? least : size) - page_size();
}

stack stackpool::stackalloc(std::size_t size) noexcept {
  if (impl_ == nullptr) return {};
  const std::size_t whole = usable(size) + page_size();
  std::unique_lock hold(impl_->lock);
  if (whole != size_ || whole > slab_size) {
    char *at = reserve(whole);
    const stack s = guarded(at, whole);
    if (!s && at != nullptr) munmap(at, whole);
    if (s) valgrind::watch(s);
    return s;
  }
  if (char *at = impl_->free) {
    impl_->free = *link(at + whole);
    return {at + page_size(), at + whole};
  }
  if (static_cast<std::size_t>(impl_->end - impl_->next) < whole && !impl_->next_slab(whole)) return {};
  char *at = impl_->next;
  const std::size_t n = impl_->batch(whole);
  impl_->next += n * whole;
  impl_->carved += n;
  if (n == 1) return guarded(at, whole);
  return impl_->make_ready(at, whole, n, hold) ? stack{at + page_size(), at + whole} : stack{};
}

bool stackpool::promise() noexcept {
  if (!promises()) return true;
  const std::lock_guard hold(impl_->lock);
  if (impl_->promised == impl_->room && !impl_->new_slab(size_)) return false;
  ++impl_->promised;
  return true;
}

bool stackpool::promises() const noexcept { return impl_ != nullptr && impl_->light_guards && size_ <= slab_size; }

stack stackpool::guarded(char *at, std::size_t whole) noexcept {
  if (at == nullptr || !impl_->guard(at)) return {};
  return {at + page_size(), at + whole};
}

void stackpool::stackfree(stack s) noexcept {
  char *at = s.lo - page_size();
  const auto whole = static_cast<std::size_t>(s.hi - at);
  const std::lock_guard hold(impl_->lock);
  if (whole == size_ && whole <= slab_size) {
    impl_->put(at, whole);
  } else {
    valgrind::forget(s);
    munmap(at, whole);
  }
}

HEDDLE_DETAIL_END
