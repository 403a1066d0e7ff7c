#include "verify/jobs.hpp"

#include "verify/crash.hpp"
#include "verify/report.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>
#include <numeric>
#include <system_error>

namespace verify {
namespace {

using clock = std::chrono::steady_clock;

constexpr auto refresh = std::chrono::milliseconds(200);
constexpr auto patience = std::chrono::seconds(20);  // without a single step: the code under test loops without one
constexpr unsigned warnings_max = 8;                 // each fails one execution; those that repeat it hang as well

// What a child and its parent share.
struct shared {
  live_view view;
  recording record;
};

struct child {
  std::size_t index = 0;
  double seconds = 0;  // it may run so long
  pid_t pid = -1;
  int pipe = -1;
  shared *memory = nullptr;
  std::string received;
  clock::time_point started;
  clock::time_point last_step_at;
  std::uint64_t last_step = 0;
  unsigned warnings = 0;
};

[[noreturn]] void fail(const char *what) { throw std::system_error(errno, std::generic_category(), what); }

shared *map_shared() {
  void *const p = mmap(nullptr, sizeof(shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) fail("mmap");
  return new (p) shared;
}

void write_all(int fd, const std::string &text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t n = write(fd, text.data() + at, text.size() - at);
    if (n <= 0) _exit(3);
    at += static_cast<std::size_t>(n);
  }
}

// The time of a run with a budget. What a task leaves over goes to those that have not started yet; what is explored
// does not depend on it, only how far.
class purse {
 public:
  purse(const std::vector<task> &tasks, const job_options &o)
      : budgeted_(o.budget > 0), left_(o.budget * o.jobs), end_(clock::now() + seconds(o.budget)) {
    for (const task &t : tasks) asked_ += t.seconds;
  }
  double take(const task &t) {
    if (!budgeted_) return t.seconds;
    // The last tasks may not run beyond the end, however much the idle processors have left over.
    const double share = std::min(left_ * t.seconds / asked_, (end_ - clock::now()) / seconds(1));
    const double given = std::max(share, 0.0);
    asked_ -= t.seconds;
    left_ -= given;
    return given;
  }
  void settle(double given, double used) { left_ = std::max(left_ + given - used, 0.0); }

 private:
  using seconds = std::chrono::duration<double>;
  bool budgeted_;
  double asked_ = 0;  // by the tasks that have not started
  double left_;
  std::chrono::time_point<clock, seconds> end_;
};

// Which task starts when. The longest first, so that none is alone at the end. With a budget first those that may end
// early, as most searches do and the short ones above all, because what they leave over can only go to tasks that come
// later.
std::vector<std::size_t> starting_order(const std::vector<task> &tasks, bool budgeted) {
  std::vector<std::size_t> order(tasks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t k) {
    const bool i_last = budgeted && tasks[i].how.kind == mode::random;
    const bool k_last = budgeted && tasks[k].how.kind == mode::random;
    if (i_last != k_last) return k_last;
    return budgeted ? tasks[i].seconds < tasks[k].seconds : tasks[i].seconds > tasks[k].seconds;
  });
  return order;
}

child spawn(std::size_t index, const std::function<outcome(shared &)> &work) {
  child c;
  c.index = index;
  c.memory = map_shared();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) fail("pipe");
  std::fflush(nullptr);
  c.pid = fork();
  if (c.pid < 0) fail("fork");
  if (c.pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(ends[0]);
    write_all(ends[1], to_text(work(*c.memory)));
    _exit(0);
  }
  close(ends[1]);
  c.pipe = ends[0];
  c.started = c.last_step_at = clock::now();
  return c;
}

// A child that did not report is judged by how it ended.
outcome collect(child &c) {
  int status = 0;
  while (waitpid(c.pid, &status, 0) < 0 && errno == EINTR) {
  }
  close(c.pipe);
  outcome o;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && from_text(c.received, o)) {
    munmap(c.memory, sizeof *c.memory);
    return o;
  }
  o = outcome{};
  o.how = outcome::end::crashed;
  o.verdict = "the process ended without a report";
  if (WIFSIGNALED(status)) o.verdict += std::string(": ") + strsignal(WTERMSIG(status));
  o.executions = c.memory->view.executions.load();
  o.steps = static_cast<double>(c.memory->view.steps.load()) / static_cast<double>(o.executions + 1);
  o.seconds = std::chrono::duration<double>(clock::now() - c.started).count();
  munmap(c.memory, sizeof *c.memory);
  return o;
}

