#include "tally.hpp"

#include <algorithm>
#include <memory>
#include <system_error>
#include <utility>

#include <heddle/heddle.hpp>

#include "input.hpp"
#include "report.hpp"
#include "walk.hpp"

namespace {

namespace fs = std::filesystem;

// The bounds of memory and descriptors, however large the tree and its files are. A channel enforces each of them.
constexpr std::size_t goroutines_max = 4096;  // waiting or reading; each costs a page or two of stack
constexpr std::size_t open_files_max = 64;    // reading; the usual limit is 1024 descriptors
constexpr std::size_t buffer_size = 64 * 1024;
constexpr std::size_t parts_max = 16;  // read, but not yet merged

using buffer = std::unique_ptr<char[]>;
struct token {};

// Sends a part for every buffer of the file, so that a large file's counts do not pile up here. What was read before a
// failure counts.
void read_file(const fs::path &file, char *text, const heddle::chan<tally> &parts) {
  std::error_code error;
  input in(file, error);
  word_counter words;
  while (!error) {
    const std::size_t size = in.read(text, buffer_size, error);
    if (error) break;
    words.feed({text, size});
    if (size == 0) words.end_of_file();
    parts.send({.counts = words.take(), .files = size == 0 ? 1u : 0u, .bytes = size});
    if (size == 0) return;
    heddle::yield();  // a huge file shares its thread with the small ones
  }
  complain(file, error);
  parts.send({.failures = 1});
}

void count_file(const fs::path &file, const heddle::chan<buffer> &buffers, const heddle::chan<tally> &parts) {
  buffer text = *buffers.recv();  // waits until fewer than open_files_max files are open
  read_file(file, text.get(), parts);
  buffers.send(std::move(text));
}

// Starts a goroutine per file, and closes parts when the last one has ended.
void count_files(const fs::path &dir, const heddle::chan<tally> &parts) {
  const heddle::chan<buffer> buffers(open_files_max);
  for (std::size_t i = 0; i < open_files_max; ++i) buffers.send(std::make_unique<char[]>(buffer_size));
  const heddle::chan<token> alive(goroutines_max);
  std::uint64_t peak = heddle::num_goroutine();
  heddle::wait_group files;

  walk(
      dir,
      [&](fs::path file) {
        alive.send({});  // waits until fewer than goroutines_max are alive
        files.go([=, file = std::move(file)] {
          count_file(file, buffers, parts);
          alive.recv();
        });
        peak = std::max(peak, heddle::num_goroutine());
      },
      [&](const fs::path &path, std::error_code error) {
        complain(path, error);
        parts.send({.failures = 1});
      });

  files.wait();
  parts.send({.goroutines_peak = peak});
  parts.close();
}

}  // namespace

void tally::merge(tally part) {
  counts.merge(part.counts);  // moves the words that are new; what stays behind is to be added
  for (const auto &[word, count] : part.counts) counts[word] += count;
  files += part.files;
  bytes += part.bytes;
  failures += part.failures;
  goroutines_peak = std::max(goroutines_peak, part.goroutines_peak);
}

tally tally_tree(const fs::path &dir) {
  const heddle::chan<tally> parts(parts_max);
  heddle::go([=] { count_files(dir, parts); });
  tally total;
  for (tally &part : parts) total.merge(std::move(part));
  return total;
}
