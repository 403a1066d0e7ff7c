#pragma once
// Outcomes in the forms that people and machines read.
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

// How outcomes pass between processes: as one line of JSON.
std::string to_text(const outcome &o);
bool from_text(const std::string &text, outcome &o);

using cells = std::vector<std::string>;
// Makes columns as wide as their widest cell; where `sides` has an 'r' they are numbers, aligned to the right.
void print_aligned(std::FILE *out, const std::vector<cells> &lines, const std::string &sides);

std::string verdict_text(const row &r);
void print_list(std::FILE *out, const std::vector<const suite_entry *> &list);
void print_table(std::FILE *out, const std::vector<row> &rows);
void print_failure(std::FILE *out, const row &r, bool full);
void print_replay_hint(std::FILE *out, const outcome &o);
// Counts suites, not rows: a suite passes if each of its modes ended as expected.
struct tally {
  std::size_t passed = 0;
  std::size_t failed = 0;
  std::uint64_t executions = 0;
};
tally count(const std::vector<row> &rows);

bool write_json(const std::string &file, const std::vector<row> &rows, const extent &e, shard part, double seconds);
bool write_junit(const std::string &file, const std::vector<row> &rows, double seconds);

}  // namespace verify
