// Every execution as a history of calls and returns: some order of the calls must explain all results.
#include "heddle/mutex.hpp"
#include "heddle/select.hpp"
#include "heddle/semaphore.hpp"
#include "verify/models/linearize.hpp"
#include "verify/models/specs.hpp"
#include "verify/suites/scheduled.hpp"

using namespace heddle;
using namespace heddle::detail;
using namespace verify;

namespace {

// The calls of one execution, in the order in which the checker made them happen.
template <class Spec>
class record_of {
 public:
  // `unfinished` stands for the call until `f` has made it and returned what it was.
  template <class F>
  void operator()(const typename Spec::op &unfinished, F &&f) {
    const std::uint32_t call = calls_.called(unfinished);
    calls_.returned(call, f());
  }
  void check(const typename Spec::state &initial) {
    static checker search;  // forgets all between two checks
    VERIFY_INV("LIN", search.check(calls_, initial));
  }

 private:
  using checker = models::linearizer<Spec, 12>;
  typename checker::history_of calls_;
};

// ------------------------------------------------------------------------------------------------------------ channels

using models::channels;
using what = channels::kind;

// The calls of chan and select, recorded. At most three channels.
struct recorded {
  record_of<channels> calls;
  const chan<int> *all = nullptr;

  static channels::op op(what w, unsigned c, int value) {
    return {w, static_cast<std::uint8_t>(c), static_cast<std::int16_t>(value)};
  }
  static channels::op none_ready(unsigned senders, unsigned receivers) {
    return {what::nothing_ready, 0, 0, static_cast<std::uint8_t>(senders), static_cast<std::uint8_t>(receivers)};
  }
  void send(unsigned c, int v) {
    calls(op(what::send, c, v), [&] { return all[c].send(v), op(what::send, c, v); });
  }
  bool recv(unsigned c) {
    bool more = true;
    calls(op(what::recv, c, channels::unknown), [&] {
      const std::optional<int> v = all[c].recv();
      more = v.has_value();
      return op(what::recv, c, v.value_or(channels::none));
    });
    return more;
  }
  void try_send(unsigned c, int v) {
    calls(op(what::send, c, v), [&] { return all[c].try_send(v) ? op(what::send, c, v) : none_ready(1u << c, 0); });
  }
  void try_recv(unsigned c) {
    calls(op(what::recv, c, channels::unknown), [&] {
      const heddle::received<int> v = all[c].try_recv();
      return v || v.closed() ? op(what::recv, c, v.value_or(channels::none)) : none_ready(0, 1u << c);
    });
  }
  void close(unsigned c) {
    calls(op(what::close, c, 0), [&] { return all[c].close(), op(what::close, c, 0); });
  }
  void size(unsigned c) {
    calls(none_ready(0, 0), [&] { return op(what::size, c, static_cast<int>(all[c].size())); });
  }
  void closed(unsigned c) {
    calls(none_ready(0, 0), [&] { return op(what::closed, c, all[c].closed()); });
  }
  // Both unfinished calls may have taken effect or not, and then nothing more is known of them.
  void select_send(unsigned a, unsigned b, int v) {
    calls(none_ready(0, 0), [&] {
      const std::size_t at = select(on_send(all[a], int{v}), on_send(all[b], int{v}));
      return op(what::send, at == 0 ? a : b, v);
    });
  }
  void select_recv(unsigned a, unsigned b) {
    calls(none_ready(0, 0), [&] {
      int got = 0;
      const auto take = [&](std::optional<int> v) { got = v.value_or(channels::none); };
      const std::size_t at = select(on_recv(all[a], take), on_recv(all[b], take));
      return op(what::recv, at == 0 ? a : b, got);
    });
  }
  void select_either(unsigned a, unsigned b) {
    calls(none_ready(0, 0), [&] {
      int got = 0;
      const auto take = [&](std::optional<int> v) { got = v.value_or(channels::none); };
      const std::size_t at = select(on_recv(all[a], take), on_recv(all[b], take), otherwise());
      return at == 2 ? none_ready(0, 1u << a | 1u << b) : op(what::recv, at == 0 ? a : b, got);
    });
  }
  void select_any(unsigned from, unsigned to, int v) {
    calls(none_ready(0, 0), [&] {
      int got = 0;
      const std::size_t at = select(on_recv(all[from], [&](std::optional<int> r) { got = r.value_or(channels::none); }),
                                    on_send(all[to], int{v}), otherwise());
      if (at == 0) return op(what::recv, from, got);
      return at == 1 ? op(what::send, to, v) : none_ready(1u << to, 1u << from);
    });
  }
};

// No call waits: what fails must have had a reason to.
struct tries {
  static constexpr std::size_t capacity[] = {1, 1};
  static void act(recorded &r, unsigned who) {
    if (who == 0) {
      r.try_send(0, 1);
      r.try_send(0, 2);
      r.size(0);
    } else if (who == 1) {
      r.try_recv(0);
      r.select_any(0, 1, 3);
    } else {
      r.size(0);
      r.try_recv(1);
    }
  }
};
// A full buffer, a sender that waits, and a close behind it.
struct full {
  static constexpr std::size_t capacity[] = {1, 0};
  static void act(recorded &r, unsigned who) {
    if (who == 0) {
      r.send(0, 1);
      r.send(0, 2);
      r.close(0);
    } else if (who == 1) {
      while (r.recv(0)) {
      }
    } else {
      r.size(0);
      r.closed(0);
      r.recv(0);
    }
  }
};
// A last value and the end behind it: a call that does not wait sees nothing yet, the value, or the end, in that order.
struct ending {
  static constexpr std::size_t capacity[] = {1, 0};
  static void act(recorded &r, unsigned who) {
    if (who == 0) {
      r.send(0, 1);
      r.close(0);
      r.try_recv(1);
    } else {
      r.try_recv(0);
      r.try_recv(0);
      if (who == 1) r.close(1);
    }
  }
};
// An unbuffered send and its receive are at the same time.
struct meeting {
  static constexpr std::size_t capacity[] = {0, 0};
  static void act(recorded &r, unsigned who) {
    if (who == 0) {
      r.send(0, 1);
      r.send(0, 2);
    } else if (who == 1) {
      r.recv(0);
      r.size(0);
    } else {
      r.recv(0);
    }
  }
};
// Two selects on a channel without a buffer and one with a buffer, from which a third call takes.
struct selects {
  static constexpr std::size_t capacity[] = {0, 1};
  static void act(recorded &r, unsigned who) {
    if (who == 0) {
      r.select_send(0, 1, 1);
      r.select_send(1, 0, 2);
    } else if (who == 1) {
      r.select_recv(1, 0);
    } else {
      r.try_recv(1);
      r.size(1);
    }
  }
};
// One of two channels has a value at every moment: a call that looks at both and does not wait gets one.
struct always_one {
  static constexpr std::size_t capacity[] = {1, 1};
  static void act(recorded &r, unsigned who) {
    if (who == 0) {
      r.try_send(0, 1);
      r.try_send(1, 2);
      r.try_recv(0);
    } else if (who == 1) {
      r.select_either(0, 1);
      r.select_either(0, 1);
    } else {
      r.size(1);
    }
  }
};

// By three threads without a runtime: few steps, so they meet at every point.
template <class Calls>
struct by_threads : suite<3> {
  chan<int> c[2] = {chan<int>(Calls::capacity[0]), chan<int>(Calls::capacity[1])};
  recorded r;
  void before() { r.all = c; }
  void thread(unsigned i) { Calls::act(r, i); }
  void after() { r.calls.check(channels::made(Calls::capacity[0], Calls::capacity[1])); }
};
// By three goroutines on two Ps.
template <class Calls>
struct by_goroutines : scheduled<by_goroutines<Calls>, 2, 2> {
  recorded r;
  countdown all{2};
  void body() {
    const chan<int> c[2] = {chan<int>(Calls::capacity[0]), chan<int>(Calls::capacity[1])};
    r.all = c;
    for (unsigned i = 1; i <= 2; ++i)
      go([this, i] {
        Calls::act(r, i);
        all.arrive();
      });
    Calls::act(r, 0);
    all.wait();
  }
  void check() { r.calls.check(channels::made(Calls::capacity[0], Calls::capacity[1])); }
};
using threads_try = by_threads<tries>;
using threads_fill = by_threads<full>;
using threads_end = by_threads<ending>;
using threads_meet = by_threads<meeting>;
using threads_select = by_threads<selects>;
using threads_either = by_threads<always_one>;
using goroutines_try = by_goroutines<tries>;
using goroutines_fill = by_goroutines<full>;
using goroutines_meet = by_goroutines<meeting>;
using goroutines_select = by_goroutines<selects>;

// ------------------------------------------------------------------------------------------------- mutex and semaphore

using models::units;

// Each thread takes and gives; then tries to take, and gives if it has.
struct locks {
  mutex mu;
  static constexpr std::uint32_t initial = 1;
  void take() { mu.lock(); }
  bool try_take() { return mu.try_lock(); }
  void give() { mu.unlock(); }
};
struct semaphores {
  semaphore s{1};
  static constexpr std::uint32_t initial = 1;
  void take() { s.acquire(); }
  bool try_take() { return s.try_acquire(); }
  void give() { s.release(); }
};
template <class Object>
struct exclusive : suite<3> {
  Object object;
  record_of<units> calls;
  static constexpr units::op taken{units::kind::take}, given{units::kind::give}, none{units::kind::none_left};
  void take() {
    calls(taken, [&] { return object.take(), taken; });
  }
  void give() {
    calls(given, [&] { return object.give(), given; });
  }
  void thread(unsigned i) {
    if (i != 2) {
      take();
      give();
    }
    if (i == 0) return;
    bool got = false;
    calls(taken, [&] { return (got = object.try_take()) ? taken : none; });
    if (got) give();
  }
  void after() { calls.check({Object::initial}); }
};
using mutex_calls = exclusive<locks>;
using semaphore_calls = exclusive<semaphores>;

}  // namespace

