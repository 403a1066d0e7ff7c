#pragma once
// The relacy world: what heddle/detail/world.hpp asks of a world, over the Relacy model checker. Every access to an
// atomic is a point where the strategy may switch threads, and a load may return an older value wherever the C++ memory
// model allows it. CAVEATS.md says what it cannot see. The state behind these functions is in world_relacy.cpp.
#include <algorithm>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <new>
#include <queue>
#include <set>
#include <sstream>
#include <stack>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

// Relacy replaces keywords and library names by macros. Standard headers come before it, and its macros end here.
#pragma push_macro("new")
#pragma push_macro("delete")
#pragma push_macro("malloc")
#pragma push_macro("calloc")
#pragma push_macro("realloc")
#pragma push_macro("free")
#pragma push_macro("assert")
#pragma push_macro("errno")
#include <relacy/relacy.hpp>
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef assert
#undef errno
#undef memory_order_relaxed
#undef memory_order_consume
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_acq_rel
#undef memory_order_seq_cst
#undef VAR_T
#undef TLS_T
#undef VAR
#undef $
#pragma pop_macro("new")
#pragma pop_macro("delete")
#pragma pop_macro("malloc")
#pragma pop_macro("calloc")
#pragma pop_macro("realloc")
#pragma pop_macro("free")
#pragma pop_macro("assert")
#pragma pop_macro("errno")

#include "verify/mutation/alteration.hpp"

HEDDLE_DETAIL_BEGIN

// The names and meanings of the os world, with the smallest sizes at which every branch can still be taken.
struct spin_geometry {
  static constexpr std::uint32_t backoff_min = 1;
  static constexpr std::uint32_t backoff_max = 1;
  static constexpr std::uint32_t backoff_yields = 8;
  static constexpr std::int64_t nap_min = 5'000;
  static constexpr std::int64_t nap_max = 10'000;
};
struct geometry : spin_geometry {
  static constexpr std::uint32_t runq_capacity = 4;
  static constexpr std::uint32_t fairness_tick = 3;
  static constexpr std::uint32_t runnext_streak = 2;
  static constexpr std::uint32_t steal_passes = 2;
  static constexpr std::uint32_t globrunq_batch = 2;
  static constexpr std::uint32_t gfree_max = 4;
  static constexpr std::uint32_t gfree_batch = 2;
  static constexpr std::uint32_t goid_batch = 2;
  static constexpr std::uint32_t gblock = 2;
  static constexpr std::uint32_t spin_rounds = 1;
  static constexpr std::uint32_t spin_pauses = 1;
  static constexpr std::int64_t spin_time = 40'000;
  static constexpr std::uint32_t mutex_spins = 1;
  static constexpr std::uint32_t mutex_spins_busy = 1;
  static constexpr std::uint32_t mutex_first_pauses = 1;
  static constexpr std::uint32_t mutex_pauses = 1;
  static constexpr std::int64_t mutex_starves = 20'000;
  static constexpr std::uint32_t runnext_pauses = 1;
  static constexpr std::int64_t sysmon_delay_min = 5'000'000;
  static constexpr std::int64_t sysmon_delay_max = 10'000'000;
  static constexpr std::int64_t retry_delay_min = 20'000;
  static constexpr std::int64_t retry_delay_max = 40'000;
  static constexpr std::uint32_t sysmon_rounds = 0;
  static constexpr std::uint32_t tick_shift = 10;
  static constexpr std::uint32_t wheel_bits = 2;
  static constexpr std::uint32_t timer_crowd = 2;
  static constexpr std::int64_t timer_window = 20'000;
  static constexpr std::int64_t timer_hold = 10'000;
  static inline std::int64_t stack_period = 0x7fffffffffffffff;  // never, unless a suite says so in before()
  static constexpr std::int32_t procs_max = 4;
  static constexpr std::int32_t threads_max = 4;
  static constexpr std::size_t stack_size = 64 * 1024;
};

// Relacy does not track over-aligned new, and padding costs it time; nothing here depends on real cache lines.
inline constexpr std::size_t cacheline = 16;

