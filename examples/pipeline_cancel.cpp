// Stages joined by channels. A reader that has enough cancels, and every stage ends, even in the middle of a send.
#include <atomic>
#include <cstdio>

#include <heddle/heddle.hpp>

namespace {

// Returns false if it was cancelled and nothing was sent.
bool send(const heddle::context &ctx, const heddle::sender<long> &to, long value) {
  bool sent = false;
  heddle::select(heddle::on_send(to, value, [&] { sent = true; }), heddle::on_recv(ctx.done()));
  return sent;
}

std::atomic<int> ended{0};

// 1, 2, 3, ... for ever.
heddle::receiver<long> numbers(heddle::scope &stages, const heddle::context &ctx) {
  const heddle::chan<long> out;
  stages.spawn([=] {
    for (long n = 1; send(ctx, out, n); ++n) {
    }
    out.close();
    ++ended;
  });
  return out;
}

heddle::receiver<long> squares(heddle::scope &stages, const heddle::context &ctx, const heddle::receiver<long> &in) {
  const heddle::chan<long> out;
  stages.spawn([=] {
    for (long n : in)
      if (!send(ctx, out, n * n)) break;
    out.close();
    ++ended;
  });
  return out;
}

}  // namespace

int main() {
  return heddle::run([] {
    heddle::scope stages;  // destroyed last: joins them
    const heddle::cancel_context ctx = heddle::with_cancel(heddle::context::background());
    for (long n : squares(stages, ctx, squares(stages, ctx, numbers(stages, ctx)))) {
      if (n > 1000) break;
      std::printf("%ld\n", n);
    }
    ctx.cancel();
    stages.wait();
    std::printf("%d stages have ended\n", ended.load());
  });
}
