// The state of the relacy world. There is one execution at a time, on one kernel thread, so nothing here needs to be
// atomic.
#include "sched/world.hpp"

#include <sys/mman.h>
#include <bit>

HEDDLE_DETAIL_BEGIN

HEDDLE_RELACY_CELLS(template class)

namespace harness {

std::uint64_t steps = 0;
bool altered = false;
bool force_seq_cst = false;
verify::alteration mutant;
verify::visitor visit = nullptr;
std::int64_t sleeps_last = no_sleep;
bool threads_counted = false;
atomic<std::int32_t> *strangers = nullptr;
std::int64_t step_ns = 1000;
unsigned refusals = 0, refusable = 0;
bool guards_take_mappings = false;
std::uint32_t realtime = 0;

bool mistaken(const site &s, access what, mistake how) noexcept {
  if (how != mutant.how || what != mutant.what || s.line < mutant.first_line || s.line > mutant.last_line) return false;
  return std::string_view(s.file).ends_with(mutant.file);
}

std::memory_order altered_order(const site &s, access what, std::memory_order order) noexcept {
  if (visit) visit(s.file, s.line, what, order);
  if (force_seq_cst) return std::memory_order_seq_cst;
  return mistaken(s, what, mistake::weaken) ? mutant.order : order;
}

}  // namespace harness

namespace {

constexpr unsigned stacks_count = 16;
constexpr std::size_t page_size = 4096;
constexpr std::uint32_t turns_limit = 40;
constexpr unsigned main_slot = harness::threads_limit;

struct sleeper {
  const void *word;
  rl::thread_id_t thread;
  bool timed;  // it may be chosen to run at any time
};

// How often a thread has looked in vain at this place, one look after the other.
struct turn {
  const char *file;
  int line;
  std::uint32_t looks;
};

struct start {
  void (*fn)(void *);
  void *arg;
};

struct execution {
  harness::shape shape;
  std::uint32_t begun = 0;  // bit i: thread i is static, or was started
  std::uint32_t ended = 0;
  bool on_main = true;
  unsigned started = 0;  // dynamic threads so far
  start starts[harness::threads_limit] = {};
  void *m[harness::threads_limit + 1] = {};
  void *last_m[harness::threads_limit + 1] = {};
  std::int32_t user_code[harness::threads_limit + 1] = {};
  sleeper sleepers[harness::threads_limit] = {};
  unsigned sleepers_count = 0;
  std::int64_t skipped = 0;  // nanoseconds that passed within no step
  std::uint32_t stacks_out = 0;
  std::uint32_t stacks_lived_on = 0;
  unsigned stacks_promised = 0;
  turn turns[harness::threads_limit + 1] = {};
  bool abandoned = false;  // what lies on an abandoned stack is being destroyed
  std::uintptr_t places = 0;
  char text[2048] = {};
  std::size_t text_size = 0;
};

execution now;

// The lowest page of each stack is a guard: an overflow is a crash, and a crash is a failed execution.
alignas(page_size) char arena[stacks_count][geometry::stack_size];
bool arena_guarded = false;

std::uint32_t bit_of(stack s) noexcept {
  return 1u << (s.lo - arena[0]) / static_cast<std::ptrdiff_t>(geometry::stack_size);
}

struct resident {
  void *at;
  void (*destroy)(void *);
};
resident residents[4096];  // no container: Relacy takes its memory for a leak
std::size_t residents_count = 0;

void guard_arena() noexcept {
  if (arena_guarded) return;
  for (auto &base : arena) mprotect(base, page_size, PROT_NONE);
  arena_guarded = true;
}

void log(const site &s, const char *text) noexcept {
  if (rl::ctx().collecting_history()) rl::ctx().exec_log_msg(s, text);
}

void log(const site &s, const char *text, unsigned thread) noexcept {
  if (!rl::ctx().collecting_history()) return;
  char line[80];
  std::snprintf(line, sizeof line, "%s %u", text, thread);
  log(s, line);
}

void log(const site &s, const char *text, const atomic<std::uint32_t> &word) noexcept {
  if (!rl::ctx().collecting_history()) return;
  char line[80];
  std::snprintf(line, sizeof line, "<%p> %s", word.address(), text);
  log(s, line);
}

[[noreturn]] void fail(const char *text, const site &s) noexcept {
  rl::ctx().fail_test(text, rl::test_result_user_assert_failed, s);
  std::abort();  // fail_test leaves this stack for good
}

void *dynamic_thread(void *p) {
  const start &s = *static_cast<start *>(p);
  s.fn(s.arg);
  harness::thread_end(rl::thread_index());
  return nullptr;
}

unsigned self() noexcept { return now.on_main ? main_slot : rl::thread_index(); }

}  // namespace

