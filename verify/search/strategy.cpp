// The strategies that sample: uniform, PCT, their mix; and the one that repeats a recorded execution.
#include "verify/search/strategy.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace verify {
namespace {

unsigned nth_thread(std::uint64_t set, unsigned n) noexcept {
  for (; n > 0; --n) set &= set - 1;
  return static_cast<unsigned>(std::countr_zero(set));
}

// The unusual outcome is chosen one time in so many.
unsigned rarity(choice kind) noexcept {
  switch (kind) {
    case choice::stale_load: return 2;
    case choice::cas_failure: return 4;
    case choice::late_reuse: return 4;
    case choice::spurious_wake: return 32;
    case choice::timed_sleep: return 4;
    default: return 1;
  }
}

class sampler : public strategy {
 public:
  explicit sampler(std::uint64_t seed) : seed_(seed) {}
  void begin(std::uint64_t iteration) override {
    iteration_ = iteration;
    turn_ = iteration;
    random_.state = seed_ * 0xa0761d6478bd642full;
    random_.state = random_.next() + iteration * 0xd1342543de82ef95ull;
    random_.state = random_.next();
  }
  unsigned choose(unsigned limit, choice kind) override {
    if (kind == choice::turn) {  // digit by digit, if one execution asks several times
      const std::uint64_t mine = turn_ % limit;
      turn_ /= limit;
      return static_cast<unsigned>(mine);
    }
    const unsigned rare = rarity(kind);
    if (rare == 1) return random_.below(limit);
    if (random_.below(rare) != 0) return 0;
    return limit == 2 ? 1 : 1 + random_.below(limit - 1);
  }
  bool end() override { return false; }
  bool samples() const override { return true; }

 protected:
  std::string where() const { return std::to_string(seed_) + "." + std::to_string(iteration_); }
  std::uint64_t seed_;
  std::uint64_t iteration_ = 0;
  std::uint64_t turn_ = 0;
  splitmix64 random_;
};

class uniform final : public sampler {
 public:
  using sampler::sampler;
  unsigned choose_thread(std::uint64_t runnable, unsigned, bool) override {
    return nth_thread(runnable, random_.below(static_cast<unsigned>(std::popcount(runnable))));
  }
  std::string text() const override { return "uniform-" + where(); }
};

class pct final : public sampler {
 public:
  pct(std::uint64_t seed, unsigned depth, unsigned points)
      : sampler(seed), depth_(depth), points_(points ? points : 1) {}

  void set_points(unsigned points) noexcept { points_ = points ? points : 1; }

  void begin(std::uint64_t iteration) override {
    sampler::begin(iteration);
    point_ = 0;
    streak_ = 0;
    lowest_ = -1;
    for (unsigned i = 0; i < threads; ++i) priority_[i] = static_cast<int>(depth_ + i);
    for (unsigned i = threads - 1; i > 0; --i) std::swap(priority_[i], priority_[random_.below(i + 1)]);
    for (unsigned i = 0; i + 1 < depth_; ++i) change_[i] = random_.below(points_);
  }

  unsigned choose_thread(std::uint64_t runnable, unsigned current, bool yielded) override {
    // A thread that polls without calling cpu_relax would keep all others from running for ever.
    if (yielded || streak_ > streak_max) priority_[current] = lowest_--;
    if (current != no_thread) {  // else no thread has run whose priority could drop
      for (unsigned i = 0; i + 1 < depth_; ++i)
        if (change_[i] == point_) priority_[current] = static_cast<int>(i);
      ++point_;
    }
    unsigned best = nth_thread(runnable, 0);
    for (std::uint64_t rest = runnable & (runnable - 1); rest; rest &= rest - 1) {
      const auto i = static_cast<unsigned>(std::countr_zero(rest));
      if (priority_[i] > priority_[best]) best = i;
    }
    streak_ = best == current ? streak_ + 1 : 0;
    return best;
  }

  std::string text() const override {
    return "pct" + std::to_string(depth_) + "." + std::to_string(points_) + "-" + where();
  }

