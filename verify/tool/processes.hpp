#pragma once
// Runs pieces of work in processes of their own: the model checker has one global context, and a crash must cost only
// one piece.
#include "verify/search/session.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace verify {

// What a process and its parent share.
struct shared_memory {
  live_view view;
  recording record;
};

struct process_report {
  bool reported = false;  // false: `text` says how the process ended
  std::string text;
  std::uint64_t executions = 0;
  std::uint64_t steps = 0;
  double seconds = 0;
};

// Not for use by several threads.
class process_pool {
 public:
  using work = std::function<std::string(shared_memory &)>;
  using finished = std::function<void(std::size_t index, const process_report &)>;

  // Runs `w` in a process; what `w` returns is its report. Errors: std::system_error.
  void start(std::size_t index, const work &w);
  // Waits for a fifth of a second at most, and calls f for each process that has ended. A process that makes no step
  // for a long time is told to give up its execution, and in the end killed.
  void wait(const finished &f);
  std::size_t size() const { return running_.size(); }

  struct process {
    std::size_t index = 0;
    int pid = -1;
    int pipe = -1;
    shared_memory *memory = nullptr;
    std::string received;
    std::chrono::steady_clock::time_point started;
    std::chrono::steady_clock::time_point last_step_at;
    std::uint64_t last_step = 0;
    unsigned warnings = 0;
  };
  const std::vector<process> &running() const { return running_; }

 private:
  std::vector<process> running_;
};

}  // namespace verify
