#pragma once
// One run of a suite under one strategy: what it may spend, and what it has seen. No world is named here.
#include "verify/alteration.hpp"
#include "verify/strategy.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>

namespace verify {

// How many executions were different, and how many of those were seen once only: a table of fixed size, so that a run
// costs the same memory whatever it finds.
class distinct_table {
 public:
  distinct_table() : slots_(static_cast<std::uint64_t *>(std::calloc(capacity, sizeof(std::uint64_t)))) {}
  ~distinct_table() { std::free(slots_); }
  distinct_table(const distinct_table &) = delete;
  distinct_table &operator=(const distinct_table &) = delete;

  void add(std::uint64_t hash) noexcept {
    if (full() || !slots_) return;
    ++executions_;
    const std::uint64_t tag = (hash & ~count_mask) | 4;  // never zero; the lowest two bits count
    for (std::uint64_t i = hash * 0x9e3779b97f4a7c15ull >> (64 - capacity_log2);; i = (i + 1) & (capacity - 1)) {
      std::uint64_t &slot = slots_[i];
      if (slot == 0) {
        slot = tag | 1;
        ++distinct_;
        ++singles_;
        return;
      }
      if ((slot & ~count_mask) != tag) continue;
      if ((slot & count_mask) == 1) {
        --singles_;
        ++slot;
      }
      return;
    }
  }
  // Past this the counts stand still, and so does what is derived from them.
  bool full() const noexcept { return distinct_ >= capacity / 4 * 3; }
  std::uint64_t distinct() const noexcept { return distinct_; }
  // Good and Turing: the chance that the next execution is one never seen before, estimated by the share of those seen
  // once.
  double unseen() const noexcept {
    return executions_ ? static_cast<double>(singles_) / static_cast<double>(executions_) : 1;
  }

 private:
  static constexpr unsigned capacity_log2 = 23;
  static constexpr std::uint64_t capacity = std::uint64_t{1} << capacity_log2;
  static constexpr std::uint64_t count_mask = 3;
  std::uint64_t *slots_;
  std::uint64_t distinct_ = 0;
  std::uint64_t singles_ = 0;
  std::uint64_t executions_ = 0;
};

// Lives in memory that parent and child share.
struct live_view {
  std::atomic<std::uint64_t> executions{0};
  std::atomic<std::uint64_t> distinct{0};
  std::atomic<std::uint64_t> steps{0};
};

struct session {
  strategy *how = nullptr;
  live_view *view = nullptr;
  recording *record = nullptr;
  distinct_table *seen = nullptr;
  bool sequential = false;  // every memory order as if it were seq_cst
  alteration mutant;        // one mistake made on purpose
  visitor visit = nullptr;  // called for each operation of the shared source and of the suite
  std::uint64_t first_iteration = 0;
  std::uint64_t executions_max = ~std::uint64_t{0};
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();

  std::uint64_t executions = 0;
  std::uint64_t steps = 0;    // scheduling points of all executions
  std::uint64_t choices = 0;  // those, and other questions, with more than one answer
  bool exhausted = false;
};

}  // namespace verify
