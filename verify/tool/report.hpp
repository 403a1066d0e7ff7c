#pragma once
// Outcomes as people and machines read them.
#include "verify/tool/explore.hpp"

#include <cstdio>
#include <string>
#include <vector>

namespace verify {

struct row {
  task what;
  outcome got;
};

std::string grouped(std::uint64_t n);  // 1 204 311
std::string short_count(double n);     // 61k
std::string xml(const std::string &text);

// Between processes: one line of JSON.
std::string to_text(const outcome &o);
bool from_text(const std::string &text, outcome &o);

using cells = std::vector<std::string>;
// Columns as wide as their widest cell; those that `sides` calls 'r' are numbers.
void print_aligned(std::FILE *out, const std::vector<cells> &lines, const std::string &sides);

std::string verdict_text(const row &r);
void print_list(std::FILE *out, const std::vector<const suite_entry *> &list);
void print_table(std::FILE *out, const std::vector<row> &rows);
void print_failure(std::FILE *out, const row &r, bool full);
void print_replay_hint(std::FILE *out, const outcome &o);
// Suites, not rows: a suite passes when each of its modes ended as expected.
struct tally {
  std::size_t passed = 0;
  std::size_t failed = 0;
  std::uint64_t executions = 0;
};
tally count(const std::vector<row> &rows);

bool write_json(const std::string &file, const std::vector<row> &rows, const extent &e, shard part, double seconds);
bool write_junit(const std::string &file, const std::vector<row> &rows, double seconds);

}  // namespace verify
