// Memory for what lives as long as a runtime, in the os world. Source: persistentalloc of Go's malloc.go.
//
// It comes from slabs of address space, so that growing it takes no new mapping, and no lock of the kernel that other
// threads wait for. It is touched ahead of use, in pieces: a page fault for each page would cost more than what is put
// there.
#include <sys/mman.h>
#include <unistd.h>
#include <algorithm>
#include <mutex>
#include <new>

#include "heddle/detail/spinlock.hpp"
#include "sched/world.hpp"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23  // Linux 5.14
#endif

HEDDLE_DETAIL_BEGIN

namespace {

constexpr std::size_t slab_size = std::size_t{16} << 20, ahead_most = std::size_t{128} << 10;

}  // namespace

struct persistent::impl {
  struct slab {
    slab *older;
  };
  spinlock lock;
  slab *slabs = nullptr;    // newest first
  char *next = nullptr;     // in the newest slab: the free rest
  char *touched = nullptr;  // within that, what is not touched yet
  char *end = nullptr;
  std::size_t used = 0;  // bytes, in all slabs

  bool new_slab() noexcept {
    void *const at =
        mmap(nullptr, slab_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) return false;
    slabs = new (at) slab{slabs};
    next = touched = static_cast<char *>(at) + cacheline;
    end = static_cast<char *>(at) + slab_size;
    return true;
  }
};

persistent::persistent() noexcept : impl_(new (std::nothrow) impl) {}

persistent::~persistent() {
  for (impl::slab *s = impl_ != nullptr ? impl_->slabs : nullptr; s != nullptr;) {
    impl::slab *const older = s->older;
    munmap(static_cast<void *>(s), slab_size);
    s = older;
  }
  delete impl_;
}

void *persistent::persistentalloc(std::size_t size) noexcept {
  size = (size + cacheline - 1) / cacheline * cacheline;
  if (impl_ == nullptr || size > slab_size - cacheline) return nullptr;
  std::unique_lock hold(impl_->lock);
  if (static_cast<std::size_t>(impl_->end - impl_->next) < size && !impl_->new_slab()) return nullptr;
  char *const at = impl_->next, *const from = impl_->touched;
  impl_->next += size;
  impl_->used += size;
  if (impl_->next <= from) return at;
  // Touches one byte ahead for eight that are in use, so that a runtime that needs little pays little.
  const auto left = static_cast<std::size_t>(impl_->end - impl_->next);
  char *const to = impl_->next + std::min({impl_->used / 8, ahead_most, left});
  impl_->touched = to;
  hold.unlock();  // other threads need not wait for the kernel
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  char *const begin = from - reinterpret_cast<std::uintptr_t>(from) % page;
  madvise(begin, static_cast<std::size_t>(to - begin), MADV_POPULATE_WRITE);  // if this fails, pages come on touch
  return at;
}

HEDDLE_DETAIL_END
