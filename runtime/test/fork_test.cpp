// In the child of a fork there is one thread, and none of the runtime's. Each call that would need one of those ends
// the child with status 2 and says why, whichever thread made the fork. The child may not just hang without a word.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/test/test_support.hpp"

namespace {

using heddle_test::run_on;
using namespace std::chrono_literals;
using heddle_test::with_procs;

struct ending {
  int status;         // as exit gives it; a signal as the shell gives it
  std::string words;  // what it wrote to standard error
};

// Calls f() in the child of a fork on this thread. A signal ends a child that hangs. Caller: any thread.
template <class F>
ending fork_and(F &&f) {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    alarm(20);
    f();
    _exit(0);
  }
  close(ends[1]);
  ending e;
  char piece[256];
  for (ssize_t n; (n = read(ends[0], piece, sizeof piece)) > 0;) e.words.append(piece, static_cast<std::size_t>(n));
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  e.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return e;
}

void expect_refused(const std::string &call, const std::function<void()> &f) {
  const ending e = fork_and(f);
  EXPECT_EQ(e.status, 2) << call;
  EXPECT_EQ(e.words, "fatal error: " + call + " in the child of a fork: only exec or _exit is possible here\n");
}

// The objects on which the calls are made; all of them are the parent's.
struct parent {
  heddle::runtime &rt;
  heddle::chan<int> empty, full{1};
  heddle::mutex taken;
  heddle::shared_mutex written;
  heddle::wait_group open{1};
  heddle::semaphore none{0};

  explicit parent(heddle::runtime &r) : rt(r) {
    full.send(1);
    taken.lock();
    written.lock();
  }
};

void expect_every_call_refused(parent &p) {
  expect_refused("heddle::go", [] { heddle::go([] {}); });
  expect_refused("heddle::yield", [] { heddle::yield(); });
  expect_refused("heddle::gosched", [] { heddle::gosched(); });
  expect_refused("heddle::safepoint", [] { heddle::safepoint(); });
  expect_refused("heddle::lock_os_thread", [] { heddle::lock_os_thread(); });
  expect_refused("heddle::unlock_os_thread", [] { heddle::unlock_os_thread(); });
  expect_refused("heddle::no_preempt", [] { const heddle::no_preempt here; });
  expect_refused("heddle::procs", [] { (void)heddle::procs(); });
  expect_refused("heddle::set_procs", [] { heddle::set_procs(1); });
  expect_refused("heddle::stop_the_world", [] { heddle::stop_the_world([] {}); });
  expect_refused("heddle::num_goroutine", [] { (void)heddle::num_goroutine(); });
  expect_refused("heddle::stats", [] { (void)heddle::stats(); });
  expect_refused("heddle::goid", [] { (void)heddle::goid(); });

  expect_refused("runtime::go", [&] { p.rt.go([] {}); });
  expect_refused("runtime::run", [&] { p.rt.run([] {}); });
  expect_refused("runtime::shutdown", [&] { p.rt.shutdown(); });
  expect_refused("runtime::stats", [&] { (void)p.rt.stats(); });
  expect_refused("set_procs", [&] { p.rt.set_procs(1); });
  expect_refused("stop_the_world", [&] { p.rt.stop_the_world([] {}); });
  expect_refused("a new runtime", [] { const heddle::runtime another(with_procs(1)); });
  expect_refused("a new runtime", [] { (void)run_on(1, [] {}); });

  for (const heddle::chan<int> *c : {&p.empty, &p.full}) {
    expect_refused("chan::send", [=] { c->send(1); });
    expect_refused("chan::try_send", [=] { (void)c->try_send(1); });
    expect_refused("chan::recv", [=] { (void)c->recv(); });
    expect_refused("chan::try_recv", [=] { (void)c->try_recv(); });
    expect_refused("chan::close", [=] { c->close(); });
    expect_refused("chan::size", [=] { (void)c->size(); });
    expect_refused("chan::closed", [=] { (void)c->closed(); });
    expect_refused("heddle::select", [=] { heddle::select(heddle::on_recv(*c), heddle::otherwise()); });
    expect_refused("chan::recv", [=] {
      for (int v : *c) (void)v;
    });
  }
  expect_refused("mutex::lock", [&] { p.taken.lock(); });
  expect_refused("mutex::lock", [&] { const std::lock_guard hold(p.taken); });
  expect_refused("mutex::try_lock_until", [&] { (void)p.taken.try_lock_for(1h); });
  expect_refused("shared_mutex::lock", [&] { p.written.lock(); });
  expect_refused("shared_mutex::lock_shared", [&] { p.written.lock_shared(); });
  expect_refused("shared_mutex::try_lock_until", [&] { (void)p.written.try_lock_for(1h); });
  expect_refused("shared_mutex::try_lock_shared_until", [&] { (void)p.written.try_lock_shared_for(1h); });
  expect_refused("condition_variable::wait", [&] {
    heddle::condition_variable cv;
    (void)cv.wait_for(p.taken, 1h);
  });
  expect_refused("wait_group::add", [&] { p.open.add(1); });
  expect_refused("wait_group::add", [&] { p.open.done(); });
  expect_refused("wait_group::wait", [&] { p.open.wait(); });
  expect_refused("wait_group::wait_until", [&] { (void)p.open.wait_for(1h); });
  expect_refused("wait_group::add", [&] { p.open.go([] {}); });
  expect_refused("semaphore::acquire", [&] { p.none.acquire(); });
  expect_refused("semaphore::try_acquire", [&] { (void)p.none.try_acquire(); });
  expect_refused("semaphore::try_acquire_until", [&] { (void)p.none.try_acquire_for(1h); });
  expect_refused("semaphore::release", [&] { p.none.release(); });
}

