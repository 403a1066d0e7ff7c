#include "words.hpp"

#include <utility>

namespace {

// Written by hand, because the functions of <cctype> ask the locale and take no negative char.
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr char lower(char letter) { return static_cast<char>(letter | 0x20); }

}  // namespace

void word_counter::feed(std::string_view piece) {
  for (const char c : piece) {
    if (!is_letter(c))
      end_word();
    else if (word_.size() < word_length_max)
      word_.push_back(lower(c));
  }
}

void word_counter::end_word() {
  if (word_.empty()) return;
  ++counts_[word_];
  word_.clear();
}

word_counts word_counter::take() { return std::exchange(counts_, {}); }
