// Stack memory of the os world. Stacks of the default size come from slabs of 64 MiB of address space, so that a
// million of them need few mappings; pages are committed on touch, and the lowest page of each stack is a guard.
#include <sys/mman.h>
#include <unistd.h>
#include <cstdio>
#include <mutex>
#include <new>

#include "queues/spinlock.hpp"
#include "queues/world.hpp"
#include "runtime/valgrind.hpp"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102  // Linux 6.13
#endif

namespace heddle {
inline namespace HEDDLE_WORLD {

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

char **link(char *hi) noexcept { return reinterpret_cast<char **>(hi - sizeof(char *)); }

}  // namespace

struct stackpool::impl {
  struct slab {
    char *base;
    slab *next;
    std::uintptr_t watched;  // valgrind's number for it. One for all its stacks: no switch goes from one to another.
  };
  spinlock lock;
  slab *slabs = nullptr;
  char *free =
      nullptr;  // of the default size; each holds the next in its topmost word, which its last user has touched
  char *next = nullptr;  // uncarved rest of the last slab
  char *end = nullptr;
  bool log = false;
  bool guard_by_mprotect = valgrind::running();  // it knows no other pages that may not be read, and reads them

  bool new_slab() noexcept {
    auto *s = new (std::nothrow) slab{reserve(slab_size), slabs, 0};
    if (s == nullptr || s->base == nullptr) {
      delete s;
      return false;
    }
    s->watched = valgrind::watch(s->base, s->base + slab_size);
    slabs = s;
    next = s->base;
    end = next + slab_size;
    return true;
  }

  // The page becomes inaccessible without a mapping of its own where the kernel can do that.
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
  if (impl_ != nullptr) impl_->log = log;
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
  const std::lock_guard hold(impl_->lock);
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
  if (static_cast<std::size_t>(impl_->end - impl_->next) < whole && !impl_->new_slab()) return {};
  char *at = impl_->next;
  impl_->next += whole;
  return guarded(at, whole);
}

stack stackpool::guarded(char *at, std::size_t whole) noexcept {
  if (at == nullptr || !impl_->guard(at)) return {};
  return {at + page_size(), at + whole};
}

void stackpool::stackfree(stack s) noexcept {
  char *at = s.lo - page_size();
  const auto whole = static_cast<std::size_t>(s.hi - at);
  const std::lock_guard hold(impl_->lock);
  if (whole == size_ && whole <= slab_size) {
    *link(s.hi) = impl_->free;
    impl_->free = at;
  } else {
    valgrind::forget(s);
    munmap(at, whole);
  }
}

}  // namespace HEDDLE_WORLD
}  // namespace heddle
