// Replays inputs through a fuzz target, without libFuzzer: a file is one input, a directory is all files below it.
// Exit status: 0 if all passed, 1 if one failed (its name is printed), 2 for wrong usage or nothing to replay.
//
// Each input runs in a child process, so that an abort or an endless loop ends only that input, and the name of the
// input is known.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

namespace fs = std::filesystem;

namespace {

bool collect(const char *name, std::vector<fs::path> &files) {
  std::error_code error;
  if (fs::is_directory(name, error)) {
    for (const auto &entry : fs::recursive_directory_iterator(name, error))
      if (entry.is_regular_file()) files.push_back(entry.path());
    return !error;
  }
  files.emplace_back(name);
  return fs::is_regular_file(name, error);
}

bool passes(const fs::path &file) {
  std::ifstream in(file, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t *>(bytes.data()), bytes.size());
    _exit(0);
  }
  int status = 1;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s FILE|DIRECTORY...\n", argv[0]);
    return 2;
  }
  std::vector<fs::path> files;
  for (int i = 1; i < argc; ++i) {
    if (!collect(argv[i], files)) {
      std::fprintf(stderr, "%s: cannot be read\n", argv[i]);
      return 2;
    }
  }
  if (files.empty()) {
    std::fprintf(stderr, "nothing to replay\n");
    return 2;
  }
  std::sort(files.begin(), files.end());
  int failed = 0;
  for (const fs::path &file : files) {
    if (passes(file)) continue;
    std::printf("FAILED %s\n", file.c_str());
    ++failed;
  }
  std::printf("%zu inputs, %d failed\n", files.size(), failed);
  return failed == 0 ? 0 : 1;
}
