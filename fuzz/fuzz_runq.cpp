// Compares runq with a sequential model; the input's bytes are the commands. Every input is valid: a command that
// cannot be carried out does nothing.
//
//   byte 0       where the rings start: 0, just before 2^32, or just before 2^31
//   every other  bits 0-2 command, bit 3 which of the two runqs, bits 4-7 argument
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <utility>
#include <vector>

#include "queues/runq.hpp"
#include "queues/test/test_item.hpp"

namespace {

using heddle::detail::test_item;
using list = heddle::detail::gqueue<test_item>;
using ints = std::vector<int>;

constexpr int pool = 24;

void require(bool ok, const char *what, std::size_t at, unsigned byte, std::uint32_t capacity) {
  if (ok) return;
  std::fprintf(stderr, "fuzz_runq: %s; ring of %u, byte %zu = 0x%02x\n", what, static_cast<unsigned>(capacity), at,
               byte);
  std::abort();
}

struct model_runq {
  std::deque<int> ring;
  int next = -1;
};

template <std::uint32_t N>
class machine {
 public:
  explicit machine(std::uint32_t start) : real_{queue(start), queue(start + 1)} {
    for (int i = 0; i < pool; ++i) free_.push_back(i);
  }

  void step(std::size_t at, unsigned byte) {
    at_ = at;
    byte_ = byte;
    const unsigned which = byte >> 3 & 1, argument = byte >> 4;
    queue &q = real_[which], &victim = real_[1 - which];
    model_runq &m = model_[which], &mv = model_[1 - which];
    switch (byte & 7) {
      case 0: put(q, m, false); break;
      case 1: put(q, m, true); break;
      case 2: putbatch(q, m, argument % (N + 2)); break;
      case 3: get(q, m, true); break;
      case 4: get(q, m, false); break;
      case 5: steal(q, m, victim, mv, argument % 2 == 1); break;
      case 6: drain(q, m); break;
      default: break;
    }
    for (int i = 0; i < 2; ++i) {
      const std::size_t n = model_[i].ring.size() + (model_[i].next >= 0 ? 1 : 0);
      check(real_[i].size() == n, "size differs");
      check(real_[i].runqempty() == (n == 0), "runqempty differs");
      check(real_[i].stealable() == !model_[i].ring.empty(), "stealable differs");
      check(real_[i].has_runnext() == (model_[i].next >= 0), "has_runnext differs");
    }
  }

 private:
  using queue = heddle::detail::runq<test_item, N>;

  void check(bool ok, const char *what) { require(ok, what, at_, byte_, N); }
  void same(const list &got, const ints &expected, const char *what) {
    std::size_t n = 0;
    got.for_each([&](test_item *x) {
      check(n < expected.size() && items_.index_of(x) == expected[n], what);
      ++n;
    });
    check(n == expected.size(), what);
    free_.insert(free_.end(), expected.begin(), expected.end());
  }
  static int pop(std::deque<int> &d) {
    const int i = d.front();
    d.pop_front();
    return i;
  }

  void put(queue &q, model_runq &m, bool next) {
    if (free_.empty()) return;
    int i = pop(free_);
    list over;
    q.runqput(items_[i], next, [&](list &batch) { over.push_back_all(batch); });
    ints expected;
    if (next) i = std::exchange(m.next, i);
    if (i >= 0 && m.ring.size() < N) {
      m.ring.push_back(i);
    } else if (i >= 0) {
      for (std::uint32_t k = 0; k < N / 2; ++k) expected.push_back(pop(m.ring));
      expected.push_back(i);
    }
    same(over, expected, "overflow differs");
  }

  void putbatch(queue &q, model_runq &m, unsigned n) {
    list batch;
    ints expected;
    for (; n != 0 && !free_.empty(); --n) {
      const int i = pop(free_);
      batch.push_back(items_[i]);
      if (m.ring.size() < N)
        m.ring.push_back(i);
      else
        expected.push_back(i);
    }
    q.runqputbatch(batch);
    same(batch, expected, "what putbatch left differs");
  }

  void get(queue &q, model_runq &m, bool allow_runnext) {
    bool inherit = true;
    test_item *gp = q.runqget(inherit, allow_runnext);
    const bool from_next = m.next >= 0 && (allow_runnext || m.ring.empty());
    const int expected = from_next ? std::exchange(m.next, -1) : m.ring.empty() ? -1 : pop(m.ring);
    check(items_.index_of(gp) == expected, "runqget differs");
    check(inherit == (from_next && allow_runnext), "inherit differs");
    if (expected >= 0) free_.push_back(expected);
  }

  void steal(queue &q, model_runq &m, queue &victim, model_runq &mv, bool runnext) {
    if (m.ring.size() > N / 2) return;  // its precondition
    test_item *gp = q.runqsteal(victim, runnext);
    int expected = -1;
    std::size_t n = (mv.ring.size() + 1) / 2;
    if (n == 0 && runnext) expected = std::exchange(mv.next, -1);
    for (; n > 1; --n) m.ring.push_back(pop(mv.ring));
    if (n == 1) expected = pop(mv.ring);
    check(items_.index_of(gp) == expected, "runqsteal differs");
    if (expected >= 0) free_.push_back(expected);
  }

  void drain(queue &q, model_runq &m) {
    ints expected;
    if (m.next >= 0) expected.push_back(std::exchange(m.next, -1));
    while (!m.ring.empty()) expected.push_back(pop(m.ring));
    same(q.runqdrain(), expected, "runqdrain differs");
  }

  heddle::detail::test_items<pool> items_;
  queue real_[2];
  model_runq model_[2];
  std::deque<int> free_;
  std::size_t at_ = 0;
  unsigned byte_ = 0;
};

template <std::uint32_t N>
void play(const std::uint8_t *data, std::size_t size) {
  static constexpr std::uint32_t starts[] = {0, 0xfffffffdu, 0xffffffffu, 0x7ffffffeu};
  machine<N> m(starts[data[0] % 4]);
  for (std::size_t i = 1; i < size; ++i) m.step(i, data[i]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  if (size == 0) return 0;
  play<2>(data, size);
  play<4>(data, size);
  play<8>(data, size);
  return 0;
}