HEDDLE_SUITE(threads_try, {.name = "linear.try",
                           .component = "linear",
                           .invariants = "LIN I55",
                           .what = "try_send, try_recv, size, a select with otherwise",
                           .modes = {random_mix(0.6)}})
HEDDLE_SUITE(threads_fill, {.name = "linear.full",
                            .component = "linear",
                            .invariants = "LIN I50 I52 I55",
                            .what = "a buffer, a sender that waits, and a close behind it",
                            .modes = {random_mix(0.6)}})
HEDDLE_SUITE(threads_end, {.name = "linear.ending",
                           .component = "linear",
                           .invariants = "LIN I51 I52 I55",
                           .what = "try_recv beside a close: nothing yet, a value, or the end",
                           .modes = {random_mix(0.4)}})
HEDDLE_SUITE(threads_meet, {.name = "linear.unbuffered",
                            .component = "linear",
                            .invariants = "LIN I55",
                            .what = "an unbuffered send and its receive are at the same time",
                            .modes = {random_mix(0.4)}})
HEDDLE_SUITE(threads_select, {.name = "linear.select",
                              .component = "linear",
                              .invariants = "LIN I53 I55",
                              .what = "two selects meet in two channels, a third takes from one of them",
                              .modes = {random_mix(0.6)}})