// A place in the shared source where an operation is called. It is a defaulted argument, so that call sites read as in
// production.
struct site {
  const char *file;
  const char *function;
  int line;
  static constexpr site here(const char *file = __builtin_FILE(), const char *function = __builtin_FUNCTION(),
                             int line = __builtin_LINE()) noexcept {
    return {file, function, line};
  }
  operator rl::debug_info() const noexcept { return rl::debug_info(function, file, static_cast<unsigned>(line)); }
};

using verify::access;
using verify::mistake;

namespace harness {
extern bool altered;        // something below is set; if not, an operation pays for one test only
extern bool force_seq_cst;  // set to repeat a failure: when it then passes, the cause is a memory order
extern verify::alteration mutant;
extern verify::visitor visit;  // may be null
// Values that a suite may set in before().
inline constexpr std::int64_t no_sleep = 0x7fffffffffffffff;
extern std::int64_t
    sleeps_last;              // a timed sleep of so many ns or more ends by a wake alone: only then is a lost one seen
extern bool threads_counted;  // true: thread_count() tells the truth
extern std::int64_t step_ns;  // how long a step takes
// So many calls that ask for one of these may be refused. Which ones is a choice of the strategy.
inline constexpr unsigned threads = 1, stacks = 2, memory = 4;
extern unsigned refusals, refusable;
// Bit i: thread i is of a real-time class, and another thread of its CPU goes on only while it sleeps. So it may look in
// vain a limited number of times before it sleeps.
extern std::uint32_t realtime;
extern bool guards_take_mappings;  // true: a stack is not promised with its g, as on kernels without light guards
// The order that the settings above make of `order` at this site, and whether the mutant is this mistake at this site.
std::memory_order altered_order(const site &s, access what, std::memory_order order) noexcept;
bool mistaken(const site &s, access what, mistake how) noexcept;
}  // namespace harness

// The one place where the order written at a site becomes the order that is checked.
inline std::memory_order effective_order(const site &s, access what, std::memory_order order) noexcept {
  return harness::altered ? harness::altered_order(s, what, order) : order;
}
inline bool mistake_here(const site &s, access what, mistake how) noexcept {
  return harness::altered && harness::mistaken(s, what, how);
}

inline rl::memory_order relacy_order(std::memory_order order) noexcept {
  switch (order) {
    case std::memory_order_relaxed: return rl::mo_relaxed;
    case std::memory_order_consume: return rl::mo_acquire;
    case std::memory_order_acquire: return rl::mo_acquire;
    case std::memory_order_release: return rl::mo_release;
    case std::memory_order_acq_rel: return rl::mo_acq_rel;
    default: return rl::mo_seq_cst;
  }
}

inline std::memory_order load_half(std::memory_order o) noexcept {
  if (o == std::memory_order_release) return std::memory_order_relaxed;
  return o == std::memory_order_acq_rel ? std::memory_order_acquire : o;
}
inline std::memory_order store_half(std::memory_order o) noexcept {
  if (o == std::memory_order_acquire) return std::memory_order_relaxed;
  return o == std::memory_order_acq_rel ? std::memory_order_release : o;
}

struct cas_orders {
  rl::memory_order success;
  rl::memory_order failure;
};

// Relacy accepts only a failure order that the success order covers, as C++11 did. Since C++17 any pair is legal, for
// instance (release, acquire); there the success order is strengthened to cover the failure, so Relacy may miss a bug
// that needs the weaker success, but never reports one that is not there.
inline cas_orders relacy_cas_orders(const site &s, std::memory_order success, std::memory_order failure) noexcept {
  success = effective_order(s, access::cas_success, success);
  failure = effective_order(s, access::cas_failure, failure);
  if (failure == std::memory_order_seq_cst)
    success = std::memory_order_seq_cst;
  else if (failure == std::memory_order_acquire || failure == std::memory_order_consume) {
    if (success == std::memory_order_relaxed) success = std::memory_order_acquire;
    if (success == std::memory_order_release) success = std::memory_order_acq_rel;
  }
  return {relacy_order(success), relacy_order(failure)};
}

