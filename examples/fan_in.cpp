// Two sources, one reader: select takes from the source that has something. A source that has ended is taken out by
// making its channel nil, which no select ever chooses.
#include <cstdio>
#include <heddle/heddle.hpp>

namespace {

heddle::receiver<int> count(heddle::wait_group &all, int from, int to) {
  const heddle::chan<int> c;
  all.go([=] {
    for (int i = from; i <= to; ++i) c.send(i);
    c.close();
  });
  return c;
}

}  // namespace

int main() {
  return heddle::run([] {
    heddle::wait_group all;
    heddle::receiver<int> small = count(all, 1, 10), large = count(all, 101, 105);
    int smalls = 0, larges = 0, sum = 0;
    while (!small.is_nil() || !large.is_nil())
      heddle::select(heddle::on_recv(small,
                                     [&](std::optional<int> v) {
                                       if (!v) return void(small = heddle::receiver<int>::nil());
                                       ++smalls;
                                       sum += *v;
                                     }),
                     heddle::on_recv(large, [&](std::optional<int> v) {
                       if (!v) return void(large = heddle::receiver<int>::nil());
                       ++larges;
                       sum += *v;
                     }));
    all.wait();
    std::printf("%d small and %d large ones, %d in all\n", smalls, larges, sum);
  });
}
