#pragma once
// What the user sees.
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <system_error>

#include "tally.hpp"

// One line on standard error, whole even when several goroutines complain at once. What is not printable ASCII in the
// path is escaped (\012 for a newline), so that no name can forge a line or command the terminal.
void complain(const std::filesystem::path &path, std::error_code error);

// Most frequent first, equally frequent ones in the order of the alphabet.
void print_all(const tally &total);  // count<TAB>word, every word, nothing else
void print_top(const std::filesystem::path &dir, const tally &total, std::size_t number);  // for people; with totals
// A line about the scheduler. Caller: a goroutine.
void print_scheduler(const tally &total, std::chrono::duration<double> elapsed);
// False, after a line on standard error, when something that was printed has not been written.
bool flush_output();