// The type in which a value is kept inside Relacy, which must be able to print it and to default-construct it.
template <class T, bool = std::is_enum_v<T>>
struct representation {
  using type = T;
};
template <class T>
struct representation<T, true> {
  using type = std::conditional_t<sizeof(T) == 1, int, std::underlying_type_t<T>>;  // an int prints as a number
};
template <class T>
struct representation<T *, false> {
  using type = void *;
};
template <class T>
using representation_t = typename representation<T>::type;

template <class T>
representation_t<T> pack(T v) noexcept {
  if constexpr (std::is_pointer_v<T>)
    return (void *)v;  // drops const and takes function pointers as well
  else
    return static_cast<representation_t<T>>(v);
}
template <class T>
T unpack(representation_t<T> v) noexcept {
  if constexpr (std::is_pointer_v<T>)
    return (T)v;
  else
    return static_cast<T>(v);
}

// What an abandoned goroutine leaves on its stack is never destroyed, and Relacy takes that for a leak. So what lies on a
// stack is written down, and destroyed with it.
bool on_a_stack(const void *at) noexcept;
void write_down(void *at, void (*destroy)(void *)) noexcept;
void strike_out(const void *at) noexcept;

template <class T>
class on_stack {
 protected:
  void born(T *at) noexcept {
    if (on_a_stack(at)) write_down(at, [](void *of) { static_cast<T *>(of)->~T(); });
  }
  void gone(const T *at) noexcept {
    if (on_a_stack(at)) strike_out(at);
  }
};

// An atomic of such a type says in which list the object stands that it belongs to: null when the object goes
// (CONSERVE-1).
class waitq;
class timers;
template <class T>
inline constexpr bool tells_place = std::is_same_v<T, waitq *> || std::is_same_v<T, timers *>;
namespace harness {
void left_its_place(const void *list) noexcept;  // fails the execution unless it is null
}

template <class T>
class atomic : on_stack<atomic<T>> {
  using value = representation_t<T>;

 public:
  // Stores the initial value without a scheduling point: no other thread can know the object yet. Otherwise it is an
  // ordinary store, so an object that is published without release is reported as read before initialisation.
  atomic(T v = T{}, site s = site::here()) noexcept {
    rl::preemption_disabler alone(rl::ctx());
    cell_.store(pack<T>(v), rl::mo_relaxed, s);
    this->born(this);
  }
  ~atomic() {
    if constexpr (tells_place<T>) harness::left_its_place(pack<T>(peek()));
    this->gone(this);
  }
  atomic(const atomic &) = delete;
  atomic &operator=(const atomic &) = delete;

  T load(std::memory_order o, site s = site::here()) const noexcept {
    return unpack<T>(cell_.load(relacy_order(effective_order(s, access::load, o)), s));
  }
  void store(T v, std::memory_order o, site s = site::here()) noexcept {
    cell_.store(pack<T>(v), relacy_order(effective_order(s, access::store, o)), s);
  }
  T exchange(T v, std::memory_order o, site s = site::here()) noexcept {
    if (mistake_here(s, access::rmw, mistake::split)) return split(o, s, [v](T) { return v; });
    return unpack<T>(cell_.exchange(pack<T>(v), relacy_order(effective_order(s, access::rmw, o)), s));
  }
  bool compare_exchange_weak(T &expected, T desired, std::memory_order ok, std::memory_order fail,
                             site s = site::here()) noexcept {
    if (mistake_here(s, access::cas_success, mistake::split)) return split_cas(expected, desired, ok, s);
    value seen = pack<T>(expected);
    const cas_orders o = relacy_cas_orders(s, ok, fail);
    const bool done = cell_.compare_exchange_weak(seen, pack<T>(desired), o.success, s, o.failure, s);
    expected = unpack<T>(seen);
    return done;
  }
  bool compare_exchange_strong(T &expected, T desired, std::memory_order ok, std::memory_order fail,
                               site s = site::here()) noexcept {
    if (mistake_here(s, access::cas_success, mistake::split)) return split_cas(expected, desired, ok, s);
    if (mistake_here(s, access::cas_success, mistake::spurious))
      return compare_exchange_weak(expected, desired, ok, fail, s);
    value seen = pack<T>(expected);
    const cas_orders o = relacy_cas_orders(s, ok, fail);
    const bool done = cell_.compare_exchange_strong(seen, pack<T>(desired), o.success, s, o.failure, s);
    expected = unpack<T>(seen);
    return done;
  }
  T fetch_add(T v, std::memory_order o, site s = site::here()) noexcept
    requires std::is_integral_v<T>
  {
    if (mistake_here(s, access::rmw, mistake::split))
      return split(o, s, [v](T old) { return static_cast<T>(old + v); });
    return unpack<T>(cell_.fetch_add(pack<T>(v), relacy_order(effective_order(s, access::rmw, o)), s));
  }
  T fetch_sub(T v, std::memory_order o, site s = site::here()) noexcept
    requires std::is_integral_v<T>
  {
    if (mistake_here(s, access::rmw, mistake::split))
      return split(o, s, [v](T old) { return static_cast<T>(old - v); });
    return unpack<T>(cell_.fetch_sub(pack<T>(v), relacy_order(effective_order(s, access::rmw, o)), s));
  }
  // Returns the newest value; it is neither a step of the execution nor an event of its history.
  T peek() const noexcept { return unpack<T>(cell_.debug_value()); }
  const void *address() const noexcept { return this; }  // for futex only