void fence(std::memory_order o, site s) noexcept {
  if (o == std::memory_order_relaxed) return;
  const std::memory_order effective = effective_order(s, access::fence, o);
  if (effective == o) return rl::atomic_thread_fence(relacy_order(o), s);
  if (effective == std::memory_order_relaxed) return;
  // Only a seq_cst fence is a scheduling point; a changed order must not move the other scheduling points, or a replay
  // would go astray.
  rl::preemption_disabler alone(rl::ctx());
  rl::atomic_thread_fence(relacy_order(effective), s);
}

// The two sides as C++ paper P1202 has them, and no more: of a light and a heavy fence one comes first, and what its
// thread did before it is visible to the other's thread after its own. membarrier gives more: a full fence in whatever
// the other threads are doing, with or without a light fence. Code that relied on that would be at the mercy of the
// compiler. A light fence is no scheduling point: no thread can see whether another came between it and the store
// before it.
void fence_light(site s) noexcept {
  effective_order(s, access::light, std::memory_order_seq_cst);
  if (mistake_here(s, access::light, mistake::lost)) return;
  now.shape.fence_light();
  log(s, "light fence");
}

void fence_heavy(site s) noexcept {
  effective_order(s, access::heavy, std::memory_order_seq_cst);
  rl::atomic_thread_fence(rl::mo_seq_cst, s);
  if (mistake_here(s, access::heavy, mistake::lost)) return;
  now.shape.fence_heavy();
  log(s, "heavy fence");
}

namespace {

void look_again(const site &s) noexcept {
  const rl::thread_id_t self = rl::thread_index();
  if ((harness::realtime >> self & 1) == 0) return rl::ctx().yield(1, s);
  turn &t = now.turns[self];
  if (t.line != s.line || t.file != s.file) t = {s.file, s.line, 0};
  if (++t.looks > turns_limit) fail("BACKOFF-1: a real-time thread waits for another one and does not sleep", s);
}

}  // namespace

void cpu_relax(site s) noexcept { look_again(s); }
void thread_yield(site s) noexcept { look_again(s); }

void thread_nap(std::int64_t ns, site s) noexcept {
  now.turns[rl::thread_index()] = {};
  rl::ctx().yield(1, s);
  now.skipped += ns;
}

namespace {

bool lies_down(const atomic<std::uint32_t> &word, std::uint32_t expected, bool timed, const site &s) noexcept {
  rl::thread_info_base &self = *rl::ctx().threadx_;
  // The kernel has just looked: values that are known to be old must not be read again, or a polling caller might never
  // end.
  self.last_yield_ = self.own_acq_rel_order_;
  if (word.peek() != expected) {
    log(s, "futex sleep: the value has changed", word);
    return false;
  }
  log(s, "futex sleep", word);
  now.sleepers[now.sleepers_count++] = {word.address(), self.index_, timed};
  return true;
}

// False: the thread has been woken.
bool gets_up(rl::thread_id_t thread) noexcept {
  for (unsigned i = 0; i < now.sleepers_count; ++i) {
    if (now.sleepers[i].thread != thread) continue;
    now.sleepers[i] = now.sleepers[--now.sleepers_count];
    return true;
  }
  return false;
}

}  // namespace

