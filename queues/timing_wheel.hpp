#pragma once
// Timers, sorted by the time at which they are due. Source: hierarchical timing wheels (Varghese and Lauck, 1987). Go
// keeps a heap, in which a stopped timer stays until the heap's owner removes it; here the thread that has the lock
// unlinks a timer at once.
#include <bit>
#include <limits>

#include "queues/world.hpp"

HEDDLE_DETAIL_BEGIN

// A wheel of Ts. They are linked through wheelnext and wheelprev and due at T::when nanoseconds; T::wheelslot is the
// slot that a T is in; all four are plain<>. Not concurrent: the wheel's holder owns every T in it. Allocates nothing.
//
// Time is counted in ticks. Level l has a slot for each value of the l-th digit of a tick (a digit has wheel_bits
// bits). A T lies on the level of the first digit, from the left, in which its tick and now_ differ. So all on a lower
// level are due before all on a higher one, and within a level a lower slot is due before a higher one. When now_
// reaches the beginning of a slot, what is there goes to lower levels, or is due. With digits from 0 to 7 and now_ = 1
// 2 5:
//   tick     differs from now_ in     lies on level, slot     moves when now_ is
//   1 2 7    the last digit           0, 7                    1 2 7: due
//   1 4 3    the middle digit         1, 4                    1 4 0: to level 0, slot 3
//   3 0 0    the first digit          2, 3                    3 0 0: due
template <class T>
class timing_wheel {
 public:
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

  // Cost: constant.
  void insert(T *t) noexcept { place(t); }
  // Pre: t is in here. Cost: constant.
  void erase(T *t) noexcept {
    const std::uint16_t slot = t->wheelslot.get();
    T *&head = heads_[slot];
    T *const next = t->wheelnext.get(), *const prev = t->wheelprev.get();
    if (next == t) {
      head = nullptr;
      if (slot != due_slot) clear(slot);
      return;
    }
    prev->wheelnext.set(next);
    next->wheelprev.set(prev);
    if (head == t) head = next;
  }

  // Makes t due at `when` instead. Pre: t is in here. Touches no other T if t stays in its slot, as a timer does that
  // is put off again and again. Cost: constant.
  void reset(T *t, std::int64_t when) noexcept {
    t->when.set(when);
    if (slot_of(t) == t->wheelslot.get()) return;
    erase(t);
    place(t);
  }

  // Sets the time to `now`, which must not be earlier than before. Cost: each T is moved at most once per level.
  void advance(std::int64_t now) noexcept {
    const std::uint64_t target = tick_at(now);
    for (event e = first(); e.start <= target; e = first()) {
      now_.set(e.start);
      T *const head = heads_[e.slot];
      warm(head);
      heads_[e.slot] = nullptr;
      clear(e.slot);
      for (T *t = head, *next; t != nullptr; t = next) {
        next = t->wheelnext.get() == head ? nullptr : t->wheelnext.get();
        place(t);
      }
    }
    if (target > now_.get()) now_.set(target);
  }

  // Takes a T that is due; null: there is none. A T that became due earlier comes first.
  T *pop() noexcept {
    T *t = heads_[due_slot];
    if (t != nullptr) erase(t);
    return t;
  }
  bool due() const noexcept { return heads_[due_slot] != nullptr; }
  // True: a T would be due after advance(now). False: perhaps none. Touches no T.
  bool surely_due(std::int64_t now) const noexcept {
    if (due()) return true;
    const event e = first();
    return e.start != no_tick && (e.start | ((one << e.slot / slots * bits) - 1)) <= tick_at(now);  // the whole slot
  }

  // The time when advance has something to do, which is not later than the first T is due: 0 for at once, never if
  // empty.
  std::int64_t next() const noexcept {
    if (due()) return 0;
    const event e = first();
    return e.start == no_tick ? never : static_cast<std::int64_t>(e.start << geometry::tick_shift);
  }

  // Calls f(t) for each T, in no order.
  template <class F>
  void for_each(F &&f) const {
    for (const T *head : heads_)
      for (const T *t = head; t != nullptr; t = t->wheelnext.get() == head ? nullptr : t->wheelnext.get()) f(t);
  }

