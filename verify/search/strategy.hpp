#pragma once
// How executions are chosen. A strategy answers two questions, "which thread runs next" and "which of these outcomes",
// and knows nothing about the world that asks. Today that is the relacy world.
#include "verify/search/untracked.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace verify {

enum class choice : std::uint8_t {
  thread,
  stale_load,     // 1: an older value than the one considered
  cas_failure,    // 1: a weak compare-exchange fails for no reason
  spurious_wake,  // i > 0: the i-th sleeper wakes for no reason
  late_reuse,     // 1: freed memory is held back instead of being the next to be handed out
  timed_sleep,    // 1: its time is over before any other thread runs; 2: it ends so for no reason
  user,           // chance in the code under test; all outcomes are equally likely
  turn,           // likewise, but a sampling strategy deals the outcomes: n in a row are all different
};

inline constexpr unsigned choice_kinds = 8;

// Threads are numbered below 63; a set of threads is a bit mask.
inline constexpr unsigned no_thread = 63;  // before the first step

class strategy {
 public:
  virtual ~strategy() = default;
  // The n-th execution of this process, from 0.
  virtual void begin(std::uint64_t n) = 0;
  // Returns one of `runnable`, which holds at least two. `current` made the last step and may be blocked; `yielded`
  // says that it has nothing to do until another thread has made a step.
  virtual unsigned choose_thread(std::uint64_t runnable, unsigned current, bool yielded) = 0;
  // Called for every step, also for steps that left no choice.
  virtual void ran(unsigned thread) { (void)thread; }
  // Returns an outcome below `limit`; except for `user` and `turn`, 0 is the ordinary one.
  virtual unsigned choose(unsigned limit, choice kind) = 0;
  // False if the present execution belongs to another shard and was made here only to learn how to go on.
  virtual bool counts() const { return true; }
  // True if there is nothing new left to explore.
  virtual bool end() = 0;
  // A sampling strategy allows every outcome at any time; a searching one allows few, so that it can finish.
  virtual bool samples() const = 0;
  // The number of thread choices over which PCT spreads its changes; 0 for other strategies.
  virtual unsigned points() const { return 0; }
  // Names the last execution so that strategy_from_text() can repeat it: no addresses, no spaces, no colons.
  virtual std::string text() const = 0;
};

// The index-th, counted from 0, of `count` parts: together they hold every execution, and no two hold the same.
struct shard {
  unsigned index = 0;
  unsigned count = 1;
};

struct splitmix64 {
  std::uint64_t state = 0;
  std::uint64_t next() noexcept {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  unsigned below(unsigned n) noexcept {
    return static_cast<unsigned>((static_cast<unsigned __int128>(next()) * n) >> 64);
  }
};

// Makes every choice with equal chances for all its outcomes.
std::unique_ptr<strategy> make_uniform(std::uint64_t seed);
// PCT (Burckhardt and others, 2010): threads have random priorities, and at depth - 1 random points the priority of the
// running thread drops. It finds a bug of that depth among n threads with a chance of at least
// 1 / (n * points^(depth - 1)). The points are the choices between threads, not the steps: at a step where only one
// thread can run a change would have no effect before the next choice.
std::unique_ptr<strategy> make_pct(std::uint64_t seed, unsigned depth, unsigned points);
// The default: in turn uniform and PCT of depth 1 to 6. Iterations 0 to 69 of the seed are run in every window and
// every shard; they count in the first shard only. The longest of them gives the number of points. It is the longest
// because a change past the end of an execution costs only a little time, while the part of an execution past all
// points would never see a change; and it is the longest of all kinds because PCT can make executions twice as long as
// uniform choices do. The other iterations start at 10^12 times the window, and the shards take them in turn.
std::unique_ptr<strategy> make_mix(std::uint64_t seed, std::uint64_t window = 0, shard part = {});

inline constexpr unsigned unbounded = ~0u;
// A depth-first search of every choice, with at most `switches` preemptions, which are switches away from a thread that
// could go on. A thread that yielded waits until every other runnable thread has made a step; otherwise a spin loop
// would have no end. To keep the number of executions finite, an execution has at most 16 stale loads, one spurious
// failure of a compare-exchange, two timed sleeps that end at once and no spurious wake, and freed memory is always the
// next to be handed out.
//
// The shards split the tree of choices: all of them make the same few hundred executions, which show where its largest
// subtrees are, and then each searches its own subtrees.
std::unique_ptr<strategy> make_search(unsigned switches, shard part = {});

// A path is what a search chose, choice by choice. Its text is short: equal choices in a row are counted, and the zeros
// at its end are left out.
using search_path = untracked_vector<std::uint16_t>;
std::string path_to_text(const search_path &path);
bool path_from_text(const std::string &text, search_path &path);
std::unique_ptr<strategy> make_search_path(unsigned switches, const search_path &path);  // this one execution only

// What one execution chose, for a replay with changed memory orders. In that replay the same loads need not ask the
// same questions, so each kind of choice has its own queue, and threads are named, not counted.
struct recording {
  static constexpr unsigned capacity = 16384;
  struct item {
    choice kind;
    std::uint8_t value;
  };
  std::uint32_t count = 0;  // may exceed the capacity; then the end is lost
  item items[capacity];
  void add(choice kind, unsigned value) noexcept {
    if (count < capacity) items[count] = {kind, static_cast<std::uint8_t>(value)};
    ++count;
  }
};
std::unique_ptr<strategy> make_follow(const recording &r);

// The inverse of strategy::text(), for one execution; null when the text is not understood.
std::unique_ptr<strategy> strategy_from_text(const std::string &text);

}  // namespace verify
