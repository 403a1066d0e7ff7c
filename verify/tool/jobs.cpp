#include "verify/tool/jobs.hpp"

#include "verify/tool/processes.hpp"
#include "verify/tool/report.hpp"

#include <algorithm>
#include <cstdio>
#include <numeric>

namespace verify {
namespace {

using clock = std::chrono::steady_clock;

// Divides the time of a run with a budget. What a task leaves over goes to those that have not started yet. The time
// decides only how far a task explores, not what.
class purse {
 public:
  purse(const std::vector<task> &tasks, const job_options &o)
      : budgeted_(o.budget > 0), left_(o.budget * o.jobs), end_(clock::now() + seconds(o.budget)) {
    for (const task &t : tasks) asked_ += t.seconds;
  }
  double take(const task &t) {
    if (!budgeted_) return t.seconds;
    // The last tasks may not run beyond the end, even if idle processors have left much time over.
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
  double asked_ = 0;  // what the tasks ask for that have not started
  double left_;
  std::chrono::time_point<clock, seconds> end_;
};

// The order in which the tasks start. The longest come first, so that none of them runs alone at the end. With a
// budget, those that may end early come first, as most searches do and the short ones above all, because what they
// leave over can only go to tasks that come later.
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

// The outcome of a process that did not report, from the way in which it ended.
outcome outcome_of(const process_report &r) {
  outcome o;
  if (r.reported && from_text(r.text, o)) return o;
  o = outcome{};
  o.how = outcome::end::crashed;
  o.verdict = r.reported ? "its report cannot be read" : r.text;
  o.executions = r.executions;
  o.steps = static_cast<double>(r.steps) / static_cast<double>(r.executions + 1);
  o.seconds = r.seconds;
  return o;
}

void show_progress(const std::vector<task> &tasks, const process_pool &running, const std::vector<double> &given,
                   double done_seconds, std::uint64_t done_executions, std::size_t done, clock::time_point start) {
  double all = 0;
  for (const task &t : tasks) all += t.seconds;
  double spent = done_seconds;
  std::uint64_t executions = done_executions;
  std::string names;
  for (const process_pool::process &c : running.running()) {
    const double ran = std::chrono::duration<double>(clock::now() - c.started).count();
    spent += std::min(ran / given[c.index], 1.0) * tasks[c.index].seconds;
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
  std::vector<double> given(tasks.size());
  process_pool running;
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
      given[order[next]] = t.seconds = time.take(t);
      running.start(order[next],
                    [&](shared_memory &m) { return to_text(explore(t, options.common, m.view, m.record)); });
    }
    running.wait([&](std::size_t i, const process_report &r) {
      outcomes[i] = outcome_of(r);
      time.settle(given[i], r.seconds);
      ++done;
      done_seconds += tasks[i].seconds;
      done_executions += outcomes[i].executions;
      if (options.progress) std::fprintf(stderr, "\r\033[K");
      finished(tasks[i], outcomes[i]);
    });
    if (options.progress) show_progress(tasks, running, given, done_seconds, done_executions, done, start);
  }
  if (options.progress) std::fprintf(stderr, "\r\033[K");
  return outcomes;
}

outcome replay_job(const execution_name &name, bool shorten) {
  process_pool running;
  outcome o;
  running.start(0, [&](shared_memory &m) { return to_text(replay(name, shorten, m.view, m.record)); });
  while (running.size() != 0) running.wait([&](std::size_t, const process_report &r) { o = outcome_of(r); });
  return o;
}

}  // namespace verify