 private:
  static constexpr unsigned threads = 64;
  static constexpr unsigned streak_max = 256;
  unsigned depth_;
  unsigned points_;
  unsigned point_ = 0;
  unsigned streak_ = 0;
  int lowest_ = -1;
  int priority_[threads] = {};
  unsigned change_[16] = {};
};

class mix final : public strategy {
 public:
  mix(std::uint64_t seed, std::uint64_t window, shard part)
      : uniform_(seed),
        pct_{{seed, 1, 1}, {seed, 2, 1}, {seed, 3, 1}, {seed, 4, 1}, {seed, 5, 1}, {seed, 6, 1}},
        first_(measures + window * window_size),
        part_(part) {}

  void begin(std::uint64_t n) override {
    const std::uint64_t kind = n % kinds;
    active_ = kind == 0 ? static_cast<strategy *>(&uniform_) : &pct_[kind - 1];
    measuring_ = n < measures;
    if (measuring_) return active_->begin(n);
    // The shards take whole turns; if they took single executions, seven shards would have one kind each.
    const std::uint64_t turn = (n - measures) / kinds * part_.count + part_.index;
    active_->begin(first_ + turn * kinds + kind);
  }
  unsigned choose_thread(std::uint64_t runnable, unsigned current, bool yielded) override {
    if (current != no_thread) ++points_;
    return active_->choose_thread(runnable, current, yielded);
  }
  unsigned choose(unsigned limit, choice kind) override { return active_->choose(limit, kind); }
  bool counts() const override { return !measuring_ || part_.index == 0; }
  bool end() override {
    if (measuring_) {
      longest_ = std::max(longest_, points_);
      for (pct &p : pct_) p.set_points(longest_);
    }
    points_ = 0;
    return false;
  }
  bool samples() const override { return true; }
  unsigned points() const override { return longest_; }
  std::string text() const override { return active_->text(); }

 private:
  static constexpr std::uint64_t kinds = 7;
  static constexpr std::uint64_t measures = 10 * kinds;
  static constexpr std::uint64_t window_size = 1'000'000'000'000;  // more than a night can run
  uniform uniform_;
  pct pct_[kinds - 1];
  std::uint64_t first_;
  shard part_;
  strategy *active_ = &uniform_;
  bool measuring_ = true;
  unsigned points_ = 0;
  unsigned longest_ = 0;
};

class follow final : public strategy {
 public:
  explicit follow(const recording &r) {
    for (std::uint32_t i = 0; i < r.count && i < recording::capacity; ++i)
      queue_[static_cast<unsigned>(r.items[i].kind)].push_back(r.items[i].value);
  }
  void begin(std::uint64_t) override {
    for (std::size_t &n : next_) n = 0;
  }
  unsigned choose_thread(std::uint64_t runnable, unsigned current, bool yielded) override {
    const unsigned wanted = take(choice::thread, 64);
    if (wanted < 64 && runnable >> wanted & 1) return wanted;
    // The execution has left the record, or the record has ended: go on, but do not choose a thread that waits.
    const std::uint64_t others = runnable & ~(std::uint64_t{1} << current);
    if (!yielded && others != runnable) return current;
    const std::uint64_t later = others & ~((std::uint64_t{2} << current) - 1);
    return nth_thread(later ? later : others, 0);
  }
  unsigned choose(unsigned limit, choice kind) override {
    const unsigned wanted = take(kind, 0);
    return wanted < limit ? wanted : 0;
  }
  bool end() override { return true; }
  bool samples() const override { return true; }
  std::string text() const override { return "follow"; }

 private:
  unsigned take(choice kind, unsigned otherwise) noexcept {
    const auto k = static_cast<unsigned>(kind);
    return next_[k] < queue_[k].size() ? queue_[k][next_[k]++] : otherwise;
  }
  untracked_vector<std::uint8_t> queue_[choice_kinds];
  std::size_t next_[choice_kinds] = {};
};

}  // namespace

std::unique_ptr<strategy> make_uniform(std::uint64_t seed) { return std::make_unique<uniform>(seed); }
std::unique_ptr<strategy> make_pct(std::uint64_t seed, unsigned depth, unsigned points) {
  return std::make_unique<pct>(seed, depth, points);
}
std::unique_ptr<strategy> make_mix(std::uint64_t seed, std::uint64_t window, shard part) {
  return std::make_unique<mix>(seed, window, part);
}
std::unique_ptr<strategy> make_follow(const recording &r) { return std::make_unique<follow>(r); }

}  // namespace verify