// Relacy's own futex orders the waker before the sleeper. The kernel's interface promises no such thing, so this futex
// does not either: what a note protects must be ordered by the note's own accesses.
void futex_sleep(atomic<std::uint32_t> &word, std::uint32_t expected, site s) noexcept {
  rl::context &c = rl::ctx();
  c.sched();
  if (!lies_down(word, expected, false, s)) return;
  if (c.park_current_thread(false, true, false, s) == rl::unpark_reason_normal) return;
  gets_up(c.threadx_->index_);
  log(s, "futex sleep: woken for no reason", word);
}

bool futex_sleep_for(atomic<std::uint32_t> &word, std::uint32_t expected, std::int64_t ns, site s) noexcept {
  rl::context &c = rl::ctx();
  if (ns <= 0) return false;
  if (ns >= harness::sleeps_last) {
    futex_sleep(word, expected, s);
    return true;
  }
  const std::int64_t end = nanotime() + std::min(ns, std::int64_t{3'600'000'000'000});  // the clock must not overflow
  c.sched();
  if (!lies_down(word, expected, true, s)) return true;
  // To be woken it must sleep while others run, and so its time is over when it is chosen again. That it gets up before
  // they run is a choice of its own, which a search makes only a few times: else a loop of sleeps would have no end.
  const unsigned at_once = c.rand(3, sched_type_sleep);
  if (at_once == 0) c.yield(1, s);
  if (!gets_up(c.threadx_->index_)) return true;
  if (at_once == 2) {
    log(s, "futex sleep: woken for no reason", word);
    return true;
  }
  now.skipped += std::max(end - nanotime(), std::int64_t{0});
  log(s, "futex sleep: the time is over", word);
  return false;
}

namespace {

void wake_one(const atomic<std::uint32_t> &word, const site &s) noexcept {
  rl::context &c = rl::ctx();
  unsigned found[harness::threads_limit];
  unsigned count = 0;
  for (unsigned i = 0; i < now.sleepers_count; ++i)
    if (now.sleepers[i].word == word.address()) found[count++] = i;
  if (count == 0) return log(s, "futex wake: no thread sleeps", word);
  const unsigned which = found[count == 1 ? 0 : c.rand(count, rl::sched_type_user)];
  const sleeper woken = now.sleepers[which];
  now.sleepers[which] = now.sleepers[--now.sleepers_count];
  log(s, "futex wake", word);
  if (woken.timed)
    log(s, "unblocking thread", static_cast<unsigned>(woken.thread));  // as Relacy's log has it for the others
  else
    c.unpark_thread(woken.thread, false, s);
}

}  // namespace

void futex_wake(atomic<std::uint32_t> &word, site s) noexcept {
  effective_order(s, access::wake, std::memory_order_relaxed);
  rl::ctx().sched();
  word.peek();  // must still exist: a sleeper on another word at that address would be woken
  if (mistake_here(s, access::wake, mistake::lost)) return;
  wake_one(word, s);
  if (!mistake_here(s, access::wake, mistake::doubled)) return;
  rl::ctx().sched();
  wake_one(word, s);
}

namespace {

// Returns whether this call is refused.
bool refuses(unsigned kind) noexcept {
  if (harness::refusals == 0 || (harness::refusable & kind) == 0 || rl::ctx().rand(2, rl::sched_type_user) == 0)
    return false;
  --harness::refusals;
  return true;
}

}  // namespace

