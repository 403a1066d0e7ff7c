#include "report.hpp"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <heddle/heddle.hpp>

namespace {

std::string escaped(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c >= ' ' && c <= '~' && c != '\\') {
      text += c;
    } else {
      char octal[5];
      std::snprintf(octal, sizeof octal, "\\%03o", static_cast<unsigned>(static_cast<unsigned char>(c)));
      text += octal;
    }
  }
  return text;
}

// The first `number` words of the order that report.hpp promises.
std::vector<const word_counts::value_type *> most_frequent(const word_counts &counts, std::size_t number) {
  std::vector<const word_counts::value_type *> words;
  words.reserve(counts.size());
  for (const auto &entry : counts) words.push_back(&entry);
  number = std::min(number, words.size());
  std::partial_sort(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(number), words.end(),
                    [](const auto *a, const auto *b) {
                      return a->second != b->second ? a->second > b->second : a->first < b->first;
                    });
  words.resize(number);
  return words;
}

}  // namespace

void complain(const std::filesystem::path &path, std::error_code error) {
  const std::string line = "wordcount: " + escaped(path.native()) + ": " + error.message() + "\n";
  std::fputs(line.c_str(), stderr);
}

void print_all(const tally &total) {
  for (const auto *entry : most_frequent(total.counts, total.counts.size()))
    std::printf("%" PRIu64 "\t%s\n", entry->second, entry->first.c_str());
}

void print_top(const std::filesystem::path &dir, const tally &total, std::size_t number) {
  std::printf("%s\n", escaped(dir.native()).c_str());
  for (const auto *entry : most_frequent(total.counts, number))
    std::printf("%10" PRIu64 "  %s\n", entry->second, entry->first.c_str());
  std::uint64_t words = 0;
  for (const auto &[word, count] : total.counts) words += count;
  std::printf("%" PRIu64 " files, %" PRIu64 " bytes, %" PRIu64 " words, %zu distinct words", total.files, total.bytes,
              words, total.counts.size());
  if (total.failures != 0) std::printf("; %" PRIu64 " could not be read", total.failures);
  std::printf("\n");
}

void print_scheduler(const tally &total, std::chrono::duration<double> elapsed) {
  const heddle::statistics s = heddle::stats();
  std::printf("%d procs, %d Ms, %" PRIu64 " goroutines (%" PRIu64 " at once), %" PRIu64 " steals, %" PRIu64
              " parks, %.3f s\n",
              s.procs, s.threads, s.spawned, total.goroutines_peak, s.steals, s.parks, elapsed.count());
}

bool flush_output() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return true;
  std::perror("wordcount: standard output");
  return false;
}
