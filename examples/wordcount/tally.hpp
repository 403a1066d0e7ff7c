#pragma once
// Counts the words of a tree with a goroutine per file. tally.cpp is where heddle is at work.
#include <cstdint>
#include <filesystem>

#include "words.hpp"

// What was found: in a piece of a file, and after merging, in the tree.
struct tally {
  word_counts counts = {};
  std::uint64_t files = 0;  // read to the end
  std::uint64_t bytes = 0;
  std::uint64_t failures = 0;         // files and directories that could not be read; each is named on standard error
  std::uint64_t goroutines_peak = 0;  // alive at once

  void merge(tally part);
};

// Caller: a goroutine.
tally tally_tree(const std::filesystem::path &dir);