std::int32_t thread_start(thread &t, void (*fn)(void *), void *arg, site s) noexcept {
  rl::ctx().sched();
  if (now.started == now.shape.dynamic_threads || refuses(harness::threads)) {
    log(s, "thread start: refused");
    return EAGAIN;
  }
  start &slot = now.starts[now.started];
  slot = {fn, arg};
  ++now.started;
  // Relacy hands its dynamic threads out from the highest index down.
  const unsigned index = now.shape.static_threads + now.shape.dynamic_threads - now.started;
  now.begun |= 1u << index;
  log(s, "thread start: thread", index);
  t.handle = rl::ctx().create_thread(&dynamic_thread, &slot);
  return 0;
}

void thread_join(thread &t, site s) noexcept {
  rl::ctx().sched();
  log(s, "thread join");
  t.handle->wait(false, false, s);
}

bool thread_join_until(thread &t, std::int64_t when, site s) noexcept {
  if (when != harness::no_sleep && rl::ctx().rand(2, rl::sched_type_user) != 0) {
    rl::ctx().sched();
    log(s, "thread join: the time is over");
    return false;
  }
  thread_join(t, s);
  return true;
}

std::int32_t thread_count() noexcept {
  const std::int32_t strangers = harness::strangers != nullptr ? harness::strangers->load(acquire) : 0;
  if (strangers < 0) return -1;
  return (harness::threads_counted ? std::popcount(now.begun & ~now.ended) : 0) + strangers;
}

void *current_m() noexcept { return now.m[self()]; }
void set_current_m(void *mp, const void *) noexcept {
  now.m[self()] = mp;
  if (mp != nullptr) now.last_m[self()] = mp;
}

std::int32_t &user_code_depth() noexcept { return now.user_code[self()]; }

std::int64_t nanotime() noexcept { return static_cast<std::int64_t>(harness::steps) * harness::step_ns + now.skipped; }

place::place() noexcept : at_(++now.places) {}

std::uint32_t cheaprandn(std::uint64_t &, std::uint32_t n) noexcept {
  return n <= 1 ? 0 : rl::ctx().rand(n, rl::sched_type_user);
}

stackpool::stackpool(std::size_t, bool) noexcept {}
stackpool::~stackpool() = default;

stack stackpool::stackalloc(std::size_t size) noexcept {
  if (refuses(harness::stacks)) return {};
  for (unsigned i = 0; i < stacks_count && size <= geometry::stack_size; ++i) {
    if (now.stacks_out & 1u << i) continue;
    now.stacks_out |= 1u << i;
    return {arena[i] + page_size, arena[i] + page_size + usable(size)};
  }
  return {};
}

void stackpool::stackfree(stack s) noexcept {
  if (!(now.stacks_out & bit_of(s))) fail("stackfree: this stack is not out", site::here());
  now.stacks_out &= ~bit_of(s);
}

std::size_t stackpool::usable(std::size_t size) const noexcept {
  return (size == 0 || size > geometry::stack_size ? geometry::stack_size : size) - page_size;
}

bool stackpool::promise() noexcept {
  if (!promises()) return true;
  return now.stacks_promised < stacks_count && ++now.stacks_promised != 0;
}

struct alignas(cacheline) persistent::piece {
  piece *older;
};

persistent::~persistent() {
  while (piece *newest = pieces_) {
    pieces_ = newest->older;
    ::operator delete(newest);
  }
}

void *persistent::persistentalloc(std::size_t size) noexcept {
  void *const at = refuses(harness::memory) ? nullptr : ::operator new(sizeof(piece) + size, std::nothrow);
  if (at == nullptr) return nullptr;
  pieces_ = new (at) piece{pieces_};
  return pieces_ + 1;
}

void fiber_create(fiber &, stack s) noexcept {
  if (now.stacks_lived_on & bit_of(s)) fail("STACK-1: this stack is another goroutine's", site::here());
  now.stacks_lived_on |= bit_of(s);
}

