#include <cstdio>

#include <heddle/heddle.hpp>

int main() {
  return heddle::run([] {
    heddle::chan<int> c;
    heddle::go([=] {
      for (int i = 0; i < 3; ++i) c.send(i);
      c.close();
    });
    for (int v : c) std::printf("%d\n", v);
  });
}