TEST(Fork, on_a_goroutine) {
  for (const int procs : {1, 2}) {
    heddle::runtime rt(with_procs(procs));
    rt.run([&] {
      parent p(rt);
      expect_every_call_refused(p);
    });
  }
}

TEST(Fork, on_a_thread_outside) {
  heddle::runtime rt(with_procs(2));
  rt.go([] {});
  parent p(rt);
  expect_every_call_refused(p);
}

TEST(Fork, on_a_thread_outside_while_goroutines_run) {
  std::atomic<bool> enough{false};
  heddle::runtime rt(with_procs(2));
  for (int i = 0; i < 4; ++i)
    rt.go([&] {
      while (!enough.load()) heddle::gosched();
    });
  parent p(rt);
  expect_every_call_refused(p);
  enough.store(true);
}

TEST(Fork, inside_a_call) {
  run_on(2, [] {
    EXPECT_EQ(heddle::blocking([] { return fork_and([] { _exit(7); }).status; }), 7);
    expect_refused("heddle::go", [] { heddle::blocking([] { heddle::go([] {}); }); });
    heddle::blocking([] { expect_refused("heddle::go", [] { heddle::go([] {}); }); });
  });
}

// The child wakes nothing that waits in the parent, and a call that the child refuses leaves the parent as it was.
TEST(Fork, with_somebody_waiting) {
  run_on(2, [] {
    const heddle::chan<int> c;
    heddle::mutex mu;
    mu.lock();
    heddle::wait_group wg;
    int got = 0;
    wg.go([&] { got = c.recv().value(); });
    wg.go([&] { const std::lock_guard hold(mu); });
    for (int i = 0; i < 100; ++i) heddle::gosched();
    expect_refused("chan::send", [&] { c.send(1); });
    expect_refused("chan::close", [&] { c.close(); });
    expect_refused("mutex::unlock", [&] { mu.unlock(); });
    mu.unlock();
    c.send(2);
    wg.wait();
    EXPECT_EQ(got, 2);
  });
}

