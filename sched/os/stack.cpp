// Stack memory of the os world. Stacks of the default size come from slabs of 64 MiB of address space, so that a
// million of them need few mappings; pages are committed on touch, and below each stack lies its guard.
//
// For a goroutine that is the first on its stack, most of the cost is to lay the guard and to touch the topmost page:
// two system calls. Where there are many stacks, one call does each of these for several stacks that come next.
//
// Free stacks are warm, old or cold. A stack that becomes free is warm. give_back ends a period: what was warm is old
// from then on, and what was old already, and has not been used for a whole period, gives its memory back to the
// system and is cold. So it costs a few instructions for all stacks that are in use, and a system call for many of
// those that are not. Warm stacks are allocated first and cold ones last.
#include <sys/mman.h>
#include <algorithm>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

#include "heddle/detail/spinlock.hpp"
#include "sched/os/guard.hpp"
#include "sched/os/valgrind.hpp"
#include "sched/world.hpp"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23  // Linux 5.14
#endif

HEDDLE_DETAIL_BEGIN

namespace {

constexpr std::size_t slab_size = std::size_t{64} << 20;
constexpr std::size_t stack_most = std::size_t{1} << 47;  // more than there is address space for

std::size_t round_to_pages(std::size_t n) noexcept { return (n + page_size() - 1) / page_size() * page_size(); }

char *reserve(std::size_t size) noexcept {
  void *at =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (at == MAP_FAILED) return nullptr;
  madvise(at, size, MADV_NOHUGEPAGE);  // one touched page must not commit two megabytes
  return static_cast<char *>(at);
}

// A list of free stacks; each holds the next in its topmost word, which has been touched.
class stack_list {
 public:
  bool empty() const noexcept { return first_ == nullptr; }
  void push(char *at, std::size_t whole) noexcept {
    *link(at, whole) = first_;
    first_ = at;
  }
  char *pop(std::size_t whole) noexcept {
    char *const at = first_;
    if (at != nullptr) first_ = *link(at, whole);
    return at;
  }
  stack_list take_all() noexcept { return std::exchange(*this, {}); }

 private:
  static char **link(char *at, std::size_t whole) noexcept {
    return reinterpret_cast<char **>(at + whole - sizeof(char *));
  }
  char *first_ = nullptr;
};

}  // namespace

struct stackpool::impl {
  struct slab {
    char *base;
    slab *next = nullptr, *previous = nullptr;
    std::unique_ptr<char *[]> cold;  // a part of the list of cold stacks, which are not to be touched
    std::uintptr_t watched = 0;      // valgrind's number; one for all its stacks: no switch goes from one to another
  };
  explicit impl(bool log) noexcept : guard(log) {}

  spinlock lock;
  class guards guard;
  slab *slabs = nullptr;  // oldest first
  slab *last = nullptr;
  slab *carving = nullptr;  // the slab that is carved now; those after it are not touched yet
  stack_list warm, old;
  slab *cold_in = nullptr;    // the slab whose part of the cold list is filled in part, or the next to be filled
  std::size_t cold_used = 0;  // stacks in that part
  char *next = nullptr;       // uncarved rest of the slab that is carved
  char *end = nullptr;
  std::size_t each = 0;    // stacks of a slab
  std::size_t carved = 0;  // stacks, of all slabs
  std::size_t room = 0;    // for stacks, in all slabs
  std::size_t promised = 0;