HEDDLE_SUITE(threads_either,
             {.name = "linear.always_ready",
              .component = "linear",
              .invariants = "LIN I55",
              .what = "a select with otherwise of two channels one of which has a value at every moment",
              .modes = {random_mix(0.4)}})
HEDDLE_WORLDS(goroutines_try, "linear", "LIN I55",
              {world<goroutines_try>(
                   {.name = "linear.try_2p", .what = "linear.try by goroutines on two Ps", .modes = {random_mix(0.4)}}),
               world<goroutines_fill>({.name = "linear.full_2p",
                                       .what = "linear.full by goroutines on two Ps",
                                       .modes = {random_mix(0.4)}}),
               world<goroutines_meet>({.name = "linear.unbuffered_2p",
                                       .what = "linear.unbuffered by goroutines on two Ps",
                                       .modes = {random_mix(0.4)}}),
               world<goroutines_select>({.name = "linear.select_2p",
                                         .what = "linear.select by goroutines on two Ps",
                                         .modes = {random_mix(0.4)}})})
HEDDLE_SUITE(mutex_calls, {.name = "linear.mutex",
                           .component = "linear",
                           .invariants = "LIN I58",
                           .what = "lock, try_lock and unlock",
                           .modes = {random_mix(0.4)}})
HEDDLE_SUITE(semaphore_calls, {.name = "linear.semaphore",
                               .component = "linear",
                               .invariants = "LIN SEM-UNITS",
                               .what = "acquire, try_acquire and release",
                               .modes = {random_mix(0.4)}})