// Reads what has arrived; false when the child has closed its end.
bool receive(child &c) {
  char buffer[65536];
  const ssize_t n = read(c.pipe, buffer, sizeof buffer);
  if (n > 0) c.received.append(buffer, static_cast<std::size_t>(n));
  return n > 0 || (n < 0 && errno == EINTR);
}

void watch(child &c) {
  const std::uint64_t step = c.memory->view.steps.load();
  if (step != c.last_step) {
    c.last_step = step;
    c.last_step_at = clock::now();
  } else if (clock::now() - c.last_step_at > patience) {
    kill(c.pid, c.warnings++ < warnings_max ? hung_signal : SIGKILL);
    c.last_step_at = clock::now();
  }
}

void show_progress(const std::vector<task> &tasks, const std::vector<child> &running, double done_seconds,
                   std::uint64_t done_executions, std::size_t done, clock::time_point start) {
  double all = 0;
  for (const task &t : tasks) all += t.seconds;
  double spent = done_seconds;
  std::uint64_t executions = done_executions;
  std::string names;
  for (const child &c : running) {
    const double ran = std::chrono::duration<double>(clock::now() - c.started).count();
    spent += std::min(ran / c.seconds, 1.0) * tasks[c.index].seconds;
    executions += c.memory->view.executions.load();
    names += std::string("  ") + tasks[c.index].suite->info.name;
  }
  const double share = all > 0 ? spent / all : 1;
  const double elapsed = std::chrono::duration<double>(clock::now() - start).count();
  char bar[21] = "....................";
  for (int i = 0; i < static_cast<int>(share * 20) && i < 20; ++i) bar[i] = '#';
  std::fprintf(stderr, "\r\033[K[%s] %zu/%zu  %s executions  %s/s %s", bar, done, tasks.size(),
               grouped(executions).c_str(), short_count(static_cast<double>(executions) / (elapsed + 0.001)).c_str(),
               names.c_str());
  std::fflush(stderr);
}

}  // namespace

std::vector<outcome> run_jobs(const std::vector<task> &tasks, const job_options &options, const on_finished &finished) {
  std::vector<outcome> outcomes(tasks.size());
  std::vector<child> running;
  const clock::time_point start = clock::now();
  double done_seconds = 0;
  std::uint64_t done_executions = 0;
  purse time(tasks, options);
  const std::vector<std::size_t> order = starting_order(tasks, options.budget > 0);
  std::size_t next = 0;
  std::size_t done = 0;
  while (done < tasks.size()) {
    for (; next < tasks.size() && running.size() < options.jobs; ++next) {
      task t = tasks[order[next]];
      const double seconds = t.seconds = time.take(t);
      running.push_back(spawn(order[next], [&](shared &m) { return explore(t, options.common, m.view, m.record); }));
      running.back().seconds = seconds;
    }
    std::vector<pollfd> fds;
    for (const child &c : running) fds.push_back({c.pipe, POLLIN, 0});
    poll(fds.data(), fds.size(), static_cast<int>(refresh.count()));
    for (std::size_t i = running.size(); i-- > 0;) {
      watch(running[i]);
      if (fds[i].revents == 0 || receive(running[i])) continue;
      const task &t = tasks[running[i].index];
      outcome &o = outcomes[running[i].index] = collect(running[i]);
      time.settle(running[i].seconds, std::chrono::duration<double>(clock::now() - running[i].started).count());
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
      ++done;
      done_seconds += t.seconds;
      done_executions += o.executions;
      if (options.progress) std::fprintf(stderr, "\r\033[K");
      finished(t, o);
    }
    if (options.progress) show_progress(tasks, running, done_seconds, done_executions, done, start);
  }
  if (options.progress) std::fprintf(stderr, "\r\033[K");
  return outcomes;
}

outcome replay_job(const execution_name &name, bool shorten) {
  child c = spawn(0, [&](shared &m) { return replay(name, shorten, m.view, m.record); });
  for (bool open = true; open;) {
    pollfd fd{c.pipe, POLLIN, 0};
    poll(&fd, 1, static_cast<int>(refresh.count()));
    watch(c);
    if (fd.revents != 0) open = receive(c);
  }
  return collect(c);
}

}  // namespace verify