  bool new_slab(std::size_t whole) noexcept {
    each = slab_size / whole;
    auto *s = new (std::nothrow)
        slab{reserve(slab_size), nullptr, last, std::unique_ptr<char *[]>(new (std::nothrow) char *[each]), 0};
    if (s == nullptr || s->base == nullptr || s->cold == nullptr) {
      if (s != nullptr && s->base != nullptr) munmap(s->base, slab_size);
      delete s;
      return false;
    }
    s->watched = valgrind::watch(s->base, s->base + slab_size);
    (last != nullptr ? last->next : slabs) = s;
    last = s;
    if (cold_in == nullptr) cold_in = s;
    room += each;
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

  // All stacks have room on the cold list: each slab has room for as many as are carved from it.
  void put_cold(char *at) noexcept {
    if (cold_used == each) {
      cold_in = cold_in->next;
      cold_used = 0;
    }
    cold_in->cold[cold_used++] = at;
  }
  char *take_cold() noexcept {
    if (cold_used == 0) {
      if (cold_in == nullptr || cold_in->previous == nullptr) return nullptr;
      cold_in = cold_in->previous;
      cold_used = each;
    }
    return cold_in->cold[--cold_used];
  }

  // Returns how many stacks are carved at once: one for eight that there are, so that a runtime that needs few pays for
  // few.
  std::size_t batch(std::size_t whole) const noexcept {
    if (!guard.in_batches()) return 1;
    return std::clamp<std::size_t>(carved / 8, 1, std::min(batch_most, static_cast<std::size_t>(end - next) / whole));
  }

  // Lays the guards of the n stacks from `at` on; all but the first are put on the free list. False: the first has no
  // guard.
  bool make_ready(char *at, std::size_t whole, std::size_t n, std::unique_lock<spinlock> &hold) noexcept {
    hold.unlock();  // other threads need not wait for the kernel
    const std::size_t laid = guard.lay(at, whole, n);
    if (laid > 1)
      advise_each(at + whole - page_size(), whole, page_size(), laid, MADV_POPULATE_WRITE);  // else they come on touch
    hold.lock();
    for (std::size_t i = laid; i > 1; --i) warm.push(at + (i - 1) * whole, whole);
    return laid != 0;
  }
};

stackpool::stackpool(std::size_t stack_size, bool log) noexcept
    : size_(usable_of(stack_size) + guard_size()), usable_(size_ - guard_size()), impl_(new (std::nothrow) impl(log)) {}

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

std::size_t stackpool::guard() noexcept { return guard_size(); }

std::size_t stackpool::usable_of(std::size_t size) noexcept {
  const std::size_t least = 4 * page_size();
  return round_to_pages(std::clamp(size, least, stack_most)) - page_size();
}

stack stackpool::stackalloc(std::size_t size) noexcept {
  if (impl_ == nullptr) return {};
  const std::size_t whole = usable(size) + guard_size();
  if (whole != size_ || whole > slab_size) {
    char *const at = reserve(whole);
    if (at == nullptr) return {};
    if (!impl_->guard.lay_alone(at)) {
      munmap(at, whole);
      return {};
    }
    const stack s{at + guard_size(), at + whole};
    valgrind::watch(s);
    return s;
  }
  std::unique_lock hold(impl_->lock);
  char *at = impl_->warm.pop(whole);
  if (at == nullptr) at = impl_->old.pop(whole);
  if (at == nullptr) at = impl_->take_cold();
  if (at != nullptr) return {at + guard_size(), at + whole};
  if (static_cast<std::size_t>(impl_->end - impl_->next) < whole && !impl_->next_slab(whole)) return {};
  at = impl_->next;
  const std::size_t n = impl_->batch(whole);
  impl_->next += n * whole;
  impl_->carved += n;
  return impl_->make_ready(at, whole, n, hold) ? stack{at + guard_size(), at + whole} : stack{};
}

bool stackpool::promise() noexcept {
  if (!promises()) return true;
  const std::lock_guard hold(impl_->lock);
  if (impl_->promised == impl_->room && !impl_->new_slab(size_)) return false;
  ++impl_->promised;
  return true;
}

bool stackpool::promises() const noexcept { return impl_ != nullptr && impl_->guard.light() && size_ <= slab_size; }

void stackpool::stackfree(stack s) noexcept {
  char *at = s.lo - guard_size();
  const auto whole = static_cast<std::size_t>(s.hi - at);
  if (whole == size_ && whole <= slab_size) {
    const std::lock_guard hold(impl_->lock);
    impl_->warm.push(at, whole);
  } else {
    valgrind::forget(s);
    munmap(at, whole);
  }
}

bool stackpool::unused() const noexcept {
  if (impl_ == nullptr) return false;
  const std::lock_guard hold(impl_->lock);
  return !impl_->warm.empty() || !impl_->old.empty();
}

void stackpool::give_back() noexcept {
  if (impl_ == nullptr) return;
  std::unique_lock hold(impl_->lock);
  stack_list idle = impl_->old.take_all();
  impl_->old = impl_->warm.take_all();
  hold.unlock();
  iovec pieces[batch_most];
  for (bool more = true; more;) {
    std::size_t n = 0;
    while (n < batch_most)
      if (char *const at = idle.pop(size_))
        pieces[n++] = {at + guard_size(), usable_};
      else
        break;
    more = n == batch_most;
    // Where the kernel refuses one call for all, each has its own; one that is refused keeps its memory.
    if (n != 0 && !advise_each(pieces, n, MADV_DONTNEED))
      for (std::size_t i = 0; i < n; ++i) madvise(pieces[i].iov_base, pieces[i].iov_len, MADV_DONTNEED);
    hold.lock();
    for (std::size_t i = 0; i < n; ++i) impl_->put_cold(static_cast<char *>(pieces[i].iov_base) - guard_size());
    hold.unlock();
  }
}

HEDDLE_DETAIL_END