 private:
  // A mistake: a read-modify-write in two halves, between which another thread may come.
  template <class F>
  T split(std::memory_order o, const site &s, F &&next) noexcept {
    const T old = unpack<T>(cell_.load(relacy_order(load_half(o)), s));
    cell_.store(pack<T>(next(old)), relacy_order(store_half(o)), s);
    return old;
  }
  bool split_cas(T &expected, T desired, std::memory_order o, const site &s) noexcept {
    const T old = unpack<T>(cell_.load(relacy_order(load_half(o)), s));
    if (old == expected) {
      cell_.store(pack<T>(desired), relacy_order(store_half(o)), s);
      return true;
    }
    expected = old;
    return false;
  }

  rl::atomic<value> cell_;
};

// Scalars are kept in Relacy and show their value in the history. Other types stay outside it, beside a counter that
// Relacy checks for races in their place.
template <class T, bool = std::is_scalar_v<T>>
class plain_cell {
 public:
  explicit plain_cell(T v) noexcept : var_(pack<T>(v)) {}
  T get(const site &s) const noexcept { return unpack<T>(var_(s).load()); }
  void set(T v, const site &s) noexcept { var_(s).store(pack<T>(v)); }

 private:
  rl::var<representation_t<T>> var_;
};
template <class T>
class plain_cell<T, false> {
 public:
  explicit plain_cell(const T &v) noexcept : writes_(1u), value_(v) {}
  T get(const site &s) const noexcept {
    writes_(s).load();
    return value_;
  }
  void set(const T &v, const site &s) noexcept {
    writes_(s).store(++count_);
    value_ = v;
  }

 private:
  rl::var<unsigned> writes_;
  unsigned count_ = 1;
  T value_;
};

template <class T>
class plain : on_stack<plain<T>> {
 public:
  plain(T v = T{}) noexcept : cell_(v) { this->born(this); }
  ~plain() { this->gone(this); }
  plain(const plain &) = delete;
  plain &operator=(const plain &) = delete;

  T get(site s = site::here()) const noexcept { return cell_.get(s); }
  void set(T v, site s = site::here()) noexcept { cell_.set(v, s); }
  // Returns the value, for reports: no race is looked for, as with atomic's peek.
  T peek() const noexcept {
    rl::context &c = rl::ctx();
    const bool was = std::exchange(c.invariant_executing, true);
    const T v = cell_.get(site::here());
    c.invariant_executing = was;
    return v;
  }

 private:
  plain_cell<T> cell_;
};

