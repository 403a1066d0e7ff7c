#pragma once
// One run of a suite under one strategy: what it may spend, and what it has seen. This header includes no world.
#include "verify/mutation/alteration.hpp"
#include "verify/search/strategy.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>

namespace verify {

// Counts how many executions were different and estimates how likely the next one is new. The table has a fixed size,
// so that a run needs the same memory whatever it finds.
class distinct_table {
 public:
  distinct_table() : slots_(static_cast<std::uint64_t *>(std::calloc(capacity, sizeof(std::uint64_t)))) {}
  ~distinct_table() { std::free(slots_); }
  distinct_table(const distinct_table &) = delete;
  distinct_table &operator=(const distinct_table &) = delete;

  void add(std::uint64_t hash) noexcept {
    if (!slots_) return;
    ++executions_;
    const std::uint64_t tag = (hash & ~count_mask) | 4;  // never zero; the lowest two bits count
    for (std::uint64_t i = hash * 0x9e3779b97f4a7c15ull >> (64 - capacity_log2);; i = (i + 1) & (capacity - 1)) {
      std::uint64_t &slot = slots_[i];
      if (slot == 0) return add_new(slot, tag);
      if ((slot & ~count_mask) != tag) continue;
      if ((slot & count_mask) == 1) {
        --singles_;
        ++slot;
      }
      return;
    }
  }
  // From this size on nothing is added: distinct() no longer grows, and unseen() becomes an upper bound.
  bool full() const noexcept { return distinct_ == distinct_max; }
  std::uint64_t distinct() const noexcept { return distinct_; }
  // The estimate of Good and Turing: the chance that the next execution is one never seen before is about the share of
  // executions that were seen once. When the table is full, it is the share of executions that are not in the table.
  double unseen() const noexcept {
    const std::uint64_t of = full() ? executions_ - executions_when_full_ : executions_;
    return of ? static_cast<double>(full() ? not_entered_ : singles_) / static_cast<double>(of) : 1;
  }
  // True if at most one of the last 50,000 was new. If the chance of a new one were 1e-4, five would be expected among
  // 50,000, and at most one would come in 4 of 100 cases; with 2e-4, in 5 of 10,000 cases. So the chance is about 1e-4
  // or less, and unseen() must say the same.
  bool saturated() const noexcept { return executions_ - last_new_[1] >= 50'000 && unseen() < 1e-4; }

 private:
  void add_new(std::uint64_t &slot, std::uint64_t tag) noexcept {
    last_new_[1] = last_new_[0];
    last_new_[0] = executions_;
    if (full()) {
      ++not_entered_;
      return;
    }
    slot = tag | 1;
    ++singles_;
    if (++distinct_ == distinct_max) executions_when_full_ = executions_;
  }

  static constexpr unsigned capacity_log2 = 23;
  static constexpr std::uint64_t capacity = std::uint64_t{1} << capacity_log2;
  static constexpr std::uint64_t distinct_max = capacity / 4 * 3;
  static constexpr std::uint64_t count_mask = 3;
  std::uint64_t *slots_;
  std::uint64_t executions_ = 0;
  std::uint64_t distinct_ = 0;
  std::uint64_t singles_ = 0;
  std::uint64_t executions_when_full_ = 0;
  std::uint64_t not_entered_ = 0;
  std::uint64_t last_new_[2] = {};  // the number of the last new execution, and of the one before it
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
  bool sequential = false;            // every memory order counts as seq_cst
  alteration mutant;                  // one mistake made on purpose
  visitor visit = nullptr;            // called for each operation of the shared source and of the suite
  std::uint64_t first_iteration = 0;  // where the strategy's count begins
  std::uint64_t executions_min = 0;   // made even if the deadline passes
  std::uint64_t executions_max = ~std::uint64_t{0};
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();

  std::uint64_t executions = 0;
  std::uint64_t uncounted = 0;    // executions that belong to another shard
  std::uint64_t steps = 0;        // scheduling points of all executions
  std::uint64_t choices = 0;      // scheduling points and other questions that had more than one answer
  std::uint64_t fingerprint = 0;  // the sum of the executions' hashes: that of a union is the sum of the fingerprints
  bool exhausted = false;
  bool saturated = false;
};

}  // namespace verify
