// Compares lfstack and idlestack with a sequential model; the input's bytes are the commands. Every input is valid: a
// command that cannot be carried out does nothing.
//
//   bits 0-2 command, bits 3-7 argument
//
// Besides the result of each command, the tag is checked: a head that held a node, and holds it again after a push,
// must never be the same word. Otherwise a pop that slept in between would succeed with an old link (ABA).
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <set>
#include <vector>

#include "queues/idle.hpp"
#include "queues/test/test_item.hpp"

namespace {

using heddle::detail::test_item;
using stack = heddle::detail::lfstack<test_item>;

constexpr int pool = 12;

class machine {
 public:
  machine() {
    for (int i = 0; i < pool; ++i) free_.push_back(i);
  }

  void step(std::size_t at, unsigned byte) {
    at_ = at;
    byte_ = byte;
    switch (byte & 7) {
      case 0:
      case 1: push_batch(1); break;
      case 2: push_batch(1 + (byte >> 3) % 4); break;
      case 3:
      case 4: pop(); break;
      case 5: pop_all(); break;
      case 6: bounce(byte >> 3); break;
      default: break;
    }
    check(real_.empty() == model_.empty(), "empty differs");
    check(idle_.empty() == model_.empty(), "idlestack: empty differs");
    check(idle_.count() == static_cast<std::int32_t>(model_.size()), "idlestack: count differs");
  }

 private:
  void check(bool ok, const char *what) {
    if (ok) return;
    std::fprintf(stderr, "fuzz_lfstack: %s; byte %zu = 0x%02x\n", what, at_, byte_);
    std::abort();
  }
  void pushed() {
    std::uint64_t word;
    static_assert(sizeof word == sizeof real_);
    std::memcpy(&word, static_cast<const void *>(&real_), sizeof word);
    check(heads_.insert(word).second, "a head came back after a push (ABA)");
  }
  int take_free() {
    const int i = free_.front();
    free_.pop_front();
    return i;
  }

  void push_batch(unsigned n) {
    std::vector<int> batch;
    for (; n != 0 && !free_.empty(); --n) batch.push_back(take_free());
    if (batch.empty()) return;
    for (std::size_t i = 0; i + 1 < batch.size(); ++i) stack::set_next(items_[batch[i]], items_[batch[i + 1]]);
    if (batch.size() == 1)
      real_.push(items_[batch[0]]);
    else
      real_.push_batch(items_[batch[0]], items_[batch.back()]);
    pushed();
    std::vector<test_item *> twins;
    for (int i : batch) twins.push_back(twins_[i]);
    if (batch.size() == 1)
      idle_.put(twins[0]);
    else
      idle_.put_all(twins.data(), static_cast<std::int32_t>(twins.size()));
    model_.insert(model_.end(), batch.rbegin(), batch.rend());
  }

  int pop() {
    int expected = -1;
    if (!model_.empty()) {
      expected = model_.back();
      model_.pop_back();
      free_.push_front(expected);  // comes back soonest
    }
    check(items_.index_of(real_.pop()) == expected, "pop differs");
    check(twins_.index_of(idle_.get()) == expected, "idlestack: get differs");
    return expected;
  }

  void pop_all() {
    std::vector<int> expected(model_.rbegin(), model_.rend());
    model_.clear();
    std::size_t n = 0;
    for (test_item *x = real_.pop_all(); x != nullptr; x = stack::next_of(x), ++n)
      check(n < expected.size() && items_.index_of(x) == expected[n], "pop_all differs");
    check(n == expected.size(), "pop_all lost some");
    n = 0;
    idle_.drain([&](test_item *x) {
      check(n < expected.size() && twins_.index_of(x) == expected[n], "idlestack: drain differs");
      ++n;
    });
    check(n == expected.size(), "idlestack: drain lost some");
    free_.insert(free_.begin(), expected.begin(), expected.end());
  }

  void bounce(unsigned times) {
    for (; times != 0 && !model_.empty(); --times) {
      pop();
      push_batch(1);
    }
  }

  heddle::detail::test_items<pool> items_, twins_;
  stack real_;
  heddle::detail::idlestack<test_item> idle_;
  std::vector<int> model_;  // top last
  std::deque<int> free_;
  std::set<std::uint64_t> heads_;
  std::size_t at_ = 0;
  unsigned byte_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  machine m;
  size =
      std::min<std::size_t>(size, 8192);  // the tag may repeat after 2^19 pushes, and a byte makes at most 31 of them
  for (std::size_t i = 0; i < size; ++i) m.step(i, data[i]);
  return 0;
}
