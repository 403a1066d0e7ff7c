#pragma once
// What a word is, and how many of each.
//
// A word is a maximal run of ASCII letters within one file, in lower case. Words longer than word_length_max letters
// count as one word if they are equal that far. So a file of nothing but letters, whatever its size, takes little
// memory. These coreutils count the same (paste -s puts every file on lines of its own; test.sh compares):
//   find DIR -type f -exec paste -s {} + | tr -cs A-Za-z '\n' | tr A-Z a-z | cut -b 1-1024 | grep . | sort | uniq -c
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

constexpr std::size_t word_length_max = 1024;

using word_counts = std::unordered_map<std::string, std::uint64_t>;

// Counts the words of one file, which arrives in pieces; a piece may end inside a word.
class word_counter {
 public:
  void feed(std::string_view piece);
  void end_of_file() { end_word(); }
  // The words that have ended since the last call.
  word_counts take();

 private:
  void end_word();
  std::string word_;  // the letters so far of a word that has not ended
  word_counts counts_;
};
