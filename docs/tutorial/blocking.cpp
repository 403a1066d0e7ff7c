// Calls that block the thread: the other goroutines go on meanwhile, on another thread.
#include <unistd.h>

#include <cstdio>

#include <heddle/heddle.hpp>

int main() {
  heddle::options o;
  o.procs = 1;  // one goroutine at a time, so that the read below would stop all others if it kept its P
  return heddle::run(
      [] {
        int ends[2];
        if (pipe(ends) != 0) return 1;
        heddle::task<int> reader = heddle::spawn([&] {
          char c = 0;
          heddle::blocking([&] { return read(ends[0], &c, 1); });
          return int{c};
        });
        heddle::yield();  // the reader goes first, and its read waits for the write below
        std::puts("main goes on while the read waits");
        if (write(ends[1], "x", 1) != 1) return 1;
        std::printf("read: %c\n", reader.get());
        close(ends[0]), close(ends[1]);
        return 0;
      },
      o);
}
