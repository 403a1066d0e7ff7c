// A program that hangs: main waits for a worker that waits for main.
#include <heddle/heddle.hpp>

int main() {
  return heddle::run([] {
    heddle::set_name("main");
    const heddle::chan<int> orders;
    heddle::task<void> worker = heddle::spawn([=] {
      heddle::set_name("worker");
      orders.recv();
    });
    worker.join();   // the order of these two
    orders.send(1);  // lines is wrong
  });
}