bool on_a_stack(const void *at) noexcept { return at >= arena[0] && at < arena[0] + sizeof arena; }
void write_down(void *at, void (*destroy)(void *)) noexcept {
  if (residents_count == std::size(residents)) fail("the stacks hold too many atomics", site::here());
  residents[residents_count++] = {at, destroy};
}
void strike_out(const void *at) noexcept {
  for (std::size_t i = residents_count; i-- != 0;) {
    if (residents[i].at != at) continue;
    std::copy(residents + i + 1, residents + residents_count, residents + i);
    --residents_count;
    return;
  }
}

void fiber_destroy(fiber &, stack s) noexcept {
  now.stacks_lived_on &= ~bit_of(s);
  // The newest first. Each strikes itself out. An abandoned frame may hold a queue, and what stands in it: both go.
  now.abandoned = true;
  for (std::size_t i = residents_count; i-- != 0;)
    if (const resident r = residents[i]; r.at >= s.lo && r.at < s.hi) r.destroy(r.at);
  now.abandoned = false;
}

void print_error(const char *text) noexcept {
  const std::size_t room = sizeof now.text - 1 - now.text_size;
  const std::size_t size = std::min(std::strlen(text), room);
  std::memcpy(now.text + now.text_size, text, size);
  now.text_size += size;
  now.text[now.text_size] = 0;
  log(site::here(), text);
}

void exit_misuse(const char *a, const char *b, const char *c, const char *d) noexcept {
  for (const char *part : {"fatal error: ", a, b, c, d}) print_error(part);
  fail(now.text, site::here());
}

void exit_reported(void (*)(void *arg, const char *report), void *, const char *) noexcept {
  if (now.text_size && now.text[now.text_size - 1] == '\n') now.text[now.text_size - 1] = 0;
  fail(now.text_size ? now.text : "the process ends", site::here());
}

void invariant_broken(const char *id, const char *condition, const char *file, int line) noexcept {
  char text[512];
  std::snprintf(text, sizeof text, "%s: %s", id, condition);
  fail(text, site{file, id, line});
}

namespace harness {

void begin_execution(const shape &s) noexcept {
  guard_arena();
  now.shape = s;
  now.begun = 0;
  now.ended = 0;
  now.on_main = true;
  now.started = 0;
  std::fill(std::begin(now.m), std::end(now.m), nullptr);
  std::fill(std::begin(now.last_m), std::end(now.last_m), nullptr);
  std::fill(std::begin(now.user_code), std::end(now.user_code), 0);
  now.sleepers_count = 0;
  now.skipped = 0;
  now.stacks_out = now.stacks_lived_on = now.stacks_promised = 0;
  now.places = 0;
  now.text_size = 0;
  now.text[0] = 0;
  residents_count = 0;
  steps = 0;
  sleeps_last = no_sleep;
  threads_counted = false;
  strangers = nullptr;
  geometry::stack_period = no_sleep;
  step_ns = 1000;
  refusals = refusable = 0;
  guards_take_mappings = false;
  realtime = 0;
  std::fill(std::begin(now.turns), std::end(now.turns), turn{});
}

std::uint32_t stacks_out() noexcept { return now.stacks_out; }
std::uint32_t stacks_lived_on() noexcept { return now.stacks_lived_on; }
std::uint32_t bit_of(stack s) noexcept { return heddle::detail::bit_of(s); }

void left_its_place(const void *list) noexcept {
  if (list != nullptr && !now.abandoned) fail("CONSERVE-1: what goes away still stands in a list", site::here());
}

void on_main(bool is) noexcept { now.on_main = is; }
void threads_begin() noexcept { now.begun = (1u << now.shape.static_threads) - 1; }
void thread_end(unsigned thread) noexcept { now.ended |= 1u << thread; }
void *last_m(unsigned thread) noexcept { return now.last_m[thread]; }

unsigned dealt(unsigned n) noexcept { return rl::ctx().rand(n, sched_type_turn); }
bool can_run(unsigned thread) noexcept { return now.begun & ~now.ended & 1u << thread; }

}  // namespace harness

HEDDLE_DETAIL_END
