#pragma once
// An intrusive Treiber stack. Its head packs a pointer and a version tag into one 64-bit word; every push takes a new
// tag, so a pop that was slow while its node was popped and pushed again fails its CAS (no ABA). Source: Go's
// lfstack.go.
#include <bit>

#include "queues/world.hpp"

HEDDLE_DETAIL_BEGIN

// Base of what goes on an lfstack. Type-stable: a slower pop may still read a popped node, so its memory stays an
// lfnode for as long as any thread uses the stack.
struct lfnode {
  atomic<lfnode *> next;
};

// LIFO when no call is in progress. Lock-free (a failed CAS means that another one succeeded). Caller: any thread may
// call anything. Blocks: nothing. Cost: one CAS per call without contention, whatever the length of a batch.
template <class T>
class lfstack {
 public:
  // Owns: the node, until a pop returns it. Ordering: what the caller wrote to it before is visible to the thread that
  // pops it.
  void push(T *node) noexcept { push_batch(node, node); }

  // Pushes the chain first -> ... -> last, linked by set_next, in one step; `first` will be popped first.
  void push_batch(T *first, T *last) noexcept {
    HEDDLE_INV("LFSTACK-BITS", unpack(pack(first, 0)) == first);
    // relaxed: revalidated by the CAS.
    std::uint64_t old = head_.load(relaxed);
    for (;;) {
      // relaxed: published by the CAS; a pop that reads it too late fails its own CAS by the tag.
      last->next.store(unpack(old), relaxed);
      // release: pairs with pop's and pop_all's acquire of head_; the nodes' contents and links. [LFSTACK-1]
      // relaxed on failure: revalidated by the next round.
      if (head_.compare_exchange_weak(old, pack(first, tag(old) + 1), release, relaxed)) return;
    }
  }

  T *pop() noexcept {
    // acquire: pairs with push_batch's CAS; the node's contents and link. Later CASes of other threads are RMWs and
    // continue the release sequence, so the newest head synchronises with the push of the node it names. [LFSTACK-1]
    std::uint64_t old = head_.load(acquire);
    for (;;) {
      T *node = unpack(old);
      if (node == nullptr) return nullptr;
      // relaxed: revalidated by the CAS: if the node was popped since, the tag or the pointer differs.
      lfnode *next = node->next.load(relaxed);
      // acquire: not needed on success (the load that gave `old` has acquired, and taking a node away publishes
      // nothing), but g++ warns of a failure order beyond it. [LFSTACK-1]  acquire on failure: as the load above.
      // [LFSTACK-1]
      // Survives as relaxed (equivalent): the load, or the failure before, has acquired the value that succeeds.
      if (head_.compare_exchange_weak(old, pack(next, tag(old)), acquire, acquire)) return node;
    }
  }

  // Takes everything. Returns the first node; the others are linked by next_of.
  T *pop_all() noexcept {
    std::uint64_t old = head_.load(relaxed);  // relaxed: revalidated by the CAS
    // The tag stays: an exchange with 0 would start it over and let an old pop succeed.
    // acquire: pairs with push_batch's CAS; the nodes' contents and links. [LFSTACK-1]
    // relaxed on failure: revalidated by the next round; nothing is read through it.
    while (unpack(old) != nullptr && !head_.compare_exchange_weak(old, pack(nullptr, tag(old)), acquire, relaxed)) {
    }
    return unpack(old);
  }

  // relaxed: a hint; a caller that must not miss a push has a fence before it (the delicate dance, sched/wake.cpp).
  bool empty() const noexcept { return unpack(head_.load(relaxed)) == nullptr; }

  // For chains that the caller owns, before push_batch and after pop_all. relaxed: published by the CAS.
  static void set_next(T *node, T *next) noexcept { node->next.store(next, relaxed); }
  static T *next_of(T *node) noexcept { return static_cast<T *>(node->next.load(relaxed)); }

 private:
  // Addresses of user space fit 48 bits on x86-64 and aarch64 Linux unless a program asks mmap for more (heddle never
  // does); a node's alignment gives the low bits.
  static constexpr int address_bits = 48;
  static constexpr int align_bits() noexcept { return std::countr_zero(alignof(T)); }
  static constexpr int tag_bits() noexcept { return 64 - address_bits + align_bits(); }

  static std::uint64_t pack(lfnode *node, std::uint64_t tag) noexcept {
    static_assert(tag_bits() >= 19, "too few tag bits: align the node to 8 bytes or more (Go has 19)");
    const auto address = reinterpret_cast<std::uintptr_t>(static_cast<T *>(node));
    return (static_cast<std::uint64_t>(address) << (64 - address_bits)) |
           (tag & ((std::uint64_t{1} << tag_bits()) - 1));
  }
  static std::uint64_t tag(std::uint64_t word) noexcept { return word & ((std::uint64_t{1} << tag_bits()) - 1); }
  static T *unpack(std::uint64_t word) noexcept {
    const std::uintptr_t address = (word >> tag_bits()) << align_bits();
    return reinterpret_cast<T *>(address);
  }

  atomic<std::uint64_t> head_;
};

HEDDLE_DETAIL_END