struct g;
struct m;
struct p;
// The engine has these, with all that Relacy makes of them, compiled with its own options: a suite need not.
#define HEDDLE_RELACY_CELLS(of)                                                                                       \
  of atomic<std::int32_t>; of atomic<std::uint32_t>; of atomic<std::int64_t>; of atomic<std::uint64_t>; of atomic<g *>; \
  of atomic<struct p *>; of plain<bool>; of plain<std::int32_t>; of plain<std::uint32_t>; of plain<std::int64_t>;       \
  of plain<std::uint64_t>; of plain<g *>; of plain<struct m *>; of plain<struct p *>; of plain<void *>; of plain<const void *>;
HEDDLE_RELACY_CELLS(extern template class)

template <class T>
T glimpse(const T &field) noexcept {
  return field;
}
template <class T>
T glimpse(const plain<T> &field) noexcept {
  return field.peek();
}

// It is no part of any protocol, so it is no step of the execution.
class statistic {
 public:
  void add(std::uint64_t n = 1) noexcept { value_ += n; }
  void set(std::uint64_t v) noexcept { value_ = v; }
  std::uint64_t get() const noexcept { return value_; }

 private:
  std::uint64_t value_ = 0;
};

// The kind of choice by which a timed sleep ends. Relacy has the name for its own schedulers, none of which is in use.
inline constexpr rl::sched_type sched_type_sleep = rl::sched_type_sched;
// The kind of choice by which dealt() deals, a kind that Relacy does not know.
inline constexpr auto sched_type_turn = static_cast<rl::sched_type>(rl::sched_type_user + 1);

void fence(std::memory_order o, site s = site::here()) noexcept;
void fence_light(site s = site::here()) noexcept;
void fence_heavy(site s = site::here()) noexcept;

void cpu_relax(site s = site::here()) noexcept;
void thread_yield(site s = site::here()) noexcept;
void thread_nap(std::int64_t ns, site s = site::here()) noexcept;
inline void section_begin() noexcept {}
inline void section_end() noexcept {}
inline void prefetch(const void *) noexcept {}

void futex_sleep(atomic<std::uint32_t> &word, std::uint32_t expected, site s = site::here()) noexcept;
// The time may be over at any moment, however long it is: at once, or when the sleeper is chosen to run. The sleeper
// can be chosen from the beginning, like a thread that yielded, so it is never a part of a deadlock and starves no
// other thread.
bool futex_sleep_for(atomic<std::uint32_t> &word, std::uint32_t expected, std::int64_t ns,
                     site s = site::here()) noexcept;
void futex_wake(atomic<std::uint32_t> &word, site s = site::here()) noexcept;

struct thread {
  rl::win_waitable_object *handle = nullptr;
};
// EAGAIN when the suite's dynamic threads are all used up, or as harness::refusals says: so a suite can see what happens
// when a thread cannot be started.
[[nodiscard]] std::int32_t thread_start(thread &t, void (*fn)(void *), void *arg, site s = site::here()) noexcept;
void thread_join(thread &t, site s = site::here()) noexcept;
// The time may be over at any moment, as that of futex_sleep_for.
bool thread_join_until(thread &t, std::int64_t when, site s = site::here()) noexcept;

// 0 unless the suite has set harness::threads_counted: suites with threads from outside detect no deadlock.
// *harness::strangers are added, and their going orders what they did, as the kernel does; -1: it is not known.
std::int32_t thread_count() noexcept;
namespace harness {
extern atomic<std::int32_t> *strangers;  // may be null
}

[[gnu::noinline]] void *current_m() noexcept;
[[gnu::noinline]] void set_current_m(void *mp, const void *asked = nullptr) noexcept;
[[gnu::noinline]] std::int32_t &user_code_depth() noexcept;

// One microsecond, or harness::step_ns, for each scheduling point so far, plus the time that sleeps have skipped which
// lasted to their end.
std::int64_t nanotime() noexcept;
inline std::uint64_t random_seed() noexcept { return 1; }

// A random number is a choice of the strategy: every outcome is tried, and the state is not used.
std::uint32_t cheaprandn(std::uint64_t &state, std::uint32_t n) noexcept;

// Addresses differ from run to run, and nothing may depend on them: the order of objects is the order in which they
// were made.
class place {
 public:
  place() noexcept;
  std::uintptr_t get() const noexcept { return at_; }

