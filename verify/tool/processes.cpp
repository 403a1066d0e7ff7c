#include "verify/tool/processes.hpp"

#include "verify/engine/crash.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <cstring>
#include <new>
#include <system_error>

namespace verify {
namespace {

using clock = std::chrono::steady_clock;

constexpr auto refresh = std::chrono::milliseconds(200);
constexpr auto patience = std::chrono::seconds(20);  // without a step: then the code under test loops without one
constexpr unsigned warnings_max = 8;                 // each fails one execution; those that repeat it hang as well

[[noreturn]] void fail(const char *what) { throw std::system_error(errno, std::generic_category(), what); }

shared_memory *map_shared() {
  void *const p = mmap(nullptr, sizeof(shared_memory), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) fail("mmap");
  return new (p) shared_memory;
}

void write_all(int fd, const std::string &text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t n = write(fd, text.data() + at, text.size() - at);
    if (n <= 0) _exit(3);
    at += static_cast<std::size_t>(n);
  }
}

// Says how a process ended that did not report.
process_report collect(process_pool::process &p) {
  int status = 0;
  while (waitpid(p.pid, &status, 0) < 0 && errno == EINTR) {
  }
  close(p.pipe);
  process_report r;
  r.reported = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  r.text = r.reported ? p.received : "the process ended without a report";
  if (WIFSIGNALED(status)) r.text += std::string(": ") + strsignal(WTERMSIG(status));
  r.executions = p.memory->view.executions.load();
  r.steps = p.memory->view.steps.load();
  r.seconds = std::chrono::duration<double>(clock::now() - p.started).count();
  munmap(p.memory, sizeof *p.memory);
  return r;
}

// Reads what has arrived; false if the process has closed its end.
bool receive(process_pool::process &p) {
  char buffer[65536];
  const ssize_t n = read(p.pipe, buffer, sizeof buffer);
  if (n > 0) p.received.append(buffer, static_cast<std::size_t>(n));
  return n > 0 || (n < 0 && errno == EINTR);
}

void watch(process_pool::process &p) {
  const std::uint64_t step = p.memory->view.steps.load();
  if (step != p.last_step) {
    p.last_step = step;
    p.last_step_at = clock::now();
  } else if (clock::now() - p.last_step_at > patience) {
    kill(p.pid, p.warnings++ < warnings_max ? hung_signal : SIGKILL);
    p.last_step_at = clock::now();
  }
}

}  // namespace

void process_pool::start(std::size_t index, const work &w) {
  process p;
  p.index = index;
  p.memory = map_shared();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) fail("pipe");
  std::fflush(nullptr);
  p.pid = fork();
  if (p.pid < 0) fail("fork");
  if (p.pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(ends[0]);
    write_all(ends[1], w(*p.memory));
    _exit(0);
  }
  close(ends[1]);
  p.pipe = ends[0];
  p.started = p.last_step_at = clock::now();
  running_.push_back(std::move(p));
}

void process_pool::wait(const finished &f) {
  std::vector<pollfd> fds;
  for (const process &p : running_) fds.push_back({p.pipe, POLLIN, 0});
  poll(fds.data(), fds.size(), static_cast<int>(refresh.count()));
  for (std::size_t i = running_.size(); i-- > 0;) {
    watch(running_[i]);
    if (fds[i].revents == 0 || receive(running_[i])) continue;
    const std::size_t index = running_[i].index;
    const process_report r = collect(running_[i]);
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
    f(index, r);
  }
}

}  // namespace verify
