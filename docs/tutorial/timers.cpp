// Time: sleeping, ticking, limits on waits, and calls in the future.
#include <chrono>
#include <cstdio>

#include <heddle/heddle.hpp>

using namespace std::chrono_literals;

int main() {
  return heddle::run([] {
    heddle::sleep_for(1ms);  // this goroutine; its thread goes on with others

    const heddle::ticker every(2ms);
    for (int i = 1; i <= 3; ++i) {
      every.recv();
      std::printf("tick %d\n", i);
    }
    every.stop();

    // Every wait may have a limit.
    const heddle::chan<int> answers;
    if (const auto answer = answers.recv_for(5ms))
      std::printf("the answer is %d\n", *answer);
    else
      std::puts("no answer in 5 ms");

    const heddle::chan<int> called;
    const heddle::func_timer call = heddle::after_func(1ms, [=] { called.send(1); });
    called.recv();
    std::printf("too late to prevent the call: %s\n", call.stop() ? "no" : "yes");
  });
}