  // Takes out all Ts and calls f(t) for each; afterwards the wheel is empty. For the end of a runtime.
  template <class F>
  void drain(F &&f) noexcept {
    for (T *&head : heads_)
      while (T *t = head) {
        erase(t);
        f(t);
      }
  }

 private:
  static constexpr std::uint32_t bits = geometry::wheel_bits, slots = 1u << bits;
  static constexpr std::uint32_t levels = (64 - geometry::tick_shift + bits - 1) / bits;
  static constexpr std::uint16_t due_slot = levels * slots;
  static constexpr std::uint64_t one = 1, no_tick = ~std::uint64_t{0};
  static_assert(bits <= 6, "a level's slots are the bits of a word");

  // When advance has something to do, and where. One thread's: a value.
  struct event {
    std::uint64_t start;
    std::uint16_t slot;
  };

  static std::uint64_t tick_at(std::int64_t now) noexcept {
    return static_cast<std::uint64_t>(now) >> geometry::tick_shift;
  }
  // The first tick that is not before t->when.
  static std::uint64_t tick(const T *t) noexcept {
    constexpr std::uint64_t rest = (one << geometry::tick_shift) - 1;
    const std::int64_t when = t->when.get();
    return when <= 0 ? 0 : (static_cast<std::uint64_t>(when) + rest) >> geometry::tick_shift;
  }

  void clear(std::uint16_t slot) noexcept {
    plain<std::uint64_t> &level = occupied_[slot / slots];
    level.set(level.get() & ~(one << slot % slots));
  }

  // The Ts lie where their owners are: in cold memory, and each is found through its neighbour. Two walks at once, from
  // both ends to the middle, wait half as long as one.
  static void warm(const T *first) noexcept {
    const T *last = first->wheelprev.get();
    while (first != last) {
      first = first->wheelnext.get();
      if (first == last) return;
      last = last->wheelprev.get();
      prefetch(first);
      prefetch(last);
    }
  }

  // The slot where t belongs.
  std::uint16_t slot_of(const T *t) const noexcept {
    const std::uint64_t at = tick(t), now = now_.get();
    if (at <= now) return due_slot;
    const auto level = static_cast<std::uint32_t>(std::bit_width(at ^ now) - 1) / bits;
    const auto digit = static_cast<std::uint32_t>(at >> level * bits) & (slots - 1);
    return static_cast<std::uint16_t>(level * slots + digit);
  }

  void place(T *t) noexcept {
    const std::uint16_t slot = slot_of(t);
    if (slot != due_slot) {
      plain<std::uint64_t> &level = occupied_[slot / slots];
      level.set(level.get() | one << slot % slots);
    }
    t->wheelslot.set(slot);
    T *&head = heads_[slot];
    if (head == nullptr) {
      head = t;
      t->wheelnext.set(t);
      t->wheelprev.set(t);
      return;
    }
    T *const last = head->wheelprev.get();
    t->wheelnext.set(head);
    t->wheelprev.set(last);
    last->wheelnext.set(t);
    head->wheelprev.set(t);
  }

  // The occupied slot that begins first. Its beginning is after now_.
  event first() const noexcept {
    for (std::uint32_t level = 0; level < levels; ++level) {
      const std::uint64_t occupied = occupied_[level].get();
      if (occupied == 0) continue;
      const auto digit = static_cast<std::uint32_t>(std::countr_zero(occupied));
      const std::uint64_t above = level + 1 == levels ? 0 : now_.get() >> (level + 1) * bits << (level + 1) * bits;
      return {above | std::uint64_t{digit} << level * bits, static_cast<std::uint16_t>(level * slots + digit)};
    }
    return {no_tick, due_slot};
  }

  plain<std::uint64_t> now_;               // all Ts with this tick or an earlier one are due
  plain<std::uint64_t> occupied_[levels];  // a bit for each slot that is not empty
  // Rings: the oldest T's wheelprev is the youngest. raw: under the checker they would be a hundred for each P; a thread
  // that changes one changes a link of a T or a word of occupied_ as well.
  T *heads_[levels * slots + 1] = {};
};

HEDDLE_DETAIL_END
