// Memory that lives as long as a runtime.
#include <gtest/gtest.h>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "sched/world.hpp"

namespace {

bool is_zero(const char *at, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i)
    if (at[i] != 0) return false;
  return true;
}

// So many pieces of `size` bytes: each is aligned and zero, and keeps what is written to it.
void take_pieces(heddle::detail::persistent &memory, std::size_t size, int count, int mark) {
  std::vector<char *> pieces;
  for (int i = 0; i < count; ++i) {
    auto *at = static_cast<char *>(memory.persistentalloc(size));
    ASSERT_NE(at, nullptr);
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(at) % heddle::detail::cacheline, 0u);
    ASSERT_TRUE(is_zero(at, size));
    std::memset(at, mark + i % 50, size);
    pieces.push_back(at);
  }
  int i = 0;
  for (const char *piece : pieces) {
    const int written = mark + i++ % 50;
    for (const char *byte = piece; byte != piece + size; ++byte) ASSERT_EQ(*byte, written) << i;
  }
}

TEST(Persistent, pieces_are_aligned_and_zero_and_lie_apart) {
  heddle::detail::persistent memory;
  for (const std::size_t size : {1u, 64u, 448u, 4096u, 7168u, 100'000u}) take_pieces(memory, size, 100, 1);
}

TEST(Persistent, goes_on_in_another_slab) {
  heddle::detail::persistent memory;
  take_pieces(memory, 1'000'000, 50, 1);
}

TEST(Persistent, what_is_larger_than_a_slab_is_refused) {
  heddle::detail::persistent memory;
  EXPECT_EQ(memory.persistentalloc(std::size_t{16} << 20), nullptr);
  EXPECT_EQ(memory.persistentalloc(std::size_t{1} << 60), nullptr);
  EXPECT_NE(memory.persistentalloc((std::size_t{16} << 20) - heddle::detail::cacheline), nullptr);
  EXPECT_NE(memory.persistentalloc(64), nullptr);
}

TEST(Persistent, several_threads_get_different_pieces) {
  heddle::detail::persistent memory;
  std::vector<std::thread> threads;
  for (int mark : {1, 60}) threads.emplace_back([&memory, mark] { take_pieces(memory, 1000, 5000, mark); });
  for (std::thread &t : threads) t.join();
}

}  // namespace
