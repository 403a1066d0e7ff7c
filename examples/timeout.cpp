// Every wait may have a limit: for an answer, for the end of a goroutine, a lock, a condition, a whole request. The
// caller says for how long it waits, and learns whether what it waits for came in time.
#include <cstdio>
#include <heddle/heddle.hpp>
#include <mutex>

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::milliseconds soon = 20ms, for_long = 24h;

void say(const char *what, bool in_time) { std::printf("%s: %s\n", what, in_time ? "in time" : "too late"); }

// A server that answers when it is told to.
void answers() {
  const heddle::chan<int> go_on, answer;
  const heddle::task<void> server = heddle::spawn([=] {
    go_on.recv();
    answer.send(42);
  });
  say("an answer", answer.recv_for(soon).has_value());
  say("the end of the server", server.wait_for(soon));
  heddle::select(heddle::on_recv(answer, [](std::optional<int>) { say("selected", true); }),
                 heddle::on_recv(heddle::after(soon), [](auto) { say("selected", false); }));
  go_on.send(1);
  say("an answer", answer.recv_for(for_long).has_value());
  say("the end of the server", server.wait_for(for_long));
}

// std's locks take the limit.
void locks() {
  heddle::mutex mu;
  const auto get_it = [&mu] { return std::unique_lock(mu, soon).owns_lock(); };
  mu.lock();
  say("the lock", heddle::spawn(get_it).get());
  mu.unlock();
  say("the lock", heddle::spawn(get_it).get());
}

void conditions() {
  heddle::mutex mu;
  heddle::condition_variable changed;
  bool open = false;
  std::unique_lock hold(mu);
  say("the opening", changed.wait_for(hold, soon, [&] { return open; }));
  const heddle::task<void> opener = heddle::spawn([&] {
    const std::lock_guard inside(mu);
    open = true;
    changed.notify_one();
  });
  say("the opening", changed.wait_for(hold, for_long, [&] { return open; }));
  hold.unlock();  // the opener may still need it, and is joined first
}

// One limit for all that a request does, however many waits and goroutines that takes.
void requests() {
  const heddle::cancel_context request = heddle::with_timeout(heddle::context::background(), soon);
  const heddle::chan<int> steps;
  auto part = [&] {
    heddle::select(heddle::on_recv(steps), heddle::on_recv(request.done()));
    return request.err() == heddle::context_error::none;
  };
  heddle::task<bool> elsewhere = heddle::spawn(part);
  say("our part of the request", part());
  say("its other part", elsewhere.get());
}

}  // namespace

int main() {
  return heddle::run([] {
    answers();
    locks();
    conditions();
    requests();
  });
}
