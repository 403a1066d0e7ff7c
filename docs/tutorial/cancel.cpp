// Cancellation: a context travels with a request; everything that works for the request ends when it is cancelled.
#include <chrono>
#include <cstdio>

#include <heddle/heddle.hpp>

using namespace std::chrono_literals;

// Counts until the request is over.
int work(const heddle::context &request) {
  int steps = 0;
  while (request.err() == heddle::context_error::none) {
    ++steps;
    heddle::select(heddle::on_recv(request.done()), heddle::on_recv(heddle::after(1ms)));
  }
  return steps;
}

const char *why(const heddle::context &request) {
  switch (request.err()) {
    case heddle::context_error::canceled: return "cancelled";
    case heddle::context_error::deadline_exceeded: return "out of time";
    default: return "still going";
  }
}

int main() {
  return heddle::run([] {
    const heddle::context root = heddle::context::background();

    // Cancelled by hand.
    const heddle::cancel_context by_hand = heddle::with_cancel(root);
    heddle::task<int> worker = heddle::spawn([request = heddle::context(by_hand)] { return work(request); });
    std::puts(why(by_hand));
    by_hand.cancel();
    worker.get();
    std::puts(why(by_hand));

    // Cancelled by time, and with it the context that was made from it.
    const heddle::cancel_context limited = heddle::with_timeout(root, 20ms);
    const heddle::cancel_context part = heddle::with_cancel(limited);
    work(part);
    std::puts(why(part));
  });
}
