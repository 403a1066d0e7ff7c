// wordcount: the most frequent words of a tree of files, counted by a goroutine per file.
//
// Read tally.cpp first: it holds all the concurrency. The rest would look the same without it.
#include <getopt.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <heddle/heddle.hpp>

#include "report.hpp"
#include "tally.hpp"

namespace {

namespace fs = std::filesystem;

enum exit_status { counted = 0, incomplete = 1, refused = 2 };

constexpr char usage[] =
    "usage: wordcount [--all | --top N] [DIR]\n"
    "\n"
    "Counts the words in all files under DIR (default: the C++ headers of this system), with a goroutine per file.\n"
    "A word is a run of ASCII letters in lower case; what follows its first 1024 letters is ignored.\n"
    "\n"
    "  --top N  print the N most frequent words (default 20), totals and the scheduler's figures\n"
    "  --all    print every word as count<TAB>word and nothing else\n"
    "  --help   print this\n"
    "\n"
    "HEDDLE_PROCS=N in the environment sets how many goroutines run at once (default: the CPUs).\n"
    "Exit status: 0 all was counted, 1 something could not be read (or written), 2 wrong usage or no such directory.\n";

constexpr char headers[] = "/usr/include/c++";

struct arguments {
  bool all = false;
  std::size_t top = 20;
  fs::path dir;
};

// The newest version under /usr/include/c++; empty when there is none.
fs::path newest_headers() {
  std::error_code error;
  std::string newest;
  for (fs::directory_iterator entry(headers, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    // libstdc++ names the directory after its version, libc++ after that of its ABI ("v1").
    const bool version = name.find_first_of("0123456789") <= 1;
    std::error_code ignored;
    if (version && entry->is_directory(ignored) && strverscmp(name.c_str(), newest.c_str()) > 0) newest = name;
  }
  return newest.empty() ? fs::path() : fs::path(headers) / newest;
}

// Empty, after a message, when the arguments make no sense.
std::optional<arguments> parse(int argc, char **argv) {
  constexpr option long_options[] = {{"all", no_argument, nullptr, 'a'},
                                     {"top", required_argument, nullptr, 't'},
                                     {"help", no_argument, nullptr, 'h'},
                                     {}};
  arguments args;
  bool top_given = false;
  for (int c; (c = getopt_long(argc, argv, "", long_options, nullptr)) != -1;) {
    if (c == 'a') {
      args.all = true;
    } else if (c == 't') {
      top_given = true;
      const std::string_view number = optarg;
      if (number.empty() || number.size() > 9 || number.find_first_not_of("0123456789") != number.npos) {
        std::fprintf(stderr, "wordcount: --top %s: want a whole number\n%s", optarg, usage);
        return std::nullopt;
      }
      args.top = std::strtoul(optarg, nullptr, 10);
    } else if (c == 'h') {
      std::fputs(usage, stdout);
      std::exit(flush_output() ? counted : incomplete);
    } else {
      std::fputs(usage, stderr);
      return std::nullopt;
    }
  }
  if (args.all && top_given) {
    std::fprintf(stderr, "wordcount: --all and --top exclude each other\n%s", usage);
    return std::nullopt;
  }
  if (argc - optind > 1) {
    std::fprintf(stderr, "wordcount: more than one DIR\n%s", usage);
    return std::nullopt;
  }
  args.dir = optind < argc ? fs::path(argv[optind]) : newest_headers();
  if (optind == argc && args.dir.empty()) {
    std::fprintf(stderr, "wordcount: no C++ headers in %s; name a directory to count in\n", headers);
    return std::nullopt;
  }
  return args;
}

bool can_be_walked(const fs::path &dir) {
  std::error_code error;
  const bool yes = fs::is_directory(dir, error);
  if (!yes) complain(dir, error ? error : make_error_code(std::errc::not_a_directory));
  return yes;
}

int count_and_print(const arguments &args) {
  const auto begin = std::chrono::steady_clock::now();
  const tally total = tally_tree(args.dir);
  if (args.all) {
    print_all(total);
  } else {
    print_top(args.dir, total, args.top);
    print_scheduler(total, std::chrono::steady_clock::now() - begin);
  }
  return flush_output() && total.failures == 0 ? counted : incomplete;
}

}  // namespace

int main(int argc, char **argv) {
  const std::optional<arguments> args = parse(argc, argv);
  if (!args || !can_be_walked(args->dir)) return refused;
  return heddle::run([&] { return count_and_print(*args); });
}