 private:
  std::uintptr_t at_;
};

struct stack {
  char *lo = nullptr;
  char *hi = nullptr;
  explicit operator bool() const noexcept { return hi != nullptr; }
};

// A fixed arena of 16 stacks for the whole execution; stackalloc returns an empty stack when all are taken. A stack of
// less than the default size is the lower part of one.
class stackpool {
 public:
  stackpool(std::size_t stack_size, bool log) noexcept;
  ~stackpool();
  stackpool(const stackpool &) = delete;
  stackpool &operator=(const stackpool &) = delete;
  stack stackalloc(std::size_t size) noexcept;
  void stackfree(stack s) noexcept;
  void give_back() noexcept {}
  bool unused() const noexcept { return false; }
  bool promise() noexcept;
  bool promises() const noexcept { return !harness::guards_take_mappings; }
  std::size_t usable(std::size_t) const noexcept;
};

class persistent {
 public:
  persistent() = default;
  ~persistent();
  persistent(const persistent &) = delete;
  persistent &operator=(const persistent &) = delete;
  void *persistentalloc(std::size_t size) noexcept;

 private:
  struct piece;
  piece *pieces_ = nullptr;
};

// Threads are fibers of one kernel thread, and no code here throws or looks at errno: a switch carries registers only.
struct fiber {};
inline void fiber_attach_thread(fiber &) noexcept {}
// Between these two calls a stack belongs to one goroutine.
void fiber_create(fiber &, stack s) noexcept;
void fiber_destroy(fiber &, stack s) noexcept;
inline void fiber_resume(fiber &, fiber &) noexcept {}
inline void fiber_suspend(fiber &, fiber &) noexcept {}
inline void fiber_leave(fiber &, fiber &, bool) noexcept {}
inline void fiber_arrive(fiber &) noexcept {}

inline void osinit() noexcept {}
inline bool forked() noexcept { return false; }

// Keeps the text for the report of this execution, and shows it in the history.
void print_error(const char *text) noexcept;
struct signal_stack {
  signal_stack() noexcept {}
  ~signal_stack() {}
};
inline void on_report_stack(void (*fn)(void *arg), void *arg) noexcept { fn(arg); }
// These end the execution as failed; no thread of it runs on.
[[noreturn]] void exit_misuse(const char *a, const char *b = "", const char *c = "", const char *d = "") noexcept;
[[noreturn]] void exit_reported(void (*on_fatal)(void *arg, const char *report), void *arg,
                                const char *report) noexcept;
[[noreturn]] void invariant_broken(const char *id, const char *condition, const char *file, int line) noexcept;

// What the harness (verify/suite.hpp) sets and asks; the shared source must not use it.
namespace harness {
inline constexpr unsigned threads_limit = 16;
struct shape {
  unsigned static_threads = 0;
  unsigned dynamic_threads = 0;
  void (*fence_light)() noexcept = nullptr;  // the calling thread's side of an asymmetric fence
  void (*fence_heavy)() noexcept = nullptr;
};
extern std::uint64_t steps;  // scheduling points of this execution
void begin_execution(const shape &) noexcept;
void on_main(bool is) noexcept;  // called around before() and after(), which have a current_m of their own
void threads_begin() noexcept;   // before() is done
void thread_end(unsigned thread) noexcept;
// Bit i: stack i of the arena is out; a goroutine that has begun and not ended lives on it.
std::uint32_t stacks_out() noexcept;
std::uint32_t stacks_lived_on() noexcept;
std::uint32_t bit_of(stack s) noexcept;
bool can_run(unsigned thread) noexcept;  // it is static, or was started; and has not ended
void *last_m(unsigned thread) noexcept;  // its current_m() before that became null
// Returns a number below n (1 to 256): which of n things this execution is about. A search tries each; where executions
// are sampled, n in a row get n different numbers. Asked twice, it deals like the digits of a number: ones, then tens.
unsigned dealt(unsigned n) noexcept;
}  // namespace harness

HEDDLE_DETAIL_END