// The child goes on behind fork() and comes to the end of what the runtime has begun.
TEST(Fork, the_child_returns) {
  const auto child_of = [](const std::function<void()> &forks) {
    return fork_and([&] {  // a process of its own, so that the second child's words come here as well
      forks();
    });
  };
  const auto fork_here = [] {
    const pid_t pid = fork();
    if (pid == 0) return;
    int status = 0;
    waitpid(pid, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 100);
  };
  const auto expect = [&](const std::string &end, const std::function<void()> &forks) {
    const ending e = child_of(forks);
    EXPECT_EQ(e.status, 2) << end;
    EXPECT_EQ(e.words, "fatal error: " + end + " in the child of a fork: only exec or _exit is possible here\n");
  };
  // Not by run_on, which makes calls when f has returned.
  expect("the end of a goroutine", [&] { (void)heddle::run(fork_here, heddle_test::with_procs(2)); });
  expect("the end of a goroutine", [&] {
    (void)run_on(2, [&] {
      heddle::go([&] { fork_here(); });
      heddle::chan<int>().recv();
    });
  });
  expect("the end of heddle::blocking", [&] { (void)run_on(2, [&] { heddle::blocking([&] { fork_here(); }); }); });
  expect("the end of stop_the_world", [&] { (void)run_on(2, [&] { heddle::stop_the_world([&] { fork_here(); }); }); });
  expect("the end of stop_the_world", [&] {
    heddle::runtime rt(with_procs(2));
    rt.stop_the_world([&] { fork_here(); });
  });
  expect("the end of a no_preempt", [&] {
    (void)run_on(2, [&] {
      const heddle::no_preempt here;
      fork_here();
    });
  });
}

TEST(Fork, a_runtime_may_be_destroyed_in_the_child_and_nothing_happens) {
  auto rt = std::make_unique<heddle::runtime>(with_procs(2));
  rt->go([] {});
  EXPECT_EQ(fork_and([&] { rt.reset(); }).status, 0);
  heddle::wait_group wg(1);
  rt->go([&] { wg.done(); });
  wg.wait();
}

TEST(Fork, the_child_may_exec) {
  run_on(2, [] {
    const ending e = fork_and([] { execl("/bin/sh", "sh", "-c", "echo here >&2; exit 3", nullptr); });
    EXPECT_EQ(e.status, 3);
    EXPECT_EQ(e.words, "here\n");
  });
}

TEST(Fork, a_grandchild_is_no_better) {
  run_on(2, [] {
    const ending e = fork_and([] {
      const pid_t pid = fork();
      if (pid == 0) heddle::yield();
      int status = 0;
      waitpid(pid, &status, 0);
      _exit(WEXITSTATUS(status));
    });
    EXPECT_EQ(e.status, 2);
  });
}

// No runtime was left behind: the child is a process like any other.
TEST(Fork, where_no_runtime_lives_the_child_may_have_one) {
  const auto works = [] { _exit(run_on(2, [] { return 42; })); };
  EXPECT_EQ(fork_and(works).status, 42);
  heddle::runtime ended(with_procs(2));
  ended.run([] {});
  EXPECT_EQ(fork_and(works).status, 42);
  ended.shutdown();
  EXPECT_EQ(fork_and(works).status, 42);
}

TEST(Fork, what_the_parent_has_not_written_yet_is_written_once) {
  const ending e = fork_and([] {
    dup2(STDERR_FILENO, STDOUT_FILENO);
    std::printf("once\n");
    heddle::runtime rt(with_procs(1));
    const pid_t pid = fork();
    if (pid == 0) heddle::yield();
    int status = 0;
    waitpid(pid, &status, 0);
    std::fflush(stdout);
    _exit(WEXITSTATUS(status));
  });
  EXPECT_EQ(e.status, 2);
  EXPECT_EQ(e.words, "fatal error: heddle::yield in the child of a fork: only exec or _exit is possible here\nonce\n");
}

}  // namespace
