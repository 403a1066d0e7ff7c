// A program that has everything of heddle and of std at hand without a prefix, and names of its own that heddle uses inside.
#include <heddle/heddle.hpp>

#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "sched/proc.hpp"

using namespace heddle;
using namespace std;

struct g {};
struct m {};
struct p {};
struct stack {
  int depth = 3;
};
struct note {};
struct sudog {};
struct waitq {};
struct spinlock {};
struct schedt {};
struct timers {};
struct atomic_counter {};
int relaxed = 1, acquire = 2, release = 3;
int fence(int x) { return x + 1; }
int ready(int x) { return fence(x); }
void stop() {}

namespace mine {
struct thread {
  int number = 4;
};
template <class T>
T move(T x) {
  return x;
}
}  // namespace mine

int main() {
  const g a{};
  const p b{};
  const ::stack s;
  const mine::thread t;
  (void)a, (void)b, (void)m{}, (void)note{}, (void)sudog{}, (void)waitq{}, (void)spinlock{}, (void)schedt{},
      (void)timers{};
  (void)atomic_counter{};
  int sum = relaxed + acquire + release + ready(s.depth) + t.number + mine::move(1) + my_own;
  const int status = heddle::run([&] {
    chan<int> c(1);
    go([c] { c.send(5); });
    if (const optional<int> v = c.recv()) sum += *v;
    stop();
  });
  std::printf("%d\n", sum);
  return status == 0 && sum == 26 ? 0 : 1;
}
