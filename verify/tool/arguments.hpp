#pragma once
// What the command line asks for. Each option is one line in read_arguments() and one member here.
#include "verify/search/strategy.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace verify {

// So many executions are made of a suite in one of its modes, even if the time is over.
struct minimum {
  std::string suite;
  std::string mode;
  std::uint64_t executions;
};

struct arguments {
  bool list = false;
  bool litmus = false;
  std::vector<std::string> filters;
  std::vector<std::string> modes;
  double budget = 0;  // seconds; 0: what each mode asks for
  shard part;
  std::string replay;
  bool shorten = true;
  bool full_history = false;
  std::string html;
  std::string junit;
  std::string json;
  unsigned jobs = 0;
  std::uint64_t seed = 1;
  std::uint64_t window = 0;
  std::uint64_t executions = ~std::uint64_t{0};
  std::vector<minimum> at_least;
  std::string help;
};

// How many processors this process may use.
unsigned cpus();
// Reads a time: 90, 90s, 20m, 8h.
std::optional<double> seconds_from(const std::string &text);
// Reads a shard: 1/4 is the first of four.
std::optional<shard> shard_from(const std::string &text);

// Lines of a suite, its mode and a number, with tabs between them. Nothing when the file cannot be read so.
std::optional<std::vector<minimum>> minimums_from(const std::string &path);

// Returns an exit status if there is nothing left to do: help was asked for, or the usage was wrong.
std::optional<int> read_arguments(int argc, char **argv, arguments &a);
// Says what is wrong, and what would be right.
int usage_error(const arguments &a, const std::string &what);

}  // namespace verify
